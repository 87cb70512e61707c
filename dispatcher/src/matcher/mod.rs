//! The one leased instance that turns events into deliveries.
//!
//! The broker wakes it, the log is what it reads: a lost, repeated or foreign message can delay but never falsify.
//! Deliveries, endpoints and the checkpoint change in one transaction, guarded by compare-and-swap, so that a matcher
//! that lost its lease without knowing writes nothing.

mod plan;
mod store;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use event_store::LogReader;
use platform::lease::Standby;
use platform::pace::Pace;
use schemas::{Position, RecordedEvent};
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::claim::{Leases, lease_ends};
use crate::feed;
use crate::metrics::Metrics;
use crate::queue::{Job, Queue};
use crate::recent::Recent;
use crate::registry::{EndpointState, Registry};
use crate::retention::Retention;
use plan::{Endpoints, Planned};
pub(crate) use wake::Listener;

/// The matcher's lease: one per database.
const LEASE_KEY: i64 = platform::lease::keys::MATCHER;
/// The pause between looks at the log after an event; doubled while nothing comes, up to the configured one.
const POLL_MIN: Duration = Duration::from_millis(5);
/// How often a standby tries to take the lease.
const STANDBY_PAUSE: Duration = Duration::from_millis(250);
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Events of one step of a backfill.
const BACKFILL_EVENTS: usize = 1_000;

/// Where deliveries go that are sent by this instance at once.
#[derive(Clone)]
pub struct Lanes {
    pub general: Queue,
    pub fast: Queue,
}

impl Lanes {
    fn of(&self, planned: &Planned) -> &Queue {
        if planned.fast { &self.fast } else { &self.general }
    }
}

/// What the matcher works with.
pub struct Matcher<R> {
    pub pool: PgPool,
    pub reader: R,
    pub recent: Recent,
    pub registry: Registry,
    pub lanes: Lanes,
    pub metrics: Metrics,
    /// Told by the broker's listener.
    pub wake: Arc<Notify>,
    /// Tells the listener what may be acknowledged.
    pub checkpoint: watch::Sender<i64>,
    /// Events of one transaction.
    pub batch: usize,
    /// The log is looked at this often, even if the broker is silent.
    pub poll: Duration,
    /// How long a delivery that is handed over is this instance's.
    pub leases: Leases,
    /// Works while this instance leads.
    pub retention: Retention,
}

/// Places in queues for the deliveries of one step. They are given back however the step ends, also when it is dropped
/// because the lease was lost.
#[derive(Default)]
struct Reserved {
    /// For each delivery whether it has one.
    leased: Vec<bool>,
    places: Vec<(Queue, i64)>,
}

impl Reserved {
    /// The step is written: gives the places back, for the deliveries themselves.
    fn landed(mut self) -> Vec<bool> {
        std::mem::take(&mut self.leased)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for (queue, endpoint) in &self.places {
            queue.unreserve(*endpoint, 1);
        }
    }
}

/// When the leases of one step's deliveries end.
#[derive(Clone, Copy)]
struct LeaseEnds {
    general: Instant,
    fast: Instant,
}

/// Why a step did not land.
enum Stopped {
    /// Somebody else moved the checkpoint, or the database failed: take the lease and read everything again.
    StartOver(anyhow::Error),
    /// Going on would be wrong.
    Fatal(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Stopped::StartOver(error.into())
    }
}

