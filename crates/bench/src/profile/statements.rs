//! What each SQL statement cost, by Postgres' own `pg_stat_statements`.

use std::path::Path;

use sqlx::{PgPool, Row};

/// The server's setting that makes the counting possible.
pub const SETTING: (&str, &str) = ("shared_preload_libraries", "pg_stat_statements");
/// Characters of a statement that tell it from the others.
const QUERY_CHARS: usize = 160;

/// # Errors
/// When the extension is not installed (Debian: postgresql-15 holds it).
pub async fn prepare(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::query("create extension if not exists pg_stat_statements")
        .execute(pool)
        .await?;
    Ok(())
}

/// Forgets what was counted.
///
/// # Errors
/// When the database does not answer.
pub async fn reset(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::query("select pg_stat_statements_reset()")
        .execute(pool)
        .await?;
    Ok(())
}

/// Writes the most expensive ones, the dearest first.
///
/// # Errors
/// When the database does not answer, or the file cannot be written.
pub async fn report(pool: &PgPool, file: &Path) -> anyhow::Result<()> {
    let rows = sqlx::query(
        "select total_exec_time, calls, rows, wal_bytes::float8 / 1024 as wal_kib, query
         from pg_stat_statements order by total_exec_time desc limit 40",
    )
    .fetch_all(pool)
    .await?;
    let mut lines = vec![format!(
        "{:>10} {:>8} {:>10} {:>9} {:>9}  statement",
        "total ms", "calls", "ms/call", "rows", "WAL KiB"
    )];
    for row in &rows {
        let (total, calls): (f64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (touched, wal_kib): (i64, f64) = (row.try_get(2)?, row.try_get(3)?);
        let each = total / f64::from(u32::try_from(calls.max(1))?);
        let query: String = row.try_get(4)?;
        let words: Vec<&str> = query.split_whitespace().collect();
        let query: String = words.join(" ").chars().take(QUERY_CHARS).collect();
        lines.push(format!(
            "{total:>10.1} {calls:>8} {each:>10.3} {touched:>9} {wal_kib:>9.0}  {query}"
        ));
    }
    Ok(std::fs::write(file, lines.join("\n"))?)
}
