//! Puts the parts together: one matcher, a listener, claimers and workers per lane, a recorder, a watchdog.

use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use event_store::LogReader;
use platform::clock::SharedClock;
use platform::config::{Config, DispatcherConfig};
use platform::outbound::Outbound;
use platform::tasks::{OnEnd, Tasks};
use platform::vault::Vault;
use schemas::Position;
use sqlx::PgPool;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::breaker::BreakerOptions;
use crate::claim::{self, Claimer, Lane, Leases};
use crate::matcher::{Lanes, Listener, Matcher};
use crate::metrics::Metrics;
use crate::queue::{Job, Queue};
use crate::recent::Recent;
use crate::record::{OUTCOMES_MAX, Outcome, Recorder};
use crate::registry::Registry;
use crate::retention::Retention;
use crate::schedule::Schedule;
use crate::send::Sender;
use crate::{health, replay, settle, watchdog};

const DAY_S: u64 = 86_400;
/// Workers of the lane for security events: each endpoint's share is half of the most that it may ask for.
const FAST_WORKERS: usize = 128;
/// How often endpoints are read again, for instances whose matcher stands by.
const REGISTRY_POLL: Duration = Duration::from_millis(500);
/// How long attempts in flight may go on after the stop was asked for; the whole stop may take 10 s.
const FINISH: Duration = Duration::from_secs(5);
/// How long the recorder may try to reach the database after that.
const FLUSH: Duration = Duration::from_secs(3);

/// What may be configured.
#[derive(Debug, Clone)]
pub struct DispatcherOptions {
    /// Attempts at the same time over all endpoints; one endpoint gets a fourth of them at most, one tenant half.
    /// Security events have workers of their own.
    pub workers: usize,
    /// Events matched in one transaction.
    pub batch: usize,
    /// The log is looked at this often even if the broker is silent; at most a second.
    pub poll: Duration,
    /// How long a taken delivery belongs to its taker; longer than every timeout. Shorter for security events.
    pub lease: Duration,
    pub schedule: Schedule,
    /// Longest attempt of a security event in its fast lane.
    pub fast_timeout: Duration,
    /// When an endpoint is spared.
    pub breaker: BreakerOptions,
    /// How long delivered webhooks with their attempts, and events that a connector has, are kept; none for ever.
    pub retention: Option<Duration>,
    /// The log's head, where the process itself appends to the log: then nobody waits for the broker or a poll.
    pub head: Option<watch::Receiver<Position>>,
    /// Whether no other dispatcher can be running on this database: then what an earlier life of this one had taken is
    /// free at the start, instead of when its lease ends.
    pub is_only_instance: bool,
}

impl Default for DispatcherOptions {
    fn default() -> Self {
        Self::from(&Config::default().dispatcher)
    }
}

impl From<&DispatcherConfig> for DispatcherOptions {
    fn from(config: &DispatcherConfig) -> Self {
        Self {
            workers: config.workers,
            batch: config.batch,
            poll: Duration::from_millis(config.poll_max_ms),
            lease: Duration::from_secs(config.lease_s),
            schedule: Schedule::from(config),
            fast_timeout: Duration::from_millis(config.security_timeout_ms),
            breaker: BreakerOptions::default(),
            retention: (config.retention_days > 0)
                .then(|| Duration::from_secs(u64::from(config.retention_days) * DAY_S)),
            head: None,
            is_only_instance: false,
        }
    }
}

/// The dispatcher of one process.
pub struct Dispatcher;

/// A running dispatcher.
#[derive(Clone)]
pub struct DispatcherHandle {
    checkpoint: watch::Receiver<i64>,
    lanes: Lanes,
    /// Events that were matched a moment ago, for the pull feed.
    pub(crate) recent: Recent,
}

impl DispatcherHandle {
    /// Events up to here are matched, as far as this instance's matcher knows; it stays where it was while another
    /// instance leads.
    pub fn checkpoint(&self) -> i64 {
        *self.checkpoint.borrow()
    }

    /// Deliveries in this instance's memory that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.lanes.general.waiting() + self.lanes.fast.waiting()
    }
}

