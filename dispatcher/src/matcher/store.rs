//! The matcher's one transaction, and what it reads when it takes over.

use schemas::TenantId;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::plan::{Backfill, Endpoints, Folded, Planned, PreviousSecret, Replay, Wanted};
use crate::claim::Leases;
use crate::counters::count_moves;
use crate::feed;
use crate::registry::EndpointState;

/// What one step writes.
pub struct Step<'a> {
    /// The checkpoint before; anything else in the table means that the lease was lost.
    pub from: i64,
    pub to: i64,
    pub deliveries: &'a [Planned],
    /// Which of them are inserted with a lease.
    pub leased: &'a [bool],
    pub changed: Vec<&'a Folded>,
    pub replays: &'a [Replay],
    pub leases: Leases,
    /// What the same events mean to pull connectors.
    pub feed: &'a feed::FeedPlan,
}

/// The checkpoint was not where this matcher left it.
#[derive(Debug, thiserror::Error)]
#[error("another matcher moved the checkpoint")]
pub struct Overtaken;

#[derive(sqlx::FromRow)]
struct Row {
    tenant: String,
    endpoint_id: String,
    endpoint: i64,
    state: String,
    cause: Option<String>,
    settings: String,
    secret_id: String,
    secret_fingerprint: String,
    previous_secret_id: Option<String>,
    previous_secret_fingerprint: Option<String>,
    previous_secret_until: Option<OffsetDateTime>,
    next_sequence: i64,
    cursor: Option<i64>,
    cursor_settings: Option<String>,
    changed_position: i64,
    created_at: OffsetDateTime,
}

/// The checkpoint and every endpoint as of it. Read under the lease; a writer that lost it is caught by its
/// compare-and-swap.
pub async fn load(pool: &PgPool) -> anyhow::Result<(i64, Endpoints, feed::Connectors)> {
    let mut transaction = pool.begin().await?;
    sqlx::query("set transaction isolation level repeatable read")
        .execute(&mut *transaction)
        .await?;
    let position: i64 =
        sqlx::query_scalar("select position from dispatcher_checkpoint where name = 'matcher'")
            .fetch_one(&mut *transaction)
            .await?;
    let rows: Vec<Row> = sqlx::query_as(
        "select tenant, endpoint_id, endpoint, state, cause, settings::text as settings, secret_id,
           secret_fingerprint, previous_secret_id, previous_secret_fingerprint, previous_secret_until, next_sequence, cursor, cursor_settings::text as cursor_settings, changed_position,
           created_at
         from webhook_endpoints order by endpoint",
    )
    .fetch_all(&mut *transaction)
    .await?;
    let connectors = feed::load(&mut transaction).await?;
    transaction.commit().await?;
    let folded = rows
        .into_iter()
        .map(Folded::try_from)
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok((position, Endpoints::new(folded), connectors))
}

impl TryFrom<Row> for Folded {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> anyhow::Result<Self> {
        let backfill = match (row.cursor, row.cursor_settings) {
            (Some(cursor), Some(settings)) => Some(Backfill {
                cursor,
                wanted: Wanted::new(serde_json::from_str(&settings)?),
            }),
            _ => None,
        };
        let previous_secret = match (
            row.previous_secret_id,
            row.previous_secret_fingerprint,
            row.previous_secret_until,
        ) {
            (Some(secret_id), Some(secret_fingerprint), Some(until)) => Some(PreviousSecret {
                secret_id,
                secret_fingerprint,
                until,
            }),
            _ => None,
        };
        Ok(Self {
            number: row.endpoint,
            tenant: TenantId::new(&row.tenant)?,
            endpoint_id: row.endpoint_id,
            state: EndpointState::stored(&row.state),
            cause: row.cause,
            wanted: Wanted::new(serde_json::from_str(&row.settings)?),
            secret_id: row.secret_id,
            secret_fingerprint: row.secret_fingerprint,
            previous_secret,
            next_sequence: row.next_sequence,
            backfill,
            changed_position: row.changed_position,
            created_at: row.created_at,
        })
    }
}

/// Writes a step: all of it or nothing.
pub async fn write(pool: &PgPool, step: Step<'_>) -> anyhow::Result<()> {
    let mut connection = pool.acquire().await?;
    if step.changed.is_empty() && step.replays.is_empty() && step.feed.is_empty() {
        // One statement is its own transaction, one round trip and one flush.
        return insert(&mut connection, &step).await;
    }
    let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
    upsert(&mut transaction, &step.changed).await?;
    note_replays(&mut transaction, step.replays).await?;
    feed::write(&mut transaction, step.feed).await?;
    insert(&mut transaction, &step).await?;
    Ok(transaction.commit().await?)
}

