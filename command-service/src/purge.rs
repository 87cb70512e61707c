//! Forgets outcomes of commands when nobody may ask for them any more: keyed ones after 30 days, others after a day.
//!
//! By the database's clock, and not at all while this process's clock says something else: a clock that jumped ahead
//! would make keys forget what they were used for.

use std::time::Duration;

use time::OffsetDateTime;

use event_store::purge_commands;
use platform::clock::SharedClock;
use platform::tasks::{OnEnd, Tasks};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

const KEYED_DAYS: u32 = 30;
const GENERATED_HOURS: u32 = 24;
/// Rows per statement, so that no lock is held long.
const BATCH: u32 = 5_000;
/// How far the clocks may be apart.
const SKEW_MAX: time::Duration = time::Duration::minutes(5);
const EVERY: Duration = Duration::from_secs(600);

/// Starts purging; it runs in small steps every ten minutes.
pub fn start(tasks: &Tasks, engine_pool: PgPool, clock: SharedClock) {
    let stop = tasks.stop_token();
    tasks.spawn("purge of command outcomes", OnEnd::Fatal, async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = purge(&engine_pool, clock.now(), &stop).await {
                tracing::warn!(error = %format!("{error:#}"), "old command outcomes are not purged now");
            }
        }
    });
}

async fn purge(pool: &PgPool, own_now: OffsetDateTime, stop: &CancellationToken) -> anyhow::Result<()> {
    let now: OffsetDateTime = sqlx::query_scalar("select now()").fetch_one(pool).await?;
    anyhow::ensure!(
        (now - own_now).abs() < SKEW_MAX,
        "the clocks of this process ({own_now}) and of the database ({now}) differ"
    );
    while !stop.is_cancelled() {
        if purge_commands(pool, now, KEYED_DAYS, GENERATED_HOURS, BATCH).await? < u64::from(BATCH) {
            break;
        }
    }
    Ok(())
}
