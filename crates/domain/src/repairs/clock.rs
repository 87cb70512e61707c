//! The clock of a repair's target: it runs while the shop is at work and rests while it waits for somebody else.
//!
//! Pure arithmetic on times that are handed in. Not here: which state makes it run (`repair`).

use schemas::events::repair::SlaClock;
use time::{Duration, OffsetDateTime, UtcOffset};

/// A moment as the log keeps it: in UTC, to the microsecond.
pub(super) fn moment(now: OffsetDateTime) -> OffsetDateTime {
    let utc = now.to_offset(UtcOffset::UTC);
    utc.replace_nanosecond(utc.microsecond() * 1_000).unwrap_or(utc)
}

/// A clock that begins to run now.
pub(super) fn started(target_s: i64, now: OffsetDateTime) -> SlaClock {
    let resting = SlaClock {
        spent_us: 0,
        since: None,
        due_at: None,
    };
    running(resting, target_s, now)
}

/// The clock runs from now, or goes on.
pub(super) fn running(clock: SlaClock, target_s: i64, now: OffsetDateTime) -> SlaClock {
    if clock.since.is_some() {
        return clock;
    }
    let now = moment(now);
    let left = target_s.saturating_mul(1_000_000).saturating_sub(clock.spent_us);
    SlaClock {
        spent_us: clock.spent_us,
        since: Some(now),
        due_at: now.checked_add(Duration::microseconds(left)),
    }
}

/// The clock rests from now, or goes on resting.
pub(super) fn resting(clock: SlaClock, now: OffsetDateTime) -> SlaClock {
    SlaClock {
        spent_us: spent_us(&clock, now),
        since: None,
        due_at: None,
    }
}

/// How long it has run by now, in microseconds.
pub(super) fn spent_us(clock: &SlaClock, now: OffsetDateTime) -> i64 {
    let ran = clock.since.map_or(Duration::ZERO, |since| moment(now) - since);
    let ran_us = i64::try_from(ran.whole_microseconds()).unwrap_or(i64::MAX);
    clock.spent_us.saturating_add(ran_us.max(0))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn time_counts_only_while_the_clock_runs() {
        let noon = datetime!(2026-11-22 12:00 UTC);
        let later = |minutes| noon + Duration::minutes(minutes);
        let clock = started(3_600, noon);
        assert_eq!(clock.due_at, Some(later(60)));
        let clock = resting(clock, later(20));
        assert_eq!((clock.spent_us, clock.due_at), (20 * 60_000_000, None));
        assert_eq!(resting(clock, later(500)), clock, "resting twice adds nothing");
        let clock = running(clock, 3_600, later(100));
        assert_eq!(clock.due_at, Some(later(140)));
        assert_eq!(running(clock, 3_600, later(120)), clock, "it goes on as it was");
        assert_eq!(spent_us(&clock, later(110)), 30 * 60_000_000);
        assert_eq!(
            spent_us(&clock, noon),
            20 * 60_000_000,
            "a clock set back takes nothing away"
        );
    }

    #[test]
    fn moments_are_kept_to_the_microsecond_in_utc() {
        let odd = datetime!(2026-11-22 12:00:00.123456789 -06:00);
        assert_eq!(moment(odd), datetime!(2026-11-22 18:00:00.123456 UTC));
    }
}
