//! Reads a Postgres log by position and by stream. Any number of processes may.
//!
//! Not here: row security for people (read models serve them); this reader's role bypasses it.

use std::sync::Arc;

use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Decode, Postgres, Row, Type};

use super::fault;
use crate::chain::{ChainReader, ChainedEvent, Hash};
use crate::{LogReader, MAX_READ, ReadError, StoredCommand};

/// `position > $1` alone is a complete checkpoint: positions become visible in order (one owner, one batch at a time).
const READ_ALL: &str =
    "select position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at
    from events where position > $1 order by position limit $2";

const READ_TYPES: &str =
    "select position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at
    from events where position > $1 and position <= $2 and type = any($3) order by position limit $4";

const READ_CHAINED: &str =
    "select position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at,
    chain from events where position > $1 order by position limit $2";

const READ_STREAM: &str =
    "select position, tenant, stream, version, id, type, schema_version, data, meta, recorded_at
    from events where tenant = $1 and stream = $2 and version > $3 order by version limit $4";

/// The inner limit also keeps the planner from turning many index look-ups into one scan of the log.
const READ_STREAMS: &str =
    "select e.position, e.tenant, e.stream, e.version, e.id, e.type, e.schema_version, e.data,
    e.meta, e.recorded_at, t.ordinal
    from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as t(tenant, stream, after, ordinal)
    cross join lateral (select * from events s where s.tenant = t.tenant and s.stream = t.stream
                        and s.version > t.after order by s.version limit $4) e
    order by t.ordinal, e.version";

const COMMANDS: &str = "select t.ordinal, c.fingerprint, c.outcome, c.position, c.recorded_at
    from unnest($1::text[], $2::text[]) with ordinality as t(tenant, id, ordinal)
    cross join lateral (select * from commands s where s.tenant = t.tenant and s.id = t.id offset 0) c";

/// Reads through a pool whose role may select the log's tables and bypasses row security.
#[derive(Debug, Clone)]
pub struct PostgresReader {
    pool: PgPool,
}

impl PostgresReader {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

impl LogReader for PostgresReader {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        let query = sqlx::query(READ_ALL).bind(after.0).bind(limit(max));
        decode_all(&query.fetch_all(&self.pool).await.map_err(fault::of_read)?)
    }

    async fn read_types(
        &self,
        after: Position,
        until: Position,
        types: &[&str],
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let query = sqlx::query(READ_TYPES)
            .bind(after.0)
            .bind(until.0)
            .bind(types)
            .bind(limit(max));
        decode_all(&query.fetch_all(&self.pool).await.map_err(fault::of_read)?)
    }

    async fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let query = sqlx::query(READ_STREAM)
            .bind(tenant.as_str())
            .bind(stream.as_str())
            .bind(after.0)
            .bind(limit(max));
        decode_all(&query.fetch_all(&self.pool).await.map_err(fault::of_read)?)
    }

    async fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
        max_each: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(READ_STREAMS)
            .bind(streams.iter().map(|s| s.0.as_str()).collect::<Vec<_>>())
            .bind(streams.iter().map(|s| s.1.as_str()).collect::<Vec<_>>())
            .bind(streams.iter().map(|s| s.2.0).collect::<Vec<_>>())
            .bind(limit(max_each))
            .fetch_all(&self.pool)
            .await
            .map_err(fault::of_read)?;
        let mut answer: Vec<Vec<RecordedEvent>> = vec![Vec::new(); streams.len()];
        for row in &rows {
            let events = slot(&mut answer, ordinal(row, 10)?)?;
            let event = decode(row, events.last())?;
            events.push(event);
        }
        Ok(answer)
    }

    async fn head(&self) -> Result<Position, ReadError> {
        let query = "select coalesce((select position from events order by position desc limit 1), 0)";
        sqlx::query_scalar(query)
            .fetch_one(&self.pool)
            .await
            .map(Position)
            .map_err(fault::of_read)
    }

    async fn commands(&self, ids: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(COMMANDS)
            .bind(ids.iter().map(|id| id.0.as_str()).collect::<Vec<_>>())
            .bind(ids.iter().map(|id| id.1.as_str()).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await
            .map_err(fault::of_read)?;
        let mut answer: Vec<Option<StoredCommand>> = vec![None; ids.len()];
        for row in &rows {
            *slot(&mut answer, ordinal(row, 0)?)? = Some(StoredCommand {
                fingerprint: hash(row, 1)?,
                outcome: raw(column(row, 2)?)?,
                position: Position(column(row, 3)?),
                recorded_at: column(row, 4)?,
            });
        }
        Ok(answer)
    }
}

