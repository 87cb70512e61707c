//! Fills a group that queries do not read, beside the one that they do and never ahead of it: a group that is being
//! built, one that waits to be switched to, and the one before, which can be switched back to.
//!
//! It works on a connection of its own: whatever happens to it, the serving group goes on.

use std::convert::Infallible;
use std::time::Duration;

use event_store::LogReader;
use schemas::Position;
use sqlx::{ConnectOptions, PgPool};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::groups::Group;
use crate::models;
use crate::runner::{RunError, Runner, Step};

/// The pause after a failure, doubled up to the second figure.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often it looks whether it may go on, if nobody says so.
const POLL: Duration = Duration::from_millis(250);

/// A group's follower; it ends when this is dropped.
pub(crate) struct Follower {
    /// How far the group is.
    pub position: watch::Receiver<Position>,
    /// Holds the one task.
    _task: JoinSet<()>,
}

impl Follower {
    /// Starts to fill a group up to `limit`, the serving group's position. `batch` is the most events per transaction.
    pub fn start<R: LogReader>(
        reader: R,
        pool: PgPool,
        group: Group,
        limit: watch::Receiver<Position>,
        batch: usize,
    ) -> Self {
        let (position, seen) = watch::channel(Position::START);
        let work = Work {
            reader,
            pool,
            group,
            limit,
            batch,
            position,
        };
        let mut task = JoinSet::new();
        task.spawn(work.run());
        Self {
            position: seen,
            _task: task,
        }
    }

    /// Whether the group is gone.
    pub fn has_ended(&self) -> bool {
        self.position.has_changed().is_err()
    }
}

struct Work<R> {
    reader: R,
    pool: PgPool,
    group: Group,
    limit: watch::Receiver<Position>,
    batch: usize,
    position: watch::Sender<Position>,
}

impl<R: LogReader> Work<R> {
    async fn run(mut self) {
        let mut pause = RETRY_PAUSE.0;
        loop {
            let before = *self.position.borrow();
            let Err(error) = self.follow().await;
            if matches!(error, RunError::GroupGone(_)) {
                return;
            }
            tracing::warn!(error = %anyhow::Error::from(error), group = self.group.id, "a group's follower starts over");
            if *self.position.borrow() > before {
                pause = RETRY_PAUSE.0;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE.1);
        }
    }

    async fn follow(&mut self) -> Result<Infallible, RunError> {
        let connection = self.pool.connect_options().connect().await?;
        let (reader, group) = (self.reader.clone(), self.group.clone());
        let mut runner = Runner::open_group(reader, connection, models::all(), self.batch, group).await?;
        // A process that is stopped here must not keep whoever leads after it from this group's checkpoint.
        sqlx::query("set idle_in_transaction_session_timeout = '5s'")
            .execute(runner.connection())
            .await?;
        self.position.send_replace(runner.position());
        loop {
            let limit = *self.limit.borrow_and_update();
            match runner.step_until(limit).await? {
                Step::Moved { .. } | Step::Lost => {
                    self.position.send_replace(runner.position());
                }
                Step::CaughtUp => {
                    // The limit's sender outlives its followers; if not, the pause is what remains.
                    let _ = tokio::time::timeout(POLL, self.limit.changed()).await;
                }
            }
        }
    }
}
