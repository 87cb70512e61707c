//! When a failed delivery is tried again (WHK-3). Pure: chance and time are arguments.
//!
//! `security.*` starts in a fast lane whose offsets count from the event; then everybody's schedule follows, whose
//! waits count from the failed attempt. Deliberately absent: the clock; due times are added up by the database's.

use std::time::Duration;

use platform::config::{Config, DispatcherConfig};

/// Soonest next try in the fast lane, when its time is over already (after an outage).
const FAST_PAUSE: Duration = Duration::from_secs(1);
/// Parts of a roll: 0 is the shortest wait, this the longest.
pub const ROLL_MAX: u32 = 1_000_000;

/// The waits, from configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Waits after the first, second … failed attempt; after the last wait's attempt the delivery is dead.
    pub waits: Vec<Duration>,
    /// Waits vary by so many percent to either side.
    pub jitter_percent: u32,
    /// A receiver's `Retry-After` is honoured up to this, but for the fast lane: a security event has 60 s.
    pub retry_after_max: Duration,
    /// Offsets from the event of the fast lane's attempts, the first one included.
    pub fast_offsets: Vec<Duration>,
}

impl From<&DispatcherConfig> for Schedule {
    fn from(config: &DispatcherConfig) -> Self {
        let seconds = |list: &[u64]| list.iter().map(|&s| Duration::from_secs(s)).collect();
        Self {
            waits: seconds(&config.retry_schedule_s),
            jitter_percent: u32::from(config.retry_jitter_percent),
            retry_after_max: Duration::from_secs(config.retry_after_max_s),
            fast_offsets: seconds(&config.security_offsets_s),
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::from(&Config::default().dispatcher)
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Not before `wait` from now, nor before `after_event` from the event when that is given.
    Retry {
        wait: Duration,
        after_event: Option<Duration>,
        fast: bool,
    },
    /// That was the last one.
    Dead,
}

/// A failed attempt.
#[derive(Debug, Clone, Copy)]
pub struct Failed {
    /// From 1.
    pub attempt: u32,
    /// Whether the event is `security.*`.
    pub security: bool,
    pub retry_after: Option<Duration>,
    /// Chance, 0 to [`ROLL_MAX`].
    pub roll: u32,
}

impl Schedule {
    /// What follows.
    pub fn next(&self, failed: Failed) -> Next {
        let asked = failed.retry_after.unwrap_or_default().min(self.retry_after_max);
        let lane = if failed.security {
            self.fast_offsets.len()
        } else {
            0
        };
        let attempt = usize::try_from(failed.attempt).unwrap_or(usize::MAX);
        if let Some(&offset) = self.fast_offsets.get(attempt).filter(|_| failed.security) {
            return Next::Retry {
                wait: FAST_PAUSE,
                after_event: Some(offset),
                fast: true,
            };
        }
        // Everybody's first wait follows the fast lane's last attempt.
        let index = attempt.saturating_sub(lane.max(1));
        // The first try after the fast lane keeps its workers and its time, so that neither a backlog nor the receiver
        // can push it past 60 s.
        let fast = failed.security && index == 0;
        match self.waits.get(index) {
            Some(&wait) => {
                let wait = self.jittered(wait, failed.roll);
                Next::Retry {
                    wait: if fast { wait } else { wait.max(asked) },
                    after_event: None,
                    fast,
                }
            }
            None => Next::Dead,
        }
    }

    /// Whether the attempt of this number (from 1) runs in the fast lane.
    pub fn is_fast(&self, security: bool, attempt: u32) -> bool {
        security && usize::try_from(attempt).unwrap_or(usize::MAX) <= self.fast_offsets.len() + 1
    }

    fn jittered(&self, wait: Duration, roll: u32) -> Duration {
        let spread = wait * self.jitter_percent / 100;
        wait - spread + (spread * 2).mul_f64(f64::from(roll.min(ROLL_MAX)) / f64::from(ROLL_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(attempt: u32) -> Failed {
        Failed {
            attempt,
            security: false,
            retry_after: None,
            roll: ROLL_MAX / 2,
        }
    }

    fn wait(next: Next) -> Duration {
        match next {
            Next::Retry { wait, .. } => wait,
            Next::Dead => panic!("dead"),
        }
    }

    #[test]
    fn waits_follow_the_schedule_and_then_the_delivery_is_dead() {
        let schedule = Schedule::default();
        let waits: Vec<u64> = (1..=9)
            .map(|n| wait(schedule.next(failed(n))).as_secs())
            .collect();
        assert_eq!(
            waits,
            [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
        );
        assert_eq!(schedule.next(failed(10)), Next::Dead);
    }

    #[test]
    fn jitter_stays_within_a_fifth_to_either_side_and_reaches_both_ends() {
        let schedule = Schedule::default();
        for attempt in 1..=9 {
            let middle = schedule.waits[usize::try_from(attempt).unwrap() - 1];
            let at = |roll| {
                wait(schedule.next(Failed {
                    roll,
                    ..failed(attempt)
                }))
            };
            assert_eq!(at(0), middle * 80 / 100);
            assert_eq!(at(ROLL_MAX), middle * 120 / 100);
            assert_eq!(
                at(u32::MAX),
                middle * 120 / 100,
                "a roll out of range is the longest wait"
            );
            assert!((0..=100).all(|step| (at(0)..=at(ROLL_MAX)).contains(&at(step * 10_000))));
        }
    }

    #[test]
    fn a_longer_retry_after_is_honoured_up_to_a_day() {
        let schedule = Schedule::default();
        let asked = |s| {
            wait(schedule.next(Failed {
                retry_after: Some(Duration::from_secs(s)),
                ..failed(1)
            }))
            .as_secs()
        };
        assert_eq!(asked(120), 120);
        assert_eq!(asked(1), 5, "never sooner than the schedule");
        assert_eq!(asked(10_000_000), 86_400);
    }

    #[test]
    fn security_events_are_tried_at_offsets_from_the_event_and_then_as_all() {
        let schedule = Schedule::default();
        let next = |attempt| {
            schedule.next(Failed {
                attempt,
                security: true,
                retry_after: None,
                roll: ROLL_MAX / 2,
            })
        };
        let offset = |s| Next::Retry {
            wait: FAST_PAUSE,
            after_event: Some(Duration::from_secs(s)),
            fast: true,
        };
        assert_eq!([next(1), next(2), next(3)], [offset(5), offset(15), offset(30)]);
        assert_eq!(
            next(4),
            Next::Retry {
                wait: Duration::from_secs(5),
                after_event: None,
                fast: true
            }
        );
        assert_eq!(
            next(5),
            Next::Retry {
                wait: Duration::from_secs(300),
                after_event: None,
                fast: false
            }
        );
        assert_eq!(wait(next(12)).as_secs(), 86_400);
        assert_eq!(next(13), Next::Dead);
        assert!(schedule.is_fast(true, 5) && !schedule.is_fast(true, 6) && !schedule.is_fast(false, 1));
    }

    #[test]
    fn a_security_event_whose_first_four_tries_fail_still_arrives_within_sixty_seconds() {
        let schedule = Schedule::default();
        let timeout = Duration::from_secs(5);
        let longest = Failed {
            attempt: 4,
            security: true,
            retry_after: None,
            roll: ROLL_MAX,
        };
        let last_offset = *schedule.fast_offsets.last().unwrap();
        assert!(last_offset + timeout + wait(schedule.next(longest)) + timeout < Duration::from_secs(60));
    }
    #[test]
    fn what_a_receiver_asks_for_does_not_push_a_security_event_past_sixty_seconds() {
        let schedule = Schedule::default();
        for attempt in 1..=4 {
            let next = |retry_after| {
                schedule.next(Failed {
                    attempt,
                    security: true,
                    retry_after,
                    roll: ROLL_MAX / 2,
                })
            };
            let asked = Some(Duration::from_secs(86_400));
            assert_eq!(next(asked), next(None), "after attempt {attempt}");
        }
        let later = Failed {
            attempt: 5,
            security: true,
            retry_after: Some(Duration::from_secs(600)),
            roll: ROLL_MAX / 2,
        };
        assert_eq!(wait(schedule.next(later)).as_secs(), 600, "then as everybody's");
    }
}
