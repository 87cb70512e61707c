//! Connectors as administrators see them: grants, tokens' names, and how far the consumer is.
//!
//! Tokens and their hashes are shown to nobody. Creating and changing is the command service's.

use std::sync::Arc;

use platform::http::{JsonAnswer, Page, PageAnswer, PageRequest, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::Shared;
use super::api::Group;
use crate::api::snapshot::{Snapshot, after, not_found, unavailable};

/// A token that is accepted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct ConnectorTokenName {
    token_id: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    created_at: OffsetDateTime,
    /// `null` for the newest.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    expires_at: Option<OffsetDateTime>,
}

/// One connector as it is now.
#[derive(Debug, Serialize, JsonSchema)]
struct ConnectorRegistration {
    slug: String,
    name: String,
    /// `active`, `disabled` or `revoked`.
    state: String,
    grants: Vec<String>,
    tokens: Vec<ConnectorTokenName>,
    /// The last number given out in its feed; 0 before the first.
    last_sequence: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    created_at: OffsetDateTime,
}

/// One connector with where its feed stands. `last_sequence` is the sum of the counts.
#[derive(Debug, Serialize, JsonSchema)]
struct ConnectorStanding {
    #[serde(flatten)]
    connector: ConnectorRegistration,
    /// Not acknowledged yet.
    pending: i64,
    /// Reported as failed; handed out again.
    failed: i64,
    /// Given up by the consumer.
    given_up: i64,
    sent: i64,
    /// Events up to here have been matched.
    position: i64,
}

#[derive(FromRow)]
struct Row {
    connector: i64,
    slug: String,
    name: String,
    state: String,
    grants: Json<Vec<String>>,
    next_sequence: i64,
    created_at: OffsetDateTime,
    tokens: Json<Vec<ConnectorTokenName>>,
}

impl From<Row> for ConnectorRegistration {
    fn from(row: Row) -> Self {
        Self {
            slug: row.slug,
            name: row.name,
            state: row.state,
            grants: row.grants.0,
            tokens: row.tokens.0,
            last_sequence: row.next_sequence - 1,
            created_at: row.created_at,
        }
    }
}

#[derive(FromRow)]
struct Counts {
    pending: i64,
    failed: i64,
    given_up: i64,
    sent: i64,
}

macro_rules! connectors_sql {
    ($where:literal) => {
        concat!(
            "select c.connector, c.slug, c.name, c.state, c.grants, c.next_sequence, c.created_at,
               coalesce((select json_agg(json_build_object('token_id', t.token_id, 'created_at', t.created_at,
                   'expires_at', t.expires_at) order by t.created_at, t.expires_at nulls last)
                 from feed_tokens t where t.connector = c.connector and t.tenant = c.tenant
                   and (t.expires_at is null or t.expires_at > now())), '[]'::json) as tokens
             from feed_connectors c where c.tenant = $1 and ",
            $where
        )
    };
}

pub(super) struct ConnectorReads(pub Arc<Shared>);

#[OpenApi(tag = "Group::Connectors")]
impl ConnectorReads {
    /// Connectors, oldest first, revoked ones included.
    #[oai(path = "/api/v1/connectors", method = "get", operation_id = "list_connectors")]
    async fn list_connectors(
        &self,
        context: Data<&RequestContext>,
        /// Rows of a page, at most 200.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<ConnectorRegistration>, Problem> {
        let tenant = &context.principal.tenant;
        let scope = format!("connectors/{tenant}");
        let key = &self.0.cursor_key;
        let page: PageRequest<i64> = PageRequest::new(limit.0, cursor.0.as_deref(), &scope, key)?;
        let mut snapshot = Snapshot::open(&self.0.api_pool, tenant, min_position.0).await?;
        let rows: Vec<Row> =
            sqlx::query_as(connectors_sql!("c.connector > $2 order by c.connector limit $3"))
                .bind(tenant.as_str())
                .bind(after(&page))
                .bind(page.fetch())
                .fetch_all(snapshot.connection())
                .await
                .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        let cut = Page::cut(rows, &page, position, &scope, key, |row| row.connector);
        Ok(PageAnswer(Page {
            items: cut.items.into_iter().map(Into::into).collect(),
            next: cut.next,
            position,
        }))
    }

    /// One connector, with where its feed stands.
    #[oai(
        path = "/api/v1/connectors/:slug",
        method = "get",
        operation_id = "get_connector"
    )]
    async fn get_connector(
        &self,
        context: Data<&RequestContext>,
        slug: Path<String>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<ConnectorStanding>, Problem> {
        let tenant = &context.principal.tenant;
        let mut snapshot = Snapshot::open(&self.0.api_pool, tenant, min_position.0).await?;
        let row: Option<Row> = sqlx::query_as(connectors_sql!("c.slug = $2"))
            .bind(tenant.as_str())
            .bind(&slug.0)
            .fetch_optional(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let row = row.ok_or_else(not_found)?;
        let counts: Counts = sqlx::query_as(
            "select count(*) filter (where status = 'PENDING') as pending,
               count(*) filter (where status = 'FAILED' and not final) as failed,
               count(*) filter (where status = 'FAILED' and final) as given_up,
               count(*) filter (where status = 'SENT')
                 + (select purged from feed_connectors where connector = $1) as sent
             from feed_events where connector = $1",
        )
        .bind(row.connector)
        .fetch_one(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(JsonAnswer(ConnectorStanding {
            connector: row.into(),
            pending: counts.pending,
            failed: counts.failed,
            given_up: counts.given_up,
            sent: counts.sent,
            position,
        }))
    }
}
