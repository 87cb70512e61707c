//! Forgets outcomes of commands when nobody may ask for them any more: keyed ones after 30 days, others after a day.

use std::time::Duration;

use event_store::purge_commands;
use platform::clock::SharedClock;
use platform::tasks::{OnEnd, Tasks};
use sqlx::PgPool;

const KEYED_DAYS: u32 = 30;
const GENERATED_HOURS: u32 = 24;
/// Rows per statement, so that no lock is held long.
const BATCH: u32 = 5_000;
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
            loop {
                let now = clock.now();
                match purge_commands(&engine_pool, now, KEYED_DAYS, GENERATED_HOURS, BATCH).await {
                    Ok(purged) if purged >= u64::from(BATCH) && !stop.is_cancelled() => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, "old command outcomes are not purged now");
                        break;
                    }
                }
            }
        }
    });
}
