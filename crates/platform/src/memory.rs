//! Gives freed memory back to the system while the process has nothing to do.
//!
//! The allocator returns what nobody has asked for in a second, but only looks for it when it hands out or takes back
//! whole pages, which an idle process does not. Hashing one password takes 19 MiB, and starting frees as much, so that an
//! idle process kept half of its memory for nothing. Not here: what is in use, which every list and cache bounds itself.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::tasks::{OnEnd, Tasks};

/// As long as the allocator keeps what was freed.
const EVERY: Duration = Duration::from_secs(1);
/// More than any page holds, so that taking and freeing it makes the allocator look. Never written: it costs no memory.
const PASSING_BYTES: usize = 4 << 20;

/// Starts to do so until the stop.
pub(crate) fn give_back(tasks: &Tasks) {
    let stop = tasks.stop_token();
    tasks.spawn("memory", OnEnd::Fatal, async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => drop(std::hint::black_box(Vec::<u8>::with_capacity(PASSING_BYTES))),
            }
        }
    });
}
