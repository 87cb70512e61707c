//! An endpoint's figures (WHK-1): where its deliveries are, how its receiver fares. All of it from counters.

use platform::http::{JsonAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::EndpointId;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;

use super::snapshot::{Snapshot, not_found, unavailable};
use super::{At, DeliveryReads, Group};

/// Where an endpoint's deliveries are. `matched` is the sum of the others.
#[derive(Debug, Serialize, JsonSchema)]
struct WebhookStatistics {
    matched: i64,
    delivered: i64,
    /// Not tried yet.
    pending: i64,
    /// Tried, and to be tried again.
    retrying: i64,
    /// Waiting for the endpoint to be resumed.
    held: i64,
    /// Given up, and kept.
    dead: i64,
    /// Never to be sent, because the person was erased first.
    erased: i64,
    last_sequence: i64,
    /// Requests to the receiver.
    attempts: i64,
    /// Those that were not answered 2xx.
    failed_attempts: i64,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    last_success_at: Option<OffsetDateTime>,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    last_failure_at: Option<OffsetDateTime>,
    latency: WebhookLatency,
    breaker: WebhookBreaker,
}

/// How long the receiver took, over all attempts.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
struct WebhookLatency {
    /// Absent before the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_ms: Option<i64>,
    /// Attempts of at most ten milliseconds; the others contain the ones before.
    within_10_ms: i64,
    within_100_ms: i64,
    within_1000_ms: i64,
    within_10000_ms: i64,
}

/// Whether the endpoint is spared because its receiver was down.
#[derive(Debug, Serialize, JsonSchema)]
struct WebhookBreaker {
    /// `closed` (everything is sent), `open` (nothing is), `half_open` (one attempt finds out) or `draining` (what has
    /// piled up is sent at no more than twice the usual rate).
    state: String,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    since: Option<OffsetDateTime>,
    /// Deliveries a second while the receiver was well, as measured before the breaker last moved; rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    usual_per_s: Option<i64>,
}

#[derive(FromRow)]
struct Row {
    /// The endpoint is paused or disabled: what is open is held.
    rests: bool,
    matched: i64,
    delivered: i64,
    pending: i64,
    retrying: i64,
    held: i64,
    dead: i64,
    erased: i64,
    attempts: i64,
    failures: i64,
    last_success_at: Option<OffsetDateTime>,
    last_failure_at: Option<OffsetDateTime>,
    #[sqlx(flatten)]
    latency: WebhookLatency,
    breaker: Option<String>,
    since: Option<OffsetDateTime>,
    usual_per_s: Option<i64>,
}

impl From<Row> for WebhookStatistics {
    fn from(row: Row) -> Self {
        let open = row.pending + row.retrying;
        Self {
            matched: row.matched,
            delivered: row.delivered,
            pending: if row.rests { 0 } else { row.pending },
            retrying: if row.rests { 0 } else { row.retrying },
            held: row.held + if row.rests { open } else { 0 },
            dead: row.dead,
            erased: row.erased,
            last_sequence: row.matched,
            attempts: row.attempts,
            failed_attempts: row.failures,
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            latency: row.latency,
            breaker: WebhookBreaker {
                state: row.breaker.unwrap_or_else(|| "closed".to_owned()),
                since: row.since,
                usual_per_s: row.usual_per_s,
            },
        }
    }
}

pub(super) struct StatisticsReads(pub DeliveryReads);

#[OpenApi(tag = "Group::Webhooks")]
impl StatisticsReads {
    /// An endpoint's deliveries by state, its attempts and how its receiver fares.
    #[oai(
        path = "/api/v1/webhooks/endpoints/:endpoint_id/statistics",
        method = "get",
        operation_id = "get_endpoint_statistics"
    )]
    async fn get_endpoint_statistics(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<WebhookStatistics>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: EndpointId = endpoint_id.0.parse().map_err(|_| not_found())?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, min_position.0).await?;
        let row: Option<Row> = sqlx::query_as(
            "select e.state in ('paused', 'disabled') as rests, e.next_sequence - 1 as matched, c.*, b.state as breaker, b.since,
               ceil(b.usual_per_s)::bigint as usual_per_s
             from webhook_endpoints e left join webhook_breakers b on b.endpoint = e.endpoint
             cross join lateral (
               select coalesce(sum(delivered), 0)::bigint as delivered, coalesce(sum(pending), 0)::bigint as pending,
                 coalesce(sum(retrying), 0)::bigint as retrying, coalesce(sum(held), 0)::bigint as held,
                 coalesce(sum(dead), 0)::bigint as dead, coalesce(sum(erased), 0)::bigint as erased,
                 coalesce(sum(attempts), 0)::bigint as attempts, coalesce(sum(failures), 0)::bigint as failures,
                 max(last_success_at) as last_success_at, max(last_failure_at) as last_failure_at,
                 (sum(latency_ms) / nullif(sum(attempts), 0))::bigint as mean_ms,
                 coalesce(sum(within_10_ms), 0)::bigint as within_10_ms,
                 coalesce(sum(within_100_ms), 0)::bigint as within_100_ms,
                 coalesce(sum(within_1000_ms), 0)::bigint as within_1000_ms,
                 coalesce(sum(within_10000_ms), 0)::bigint as within_10000_ms
               from webhook_counters where endpoint = e.endpoint) c
             where e.tenant = $1 and e.endpoint_id = $2",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(JsonAnswer(At {
            value: row.map(WebhookStatistics::from).ok_or_else(not_found)?,
            position,
        }))
    }
}
