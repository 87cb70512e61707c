//! Endpoints and their sums (WHK-1).

use platform::http::{JsonAnswer, Page, PageAnswer, PageRequest, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::EndpointId;
use schemas::events::admin::Role;
use schemas::events::webhook::EndpointSettings;
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::snapshot::{Snapshot, after, not_found, unavailable};
use super::{At, DeliveryReads, Group};

/// One endpoint as it is now.
#[derive(Debug, Serialize, JsonSchema)]
struct WebhookEndpoint {
    endpoint_id: String,
    /// `active`, `paused`, `disabled` (its receiver answered 410) or `deleted`.
    state: String,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(flatten)]
    settings: EndpointSettings,
    /// SHA-256 of the signing secret, in hex.
    secret_fingerprint: String,
    /// Of the secret before the last rotation, while it is valid, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_fingerprint: Option<String>,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    previous_secret_until: Option<OffsetDateTime>,
    /// The last sequence number given out; 0 before the first delivery.
    last_sequence: i64,
    /// While the past is being delivered: events up to this position have been looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilled_to: Option<i64>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    created_at: OffsetDateTime,
}

macro_rules! columns {
    () => {
        "select endpoint, endpoint_id, state, cause, settings, secret_fingerprint, next_sequence, cursor, created_at,
           case when previous_secret_until > now() then previous_secret_fingerprint end as previous_secret_fingerprint,
           case when previous_secret_until > now() then previous_secret_until end as previous_secret_until
         from webhook_endpoints"
    };
}

#[derive(FromRow)]
struct Row {
    endpoint: i64,
    endpoint_id: String,
    state: String,
    cause: Option<String>,
    settings: Json<EndpointSettings>,
    secret_fingerprint: String,
    previous_secret_fingerprint: Option<String>,
    previous_secret_until: Option<OffsetDateTime>,
    next_sequence: i64,
    cursor: Option<i64>,
    created_at: OffsetDateTime,
}

/// What stands for a header's value that the reader may not see.
const HIDDEN: &str = "***";

impl WebhookEndpoint {
    /// As this role sees it: who only reads does not get what may open the receiver.
    fn of(row: Row, reader: Role) -> Self {
        let mut endpoint = Self::from(row);
        if !matches!(reader, Role::Admin | Role::Manager) {
            let values = endpoint.settings.headers.values_mut();
            values.for_each(|value| HIDDEN.clone_into(value));
        }
        endpoint
    }
}

impl From<Row> for WebhookEndpoint {
    fn from(row: Row) -> Self {
        Self {
            endpoint_id: row.endpoint_id,
            state: row.state,
            cause: row.cause,
            settings: row.settings.0,
            secret_fingerprint: row.secret_fingerprint,
            previous_secret_fingerprint: row.previous_secret_fingerprint,
            previous_secret_until: row.previous_secret_until,
            last_sequence: row.next_sequence - 1,
            backfilled_to: row.cursor,
            created_at: row.created_at,
        }
    }
}

pub(super) struct EndpointReads(pub DeliveryReads);

#[OpenApi(tag = "Group::Webhooks")]
impl EndpointReads {
    /// Endpoints, oldest first, deleted ones left out. Auditors see the names of headers, and `***` for their values.
    #[oai(
        path = "/api/v1/webhooks/endpoints",
        method = "get",
        operation_id = "list_endpoints"
    )]
    async fn list_endpoints(
        &self,
        context: Data<&RequestContext>,
        /// Rows of a page, at most 200.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<WebhookEndpoint>, Problem> {
        let tenant = &context.principal.tenant;
        let scope = format!("webhook_endpoints/{tenant}");
        let key = &self.0.cursor_key;
        let page: PageRequest<i64> = PageRequest::new(limit.0, cursor.0.as_deref(), &scope, key)?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, min_position.0).await?;
        let rows: Vec<Row> = sqlx::query_as(concat!(
            columns!(),
            " where tenant = $1 and endpoint > $2 and state <> 'deleted' order by endpoint limit $3",
        ))
        .bind(tenant.as_str())
        .bind(after(&page))
        .bind(page.fetch())
        .fetch_all(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        let cut = Page::cut(rows, &page, position, &scope, key, |row| row.endpoint);
        let role = context.principal.role;
        let items = cut.items.into_iter();
        let items = items.map(|row| WebhookEndpoint::of(row, role)).collect();
        Ok(PageAnswer(Page {
            items,
            next: cut.next,
            position,
        }))
    }

    /// One endpoint. Auditors see the names of headers, and `***` for their values.
    #[oai(
        path = "/api/v1/webhooks/endpoints/:endpoint_id",
        method = "get",
        operation_id = "get_endpoint"
    )]
    async fn get_endpoint(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<WebhookEndpoint>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: EndpointId = endpoint_id.0.parse().map_err(|_| not_found())?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, min_position.0).await?;
        let row: Option<Row> = sqlx::query_as(concat!(columns!(), " where tenant = $1 and endpoint_id = $2"))
            .bind(tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(JsonAnswer(At {
            value: WebhookEndpoint::of(row.ok_or_else(not_found)?, context.principal.role),
            position,
        }))
    }
}
