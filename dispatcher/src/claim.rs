//! Takes due deliveries from the table, with a lease on the database's clock, into the queues.
//!
//! Fresh deliveries of this instance's matcher come with a lease and skip this; here come retries, backlogs, and
//! what a crashed instance left behind. Any number of instances claim beside each other (`skip locked`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use event_store::LogReader;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::body::Body;
use crate::metrics::Metrics;
use crate::queue::{Job, Queue};
use crate::recent::Recent;
use crate::registry::{Endpoint, Registry};

/// Every endpoint is looked at this often, for retries that have become due.
const POLL: Duration = Duration::from_millis(250);
/// Rows of one claim.
const CLAIM_MAX: usize = 2_000;
/// Taken off the lease here (a sixth of a short one), so that this side's clock drift and pauses never let it outlive
/// the database's.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// What the fast lane's lease is longer than its timeout: short enough that what a killed process had taken is tried
/// again well within the 60 s of WHK-3.
const FAST_LEASE_MARGIN: Duration = Duration::from_secs(7);

/// Begins a transaction whose statements reach rows by their keys. The tables of open and finished deliveries grow and
/// shrink by orders of magnitude between two looks of autovacuum: a plan that believes the table to be empty, as it was
/// when it was looked at last, reads all of it for every batch (measured: 212 µs a delivery in place of 21).
pub const BEGIN_BY_INDEX: &str = "begin; set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off";

/// What is due, by the lane's own index. The lease is in none, so that a claim writes one row version in the row's page.
macro_rules! claim_sql {
    ($fast:literal) => {
        concat!(
            "with picked as (
               select d.place
               from unnest($1::bigint[], $2::bigint[]) as w(endpoint, room)
               join webhook_endpoints e on e.endpoint = w.endpoint and e.state = 'active'
               cross join lateral (
                 select d.ctid as place from webhook_open d
                 where d.endpoint = w.endpoint and ",
            $fast,
            " and d.due_at <= now() and (d.lease_until is null or d.lease_until <= now())
                 order by d.due_at, d.sequence limit w.room for update skip locked) d)
             update webhook_open d set lease_until = now() + $3 * interval '1 millisecond'
             from picked p where d.ctid = p.place
             returning d.endpoint, d.sequence, d.position, d.event_id, d.payload, d.attempts, d.attempt_base"
        )
    };
}

/// Ends every lease: whoever took these deliveries is known to be gone.
///
/// # Errors
/// When the database does not answer.
pub async fn free_all(pool: &PgPool) -> Result<(), sqlx::Error> {
    let freed = sqlx::query("update webhook_open set lease_until = null where lease_until is not null")
        .execute(pool)
        .await?
        .rows_affected();
    if freed > 0 {
        tracing::info!(
            deliveries = freed,
            "deliveries that were in flight when the last process ended are due again"
        );
    }
    Ok(())
}

/// Which queue, and which part of the table feeds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    General,
    /// `security.*`, in its first attempts.
    Fast,
}

impl Lane {
    fn sql(self) -> &'static str {
        match self {
            Lane::General => claim_sql!("not d.fast"),
            Lane::Fast => claim_sql!("d.fast"),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    endpoint: i64,
    sequence: i64,
    position: i64,
    event_id: uuid::Uuid,
    payload: i16,
    attempts: i32,
    attempt_base: i32,
}

/// How long a delivery that is taken now may wait and be sent here.
pub fn lease_ends(lease: Duration) -> Instant {
    Instant::now() + lease.saturating_sub(LEASE_MARGIN.min(lease / 6))
}

/// How long taken deliveries belong to their taker, by lane.
#[derive(Debug, Clone, Copy)]
pub struct Leases {
    pub general: Duration,
    pub fast: Duration,
}

impl Leases {
    pub fn new(general: Duration, fast_timeout: Duration) -> Self {
        Self {
            general,
            fast: general.min(fast_timeout + FAST_LEASE_MARGIN),
        }
    }

