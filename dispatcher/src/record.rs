//! What became of attempts, written in batches: attempt rows, the deliveries' new state, and the command that
//! disables an endpoint whose receiver is gone.
//!
//! An answer that is not written down before a crash means a second delivery with the same id and bytes.

use std::sync::Arc;
use std::time::Duration;

use platform::pace::Pace;
use schemas::RecordedEvent;
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::claim::BEGIN_BY_INDEX;
use crate::metrics::Metrics;
use crate::queue::Job;
use crate::registry::Endpoint;
use crate::schedule::{Failed, Next, ROLL_MAX, Schedule};

/// Outcomes of one statement.
const BATCH_MAX: usize = 1_000;
/// Outcomes that may wait to be written; senders wait when they are more.
pub const OUTCOMES_MAX: usize = 8_192;
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Longest error code that is kept.
const CODE_MAX: usize = 100;

/// Before a delivery that could not be tried through a fault on this side is due again. Short: several of them must fit
/// into the 60 s of a security event.
const OWN_FAULT_PAUSE: Duration = Duration::from_secs(5);

/// The attempts, the deliveries' new states, and the counters of both. What is finished moves from the open ones to the
/// finished ones; the others are updated where they stand. A batch whose commit was lost may be written again: attempts
/// are counted by the rows that are new, deliveries by those that move. A row that somebody else moves at that very
/// moment (its lease is over) is left to them unless it is finished, and the delivery may come again. One that was given
/// up meanwhile and arrived after all counts as delivered.
const WRITE_OUTCOMES: &str = "with o as (
   select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::int[], $5::bool[], $6::bigint[],
     $7::int[], $8::int[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bool[])
   as o(endpoint, sequence, tenant, attempt, attempted, age_ms, latency_ms, status_code, error_code,
        excerpt, status, wait_ms, after_event_ms, fast)),
 attempts as (
   insert into webhook_attempts
     (endpoint, sequence, number, tenant, started_at, latency_ms, status_code, error_code, excerpt)
   select endpoint, sequence, attempt, tenant, clock_timestamp() - age_ms * interval '1 millisecond',
     latency_ms, status_code, error_code, excerpt
   from o where attempted
   on conflict do nothing
   returning endpoint, tenant, started_at, latency_ms, coalesce(status_code between 200 and 299, false) as answered),
 taken as (
   delete from webhook_open w using o
   where w.endpoint = o.endpoint and w.sequence = o.sequence and o.status in ('delivered', 'dead')
   returning w.endpoint, w.sequence, w.tenant, w.position, w.event_id, w.event_type, w.recorded_at, w.payload,
     w.attempts, w.attempt_base, w.matched_at, o.attempt, o.status, o.status_code, o.error_code),
 finished as (
   insert into webhook_finished (endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload,
     status, attempts, matched_at, finished_at, last_status, last_error)
   select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, status,
     greatest(attempts, attempt), matched_at, clock_timestamp(), status_code, error_code
   from taken),
 late as (
   update webhook_finished f set status = 'delivered', attempts = greatest(f.attempts, o.attempt),
     finished_at = clock_timestamp(), last_status = o.status_code, last_error = o.error_code
   from o where f.endpoint = o.endpoint and f.sequence = o.sequence and f.status = 'dead' and o.status = 'delivered'
   returning f.endpoint, f.tenant),
 again as (
   update webhook_open w set
     attempts = case when p.attempted then greatest(w.attempts, p.attempt) else w.attempts end,
     fast = p.fast,
     lease_until = null,
     due_at = case when p.status = 'retrying' then greatest(
         clock_timestamp() + p.wait_ms * interval '1 millisecond',
         w.recorded_at + p.after_event_ms * interval '1 millisecond')
       when p.wait_ms > 0 then clock_timestamp() + p.wait_ms * interval '1 millisecond'
       else w.due_at end,
     tried_at = case when p.status = 'retrying' or p.wait_ms > 0 then clock_timestamp() else w.tried_at end,
     last_status = case when p.attempted then p.status_code else w.last_status end,
     last_error = case when p.attempted then p.error_code else w.last_error end
   from (
     select d.ctid as place, d.attempts = d.attempt_base as untried, o.*
     from o join webhook_open d on d.endpoint = o.endpoint and d.sequence = o.sequence
     where o.status is null or o.status = 'retrying') p
   where w.ctid = p.place
   returning w.endpoint, w.tenant, p.untried as was_untried, w.attempts = w.attempt_base as untried),
 seen as (
   select endpoint, tenant, case when attempts = attempt_base then 'pending' else 'retrying' end as was, status,
     null::timestamptz as at, null::int as latency_ms, null::bool as answered
   from taken
   union all
   select endpoint, tenant, 'pending', 'retrying', null, null, null from again where was_untried and not untried
   union all
   select endpoint, tenant, 'dead', 'delivered', null, null, null from late
   union all
   select endpoint, tenant, null, null, started_at, latency_ms, answered from attempts)
 insert into webhook_counters as c (endpoint, part, tenant, delivered, pending, retrying, dead, attempts,
   failures, latency_ms, within_10_ms, within_100_ms, within_1000_ms, within_10000_ms, last_success_at,
   last_failure_at)
 select endpoint, 1, min(tenant),
   count(*) filter (where status = 'delivered'),
   - count(*) filter (where was = 'pending'),
   count(*) filter (where status = 'retrying') - count(*) filter (where was = 'retrying'),
   count(*) filter (where status = 'dead') - count(*) filter (where was = 'dead'),
   count(answered), count(*) filter (where not answered), coalesce(sum(latency_ms), 0),
   count(*) filter (where latency_ms <= 10), count(*) filter (where latency_ms <= 100),
   count(*) filter (where latency_ms <= 1000), count(*) filter (where latency_ms <= 10000),
   max(at) filter (where answered), max(at) filter (where not answered)
 from seen group by endpoint order by endpoint
 on conflict (endpoint, part) do update set delivered = c.delivered + excluded.delivered,
   pending = c.pending + excluded.pending, retrying = c.retrying + excluded.retrying,
   dead = c.dead + excluded.dead, attempts = c.attempts + excluded.attempts,
   failures = c.failures + excluded.failures, latency_ms = c.latency_ms + excluded.latency_ms,
   within_10_ms = c.within_10_ms + excluded.within_10_ms,
   within_100_ms = c.within_100_ms + excluded.within_100_ms,
   within_1000_ms = c.within_1000_ms + excluded.within_1000_ms,
   within_10000_ms = c.within_10000_ms + excluded.within_10000_ms,
   last_success_at = greatest(c.last_success_at, excluded.last_success_at),
   last_failure_at = greatest(c.last_failure_at, excluded.last_failure_at)";

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// 410: the receiver does not exist any more.
    Gone,
    Failed {
        retry_after: Option<Duration>,
    },
    /// No attempt was made; the row's lease is given back.
    Released,
    /// No attempt was made, through a fault on this side; it is due again after [`OWN_FAULT_PAUSE`].
    Postponed,
}

