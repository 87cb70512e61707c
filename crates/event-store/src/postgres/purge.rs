//! Forgets command records that nobody can ask for any more.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::fault;
use crate::ReadError;

/// By row address: records are never updated, so an address names the same record until it is deleted.
const PURGE_GENERATED: &str = "delete from commands where ctid = any(array(
    select ctid from commands where not keyed and recorded_at < $1 order by recorded_at limit $2))";

const PURGE_KEYED: &str = "delete from commands where keyed and ctid = any(array(
    select ctid from commands where keyed and recorded_at < $1 limit $2))";

/// Deletes at most `limit` expired records of either kind: callers' keys after `keyed_days`, generated ids after
/// `generated_hours`. Answers how many went; fewer than `limit` means that none is left.
///
/// # Errors
/// [`ReadError::Unavailable`]; what was deleted stays deleted, and the next call goes on.
pub async fn purge_commands(
    pool: &PgPool,
    now: OffsetDateTime,
    keyed_days: u32,
    generated_hours: u32,
    limit: u32,
) -> Result<u64, ReadError> {
    let generated_before = now - Duration::hours(i64::from(generated_hours));
    let keyed_before = now - Duration::days(i64::from(keyed_days));
    let generated = delete(pool, PURGE_GENERATED, generated_before, u64::from(limit)).await?;
    let keyed = delete(
        pool,
        PURGE_KEYED,
        keyed_before,
        u64::from(limit).saturating_sub(generated),
    )
    .await?;
    Ok(generated + keyed)
}

async fn delete(
    pool: &PgPool,
    sql: &'static str,
    before: OffsetDateTime,
    limit: u64,
) -> Result<u64, ReadError> {
    if limit == 0 {
        return Ok(0);
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let done = sqlx::query(sql)
        .bind(before)
        .bind(limit)
        .execute(pool)
        .await
        .map_err(fault::of_read)?;
    Ok(done.rows_affected())
}
