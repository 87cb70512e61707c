//! How long a follower of the log waits between batches, so that they grow with the load.
//!
//! Each batch costs statements and a commit however small it is. A follower that always takes what is there works in
//! handfuls under load, and takes the processors from those who append. Few events are never kept waiting, so an idle
//! shop sees its reports and webhooks at once; many are a batch already.

use std::time::Duration;

/// Up to here events are followed at once.
const FEW: usize = 16;
/// From here on a batch is large enough.
const ENOUGH: usize = 512;
/// What a reader waits at most for the sake of a larger batch.
const GATHER: Duration = Duration::from_millis(15);

/// The pause after a batch of so many events.
pub fn after(events: usize) -> Duration {
    if (FEW..ENOUGH).contains(&events) {
        GATHER
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_events_and_full_batches_are_not_held_up_and_handfuls_are() {
        assert_eq!(after(1), Duration::ZERO);
        assert_eq!(after(57), GATHER);
        assert_eq!(after(5_000), Duration::ZERO);
    }
}
