//! Where keys of external systems are looked up, counted and recorded: a trait, and Postgres behind it.
//!
//! The log decides what a key accepts; rows here say which stream to read (by a secret's hash), how much of an hour is
//! used, when a key was last used, and what was called. Not here: what any of it means.

use std::sync::Arc;

use futures::future::BoxFuture;
use schemas::{ApiKeyId, Event, RecordedEvent, StreamName, TenantId, Version};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::api_key::KeyRef;
use super::api_key_log::CallRow;
use crate::db::Migration;

pub(crate) const MIGRATION: Migration = Migration {
    module: "api_keys",
    version: 1,
    sql: include_str!("api_key.sql"),
};

/// How many calls a row stands for: beyond a key's limit not each has one.
pub(crate) const CALLS_MIGRATION: Migration = Migration {
    module: "api_keys",
    version: 2,
    sql: "alter table integration_log add column llamadas bigint not null default 1 check (llamadas > 0)",
};

/// Events of a key's stream that are read at once.
const LIFE_MAX: usize = 500;
/// Rows that one statement of a purge takes.
const PURGE_BATCH: i64 = 5_000;

/// Why the store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the log cannot be read: {0}")]
    Log(String),
}

pub type StoreAnswer<'a, T> = BoxFuture<'a, Result<T, KeyStoreError>>;

/// Requests that a key may make in its present hour, handed to one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// 0 when the hour is used up.
    pub granted: i64,
    /// Of the hour, by all processes, this grant included.
    pub taken: i64,
    /// When the hour began, by the database's clock; a grant is given back to the same hour only.
    pub window: OffsetDateTime,
    /// Until the hour is over.
    pub left_ms: i64,
}

/// Looks keys up, counts and records. One answer is one round trip.
pub trait KeyStore: Send + Sync + 'static {
    /// Notes whose secret a hash is, before the log hears of it; the same again changes nothing.
    fn enrol<'a>(&'a self, hash: &'a [u8; 32], key: &'a KeyRef) -> StoreAnswer<'a, ()>;

    /// Takes a note back, of a secret that never came into the log.
    fn forget<'a>(&'a self, hash: &'a [u8; 32]) -> StoreAnswer<'a, ()>;

    fn owner<'a>(&'a self, hash: &'a [u8; 32]) -> StoreAnswer<'a, Option<KeyRef>>;

    /// The events of a key's stream after a version, in order.
    fn life<'a>(&'a self, key: &'a KeyRef, after: Version) -> StoreAnswer<'a, Vec<RecordedEvent>>;

    /// Takes requests out of the key's hour: a tenth of what is left, at least one if there is any, `most` at most.
    fn lease<'a>(&'a self, key: &'a KeyRef, limit: i64, most: i64) -> StoreAnswer<'a, Grant>;

    /// Puts back what was not used of a grant, if its hour is still the present one.
    fn give_back<'a>(&'a self, key: &'a KeyRef, window: OffsetDateTime, unused: i64) -> StoreAnswer<'a, ()>;

    fn used<'a>(&'a self, uses: &'a [(KeyRef, OffsetDateTime)]) -> StoreAnswer<'a, ()>;

    /// Repeating it adds nothing; a row that stands for more calls than before takes the place of its former self. No row
    /// may be there twice.
    fn record<'a>(&'a self, calls: &'a [CallRow]) -> StoreAnswer<'a, ()>;

    /// Deletes some records that are older, and says how many; 0 when none is left.
    fn purge(&self, older_than_days: u32) -> StoreAnswer<'_, u64>;
}

/// Reads a stream of the log after a version, in order: the log's reader, which this crate does not know.
pub type ReadStream = Arc<
    dyn Fn(TenantId, StreamName, Version, usize) -> BoxFuture<'static, Result<Vec<RecordedEvent>, String>>
        + Send
        + Sync,
>;

/// Rows in Postgres, and the log by a reader that is handed in.
pub struct PostgresKeys {
    /// Of the engine's role: whose a key is must be known before the tenant is.
    pool: PgPool,
    read_stream: ReadStream,
}

impl PostgresKeys {
    pub fn new(engine_pool: PgPool, read_stream: ReadStream) -> Self {
        Self {
            pool: engine_pool,
            read_stream,
        }
    }
}

