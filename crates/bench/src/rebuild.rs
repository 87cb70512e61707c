//! The product's read models from empty tables to the end of its log while it serves, beside a raw scan of that log.

use std::time::{Duration, Instant};

use anyhow::ensure;
use event_store::PostgresReader;
use lab::clock::Deadline;
use platform::db::{self, DbRole};
use sqlx::{AssertSqlSafe, PgPool};

use crate::histogram::rate;
use crate::product::Product;
use crate::projector_rate::Followed;
use crate::scan::scan;
use crate::shop::Shop;

const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const CONNECTIONS: u32 = 2;

/// Empties the read models under the running projector and waits until they are full again.
///
/// # Errors
/// When they are not full within ten minutes.
pub async fn measure(product: &Product, shop: &Shop, block: usize) -> anyhow::Result<Followed> {
    let pool = db::pool(&product.database_url(), DbRole::Engine, CONNECTIONS).await?;
    let reader = PostgresReader::new(pool.clone());
    let before = scan(&reader).await?;
    let took = rebuild(product, shop, block).await?;
    let after = scan(&reader).await?;
    pool.close().await;
    Ok(Followed {
        projector: rate(after.0, took),
        scan: f64::midpoint(rate(before.0, before.1), rate(after.0, after.1)),
    })
}

async fn rebuild(product: &Product, shop: &Shop, block: usize) -> anyhow::Result<Duration> {
    empty(&product.pool).await?;
    // The projector sleeps at the end of the log: the next event wakes it, and its compare-and-swap finds the checkpoint
    // moved.
    let head = product.head().await? + 1;
    let started = Instant::now();
    shop.adjust(&format!("bench-rebuild-{block}")).await?;
    let deadline = Deadline::after(PATIENCE);
    while serving(&product.pool).await? < head {
        ensure!(
            deadline.pause(LOOK_EVERY).await,
            "the read models are not full in time"
        );
    }
    Ok(started.elapsed())
}

async fn empty(pool: &PgPool) -> anyhow::Result<()> {
    let tables: Vec<String> =
        sqlx::query_scalar("select relname::text from pg_class where relkind = 'r' and relname ~ '^rm_'")
            .fetch_all(pool)
            .await?;
    ensure!(!tables.is_empty(), "there are no read models");
    let mut transaction = pool.begin().await?;
    let truncate = format!("truncate {}", tables.join(", "));
    sqlx::raw_sql(AssertSqlSafe(truncate))
        .execute(&mut *transaction)
        .await?;
    sqlx::query("update projection_checkpoint set position = 0 where name = 'serving'")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

async fn serving(pool: &PgPool) -> anyhow::Result<u64> {
    let position: i64 =
        sqlx::query_scalar("select position from projection_checkpoint where name = 'serving'")
            .fetch_one(pool)
            .await?;
    Ok(u64::try_from(position)?)
}
