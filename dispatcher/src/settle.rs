//! Brings open deliveries in line with their endpoint's state, in bounded chunks: dead when it is deleted, due at once
//! when it is resumed. Those of a paused or disabled endpoint are held by its state alone.
//!
//! The matcher only writes the endpoint's state, so that deleting an endpoint with a million open deliveries does not
//! stop the matching of everything else.

use std::time::Duration;

use platform::metrics::counter;
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::counters::count_moves;
use crate::queue::Queue;
use crate::registry::Registry;

/// Rows of one statement and endpoint.
const CHUNK: i64 = 500;
const POLL: Duration = Duration::from_millis(500);
/// Beyond a lease: outcomes of attempts in flight when an endpoint changed are written by then.
const AFTERMATH: Duration = Duration::from_secs(30);
/// Everything is looked at this often even if no endpoint changed, for outcomes that came later than that.
const SWEEP: Duration = Duration::from_secs(60);

/// Rows in flight keep their lease: their outcome is written first.
const BURY: &str = concat!(
    "with picked as (
       select d.place from webhook_endpoints e cross join lateral (
         select d.ctid as place from webhook_open d
         where d.endpoint = e.endpoint and (d.lease_until is null or d.lease_until <= now())
         limit $1 for update skip locked) d
       where e.state = 'deleted'),
     taken as (delete from webhook_open d using picked p where d.ctid = p.place returning d.*),
     buried as (
       insert into webhook_finished (endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload,
         status, attempts, matched_at, finished_at, last_status, last_error)
       select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, 'dead', attempts,
         matched_at, now(), last_status, 'endpoint.deleted'
       from taken),
     moved as (
       select endpoint, tenant, case when attempts = attempt_base then 'pending' else 'retrying' end as was,
         'dead'::text as status
       from taken),
     counted as (",
    count_moves!("2"),
    ")
     select endpoint from moved"
);

/// What was put off before its endpoint was resumed is due now. The condition on the lane is the index's own; an hour is
/// far longer than this takes.
macro_rules! hasten_sql {
    ($fast:literal) => {
        concat!(
            "with picked as (
               select d.place from webhook_endpoints e cross join lateral (
                 select d.ctid as place from webhook_open d
                 where d.endpoint = e.endpoint and ",
            $fast,
            " and d.due_at > now() and d.tried_at < e.resumed_at
                   and (d.lease_until is null or d.lease_until <= now())
                 limit $1 for update skip locked) d
               where e.state = 'active' and e.resumed_at > now() - interval '1 hour')
             update webhook_open d set due_at = now() from picked p where d.ctid = p.place returning d.endpoint"
        )
    };
}

const HASTEN: [&str; 2] = [hasten_sql!("not d.fast"), hasten_sql!("d.fast")];

/// When to look: only a change of an endpoint makes work, at once and until its attempts in flight are over.
struct Pace {
    seen: Option<i64>,
    busy_until: Instant,
    next_sweep: Instant,
    aftermath: Duration,
}

impl Pace {
    fn new(lease: Duration, now: Instant) -> Self {
        Self {
            seen: None,
            busy_until: now,
            next_sweep: now,
            aftermath: lease + AFTERMATH,
        }
    }

    /// `changed` is the position of the endpoints' last change.
    fn is_due(&mut self, changed: i64, now: Instant) -> bool {
        if self.seen != Some(changed) {
            self.seen = Some(changed);
            self.busy_until = now + self.aftermath;
        }
        let due = now < self.busy_until || now >= self.next_sweep;
        if due {
            self.next_sweep = now + SWEEP;
        }
        due
    }

    /// There was more than one chunk, or the database failed: look again.
    fn again(&mut self, now: Instant) {
        self.next_sweep = now;
    }
}

/// Works until the stop. `queues` are told of what has become due; `lease` is the longest that an attempt in flight
/// keeps its row.
///
/// # Errors
/// Never; what fails is tried again at the next poll.
pub async fn run(
    pool: PgPool,
    registry: Registry,
    queues: Vec<Queue>,
    lease: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let errors = counter(
        "trastienda_dispatcher_database_errors_total",
        "Statements tried again.",
    );
    let mut pace = Pace::new(lease, Instant::now());
    loop {
        let mut settled = 0;
        if pace.is_due(registry.changed_position(), Instant::now()) {
            match settle(&pool, &queues).await {
                Ok(rows) => settled = rows,
                Err(error) => {
                    tracing::warn!(%error, "deliveries cannot be brought in line with their endpoints now");
                    errors.inc();
                    pace.again(Instant::now());
                }
            }
        }
        if settled > 0 {
            pace.again(Instant::now());
            if stop.is_cancelled() {
                return Ok(());
            }
        } else {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

/// One round; returns how many rows it moved.
async fn settle(pool: &PgPool, queues: &[Queue]) -> Result<usize, sqlx::Error> {
    let buried: Vec<i64> = sqlx::query_scalar(BURY).bind(CHUNK).fetch_all(pool).await?;
    let mut settled = buried.len();
    for sql in HASTEN {
        let mut hastened: Vec<i64> = sqlx::query_scalar(sql).bind(CHUNK).fetch_all(pool).await?;
        settled += hastened.len();
        hastened.sort_unstable();
        hastened.dedup();
        for endpoint in hastened {
            queues.iter().for_each(|queue| queue.note_backlog(endpoint));
        }
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_change_of_an_endpoint_everything_is_looked_at_once_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(Duration::from_secs(60), start);
        assert!(
            pace.is_due(7, at(0)) && pace.is_due(7, at(89)),
            "right after the start"
        );
        let looks = (90..=390).filter(|&second| pace.is_due(7, at(second))).count();
        assert_eq!(looks, 5);
        assert!(pace.is_due(8, at(391)) && pace.is_due(8, at(480)), "a change");
        assert!(!pace.is_due(8, at(482)));
        pace.again(at(482));
        assert!(pace.is_due(8, at(482)), "there was more, or the database failed");
    }
}
