//! The projector as a task: leads or stands by, follows the log, says how far it is.
//!
//! The lease only saves work: that each event counts once rests on the checkpoint's compare-and-swap.
//! Not here: what the leader does (`leader`), and folding (`runner`).

use std::time::Duration;

use event_store::LogReader;
use platform::clock::SharedClock;
use platform::config::ProjectorConfig;
use platform::lease::{Heartbeat, Standby};
use platform::tasks::{OnEnd, Tasks};
use schemas::Position;
use sqlx::{PgConnection, PgPool};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::groups;
use crate::measure::Measures;
use crate::rebuild::Order;
use crate::runner::RunError;

/// Held by the leading projector for as long as its connection lives.
const LEASE_KEY: i64 = platform::lease::keys::PROJECTOR;
/// Beyond the limits of any query: ten seconds per statement, and few statements.
const RETIRE_AFTER: Duration = Duration::from_secs(60);
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
    /// How long a group that queries have left is kept from being dropped.
    pub retire_after: Duration,
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
            retire_after: RETIRE_AFTER,
        }
    }

    /// 1,000 events per transaction, pauses from 5 to 250 ms.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            batch: 1_000,
            poll: (Duration::from_millis(5), Duration::from_millis(250)),
            clock,
            retire_after: RETIRE_AFTER,
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
    pub(crate) reader: R,
    pub(crate) pool: PgPool,
    pub(crate) options: ProjectorOptions,
    wake: watch::Receiver<Position>,
    pub(crate) position: watch::Sender<Position>,
    pub(crate) stop: CancellationToken,
    pub(crate) measures: Measures,
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

    /// Waits for the lease, and leads until the stop or a failure.
    async fn follow(&mut self) -> Result<(), RunError> {
        match self.lead().await? {
            Some((connection, _heartbeat)) => self.serve(connection).await,
            None => Ok(()),
        }
    }

    /// Stands by for the lease; `None` when the stop came first. All that serves happens on its own connection, so a
    /// standby that takes over ends whatever a stopped leader had begun.
    async fn lead(&self) -> Result<Option<(PgConnection, Heartbeat)>, RunError> {
        let mut standby = Standby::new(self.pool.clone(), LEASE_KEY);
        loop {
            if let Some(lease) = standby.try_take().await? {
                return Ok(Some(lease.into_parts()));
            }
            if let Some(connection) = standby.connection() {
                self.publish(groups::serving_position(connection).await?);
            }
            self.sleep(STANDBY_POLL).await;
            if self.stop.is_cancelled() {
                return Ok(None);
            }
        }
    }

    pub(crate) async fn sleep(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Waits for a wake, an order, the pause or the stop, whichever is first.
    pub(crate) async fn rest(
        &mut self,
        pause: Duration,
        ordered: &mut mpsc::Receiver<Order>,
    ) -> Option<Order> {
        let woken = async {
            if self.wake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => None,
            () = woken => None,
            () = tokio::time::sleep(pause) => None,
            Some(order) = ordered.recv() => Some(order),
        }
    }
}