impl<R: LogReader> Matcher<R> {
    /// Works until the stop: stands by for the lease, then matches.
    ///
    /// # Errors
    /// When the log holds what this build cannot read, or less than what was matched already.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut standby = Standby::new(self.pool.clone(), LEASE_KEY);
        while !stop.is_cancelled() {
            let pause = match self.lead(&mut standby, &stop).await {
                Ok(true) => continue,
                Ok(false) => STANDBY_PAUSE,
                Err(Stopped::Fatal(error)) => return Err(error),
                Err(Stopped::StartOver(error)) => {
                    tracing::warn!(error = format!("{error:#}"), "matching starts over");
                    self.metrics.database_errors.inc();
                    RETRY_PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// Matches while the lease lasts; false when somebody else has it.
    async fn lead(&self, standby: &mut Standby, stop: &CancellationToken) -> Result<bool, Stopped> {
        let Some(lease) = standby.try_take().await? else {
            return Ok(false);
        };
        let lost = lease.lost();
        // Work that is dropped because the lease was lost writes nothing any more, or all of a step.
        tokio::select! {
            () = lost.cancelled() => return Err(anyhow::anyhow!("the matcher's lease was lost").into()),
            led = self.follow(stop) => led?,
            never = self.retention.run() => match never {},
        }
        lease.release().await?;
        Ok(true)
    }

    /// Matches from the checkpoint on until the stop.
    async fn follow(&self, stop: &CancellationToken) -> Result<(), Stopped> {
        let (mut position, mut endpoints, mut connectors) = store::load(&self.pool).await?;
        let head = self.reader.head().await?;
        if head.0 < position {
            // A restored log: everything that was sent since is unknown to it, and positions would be used twice.
            return Err(Stopped::Fatal(anyhow::anyhow!(
                "deliveries are matched up to position {position}, but the log ends at {head}: restore them together"
            )));
        }
        tracing::info!(position, head = head.0, "matching");
        self.checkpoint.send_replace(position);
        let (mut pause, mut pace) = (POLL_MIN, Pace::default());
        loop {
            let matched = self.step(&mut position, &mut endpoints, &mut connectors).await?;
            let filled = self.backfill_step(position, &mut endpoints).await?;
            if stop.is_cancelled() {
                return Ok(());
            }
            if filled {
                pause = POLL_MIN;
                continue;
            }
            if matched > 0 {
                pause = POLL_MIN;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(pace.after(matched)) => {}
                }
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause.min(self.poll)) => {}
            }
            pause = pause.saturating_mul(2).min(self.poll);
        }
    }

    /// Matches what the log has after the checkpoint; returns how many events that were.
    async fn step(
        &self,
        position: &mut i64,
        endpoints: &mut Endpoints,
        connectors: &mut feed::Connectors,
    ) -> Result<usize, Stopped> {
        let events = self.read(*position).await?;
        let Some(last) = events.last() else {
            return Ok(0);
        };
        let plan = endpoints.live(&events).map_err(unreadable)?;
        let feed = connectors.take(&events).map_err(unreadable)?;
        let changes = !plan.changed.is_empty();
        // A change of endpoints is seen by the senders first, then its deliveries are handed over.
        let reserved = if changes {
            Reserved::default()
        } else {
            self.reserve(&plan.deliveries)
        };
        let ends = self.lease_ends();
        let step = store::Step {
            from: *position,
            to: last.position.0,
            deliveries: &plan.deliveries,
            leased: &reserved.leased,
            changed: plan
                .changed
                .iter()
                .filter_map(|number| endpoints.get(*number))
                .collect(),
            replays: &plan.replays,
            leases: self.leases,
            feed: &feed,
        };
        store::write(&self.pool, step).await?;
        *position = last.position.0;
        self.recent.keep(&events);
        if changes {
            self.registry.refresh(&self.pool).await?;
            self.note_resumed(&plan.changed);
        }
        self.hand_over(plan.deliveries, &reserved.landed(), ends);
        self.metrics.checkpoint.set(*position);
        self.checkpoint.send_replace(*position);
        Ok(events.len())
    }

    /// Has the claimers look at once for what waited for an endpoint that may have been resumed.
    fn note_resumed(&self, changed: &[i64]) {
        for number in changed {
            let endpoint = self.registry.get(*number);
            if endpoint.is_some_and(|endpoint| endpoint.state == EndpointState::Active) {
                self.lanes.general.note_backlog(*number);
                self.lanes.fast.note_backlog(*number);
            }
        }
    }

    /// Gives one chunk of the past to the endpoint that is furthest behind; true when there was one.
    async fn backfill_step(&self, position: i64, endpoints: &mut Endpoints) -> Result<bool, Stopped> {
        let Some((number, cursor)) = endpoints.most_behind() else {
            return Ok(false);
        };
        let events: Vec<Arc<RecordedEvent>> = self
            .reader
            .read_all(Position(cursor), BACKFILL_EVENTS)
            .await?
            .into_iter()
            .map(Arc::new)
            .collect();
        let deliveries = endpoints
            .backfill(number, &events, Position(position))
            .map_err(unreadable)?;
        let step = store::Step {
            from: position,
            to: position,
            deliveries: &deliveries,
            leased: &vec![false; deliveries.len()],
            changed: endpoints.get(number).into_iter().collect(),
            replays: &[],
            leases: self.leases,
            feed: &feed::FeedPlan::default(),
        };
        store::write(&self.pool, step).await?;
        self.recent.keep(&events);
        let none = vec![false; deliveries.len()];
        self.hand_over(deliveries, &none, self.lease_ends());
        Ok(true)
    }

    async fn read(&self, after: i64) -> Result<Vec<Arc<RecordedEvent>>, Stopped> {
        let events = self.reader.read_shared(Position(after), self.batch).await;
        Ok(events.context("reading the log")?)
    }

    /// Which deliveries get a place in a queue, and so are inserted with a lease.
    fn reserve(&self, deliveries: &[Planned]) -> Reserved {
        let mut reserved = Reserved::default();
        for planned in deliveries {
            let queue = self.lanes.of(planned);
            let leased = !planned.held && queue.reserve(planned.endpoint, 1);
            reserved.leased.push(leased);
            if leased {
                reserved.places.push((queue.clone(), planned.endpoint));
            }
        }
        reserved
    }

    /// Of what is inserted from now on.
    fn lease_ends(&self) -> LeaseEnds {
        LeaseEnds {
            general: lease_ends(self.leases.general),
            fast: lease_ends(self.leases.fast),
        }
    }

    /// Queues the leased deliveries; the others are left to the claimers.
    fn hand_over(&self, deliveries: Vec<Planned>, leased: &[bool], ends: LeaseEnds) {
        self.metrics
            .matched
            .inc_by(u64::try_from(deliveries.len()).unwrap_or_default());
        let (mut general, mut fast) = (Vec::new(), Vec::new());
        for (place, planned) in deliveries.into_iter().enumerate() {
            if planned.held {
                continue;
            }
            let endpoint = self
                .registry
                .get(planned.endpoint)
                .filter(|_| leased.get(place) == Some(&true));
            let Some(endpoint) = endpoint else {
                self.lanes.of(&planned).note_backlog(planned.endpoint);
                continue;
            };
            let (lane, lease_ends) = if planned.fast {
                (&mut fast, ends.fast)
            } else {
                (&mut general, ends.general)
            };
            lane.push(Job {
                endpoint,
                sequence: planned.sequence,
                event: planned.event,
                body: planned.body,
                attempt: 1,
                attempt_base: 0,
                lease_ends,
            });
        }
        self.lanes.general.push(general);
        self.lanes.fast.push(fast);
    }
}

fn unreadable(error: schemas::DecodeError) -> Stopped {
    Stopped::Fatal(anyhow::Error::new(error).context("the event of an endpoint or connector cannot be read"))
}