    pub fn of(self, lane: Lane) -> Duration {
        match lane {
            Lane::General => self.general,
            Lane::Fast => self.fast,
        }
    }
}

/// Feeds one lane's queue.
pub struct Claimer<R> {
    pub lane: Lane,
    pub pool: PgPool,
    pub reader: R,
    pub recent: Recent,
    pub registry: Registry,
    pub queue: Queue,
    pub hungry: Arc<Notify>,
    pub lease: Duration,
    pub metrics: Metrics,
}

impl<R: LogReader> Claimer<R> {
    /// Works until the stop; what fails is tried again at the next poll.
    pub async fn run(self, stop: CancellationToken) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let all = tokio::select! {
                () = stop.cancelled() => return,
                _ = poll.tick() => true,
                () = self.hungry.notified() => false,
            };
            if let Err(error) = self.claim(all).await {
                tracing::warn!(%error, "due deliveries cannot be taken now");
                self.metrics.database_errors.inc();
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    async fn claim(&self, all: bool) -> anyhow::Result<()> {
        let endpoints: HashMap<i64, Arc<Endpoint>> = self
            .registry
            .active()
            .into_iter()
            .map(|endpoint| (endpoint.number, endpoint))
            .collect();
        let numbers: Vec<i64> = endpoints.keys().copied().collect();
        if all {
            self.queue.keep_only(&self.registry.numbers());
        }
        let mut rooms = self.queue.rooms(all.then_some(numbers.as_slice()));
        rooms.retain(|(endpoint, _)| endpoints.contains_key(endpoint));
        if rooms.is_empty() {
            return Ok(());
        }
        let share = (CLAIM_MAX / rooms.len()).max(1);
        rooms.iter_mut().for_each(|(_, room)| *room = (*room).min(share));
        let (ids, limits): (Vec<i64>, Vec<i64>) = rooms
            .iter()
            .map(|&(endpoint, room)| (endpoint, i64::try_from(room).unwrap_or(1)))
            .unzip();
        let lease_ends = lease_ends(self.lease);
        let mut transaction = self.pool.begin_with(BEGIN_BY_INDEX).await?;
        let mut rows: Vec<Row> = sqlx::query_as(self.lane.sql())
            .bind(&ids)
            .bind(&limits)
            .bind(i64::try_from(self.lease.as_millis())?)
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        rows.sort_unstable_by_key(|row| (row.endpoint, row.sequence));
        let mut taken: HashMap<i64, usize> = HashMap::new();
        rows.iter()
            .for_each(|row| *taken.entry(row.endpoint).or_default() += 1);
        for (endpoint, room) in rooms {
            self.queue.claimed(endpoint, taken.get(&endpoint) == Some(&room));
        }
        self.enqueue(rows, &endpoints, lease_ends).await
    }

    async fn enqueue(
        &self,
        rows: Vec<Row>,
        endpoints: &HashMap<i64, Arc<Endpoint>>,
        lease_ends: Instant,
    ) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let events = self
            .recent
            .fetch(&self.reader, rows.iter().map(|row| row.position).collect())
            .await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(endpoint) = endpoints.get(&row.endpoint).cloned() else {
                continue;
            };
            let event = events
                .get(&row.position)
                .filter(|event| event.id == row.event_id)
                .cloned();
            let (Some(event), Some(body)) = (event, Body::stored(row.payload)) else {
                // The lease runs out and the watchdog's alarm stays on: only a restored or foreign log does this.
                tracing::error!(
                    endpoint = row.endpoint,
                    sequence = row.sequence,
                    "the log does not hold this delivery's event"
                );
                continue;
            };
            let attempt = u32::try_from(row.attempts).unwrap_or(0).saturating_add(1);
            jobs.push(Job {
                endpoint,
                sequence: row.sequence,
                event,
                body,
                attempt,
                attempt_base: u32::try_from(row.attempt_base).unwrap_or(0),
                lease_ends,
            });
        }
        self.queue.push(jobs);
        Ok(())
    }
}