impl Verdict {
    /// Whether a request was made, so that it counts as one of the delivery's attempts.
    fn is_attempt(&self) -> bool {
        !matches!(self, Verdict::Released | Verdict::Postponed)
    }
}

/// One attempt's outcome.
#[derive(Debug)]
pub struct Outcome {
    pub endpoint: Arc<Endpoint>,
    pub sequence: i64,
    pub event: Arc<RecordedEvent>,
    pub attempt: u32,
    pub attempt_base: u32,
    pub started: Instant,
    pub latency: Duration,
    pub status_code: Option<u16>,
    pub error_code: Option<String>,
    pub excerpt: Option<String>,
    pub verdict: Verdict,
}

impl Outcome {
    /// Of a delivery that is given back untried.
    pub fn released(job: Job) -> Self {
        Self {
            endpoint: job.endpoint,
            sequence: job.sequence,
            event: job.event,
            attempt: job.attempt,
            attempt_base: job.attempt_base,
            started: Instant::now(),
            latency: Duration::ZERO,
            status_code: None,
            error_code: None,
            excerpt: None,
            verdict: Verdict::Released,
        }
    }
}

/// Writes outcomes until the senders are gone.
pub struct Recorder {
    pub pool: PgPool,
    pub schedule: Schedule,
    pub metrics: Metrics,
    pub outcomes: mpsc::Receiver<Outcome>,
    /// After it a database that does not answer is not waited for any longer.
    pub give_up: CancellationToken,
    /// Tells that everything is written, once the recorder is dropped.
    pub done: DropGuard,
}

impl Recorder {
    /// Runs until every sender of outcomes is dropped, then has written them all.
    ///
    /// # Errors
    /// When the stop is over and the database still does not answer.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut pace = Pace::default();
        while self.outcomes.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let columns = Columns::new(&batch, &self.schedule);
            let mut pause = RETRY_PAUSE;
            while let Err(error) = columns.write(&self.pool).await {
                tracing::warn!(%error, outcomes = batch.len(), "outcomes cannot be written now");
                self.metrics.database_errors.inc();
                tokio::select! {
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_PAUSE_MAX),
                    () = self.give_up.cancelled() => return Err(error.into()),
                }
            }
            self.metrics.observe(&batch);
            tokio::time::sleep(pace.after(batch.len())).await;
            batch.clear();
        }
        drop(self.done);
        Ok(())
    }
}

/// A batch as Postgres takes it.
#[derive(Default)]
struct Columns {
    endpoint: Vec<i64>,
    sequence: Vec<i64>,
    tenant: Vec<String>,
    attempt: Vec<i32>,
    /// False for rows that are given back untried.
    attempted: Vec<bool>,
    age_ms: Vec<i64>,
    latency_ms: Vec<i32>,
    status_code: Vec<Option<i32>>,
    error_code: Vec<Option<String>>,
    excerpt: Vec<Option<String>>,
    status: Vec<Option<&'static str>>,
    wait_ms: Vec<i64>,
    after_event_ms: Vec<Option<i64>>,
    fast: Vec<bool>,
    gone_id: Vec<Uuid>,
    gone_tenant: Vec<String>,
    gone_command: Vec<String>,
}

