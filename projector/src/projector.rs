//! The projector as a task: leads or stands by, follows the log, says how far it is.
//!
//! The leader's lock only saves work: that each event counts once rests on the checkpoint's compare-and-swap.
//! Not here: folding (`runner`).

use std::time::{Duration, Instant};

use event_store::LogReader;
use platform::clock::SharedClock;
use platform::config::ProjectorConfig;
use platform::tasks::{OnEnd, Tasks};
use schemas::Position;
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, SERVING};
use crate::measure::Measures;
use crate::models;
use crate::runner::{RunError, Runner, Step};

/// Held by the leading projector for as long as its connection lives.
const LEADER_LOCK: i64 = platform::lease::keys::PROJECTOR;
/// How often a standby looks whether it may lead, and how far the leader is.
const STANDBY_POLL: Duration = Duration::from_millis(250);
/// The pause after a failure, doubled up to the second figure.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How a projector runs.
#[derive(Clone)]
pub struct ProjectorOptions {
    /// Most events per transaction.
    pub batch: usize,
    /// The pause between looks at the log: the first after an event, doubled while nothing comes, up to the second.
    pub poll: (Duration, Duration),
    /// Tells how old folded events are.
    pub clock: SharedClock,
}

impl ProjectorOptions {
    /// What a configuration says.
    pub fn of(config: &ProjectorConfig, clock: SharedClock) -> Self {
        let poll = (
            Duration::from_millis(config.poll_min_ms),
            Duration::from_millis(config.poll_max_ms),
        );
        Self {
            batch: config.batch,
            poll,
            clock,
        }
    }

    /// 1,000 events per transaction, pauses from 5 to 250 ms.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            batch: 1_000,
            poll: (Duration::from_millis(5), Duration::from_millis(250)),
            clock,
        }
    }
}

/// What others may know of a running projector.
#[derive(Debug, Clone)]
pub struct ProjectorHandle {
    /// The serving checkpoint: every read model holds all events up to it.
    pub position: watch::Receiver<Position>,
}

/// Follows the log for all serving read models.
pub struct Projector<R> {
    reader: R,
    pool: PgPool,
    options: ProjectorOptions,
    wake: watch::Receiver<Position>,
    position: watch::Sender<Position>,
    stop: CancellationToken,
    measures: Measures,
}

impl<R: LogReader> Projector<R> {
    /// Starts the projector. `wake` changes when something was appended by this process (a sender that is never used
    /// will do: polling finds it, too). The task ends the process when the log holds what this build cannot read.
    pub fn start(
        tasks: &Tasks,
        reader: R,
        engine_pool: PgPool,
        options: ProjectorOptions,
        wake: watch::Receiver<Position>,
    ) -> ProjectorHandle {
        let (position, handle) = watch::channel(Position::START);
        let stop = tasks.stop_token();
        let measures = Measures::register();
        let projector = Self {
            reader,
            pool: engine_pool,
            options,
            wake,
            position,
            stop,
            measures,
        };
        tasks.spawn("projector", OnEnd::Fatal, projector.run());
        ProjectorHandle { position: handle }
    }

    async fn run(mut self) -> anyhow::Result<()> {
        let mut pause = RETRY_PAUSE.0;
        while !self.stop.is_cancelled() {
            let before = *self.position.borrow();
            match self.follow().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_passing() => {
                    tracing::warn!(error = %anyhow::Error::from(error), "the projector starts over");
                    self.measures.restarts.inc();
                }
                Err(error) => return Err(error.into()),
            }
            if *self.position.borrow() > before {
                pause = RETRY_PAUSE.0;
            }
            self.sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE.1);
        }
        Ok(())
    }

    /// Leads until the stop or a failure.
    async fn follow(&mut self) -> Result<(), RunError> {
        let Some(connection) = self.lead().await? else {
            return Ok(());
        };
        let mut runner =
            Runner::open(self.reader.clone(), connection, models::all(), self.options.batch).await?;
        self.publish(runner.position());
        tracing::info!(position = runner.position().0, "the projector leads");
        let mut pause = self.options.poll.0;
        while !self.stop.is_cancelled() {
            let started = Instant::now();
            match runner.step().await? {
                Step::Moved { events } => {
                    pause = self.options.poll.0;
                    self.measures
                        .batch(events, started.elapsed(), runner.frozen_rows());
                    self.measures.lag(&self.options.clock, runner.last_recorded_at());
                    self.publish(runner.position());
                }
                Step::Lost => {
                    tracing::info!(position = runner.position().0, "another projector was faster");
                    self.publish(runner.position());
                }
                Step::CaughtUp => {
                    self.measures.lag(&self.options.clock, None);
                    self.rest(pause).await;
                    pause = (pause * 2).min(self.options.poll.1);
                }
            }
        }
        Ok(())
    }

    /// Waits for the leader's lock on a connection of its own; `None` when the stop came first.
    async fn lead(&self) -> Result<Option<PgConnection>, RunError> {
        let mut connection = self.pool.acquire().await?.detach();
        loop {
            let leads: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
                .bind(LEADER_LOCK)
                .fetch_one(&mut connection)
                .await?;
            if leads {
                return Ok(Some(connection));
            }
            self.publish(checkpoint::read(&mut connection, SERVING).await?);
            self.sleep(STANDBY_POLL).await;
            if self.stop.is_cancelled() {
                return Ok(None);
            }
        }
    }

    fn publish(&self, position: Position) {
        self.measures.position.set(position.0);
        self.position.send_if_modified(|known| {
            let moves = *known != position;
            *known = position;
            moves
        });
    }

    async fn sleep(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Waits for a wake, the pause or the stop, whichever is first.
    async fn rest(&mut self, pause: Duration) {
        let woken = async {
            if self.wake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