/// What the parts share.
struct Parts<'a, R> {
    tasks: &'a Tasks,
    reader: R,
    pool: PgPool,
    options: DispatcherOptions,
    registry: Registry,
    recent: Recent,
    metrics: Metrics,
    outcomes: mpsc::Sender<Outcome>,
    /// Ends attempts in flight, [`FINISH`] after the stop.
    abandon: CancellationToken,
}

impl Dispatcher {
    /// Starts everything; it ends with `tasks`. `engine_pool` bypasses row security and reaches the server directly
    /// (the matcher's lease is a session lock).
    ///
    /// # Errors
    /// When the endpoints cannot be read.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a component of the process, named at the one call"
    )]
    pub async fn start<R: LogReader>(
        tasks: &Tasks,
        reader: R,
        engine_pool: PgPool,
        bus: Bus,
        vault: Vault,
        outbound: Outbound,
        clock: SharedClock,
        options: DispatcherOptions,
    ) -> anyhow::Result<DispatcherHandle> {
        if options.is_only_instance {
            claim::free_all(&engine_pool).await?;
        }
        let registry = Registry::default();
        while registry.refresh(&engine_pool).await? {}
        let (outcomes, received) = mpsc::channel(OUTCOMES_MAX);
        let parts = Parts {
            tasks,
            reader,
            pool: engine_pool,
            registry,
            recent: Recent::default(),
            metrics: Metrics::new(),
            outcomes,
            abandon: CancellationToken::new(),
            options,
        };
        parts.spawn_recorder(received);
        let workers = parts.options.workers;
        let general = parts.spawn_lane(Lane::General, workers, Duration::MAX, &vault, &outbound, &clock);
        let fast_timeout = parts.options.fast_timeout;
        let fast = parts.spawn_lane(Lane::Fast, FAST_WORKERS, fast_timeout, &vault, &outbound, &clock);
        health::remember(&parts.pool, &general).await?;
        let lanes = Lanes { general, fast };
        let recent = parts.recent.clone();
        let checkpoint = parts.spawn_matcher(lanes.clone(), bus);
        parts.spawn_upkeep(&lanes);
        Ok(DispatcherHandle {
            checkpoint,
            lanes,
            recent,
        })
    }
}

