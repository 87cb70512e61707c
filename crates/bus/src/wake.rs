//! The dispatcher's ear: it hears that the log has grown, and how far.
//!
//! A plain subscription, no consumer of the stream: whoever listens reads events from the log, so a message that is lost
//! or comes twice can delay but never falsify anything, and the server need not hand every stored message out once more.

use async_nats::Subscriber;
use async_nats::subject::Subject;
use bytes::Bytes;
use futures::{FutureExt, StreamExt};

use crate::{Bus, BusError};

/// Outside of the stream's subjects: it is neither stored nor for outsiders.
const SUBJECT: &str = "trastienda-wake";
/// Most wakes taken at once.
const TAKE_MAX: usize = 1_000;

/// Hears wakes from now on, through every reconnection.
pub struct WakeListener {
    wakes: Subscriber,
}

/// So much is published in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// The position before the first event.
    pub previous: i64,
    /// The position of the last event.
    pub position: i64,
}

impl Bus {
    /// Says that there are events in the log. Nobody may be there to hear it, and it may be lost.
    pub(crate) async fn wake(&self, wake: Wake) {
        let text = Bytes::from(format!("{} {}", wake.previous, wake.position));
        let client = self.context.client();
        if let Err(error) = client.publish(Subject::from_static(SUBJECT), text).await {
            tracing::debug!(%error, "nobody is woken; the log is polled");
        }
    }

    /// Listens. A server that is away is no error: it is heard once it is back.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn wakes(&self) -> Result<WakeListener, BusError> {
        let client = self.context.client();
        let wakes = client.subscribe(Subject::from_static(SUBJECT)).await;
        let wakes = wakes.map_err(|error| BusError::stream(&self.context, error))?;
        Ok(WakeListener { wakes })
    }
}

impl WakeListener {
    /// Waits for a wake, then takes what has arrived meanwhile. What cannot be read is left out: the list may be empty.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn next(&mut self) -> Result<Vec<Wake>, BusError> {
        let first = self.wakes.next().await.ok_or(BusError::Away)?;
        let mut heard = vec![first];
        while heard.len() < TAKE_MAX
            && let Some(Some(message)) = self.wakes.next().now_or_never()
        {
            heard.push(message);
        }
        Ok(heard
            .iter()
            .filter_map(|message| read(&message.payload))
            .collect())
    }
}

fn read(payload: &[u8]) -> Option<Wake> {
    let (previous, position) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
    Some(Wake {
        previous: previous.parse().ok()?,
        position: position.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_says_on_the_subject_is_no_wake() {
        let wake = Wake {
            previous: 7,
            position: 9,
        };
        assert_eq!(read(b"7 9"), Some(wake));
        for other in ["", "7", "7 9 11", "a b", "é"] {
            assert_eq!(read(other.as_bytes()), None);
        }
    }
}
