//! Whether the decision loop lives, and the heartbeat that says so to standbys.
//!
//! A loop that waits lives: for work, for an append (which has a limit of its own), for an answer of the database. A loop
//! that decides lives as long as it comes to an end of it. A stopped or killed process beats no more by itself. Not
//! here: what a standby makes of silence (crates/event-store).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use event_store::Heartbeat;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often an owner says that it lives; standbys wait for three times as long before they act.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// What the loop shows of itself.
#[derive(Default)]
pub(super) struct Vitals {
    /// How often it began to work.
    turns: AtomicU64,
    is_working: AtomicBool,
}

impl Vitals {
    /// The loop begins something that it must come to the end of without waiting.
    pub fn work(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.is_working.store(true, Ordering::Relaxed);
    }

    /// The loop waits for something that has a limit, or for work.
    pub fn wait(&self) {
        self.is_working.store(false, Ordering::Relaxed);
    }

    /// Whether the loop waits, or has moved since `seen`, which is brought up to date.
    fn is_alive(&self, seen: &mut u64) -> bool {
        let turns = self.turns.load(Ordering::Relaxed);
        let has_moved = turns != std::mem::replace(seen, turns);
        has_moved || !self.is_working.load(Ordering::Relaxed)
    }
}

/// Beats every second while this process owns the log and its loop lives.
pub(super) async fn beat<H: Heartbeat>(
    mut heart: H,
    vitals: Arc<Vitals>,
    mut ownership: watch::Receiver<bool>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut seen = 0;
    loop {
        let owns = *ownership.borrow_and_update();
        if owns && vitals.is_alive(&mut seen) {
            match heart.beat().await {
                Ok(true) => {}
                Ok(false) => tracing::warn!("the session that owned the log is gone"),
                Err(error) => tracing::warn!(%error, "the heartbeat did not get through"),
            }
        } else if owns {
            tracing::error!("the decision loop does not move; no heartbeat is sent");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(BEAT_EVERY) => {}
            // The first beat of an owner comes at once.
            Ok(()) = ownership.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_lives_while_it_waits_or_moves_and_not_when_it_is_stuck() {
        let vitals = Vitals::default();
        let mut seen = 0;
        for _ in 0..3 {
            assert!(vitals.is_alive(&mut seen), "it waits for work");
        }
        vitals.work();
        assert!(vitals.is_alive(&mut seen), "it has just begun");
        assert!(!vitals.is_alive(&mut seen), "it does not come to an end");
        vitals.work();
        assert!(vitals.is_alive(&mut seen), "it moved");
        vitals.wait();
        for _ in 0..3 {
            assert!(vitals.is_alive(&mut seen), "it waits for the database");
        }
    }
}
