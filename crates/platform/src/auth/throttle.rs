//! Slows down guessing: counts failures per key in a window, in bounded memory.
//!
//! Per process and lost at a restart, which is enough against guessing over the network. Not here: what a key is (the
//! sign-in uses tenant and username, and tenant alone).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

/// How many failures in which time.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleLimits {
    pub failures: u32,
    pub window: Duration,
    /// Keys that are watched at most; beyond, those whose window ends first are forgotten.
    pub max_keys: usize,
}

struct Window {
    failures: u32,
    ends: OffsetDateTime,
}

/// Counts failures by key.
pub struct Throttle<K> {
    limits: ThrottleLimits,
    windows: Mutex<HashMap<K, Window>>,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    pub fn new(limits: ThrottleLimits) -> Self {
        Self {
            limits,
            windows: Mutex::default(),
        }
    }

    /// Counts an attempt before its outcome is known, so that many at once don't slip through together.
    ///
    /// # Errors
    /// The seconds to wait, when the limit is reached.
    pub fn begin(&self, key: &K, now: OffsetDateTime) -> Result<(), u64> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= self.limits.max_keys && !windows.contains_key(key) {
            Self::make_room(&mut windows, now);
        }
        let ends = now + self.limits.window;
        let window = windows.entry(key.clone()).or_insert(Window { failures: 0, ends });
        if window.ends <= now {
            *window = Window { failures: 0, ends };
        }
        if window.failures >= self.limits.failures {
            let wait = (window.ends - now).whole_seconds().max(1);
            return Err(u64::try_from(wait).unwrap_or(1));
        }
        window.failures += 1;
        Ok(())
    }

    /// Takes an attempt back that turned out well; `forget` also clears the failures before it.
    pub fn succeeded(&self, key: &K, forget: bool) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if forget {
            windows.remove(key);
        } else if let Some(window) = windows.get_mut(key) {
            window.failures = window.failures.saturating_sub(1);
        }
    }

    /// Drops windows that are over; when that is not enough, the half that ends first.
    fn make_room(windows: &mut HashMap<K, Window>, now: OffsetDateTime) {
        let before = windows.len();
        windows.retain(|_, window| window.ends > now);
        if windows.len() == before {
            let mut ends: Vec<_> = windows.values().map(|window| window.ends).collect();
            let middle = ends.len() / 2;
            let (_, median, _) = ends.select_nth_unstable(middle);
            let median = *median;
            windows.retain(|_, window| window.ends > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(max_keys: usize) -> Throttle<u32> {
        Throttle::new(ThrottleLimits {
            failures: 3,
            window: Duration::from_secs(60),
            max_keys,
        })
    }

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(second)
    }

    #[test]
    fn the_attempt_after_the_last_allowed_failure_must_wait_until_the_window_ends() {
        let throttle = throttle(10);
        for _ in 0..3 {
            throttle.begin(&1, at(0)).unwrap();
        }
        assert_eq!(throttle.begin(&1, at(20)), Err(40));
        assert_eq!(throttle.begin(&2, at(20)), Ok(()));
        assert_eq!(throttle.begin(&1, at(60)), Ok(()));
    }

    #[test]
    fn a_success_is_not_counted() {
        let throttle = throttle(10);
        for _ in 0..20 {
            throttle.begin(&1, at(0)).unwrap();
            throttle.succeeded(&1, false);
        }
        throttle.begin(&1, at(0)).unwrap();
        throttle.begin(&1, at(0)).unwrap();
        throttle.succeeded(&1, true);
        for _ in 0..3 {
            throttle.begin(&1, at(0)).unwrap();
        }
    }

    #[test]
    fn memory_stays_bounded_under_many_names() {
        let throttle = throttle(100);
        for key in 0..10_000 {
            throttle.begin(&key, at(i64::from(key) / 100)).unwrap();
            assert!(throttle.windows.lock().unwrap().len() <= 100);
        }
    }
}
