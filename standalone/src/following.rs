//! Whether the read models keep up: behind and not moving is a fault, behind and moving is not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use command_service::engine::Engine;
use projector::ProjectorHandle;
use schemas::Position;
use tokio::sync::watch;

/// How long the read models may stand still while there are events for them.
const STANDSTILL_MAX: Duration = Duration::from_secs(30);

/// Watches how far the projector is behind the engine's log; remembers when it last moved.
pub struct Following {
    head: watch::Receiver<Position>,
    position: watch::Receiver<Position>,
    /// The last position that counted as progress, and when it was seen.
    moved: Mutex<(Position, Instant)>,
}

impl Following {
    /// Begins to watch where both are now, so that a start is no standstill.
    pub fn new(engine: &Engine, projector: &ProjectorHandle) -> Self {
        let position = projector.position.clone();
        let moved = Mutex::new((*position.borrow(), Instant::now()));
        Self {
            head: engine.head(),
            position,
            moved,
        }
    }

    /// As a check of readiness.
    ///
    /// # Errors
    /// When the projector ended, or events have waited for half a minute without any progress.
    pub fn check(&self) -> Result<(), String> {
        if self.position.has_changed().is_err() {
            return Err("the projector ended".to_owned());
        }
        self.judge(*self.position.borrow(), *self.head.borrow(), Instant::now())
    }

    fn judge(&self, position: Position, head: Position, now: Instant) -> Result<(), String> {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if position >= head || position > moved.0 {
            *moved = (position, now);
        }
        if now.duration_since(moved.1) > STANDSTILL_MAX {
            return Err(format!(
                "the read models stand still at {position}, the log is at {head}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_and_moving_is_ready_and_behind_and_still_is_not() {
        let start = Instant::now();
        let (_head, head) = watch::channel(Position(100));
        let (_position, position) = watch::channel(Position(0));
        let following = Following {
            head,
            position,
            moved: Mutex::new((Position(0), start)),
        };
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(following.judge(Position(0), Position(100), after(20)).is_ok());
        assert!(following.judge(Position(10), Position(100), after(40)).is_ok());
        assert!(following.judge(Position(10), Position(100), after(65)).is_ok());
        assert!(following.judge(Position(10), Position(100), after(71)).is_err());
        assert!(following.judge(Position(100), Position(100), after(200)).is_ok());
        assert!(
            following.judge(Position(100), Position(101), after(210)).is_ok(),
            "it fell behind just now"
        );
    }
}