async fn upsert(connection: &mut PgConnection, changed: &[&Folded]) -> anyhow::Result<()> {
    // Endpoints change rarely; a handful of statements once in a while.
    for endpoint in changed {
        let backfill = endpoint.backfill.as_ref();
        let cursor_settings = backfill
            .map(|b| serde_json::to_string(&b.wanted.settings))
            .transpose()?;
        sqlx::query(
            "insert into webhook_endpoints as e (tenant, endpoint_id, endpoint, state, cause, settings, secret_id,
               secret_fingerprint, cursor, cursor_settings, changed_position, created_at, previous_secret_id,
               previous_secret_fingerprint, previous_secret_until)
             values ($1, $2, $3, $4, $5, $6::json, $7, $8, $9, $10::json, $11, $12, $13, $14, $15)
             on conflict (tenant, endpoint_id) do update set state = excluded.state, cause = excluded.cause,
               resumed_at = case when excluded.state = 'active' and e.state <> 'active' then now() else e.resumed_at end,
               settings = excluded.settings, secret_id = excluded.secret_id,
               secret_fingerprint = excluded.secret_fingerprint, cursor = excluded.cursor,
               cursor_settings = excluded.cursor_settings, changed_position = excluded.changed_position,
               previous_secret_id = excluded.previous_secret_id,
               previous_secret_fingerprint = excluded.previous_secret_fingerprint,
               previous_secret_until = excluded.previous_secret_until",
        )
        .bind(endpoint.tenant.as_str())
        .bind(&endpoint.endpoint_id)
        .bind(endpoint.number)
        .bind(endpoint.state.as_str())
        .bind(&endpoint.cause)
        .bind(serde_json::to_string(&endpoint.wanted.settings)?)
        .bind(&endpoint.secret_id)
        .bind(&endpoint.secret_fingerprint)
        .bind(backfill.map(|b| b.cursor))
        .bind(cursor_settings)
        .bind(endpoint.changed_position)
        .bind(endpoint.created_at)
        .bind(endpoint.previous_secret.as_ref().map(|p| &p.secret_id))
        .bind(endpoint.previous_secret.as_ref().map(|p| &p.secret_fingerprint))
        .bind(endpoint.previous_secret.as_ref().map(|p| p.until))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Requests to send again, for `replay` to carry out; they are rare.
async fn note_replays(connection: &mut PgConnection, replays: &[Replay]) -> anyhow::Result<()> {
    for replay in replays {
        sqlx::query(
            "insert into webhook_replays (position, endpoint, tenant, selection, rate_per_s, last_sequence,
               requested_at, requested_by, reason)
             values ($1, $2, $3, $4::json, $5, $6, $7, $8, $9) on conflict do nothing",
        )
        .bind(replay.position)
        .bind(replay.endpoint)
        .bind(replay.tenant.as_str())
        .bind(serde_json::to_string(&replay.select)?)
        .bind(i32::try_from(replay.rate_per_s.clamp(1, 1_000))?)
        .bind(replay.last_sequence)
        .bind(replay.requested_at)
        .bind(&replay.requested_by)
        .bind(&replay.reason)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

#[derive(Default)]
struct Columns {
    endpoint: Vec<i64>,
    sequence: Vec<i64>,
    tenant: Vec<String>,
    position: Vec<i64>,
    event_id: Vec<uuid::Uuid>,
    event_type: Vec<String>,
    recorded_at: Vec<OffsetDateTime>,
    payload: Vec<i16>,
    fast: Vec<bool>,
}

impl Columns {
    fn new(deliveries: &[Planned]) -> Self {
        let mut columns = Self::default();
        for planned in deliveries {
            let event = &planned.event;
            columns.endpoint.push(planned.endpoint);
            columns.sequence.push(planned.sequence);
            columns.tenant.push(event.tenant.as_str().to_owned());
            columns.position.push(event.position.0);
            columns.event_id.push(event.id);
            columns.event_type.push(event.event_type.to_string());
            columns.recorded_at.push(event.recorded_at);
            columns.payload.push(planned.body.code());
            columns.fast.push(planned.fast);
        }
        columns
    }
}

/// Moves the checkpoint by compare-and-swap and inserts the deliveries: one statement.
async fn insert(connection: &mut PgConnection, step: &Step<'_>) -> anyhow::Result<()> {
    if step.deliveries.is_empty() {
        let moved = sqlx::query(
            "update dispatcher_checkpoint set position = $2, updated_at = now() where name = 'matcher' and position = $1",
        )
        .bind(step.from)
        .bind(step.to)
        .execute(connection)
        .await?;
        return if moved.rows_affected() == 1 {
            Ok(())
        } else {
            Err(Overtaken.into())
        };
    }
    let columns = Columns::new(step.deliveries);
    let stepped: i64 = sqlx::query_scalar(concat!(
        "with stepped as (
           update dispatcher_checkpoint set position = $2, updated_at = now()
           where name = 'matcher' and position = $1 returning 1),
         d as (
           select * from unnest($3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[], $8::text[],
             $9::timestamptz[], $10::smallint[], $11::bool[], $12::bool[])
           as d(endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, fast, leased)
           where exists (select from stepped)),
         numbered as (
           update webhook_endpoints e set next_sequence = n.next
           from (select endpoint, max(sequence) + 1 as next from d group by endpoint) n
           where e.endpoint = n.endpoint),
         inserted as (
           insert into webhook_open (endpoint, sequence, tenant, position, event_id, event_type, recorded_at,
             payload, fast, lease_until)
           select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, fast,
             case when leased then now() + (case when fast then $14 else $13 end) * interval '1 millisecond' end
           from d),
         moved as (select endpoint, tenant, null::text as was, 'pending'::text as status from d),
         counted as (",
        count_moves!("0"),
        ")
         select count(*) from stepped",
    ))
    .bind(step.from)
    .bind(step.to)
    .bind(&columns.endpoint)
    .bind(&columns.sequence)
    .bind(&columns.tenant)
    .bind(&columns.position)
    .bind(&columns.event_id)
    .bind(&columns.event_type)
    .bind(&columns.recorded_at)
    .bind(&columns.payload)
    .bind(&columns.fast)
    .bind(step.leased)
    .bind(i64::try_from(step.leases.general.as_millis())?)
    .bind(i64::try_from(step.leases.fast.as_millis())?)
    .fetch_one(connection)
    .await?;
    if stepped == 1 {
        Ok(())
    } else {
        Err(Overtaken.into())
    }
}