impl Columns {
    fn new(batch: &[Outcome], schedule: &Schedule) -> Self {
        let mut columns = Self::default();
        for outcome in batch {
            columns.push(outcome, schedule);
        }
        columns
    }

    fn push(&mut self, outcome: &Outcome, schedule: &Schedule) {
        // A replay begins the schedule again, and has no fast lane: its event is not new.
        let security = outcome.attempt_base == 0 && outcome.event.event_type.starts_with("security.");
        let attempt = outcome.attempt.saturating_sub(outcome.attempt_base);
        let (status, wait, after_event, fast) = match &outcome.verdict {
            Verdict::Delivered => (Some("delivered"), Duration::ZERO, None, false),
            Verdict::Gone => (Some("dead"), Duration::ZERO, None, false),
            Verdict::Released => (None, Duration::ZERO, None, schedule.is_fast(security, attempt)),
            Verdict::Postponed => (None, OWN_FAULT_PAUSE, None, schedule.is_fast(security, attempt)),
            Verdict::Failed { retry_after } => {
                let failed = Failed {
                    attempt,
                    security,
                    retry_after: *retry_after,
                    roll: rand::random_range(0..=ROLL_MAX),
                };
                match schedule.next(failed) {
                    Next::Retry {
                        wait,
                        after_event,
                        fast,
                    } => (Some("retrying"), wait, after_event, fast),
                    Next::Dead => (Some("dead"), Duration::ZERO, None, false),
                }
            }
        };
        self.endpoint.push(outcome.endpoint.number);
        self.sequence.push(outcome.sequence);
        self.tenant.push(outcome.endpoint.tenant.as_str().to_owned());
        self.attempt
            .push(i32::try_from(outcome.attempt).unwrap_or(i32::MAX));
        self.attempted.push(outcome.verdict.is_attempt());
        self.age_ms.push(millis(outcome.started.elapsed()));
        self.latency_ms
            .push(i32::try_from(outcome.latency.as_millis()).unwrap_or(i32::MAX));
        self.status_code.push(outcome.status_code.map(i32::from));
        self.error_code.push(
            outcome
                .error_code
                .as_deref()
                .map(|code| code.chars().take(CODE_MAX).collect()),
        );
        self.excerpt
            .push(outcome.excerpt.clone().filter(|text| !text.is_empty()));
        self.status.push(status);
        self.wait_ms.push(millis(wait));
        self.after_event_ms.push(after_event.map(millis));
        self.fast.push(fast);
        if outcome.verdict == Verdict::Gone {
            self.push_gone(outcome);
        }
    }

    /// The command comes through the engine like any other; its id is the attempt's, so that it is decided once.
    fn push_gone(&mut self, outcome: &Outcome) {
        let endpoint_id = &outcome.endpoint.endpoint_id;
        self.gone_id.push(Uuid::new_v5(
            &outcome.event.id,
            format!("disable/{endpoint_id}/{}", outcome.attempt).as_bytes(),
        ));
        self.gone_tenant.push(outcome.endpoint.tenant.as_str().to_owned());
        self.gone_command.push(
            serde_json::json!({
                "command": "disable_endpoint",
                "body": { "endpoint_id": endpoint_id, "cause": "the receiver answered 410 Gone" },
            })
            .to_string(),
        );
    }

    /// One transaction, and but for receivers that are gone one statement in it.
    async fn write(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut transaction = pool.begin_with(BEGIN_BY_INDEX).await?;
        self.write_outcomes(&mut transaction).await?;
        if !self.gone_id.is_empty() {
            self.write_gone(&mut transaction).await?;
        }
        transaction.commit().await
    }

    /// Due times are the database's: waits are added to its clock.
    async fn write_outcomes(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(WRITE_OUTCOMES)
            .bind(&self.endpoint)
            .bind(&self.sequence)
            .bind(&self.tenant)
            .bind(&self.attempt)
            .bind(&self.attempted)
            .bind(&self.age_ms)
            .bind(&self.latency_ms)
            .bind(&self.status_code)
            .bind(&self.error_code)
            .bind(&self.excerpt)
            .bind(&self.status)
            .bind(&self.wait_ms)
            .bind(&self.after_event_ms)
            .bind(&self.fast)
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn write_gone(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into command_inbox (id, tenant, command, reason, actor)
             select id, tenant, command::json, 'the receiver answered 410 Gone', 'dispatcher'
             from unnest($1::uuid[], $2::text[], $3::text[]) as g(id, tenant, command)
             on conflict do nothing",
        )
        .bind(&self.gone_id)
        .bind(&self.gone_tenant)
        .bind(&self.gone_command)
        .execute(connection)
        .await
        .map(|_| ())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
