//! Keeps what is known of receivers' health where others can see it, and paces those that are filled up slowly.
//!
//! Rows change when a breaker moves, so a restart in the middle of an outage neither floods a receiver that has just
//! come back nor forgets how fast it used to be.

use platform::metrics::gauge_vec;
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::breaker::{Breaker, BreakerState, PACE};
use crate::queue::{BreakerNote, Queue};

/// Breakers are written at most so often.
const WRITE: std::time::Duration = std::time::Duration::from_millis(500);
/// Rows of one statement.
const WRITE_MAX: usize = 1_000;

#[derive(sqlx::FromRow)]
struct Row {
    endpoint: i64,
    state: String,
    usual_per_s: f64,
}

/// Goes on with what the table knows.
///
/// # Errors
/// When the database fails.
pub async fn remember(pool: &PgPool, queue: &Queue) -> Result<(), sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select b.endpoint, b.state, b.usual_per_s from webhook_breakers b
         join webhook_endpoints e on e.endpoint = b.endpoint where e.state <> 'deleted'",
    )
    .fetch_all(pool)
    .await?;
    let now = Instant::now();
    for row in rows {
        let breaker = Breaker::remembered(BreakerState::stored(&row.state), row.usual_per_s, now);
        queue.remember(row.endpoint, breaker);
    }
    Ok(())
}

/// Works until the stop.
///
/// # Errors
/// Never; what fails is tried again.
pub async fn run(pool: PgPool, queue: Queue, stop: CancellationToken) -> anyhow::Result<()> {
    let breakers = gauge_vec(
        "trastienda_webhook_breakers",
        "Endpoints by the state of their breaker, as this instance sees them.",
        &["state"],
    );
    let mut unwritten: Vec<BreakerNote> = Vec::new();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut written = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = pace.tick() => queue.pace(),
        }
        if written.elapsed() < WRITE {
            continue;
        }
        written = Instant::now();
        let counts = queue.breakers();
        for state in BreakerState::ALL {
            let count = counts.get(&state).copied().unwrap_or(0);
            breakers
                .with_label_values(&[state.as_str()])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        for note in queue.moved_breakers() {
            tracing::info!(
                endpoint = note.endpoint,
                state = note.state.as_str(),
                usual_per_s = note.usual_per_s,
                "an endpoint's breaker has moved"
            );
            unwritten.retain(|older| older.endpoint != note.endpoint);
            unwritten.push(note);
        }
        if let Err(error) = write(&pool, &mut unwritten).await {
            tracing::warn!(%error, "breakers cannot be written now");
        }
    }
}

/// Writes and empties; what could not be written stays.
async fn write(pool: &PgPool, notes: &mut Vec<BreakerNote>) -> Result<(), sqlx::Error> {
    while !notes.is_empty() {
        let start = notes.len().saturating_sub(WRITE_MAX);
        let batch = notes.get(start..).unwrap_or_default();
        let endpoints: Vec<i64> = batch.iter().map(|note| note.endpoint).collect();
        let states: Vec<&str> = batch.iter().map(|note| note.state.as_str()).collect();
        let usual: Vec<f64> = batch.iter().map(|note| note.usual_per_s).collect();
        sqlx::query(
            "insert into webhook_breakers (endpoint, tenant, state, usual_per_s)
             select b.endpoint, e.tenant, b.state, b.usual_per_s
             from unnest($1::bigint[], $2::text[], $3::float8[]) as b(endpoint, state, usual_per_s)
             join webhook_endpoints e on e.endpoint = b.endpoint order by b.endpoint
             on conflict (endpoint) do update set state = excluded.state, usual_per_s = excluded.usual_per_s,
               since = now()",
        )
        .bind(&endpoints)
        .bind(&states)
        .bind(&usual)
        .execute(pool)
        .await?;
        notes.truncate(start);
    }
    Ok(())
}
