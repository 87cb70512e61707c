//! The append statements: events and command records in one statement, hence one round trip, one transaction, one flush.
//!
//! Payloads travel as `text` and are cast by the server: the driver's own JSON type would put a space before them, and
//! `json` keeps the bytes that it gets. Not here: what is written (`crate::staging`), what failures mean (`fault`).

use sqlx::{Executor, PgConnection};

use crate::staging::{CommandRow, EventRow, Staged};

/// One command with one event. Its plan has no sets, which is worth half the latency of a lone append.
const INSERT_ONE: &str = "with e as (
  insert into events (position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at, chain)
  values ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9::text::json, $10, $11))
insert into commands (tenant, id, fingerprint, keyed, outcome, position, recorded_at)
values ($2, $12, $13, $14, $15::text::json, $1, $10)";

/// Any number of commands with any number of events.
const INSERT_BATCH: &str = "with e as (
  insert into events (position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at, chain)
  select position, tenant, stream, version, id, type, schema_version, data::json, meta::json, recorded_at, chain
  from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::uuid[], $6::text[], $7::smallint[], $8::text[],
              $9::text[], $10::timestamptz[], $11::bytea[])
    as t(position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at, chain))
insert into commands (tenant, id, fingerprint, keyed, outcome, position, recorded_at)
select tenant, id, fingerprint, keyed, outcome::json, position, recorded_at
from unnest($12::text[], $13::text[], $14::bytea[], $15::boolean[], $16::text[], $17::bigint[], $18::timestamptz[])
  as t(tenant, id, fingerprint, keyed, outcome, position, recorded_at)";

/// Prepares both statements, so that no append pays for it.
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for sql in [INSERT_ONE, INSERT_BATCH] {
        connection.prepare(sqlx::SqlStr::from_static(sql)).await?;
    }
    Ok(())
}

/// Sends the rows and waits until the server has committed.
pub(super) async fn insert(connection: &mut PgConnection, staged: &Staged<'_>) -> Result<(), sqlx::Error> {
    match (staged.events.as_slice(), staged.commands.as_slice()) {
        ([event], [command]) => insert_one(connection, event, command).await,
        (events, commands) => insert_batch(connection, events, commands).await,
    }
}

async fn insert_one(
    connection: &mut PgConnection,
    row: &EventRow<'_>,
    command: &CommandRow<'_>,
) -> Result<(), sqlx::Error> {
    let record = &command.append.record;
    sqlx::query(INSERT_ONE)
        .bind(row.link.position.0)
        .bind(row.append.tenant.as_str())
        .bind(row.stream.as_str())
        .bind(row.version.0)
        .bind(row.event.id)
        .bind(row.event.event_type)
        .bind(row.event.schema_version)
        .bind(row.event.data.get())
        .bind(row.append.meta.get())
        .bind(row.recorded_at)
        .bind(row.link.chain.as_slice())
        .bind(record.id.as_str())
        .bind(record.fingerprint.as_slice())
        .bind(record.keyed)
        .bind(record.outcome.get())
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_batch(
    connection: &mut PgConnection,
    rows: &[EventRow<'_>],
    commands: &[CommandRow<'_>],
) -> Result<(), sqlx::Error> {
    sqlx::query(INSERT_BATCH)
        .bind(column(rows, |row| row.link.position.0))
        .bind(column(rows, |row| row.append.tenant.as_str()))
        .bind(column(rows, |row| row.stream.as_str()))
        .bind(column(rows, |row| row.version.0))
        .bind(column(rows, |row| row.event.id))
        .bind(column(rows, |row| row.event.event_type))
        .bind(column(rows, |row| row.event.schema_version))
        .bind(column(rows, |row| row.event.data.get()))
        .bind(column(rows, |row| row.append.meta.get()))
        .bind(column(rows, |row| row.recorded_at))
        .bind(column(rows, |row| row.link.chain.as_slice()))
        .bind(column(commands, |row| row.append.tenant.as_str()))
        .bind(column(commands, |row| row.append.record.id.as_str()))
        .bind(column(commands, |row| row.append.record.fingerprint.as_slice()))
        .bind(column(commands, |row| row.append.record.keyed))
        .bind(column(commands, |row| row.append.record.outcome.get()))
        .bind(column(commands, |row| row.position.0))
        .bind(column(commands, |row| row.recorded_at))
        .execute(connection)
        .await?;
    Ok(())
}

fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