/// The name of a key's stream, as the rules spell it (domain::streams); a test of the command service holds the two
/// together.
pub fn stream_of(id: &ApiKeyId) -> StreamName {
    StreamName::new("api_key", id.as_str())
}

/// Whether the hour in the row `u` is over. A row that is ahead by more than what concurrent statements can be apart was
/// written by a clock that went wrong.
macro_rules! over {
    () => {
        "(u.window_started_at is null or u.window_started_at + interval '1 hour' <= now()
          or u.window_started_at > now() + interval '1 minute')"
    };
}

const LEASE: &str = concat!(
    "insert into api_key_usage as u (tenant, api_key_id, window_started_at, taken, granted)
     values ($1, $2, now(), greatest(1, least($4::bigint, $3::bigint / 10)), greatest(1, least($4::bigint, $3::bigint / 10)))
     on conflict (tenant, api_key_id) do update set
       window_started_at = case when ",
    over!(),
    " then now() else u.window_started_at end,
       taken = case when ",
    over!(),
    " then greatest(1, least($4::bigint, $3::bigint / 10))
         else u.taken + greatest(0, least(greatest(1, least($4::bigint, ($3::bigint - u.taken) / 10)), $3::bigint - u.taken)) end,
       granted = case when ",
    over!(),
    " then greatest(1, least($4::bigint, $3::bigint / 10))
         else greatest(0, least(greatest(1, least($4::bigint, ($3::bigint - u.taken) / 10)), $3::bigint - u.taken)) end
     returning granted, taken, window_started_at,
       (extract(epoch from window_started_at + interval '1 hour' - now()) * 1000)::bigint"
);

const RECORD: &str = "
    insert into integration_log as l (tenant, fecha, id, sistema, tipo, estado, datos_enviados, datos_recibidos, error,
      api_key_id, http_status, duration_ms, llamadas)
    select * from unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::text[], $9::text[], $10::text[], $11::smallint[], $12::bigint[], $13::bigint[])
    on conflict (tenant, fecha, id) do update
      set llamadas = excluded.llamadas, duration_ms = greatest(l.duration_ms, excluded.duration_ms)
      where l.llamadas < excluded.llamadas";

