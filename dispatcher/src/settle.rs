//! Brings open deliveries in line with their endpoint's state, in bounded chunks: held while it is paused or
//! disabled, due again when it is active, dead when it is deleted.
//!
//! The matcher only writes the endpoint's state, so that pausing an endpoint with a million open deliveries does not
//! stop the matching of everything else.

use std::time::Duration;

use platform::metrics::counter;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::queue::Queue;

/// Rows of one statement and endpoint.
const CHUNK: i64 = 2_000;
const POLL: Duration = Duration::from_millis(500);

/// `$open` is worded as a partial index's own condition, so that looking costs nothing when there is nothing to do.
macro_rules! settle_sql {
    ($endpoints:literal, $open:literal, $set:literal) => {
        concat!(
            "with picked as (
               select d.endpoint, d.sequence from webhook_endpoints e cross join lateral (
                 select d.endpoint, d.sequence from webhook_deliveries d
                 where d.endpoint = e.endpoint and ",
            $open,
            " limit $1 for update skip locked) d
               where ",
            $endpoints,
            ")
             update webhook_deliveries d set lease_until = null, ",
            $set,
            " from picked p where d.endpoint = p.endpoint and d.sequence = p.sequence returning d.endpoint"
        )
    };
}

const RELEASE: &str = settle_sql!(
    "e.state = 'active'",
    "d.status = 'held' order by d.sequence",
    "due_at = now(), status = case when d.attempts = 0 then 'pending' else 'retrying' end"
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

/// Works until the stop. `queues` are told of what has become due.
///
/// # Errors
/// Never; what fails is tried again at the next poll.
pub async fn run(pool: PgPool, queues: Vec<Queue>, stop: CancellationToken) -> anyhow::Result<()> {
    let errors = counter(
        "trastienda_dispatcher_database_errors_total",
        "Statements tried again.",
    );
    loop {
        let settled = match settle(&pool, &queues).await {
            Ok(settled) => settled,
            Err(error) => {
                tracing::warn!(%error, "deliveries cannot be brought in line with their endpoints now");
                errors.inc();
                0
            }
        };
        if settled == 0 {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(POLL) => {}
            }
        } else if stop.is_cancelled() {
            return Ok(());
        }
    }
}

async fn settle(pool: &PgPool, queues: &[Queue]) -> Result<usize, sqlx::Error> {
    let mut settled = 0;
    for sql in OTHERS {
        settled += sqlx::query_scalar::<_, i64>(sql)
            .bind(CHUNK)
            .fetch_all(pool)
            .await?
            .len();
    }
    let mut released: Vec<i64> = sqlx::query_scalar(RELEASE).bind(CHUNK).fetch_all(pool).await?;
    settled += released.len();
    released.sort_unstable();
    released.dedup();
    for endpoint in released {
        queues.iter().for_each(|queue| queue.note_backlog(endpoint));
    }
    Ok(settled)
}
