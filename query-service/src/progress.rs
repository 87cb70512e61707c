//! How far the read models are, and waiting until they are far enough ("read your own writes").
//!
//! Not here: the position that an answer speaks for, which each snapshot reads for itself.

use std::time::Duration;

use platform::http::{Problem, projection_behind};
use schemas::Position;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::failure::unavailable;

/// Longest wait for `min_position`.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Pauses between two looks at the checkpoint of another process: the first, doubled up to the second.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// Where the serving checkpoint is learned from.
#[derive(Clone)]
pub enum Progress {
    /// The projector runs in this process.
    InProcess(watch::Receiver<Position>),
    /// The projector runs elsewhere: its checkpoint is polled.
    Elsewhere(PgPool),
}

impl Progress {
    /// Waits until the read models hold everything up to a position, at most two seconds.
    ///
    /// # Errors
    /// 503 `projection_behind` with `Retry-After`, or 503 when the database fails.
    pub async fn reach(&self, min_position: Option<i64>) -> Result<(), Problem> {
        let Some(wanted) = min_position.filter(|position| *position > 0) else {
            return Ok(());
        };
        match self {
            Progress::InProcess(position) => {
                let mut position = position.clone();
                let reached = position.wait_for(|reached| reached.0 >= wanted);
                if let Ok(Ok(_)) = tokio::time::timeout(LONGEST_WAIT, reached).await {
                    return Ok(());
                }
                let reached = position.borrow().0;
                Err(projection_behind(wanted, reached))
            }
            Progress::Elsewhere(pool) => poll(pool, wanted).await,
        }
    }
}

async fn poll(pool: &PgPool, wanted: i64) -> Result<(), Problem> {
    let deadline = Instant::now() + LONGEST_WAIT;
    let mut pause = POLL.0;
    loop {
        let reached: i64 = sqlx::query_scalar("select position from projection_serving")
            .fetch_one(pool)
            .await
            .map_err(unavailable)?;
        if reached >= wanted {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(projection_behind(wanted, reached));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_position_that_is_not_reached_in_two_seconds_answers_503_with_a_time_to_retry() {
        let (_projector, position) = watch::channel(Position(4));
        let started = Instant::now();
        let problem = Progress::InProcess(position).reach(Some(5)).await.unwrap_err();
        assert_eq!(
            (problem.code, problem.status.as_u16()),
            ("projection_behind", 503)
        );
        assert_eq!(problem.retry_after_s, Some(1));
        assert_eq!(started.elapsed(), LONGEST_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_the_projector_arrives() {
        let (projector, position) = watch::channel(Position(4));
        let progress = Progress::InProcess(position);
        let (reached, ()) = tokio::join!(progress.reach(Some(5)), async {
            _ = projector.send_replace(Position(7))
        });
        assert!(reached.is_ok());
        assert!(
            progress.reach(Some(7)).await.is_ok(),
            "what is reached needs no wait"
        );
        assert!(progress.reach(None).await.is_ok());
    }
}