impl ChainReader for PostgresReader {
    async fn read_chained(&self, after: Position, max: usize) -> Result<Vec<ChainedEvent>, ReadError> {
        let query = sqlx::query(READ_CHAINED).bind(after.0).bind(limit(max));
        let rows = query.fetch_all(&self.pool).await.map_err(fault::of_read)?;
        let events = decode_all(&rows)?;
        events
            .into_iter()
            .zip(&rows)
            .map(|(event, row)| {
                Ok(ChainedEvent {
                    event,
                    chain: hash(row, 10)?,
                })
            })
            .collect()
    }
}

fn limit(max: usize) -> i64 {
    i64::try_from(max.min(MAX_READ)).unwrap_or(i64::MAX)
}

fn decode_all(rows: &[PgRow]) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut events: Vec<RecordedEvent> = Vec::with_capacity(rows.len());
    for row in rows {
        let event = decode(row, events.last())?;
        events.push(event);
    }
    Ok(events)
}

/// Neighbours often share tenant, type and metadata (a command's events always do); what is equal is taken from the
/// previous event instead of being checked and allocated again, which is a third of the cost of a replay.
fn decode(row: &PgRow, previous: Option<&RecordedEvent>) -> Result<RecordedEvent, ReadError> {
    let tenant: &str = column(row, 1)?;
    let event_type: &str = column(row, 5)?;
    let meta: &str = column(row, 8)?;
    Ok(RecordedEvent {
        position: Position(column(row, 0)?),
        tenant: match previous {
            Some(event) if event.tenant.as_str() == tenant => event.tenant.clone(),
            _ => TenantId::new(tenant).map_err(|error| ReadError::Corrupt(error.to_string()))?,
        },
        stream: StreamName::stored(column(row, 2)?),
        version: Version(column(row, 3)?),
        id: column(row, 4)?,
        event_type: match previous {
            Some(event) if &*event.event_type == event_type => event.event_type.clone(),
            _ => Arc::from(event_type),
        },
        schema_version: column(row, 6)?,
        data: raw(column(row, 7)?)?,
        meta: match previous {
            Some(event) if event.meta.get() == meta => event.meta.clone(),
            _ => raw(meta)?,
        },
        recorded_at: column(row, 9)?,
    })
}

/// Reads a column by place. Unchecked since `json` is read as the text that it is.
fn column<'r, T>(row: &'r PgRow, index: usize) -> Result<T, ReadError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get_unchecked(index)
        .map_err(|error| ReadError::Corrupt(error.to_string()))
}

fn raw(text: &str) -> Result<Box<RawValue>, ReadError> {
    RawValue::from_string(text.to_owned()).map_err(|error| ReadError::Corrupt(error.to_string()))
}

fn hash(row: &PgRow, index: usize) -> Result<Hash, ReadError> {
    let bytes: &[u8] = column(row, index)?;
    Hash::try_from(bytes).map_err(|_| ReadError::Corrupt("a hash is not 32 bytes long".into()))
}

/// `with ordinality` counts from 1.
fn ordinal(row: &PgRow, index: usize) -> Result<usize, ReadError> {
    let ordinal: i64 = column(row, index)?;
    usize::try_from(ordinal - 1).map_err(|_| ReadError::Corrupt(format!("row for request {ordinal}")))
}

fn slot<T>(answer: &mut [T], index: usize) -> Result<&mut T, ReadError> {
    answer
        .get_mut(index)
        .ok_or_else(|| ReadError::Corrupt(format!("row for request {index}")))
}