impl<R: LogReader> Parts<'_, R> {
    fn leases(&self) -> Leases {
        Leases::new(self.options.lease, self.options.fast_timeout)
    }

    fn spawn_recorder(&self, outcomes: mpsc::Receiver<Outcome>) {
        let (give_up, done) = (CancellationToken::new(), CancellationToken::new());
        let recorder = Recorder {
            pool: self.pool.clone(),
            schedule: self.options.schedule.clone(),
            metrics: self.metrics.clone(),
            outcomes,
            give_up: give_up.clone(),
            done: done.clone().drop_guard(),
        };
        self.tasks
            .spawn("delivery recorder", OnEnd::Fatal, recorder.run());
        let (stop, abandon) = (self.tasks.stop_token(), self.abandon.clone());
        self.tasks.spawn("delivery stop", OnEnd::MayFinish, async move {
            stop.cancelled().await;
            for (limit, next) in [(FINISH, abandon), (FLUSH, give_up)] {
                if tokio::time::timeout(limit, done.cancelled()).await.is_ok() {
                    break;
                }
                next.cancel();
            }
            Ok(())
        });
    }

    fn spawn_lane(
        &self,
        lane: Lane,
        workers: usize,
        timeout_max: Duration,
        vault: &Vault,
        outbound: &Outbound,
        clock: &SharedClock,
    ) -> Queue {
        let hungry = Arc::new(Notify::new());
        let breaker = (lane == Lane::General).then(|| self.options.breaker.clone());
        let queue = Queue::new(breaker, workers, Arc::clone(&hungry));
        let sender = Sender {
            queue: queue.clone(),
            registry: self.registry.clone(),
            vault: vault.clone(),
            outbound: outbound.clone(),
            clock: Arc::clone(clock),
            outcomes: self.outcomes.clone(),
            metrics: self.metrics.clone(),
            timeout_max,
            abandon: self.abandon.clone(),
        };
        for _ in 0..workers {
            self.tasks.spawn(
                "delivery worker",
                OnEnd::Fatal,
                sender.clone().run(self.tasks.stop_token()),
            );
        }
        let claimer = Claimer {
            lane,
            pool: self.pool.clone(),
            reader: self.reader.clone(),
            recent: self.recent.clone(),
            registry: self.registry.clone(),
            queue: queue.clone(),
            hungry,
            lease: self.leases().of(lane),
            metrics: self.metrics.clone(),
        };
        let (stop, outcomes, waiting) = (self.tasks.stop_token(), self.outcomes.clone(), queue.clone());
        self.tasks.spawn("delivery claimer", OnEnd::Fatal, async move {
            claimer.run(stop).await;
            for job in waiting.drain().into_iter().filter(Job::is_ours) {
                if outcomes.send(Outcome::released(job)).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        queue
    }

    fn spawn_matcher(&self, lanes: Lanes, bus: Bus) -> watch::Receiver<i64> {
        let wake = Arc::new(Notify::new());
        let (checkpoint, matched) = watch::channel(0);
        if let Some(head) = self.options.head.clone() {
            let following = follow_head(head, Arc::clone(&wake), self.tasks.stop_token());
            self.tasks.spawn("webhook wake-up", OnEnd::Fatal, following);
        }
        let listener = Listener {
            bus,
            wake: Arc::clone(&wake),
            checkpoint: matched.clone(),
            metrics: self.metrics.clone(),
        };
        let matcher = Matcher {
            pool: self.pool.clone(),
            reader: self.reader.clone(),
            recent: self.recent.clone(),
            registry: self.registry.clone(),
            lanes,
            metrics: self.metrics.clone(),
            wake,
            checkpoint,
            batch: self.options.batch,
            poll: self.options.poll,
            leases: self.leases(),
            retention: Retention::new(self.pool.clone(), self.options.retention),
        };
        self.tasks.spawn(
            "webhook matcher",
            OnEnd::Fatal,
            matcher.run(self.tasks.stop_token()),
        );
        self.tasks.spawn(
            "webhook listener",
            OnEnd::Fatal,
            listener.run(self.tasks.stop_token()),
        );
        matched
    }

    fn spawn_upkeep(&self, lanes: &Lanes) {
        let stop = self.tasks.stop_token();
        let queues = vec![lanes.general.clone(), lanes.fast.clone()];
        self.tasks.spawn(
            "delivery settling",
            OnEnd::Fatal,
            settle::run(
                self.pool.clone(),
                self.registry.clone(),
                queues,
                self.options.lease,
                stop.clone(),
            ),
        );
        let (pool, queue) = (self.pool.clone(), lanes.general.clone());
        let replays = replay::run(pool.clone(), queue.clone(), stop.clone());
        self.tasks.spawn("delivery replays", OnEnd::Fatal, replays);
        let healthy = health::run(pool, queue, stop.clone());
        self.tasks.spawn("receivers' health", OnEnd::Fatal, healthy);
        let watch = watchdog::run(
            self.pool.clone(),
            self.reader.clone(),
            self.metrics.clone(),
            stop.clone(),
        );
        self.tasks.spawn("delivery watchdog", OnEnd::Fatal, watch);
        let (registry, pool, metrics, lanes) = (
            self.registry.clone(),
            self.pool.clone(),
            self.metrics.clone(),
            lanes.clone(),
        );
        self.tasks.spawn("webhook registry", OnEnd::Fatal, async move {
            loop {
                if let Err(error) = registry.refresh(&pool).await {
                    tracing::warn!(error = format!("{error:#}"), "endpoints cannot be read now");
                    metrics.database_errors.inc();
                }
                let waiting = lanes.general.waiting() + lanes.fast.waiting();
                metrics.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(REGISTRY_POLL) => {}
                }
            }
        });
    }
}

/// Wakes the matcher whenever this process has appended.
async fn follow_head(
    mut head: watch::Receiver<Position>,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = head.changed() => if changed.is_err() {
                // Whoever appends is gone, and the process with it; until then the log is polled.
                stop.cancelled().await;
                return Ok(());
            },
        }
        wake.notify_one();
    }
}
