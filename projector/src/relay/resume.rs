//! Where the relay goes on after a start or a failure: a pure decision.

use bus::StreamState;

/// What the relay noted when it last moved its checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    pub position: i64,
    /// When the stream was created that it wrote to, in Unix nanoseconds; `None` before the first message.
    pub created_ns: Option<i64>,
    pub last_sequence: u64,
}

/// The position after which to publish.
///
/// `last` is the position of the stream's last message, `None` when it is not there any more: an expired, quiet
/// stream has none, which is not position 0. `dispatcher` is the dispatcher's checkpoint: what is behind it needs
/// no waking any more.
pub(super) fn resume(noted: &Noted, stream: &StreamState, last: Option<i64>, dispatcher: Option<i64>) -> i64 {
    let same_stream = noted.created_ns == Some(super::created_ns(stream));
    if same_stream && stream.last_sequence >= noted.last_sequence {
        // More than was noted: the checkpoint did not follow the last acknowledgements.
        return match last {
            Some(last) if stream.last_sequence > noted.last_sequence => last.max(noted.position),
            _ => noted.position,
        };
    }
    // Recreated, or messages were lost: go back to what is there, but not behind the dispatcher, and never forward.
    let kept = last.unwrap_or(0).max(dispatcher.unwrap_or(0));
    kept.min(noted.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: time::OffsetDateTime = time::macros::datetime!(2026-11-22 10:00 UTC);

    fn stream(last_sequence: u64) -> StreamState {
        StreamState {
            created: CREATED,
            last_sequence,
            messages: last_sequence,
        }
    }

    fn noted(position: i64, last_sequence: u64) -> Noted {
        Noted {
            position,
            created_ns: Some(super::super::created_ns(&stream(0))),
            last_sequence,
        }
    }

    #[test]
    fn an_unchanged_stream_goes_on_at_the_checkpoint() {
        assert_eq!(resume(&noted(70, 50), &stream(50), Some(70), Some(10)), 70);
    }

    #[test]
    fn acknowledged_messages_that_were_not_noted_are_not_published_again() {
        assert_eq!(resume(&noted(70, 50), &stream(53), Some(73), Some(10)), 73);
    }

    #[test]
    fn an_expired_quiet_stream_is_not_position_zero() {
        assert_eq!(resume(&noted(70, 50), &stream(50), None, Some(10)), 70);
    }

    #[test]
    fn a_recreated_stream_is_refilled_from_the_dispatchers_checkpoint() {
        let recreated = StreamState {
            created: CREATED + time::Duration::HOUR,
            last_sequence: 0,
            messages: 0,
        };
        assert_eq!(resume(&noted(70, 50), &recreated, None, Some(60)), 60);
        assert_eq!(resume(&noted(70, 50), &recreated, None, None), 0);
    }

    #[test]
    fn a_stream_that_lost_its_tail_is_refilled_from_its_last_message() {
        assert_eq!(resume(&noted(70, 50), &stream(45), Some(65), Some(60)), 65);
    }

    #[test]
    fn a_dispatcher_that_is_ahead_moves_nobody_forward() {
        assert_eq!(resume(&noted(70, 50), &stream(0), None, Some(90)), 70);
    }

    #[test]
    fn a_first_start_begins_at_the_beginning() {
        let fresh = Noted {
            position: 0,
            created_ns: None,
            last_sequence: 0,
        };
        assert_eq!(resume(&fresh, &stream(0), None, None), 0);
    }
}
