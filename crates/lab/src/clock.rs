//! The machine's clock and waiting with a limit: the bench's one place for both.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "the bench's one place that asks the machine"
)]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A point in time after which waiting ends.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Sleeps, but not past the deadline. False when it has passed already.
    pub async fn pause(self, pause: Duration) -> bool {
        if self.has_passed() {
            return false;
        }
        tokio::time::sleep_until(self.0.min(Instant::now() + pause)).await;
        true
    }
}
