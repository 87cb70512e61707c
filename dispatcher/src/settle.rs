//! Brings open deliveries in line with their endpoint's state, in bounded chunks: held while it is paused or
//! disabled, due again when it is active, dead when it is deleted.
//!
//! The matcher only writes the endpoint's state, so that pausing an endpoint with a million open deliveries does not
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

/// `$open` is worded as a partial index's own condition, so that looking costs nothing when there is nothing to do.
macro_rules! settle_sql {
    ($endpoints:literal, $open:literal, $set:literal) => {
        concat!(
            "with picked as (
               select d.place, d.was from webhook_endpoints e cross join lateral (
                 select d.ctid as place, d.status as was from webhook_deliveries d
                 where d.endpoint = e.endpoint and ",
            $open,
            " limit $1 for update skip locked) d
               where ",
            $endpoints,
            "),
             moved as (
               update webhook_deliveries d set lease_until = null, ",
            $set,
            " from picked p where d.ctid = p.place
               returning d.endpoint, d.tenant, p.was, d.status),
             counted as (",
            count_moves!("2"),
            ")
             select endpoint from moved"
        )
    };
}

const RELEASE: &str = settle_sql!(
    "e.state = 'active'",
    "d.status = 'held' order by d.sequence",
    "due_at = now(), status = case when d.attempts = d.attempt_base then 'pending' else 'retrying' end"
);

/// Rows in flight keep their lease: their outcome is written first.
const OTHERS: [&str; 5] = [
    settle_sql!(
        "e.state in ('paused', 'disabled')",
        "d.status in ('pending', 'retrying') and not d.fast and (d.lease_until is null or d.lease_until <= now())",
        "status = 'held'"
    ),
    settle_sql!(
        "e.state in ('paused', 'disabled')",
        "d.status in ('pending', 'retrying') and d.fast and (d.lease_until is null or d.lease_until <= now())",
        "status = 'held'"
    ),
    settle_sql!(
        "e.state = 'deleted'",
        "d.status in ('pending', 'retrying') and not d.fast and (d.lease_until is null or d.lease_until <= now())",
        "status = 'dead', last_error = 'endpoint.deleted', finished_at = now()"
    ),
    settle_sql!(
        "e.state = 'deleted'",
        "d.status in ('pending', 'retrying') and d.fast and (d.lease_until is null or d.lease_until <= now())",
        "status = 'dead', last_error = 'endpoint.deleted', finished_at = now()"
    ),
    settle_sql!(
        "e.state = 'deleted'",
        "d.status = 'held'",
        "status = 'dead', last_error = 'endpoint.deleted', finished_at = now()"
    ),
];

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
        let mut settled = Settled::default();
        if pace.is_due(registry.changed_position(), Instant::now()) {
            match settle(&pool, &queues).await {
                Ok(done) => settled = done,
                Err(error) => {
                    tracing::warn!(%error, "deliveries cannot be brought in line with their endpoints now");
                    errors.inc();
                    pace.again(Instant::now());
                }
            }
        }
        if settled.rows > 0 {
            pace.again(Instant::now());
        }
        if settled.hurry {
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

/// What one round did.
#[derive(Default)]
struct Settled {
    rows: usize,
    /// The next round need not wait. Releasing does: claimers take held rows themselves, and would only be in each
    /// other's way.
    hurry: bool,
}

async fn settle(pool: &PgPool, queues: &[Queue]) -> Result<Settled, sqlx::Error> {
    let mut settled = Settled::default();
    for sql in OTHERS {
        settled.rows += sqlx::query_scalar::<_, i64>(sql)
            .bind(CHUNK)
            .fetch_all(pool)
            .await?
            .len();
    }
    let mut released: Vec<i64> = sqlx::query_scalar(RELEASE).bind(CHUNK).fetch_all(pool).await?;
    settled.hurry = settled.rows > 0;
    settled.rows += released.len();
    released.sort_unstable();
    released.dedup();
    for endpoint in released {
        queues.iter().for_each(|queue| queue.note_backlog(endpoint));
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
