//! How long a follower of the log waits between batches, so that they grow with the load.
//!
//! Each batch costs statements and a commit however small it is. A follower that always takes what is there works in
//! handfuls under load, and takes the processors from those who append. What comes at a leisurely rate is never kept
//! waiting, so an idle shop sees its reports and webhooks at once; many events are a batch already.

use std::time::{Duration, Instant};

/// Up to so many events a second are followed at once.
const LEISURE_PER_S: u32 = 1_000;
/// Up to so many at a time, too: a burst is no load.
const FEW: usize = 16;
/// So many events are a batch that is large enough.
const ENOUGH: u32 = 512;
/// What a reader waits at most for the sake of a larger batch.
const GATHER: Duration = Duration::from_millis(30);

/// One follower's pace.
#[derive(Debug)]
pub struct Pace {
    /// When the batch before was done.
    last: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self { last: Instant::now() }
    }
}

impl Pace {
    /// The pause after a batch of so many events that is done now.
    pub fn after(&mut self, events: usize) -> Duration {
        let now = Instant::now();
        let since = now.duration_since(std::mem::replace(&mut self.last, now));
        pause(events, since)
    }
}

/// The pause after so many events in so much time: until there are enough for a batch at that rate, within the limit.
fn pause(events: usize, since: Duration) -> Duration {
    let count = u32::try_from(events).unwrap_or(u32::MAX);
    if events <= FEW || count >= ENOUGH {
        return Duration::ZERO;
    }
    let each = since / count;
    if each.is_zero() {
        return GATHER;
    }
    if each * LEISURE_PER_S >= Duration::from_secs(1) {
        return Duration::ZERO;
    }
    (each * ENOUGH).min(GATHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn few_events_leisurely_ones_and_full_batches_are_not_held_up() {
        assert_eq!(pause(1, ms(0)), Duration::ZERO);
        assert_eq!(pause(16, ms(1)), Duration::ZERO);
        assert_eq!(pause(300, ms(5_000)), Duration::ZERO, "a burst after a rest");
        assert_eq!(pause(20, ms(40)), Duration::ZERO, "500 a second");
        assert_eq!(pause(5_000, ms(1)), Duration::ZERO);
    }

    #[test]
    fn handfuls_under_load_wait_until_there_are_enough_but_not_for_long() {
        assert_eq!(pause(60, ms(10)), GATHER, "6,000 a second");
        assert_eq!(pause(400, ms(8)), ms(8) / 400 * 512, "50,000 a second");
        assert_eq!(pause(17, Duration::ZERO), GATHER);
    }

    #[test]
    fn a_follower_that_was_slowed_down_by_a_burst_finds_its_way_back() {
        let mut pace = Pace::default();
        // A burst that came within the blink of an eye is taken for load once.
        assert!(pace.after(100) > Duration::ZERO);
        pace.last = Instant::now().checked_sub(ms(200)).unwrap();
        assert_eq!(pace.after(100), Duration::ZERO);
    }
}
