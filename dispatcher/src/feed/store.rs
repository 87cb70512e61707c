//! What the matcher writes of feeds in its own transaction, and what it reads when it takes over.

use schemas::TenantId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::grants;
use super::plan::{ConnectorState, Connectors, FeedPlan, FeedRow, Folded, Token};

#[derive(sqlx::FromRow)]
struct ConnectorRow {
    connector: i64,
    tenant: String,
    slug: String,
    name: String,
    state: String,
    grants: String,
    next_sequence: i64,
    changed_position: i64,
    created_at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    connector: i64,
    token_id: String,
    hash: Vec<u8>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
}

/// Every connector as of the matcher's checkpoint; `connection` is in the transaction that read it.
///
/// # Errors
/// When the database fails or holds what is no connector.
pub async fn load(connection: &mut PgConnection) -> anyhow::Result<Connectors> {
    let tokens: Vec<TokenRow> = sqlx::query_as(
        "select connector, token_id, hash, created_at, expires_at from feed_tokens
         order by connector, created_at, expires_at nulls last",
    )
    .fetch_all(&mut *connection)
    .await?;
    let rows: Vec<ConnectorRow> = sqlx::query_as(
        "select connector, tenant, slug, name, state, grants::text as grants, next_sequence, changed_position, created_at
         from feed_connectors order by connector",
    )
    .fetch_all(connection)
    .await?;
    let mut folded = Vec::with_capacity(rows.len());
    for row in rows {
        let own = tokens.iter().filter(|token| token.connector == row.connector);
        folded.push(Folded {
            number: row.connector,
            tenant: TenantId::new(&row.tenant)?,
            slug: row.slug,
            name: row.name,
            state: ConnectorState::stored(&row.state),
            grants: serde_json::from_str(&row.grants)?,
            tokens: own
                .map(|token| Token {
                    token_id: token.token_id.clone(),
                    hash: hex::encode(&token.hash),
                    created_at: token.created_at,
                    expires_at: token.expires_at,
                })
                .collect(),
            next_sequence: row.next_sequence,
            changed_position: row.changed_position,
            created_at: row.created_at,
        });
    }
    Ok(Connectors::new(folded))
}

/// Writes a step's part; the caller's transaction moves the checkpoint, or everything is undone.
///
/// # Errors
/// When the database fails.
pub async fn write(connection: &mut PgConnection, plan: &FeedPlan) -> anyhow::Result<()> {
    // Connectors change rarely; a handful of statements once in a while.
    for connector in &plan.changed {
        upsert(connection, connector).await?;
    }
    if plan.rows.is_empty() {
        return Ok(());
    }
    insert(connection, &plan.rows).await
}

async fn upsert(connection: &mut PgConnection, connector: &Folded) -> anyhow::Result<()> {
    sqlx::query(
        "insert into feed_connectors (tenant, slug, connector, name, state, grants, changed_position, created_at)
         values ($1, $2, $3, $4, $5, $6::json, $7, $8)
         on conflict (tenant, slug) do update set name = excluded.name, state = excluded.state,
           grants = excluded.grants, changed_position = excluded.changed_position",
    )
    .bind(connector.tenant.as_str())
    .bind(&connector.slug)
    .bind(connector.number)
    .bind(&connector.name)
    .bind(connector.state.as_str())
    .bind(serde_json::to_string(&connector.grants)?)
    .bind(connector.changed_position)
    .bind(connector.created_at)
    .execute(&mut *connection)
    .await?;
    sqlx::query("delete from feed_tokens where connector = $1")
        .bind(connector.number)
        .execute(&mut *connection)
        .await?;
    for token in &connector.tokens {
        sqlx::query(
            "insert into feed_tokens (connector, token_id, tenant, hash, created_at, expires_at)
             values ($1, $2, $3, decode($4, 'hex'), $5, $6)
             on conflict (connector, token_id) do update set hash = excluded.hash, expires_at = excluded.expires_at",
        )
        .bind(connector.number)
        .bind(&token.token_id)
        .bind(connector.tenant.as_str())
        .bind(&token.hash)
        .bind(token.created_at)
        .bind(token.expires_at)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The rows and their connectors' next numbers: one statement. What is fresh is due since it happened, so that a feed
/// is handed out in the log's order; never later than now, should the engine's clock run ahead.
async fn insert(connection: &mut PgConnection, rows: &[FeedRow]) -> anyhow::Result<()> {
    let mut connectors = Vec::with_capacity(rows.len());
    let mut sequences = Vec::with_capacity(rows.len());
    let mut tenants = Vec::with_capacity(rows.len());
    let mut positions = Vec::with_capacity(rows.len());
    let mut event_ids = Vec::with_capacity(rows.len());
    let mut entities = Vec::with_capacity(rows.len());
    let mut recorded = Vec::with_capacity(rows.len());
    for row in rows {
        connectors.push(row.connector);
        sequences.push(row.sequence);
        tenants.push(row.event.tenant.as_str());
        positions.push(row.event.position.0);
        event_ids.push(row.event.id);
        entities.push(grants::entity(&row.event.event_type));
        recorded.push(row.event.recorded_at);
    }
    sqlx::query(
        "with f as (
           select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::uuid[], $6::text[],
             $7::timestamptz[]) as f(connector, sequence, tenant, position, event_id, entity, recorded_at)),
         numbered as (
           update feed_connectors c set next_sequence = n.next
           from (select connector, max(sequence) + 1 as next from f group by connector) n
           where c.connector = n.connector)
         insert into feed_events (connector, sequence, tenant, position, event_id, entity, due_at)
         select connector, sequence, tenant, position, event_id, entity, least(recorded_at, now()) from f",
    )
    .bind(&connectors)
    .bind(&sequences)
    .bind(&tenants)
    .bind(&positions)
    .bind(&event_ids)
    .bind(&entities)
    .bind(&recorded)
    .execute(connection)
    .await?;
    Ok(())
}
