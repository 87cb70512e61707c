//! Where time and fresh ids come from: the only place that asks the machine.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

/// Tells the time. Handed to whoever needs it, so that tests can turn it.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the machine")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// A fresh, time-ordered id (UUID version 7).
#[expect(clippy::disallowed_methods, reason = "the one place that may draw ids")]
pub fn fresh_id() -> Uuid {
    Uuid::now_v7()
}