impl KeyStore for PostgresKeys {
    fn enrol<'a>(&'a self, hash: &'a [u8; 32], key: &'a KeyRef) -> StoreAnswer<'a, ()> {
        Box::pin(async move {
            let insert = "insert into api_key_secrets (hash, tenant, api_key_id) values ($1, $2, $3) on conflict do nothing";
            let query = sqlx::query(insert)
                .bind(hash.as_slice())
                .bind(key.tenant.as_str())
                .bind(key.api_key_id.as_str());
            query.execute(&self.pool).await?;
            Ok(())
        })
    }

    fn forget<'a>(&'a self, hash: &'a [u8; 32]) -> StoreAnswer<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query("delete from api_key_secrets where hash = $1").bind(hash.as_slice());
            query.execute(&self.pool).await?;
            Ok(())
        })
    }

    fn owner<'a>(&'a self, hash: &'a [u8; 32]) -> StoreAnswer<'a, Option<KeyRef>> {
        Box::pin(async move {
            let row: Option<(String, String)> =
                sqlx::query_as("select tenant, api_key_id from api_key_secrets where hash = $1")
                    .bind(hash.as_slice())
                    .fetch_optional(&self.pool)
                    .await?;
            Ok(row.and_then(|(tenant, id)| {
                Some(KeyRef {
                    tenant: TenantId::new(&tenant).ok()?,
                    api_key_id: ApiKeyId::new(&id).ok()?,
                })
            }))
        })
    }

    fn life<'a>(&'a self, key: &'a KeyRef, after: Version) -> StoreAnswer<'a, Vec<RecordedEvent>> {
        Box::pin(async move {
            let mut life = Vec::new();
            let mut after = after;
            loop {
                let stream = stream_of(&key.api_key_id);
                let more = (self.read_stream)(key.tenant.clone(), stream, after, LIFE_MAX)
                    .await
                    .map_err(KeyStoreError::Log)?;
                let is_all = more.len() < LIFE_MAX;
                after = more.last().map_or(after, |event| event.version);
                life.extend(more);
                if is_all {
                    return Ok(life);
                }
            }
        })
    }

    fn lease<'a>(&'a self, key: &'a KeyRef, limit: i64, most: i64) -> StoreAnswer<'a, Grant> {
        Box::pin(async move {
            let (granted, taken, window, left_ms): (i64, i64, OffsetDateTime, i64) = sqlx::query_as(LEASE)
                .bind(key.tenant.as_str())
                .bind(key.api_key_id.as_str())
                .bind(limit)
                .bind(most)
                .fetch_one(&self.pool)
                .await?;
            Ok(Grant {
                granted,
                taken,
                window,
                left_ms,
            })
        })
    }

    fn give_back<'a>(&'a self, key: &'a KeyRef, window: OffsetDateTime, unused: i64) -> StoreAnswer<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(
                "update api_key_usage set taken = taken - $4
                 where tenant = $1 and api_key_id = $2 and window_started_at = $3 and taken >= $4",
            );
            let query = query
                .bind(key.tenant.as_str())
                .bind(key.api_key_id.as_str())
                .bind(window)
                .bind(unused);
            query.execute(&self.pool).await?;
            Ok(())
        })
    }

    fn used<'a>(&'a self, uses: &'a [(KeyRef, OffsetDateTime)]) -> StoreAnswer<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(
                "insert into api_key_usage as u (tenant, api_key_id, last_used_at)
                 select * from unnest($1::text[], $2::text[], $3::timestamptz[])
                 on conflict (tenant, api_key_id) do update
                   set last_used_at = greatest(u.last_used_at, excluded.last_used_at)",
            );
            let text =
                |part: fn(&KeyRef) -> &str| uses.iter().map(move |(key, _)| part(key)).collect::<Vec<_>>();
            let query = query
                .bind(text(|key| key.tenant.as_str()))
                .bind(text(|key| key.api_key_id.as_str()))
                .bind(uses.iter().map(|(_, at)| *at).collect::<Vec<_>>());
            query.execute(&self.pool).await?;
            Ok(())
        })
    }

    fn record<'a>(&'a self, calls: &'a [CallRow]) -> StoreAnswer<'a, ()> {
        Box::pin(async move {
            fn column<'c, T>(calls: &'c [CallRow], part: impl Fn(&'c CallRow) -> T) -> Vec<T> {
                calls.iter().map(part).collect()
            }
            let query = sqlx::query(RECORD)
                .bind(column(calls, |call| call.key.tenant.as_str()))
                .bind(column(calls, |call| call.at))
                .bind(column(calls, |call| call.id))
                .bind(column(calls, |call| call.system.as_str()))
                .bind(column(calls, |call| call.kind))
                .bind(column(calls, |call| call.state()))
                .bind(column(calls, |call| call.sent.as_str()))
                .bind(column(calls, |call| call.received.as_deref()))
                .bind(column(calls, |call| call.error.as_str()))
                .bind(column(calls, |call| call.key.api_key_id.as_str()))
                .bind(column(calls, |call| call.http_status))
                .bind(column(calls, |call| call.duration_ms))
                .bind(column(calls, |call| call.calls));
            query.execute(&self.pool).await?;
            Ok(())
        })
    }

    fn purge(&self, older_than_days: u32) -> StoreAnswer<'_, u64> {
        Box::pin(async move {
            let query = sqlx::query(
                "delete from integration_log where (tenant, fecha, id) in (
                   select tenant, fecha, id from integration_log
                   where fecha < now() - make_interval(days => $1) order by fecha limit $2)",
            );
            let query = query
                .bind(i32::try_from(older_than_days).unwrap_or(i32::MAX))
                .bind(PURGE_BATCH);
            Ok(query.execute(&self.pool).await?.rows_affected())
        })
    }
}

/// The key's own event in a recorded one.
///
/// # Errors
/// When this build does not know the event: the key cannot be judged.
pub(crate) fn event_of(
    recorded: &RecordedEvent,
) -> Result<Option<schemas::events::ApiKeyEvent>, KeyStoreError> {
    match recorded.event() {
        Ok(Event::ApiKey(event)) => Ok(Some(event)),
        Ok(_) => Ok(None),
        Err(error) => Err(KeyStoreError::Log(error.to_string())),
    }
}
