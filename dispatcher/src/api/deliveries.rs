//! Deliveries and their attempts (WHK-3, WHK-5).

use platform::http::{Page, PageAnswer, PageRequest, Problem, RequestContext, Text, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::EndpointId;
use schemas::events::admin::Role;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::snapshot::{Snapshot, after, not_found, unavailable};
use super::{DeliveryReads, Group};
use crate::sign::webhook_id;

const STATUSES: [&str; 6] = ["pending", "retrying", "held", "delivered", "dead", "erased"];

/// One event on its way to one endpoint.
#[derive(Debug, Serialize, JsonSchema)]
struct WebhookDelivery {
    delivery_id: String,
    /// The value of the header `webhook-id`, the same at every attempt.
    webhook_id: String,
    sequence: i64,
    #[schemars(with = "String")]
    event_id: Uuid,
    event_type: String,
    /// The event's position in the log.
    event_position: i64,
    /// `pending`, `retrying`, `held`, `delivered`, `dead` or `erased`.
    status: String,
    attempts: i32,
    /// When it is tried next, while it is open.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    due_at: Option<OffsetDateTime>,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    finished_at: Option<OffsetDateTime>,
    /// The receiver's last status.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<i32>,
    /// A stable code of what went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

#[derive(FromRow)]
struct Row {
    endpoint: i64,
    sequence: i64,
    event_id: Uuid,
    event_type: String,
    position: i64,
    status: String,
    attempts: i32,
    due_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    last_status: Option<i32>,
    last_error: Option<String>,
}

/// Rows of one page; each condition is worded so that the table or index of such rows is all that is read.
macro_rules! page_sql {
    ($table:literal, $status:literal, $due:literal, $finished:literal, $condition:literal) => {
        concat!(
            "select endpoint, sequence, event_id, event_type, position, ",
            $status,
            " as status, attempts, ",
            $due,
            " as due_at, ",
            $finished,
            " as finished_at, last_status, last_error from ",
            $table,
            " where endpoint = $1 and sequence > $2 and ",
            $condition,
            " order by sequence limit $3"
        )
    };
    (open $status:literal, $condition:literal) => {
        page_sql!("webhook_open", $status, "due_at", "null::timestamptz", $condition)
    };
    (finished $status:literal, $condition:literal) => {
        page_sql!(
            "webhook_finished",
            $status,
            "null::timestamptz",
            "finished_at",
            $condition
        )
    };
}

/// The page of deliveries in this state, or of all. What is open is held while its endpoint rests, though no row says so.
fn page_of(status: Option<&str>, rests: bool) -> &'static str {
    match (status, rests) {
        (None, _) => page_sql!("webhook_deliveries", "status", "due_at", "finished_at", "true"),
        (Some("pending"), false) => page_sql!(open "'pending'", "attempts = attempt_base"),
        (Some("retrying"), false) => page_sql!(open "'retrying'", "attempts <> attempt_base"),
        (Some("held"), true) => page_sql!(open "'held'", "true"),
        (Some("delivered"), _) => page_sql!(finished "'delivered'", "status = 'delivered'"),
        (Some("dead"), _) => page_sql!(finished "'dead'", "status = 'dead'"),
        (Some("erased"), _) => page_sql!(finished "'erased'", "status = 'erased'"),
        (Some(_), _) => page_sql!(open "'held'", "false"),
    }
}

impl Row {
    fn into_delivery(mut self, endpoint_id: &EndpointId, rests: bool) -> WebhookDelivery {
        if rests && matches!(self.status.as_str(), "pending" | "retrying") {
            "held".clone_into(&mut self.status);
        }
        let open = matches!(self.status.as_str(), "pending" | "retrying");
        WebhookDelivery {
            delivery_id: format!("{}-{}", self.endpoint, self.sequence),
            webhook_id: webhook_id(endpoint_id.as_str(), self.event_id),
            sequence: self.sequence,
            event_id: self.event_id,
            event_type: self.event_type,
            event_position: self.position,
            status: self.status,
            attempts: self.attempts,
            due_at: self.due_at.filter(|_| open),
            finished_at: self.finished_at,
            last_status: self.last_status,
            last_error: self.last_error,
        }
    }
}

/// One request to a receiver, and what came of it.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
struct WebhookAttempt {
    /// From 1.
    number: i32,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    started_at: OffsetDateTime,
    latency_ms: i32,
    /// Absent when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    /// The answer's beginning; for administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
}

pub(super) struct DeliveryLists(pub DeliveryReads);

#[OpenApi(tag = "Group::Webhooks")]
impl DeliveryLists {
    /// An endpoint's deliveries, by sequence.
    #[oai(
        path = "/api/v1/webhooks/endpoints/:endpoint_id/deliveries",
        method = "get",
        operation_id = "list_deliveries"
    )]
    async fn list_deliveries(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        /// Only those in this state.
        status: Query<Option<String>>,
        /// Rows of a page, at most 200.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<WebhookDelivery>, Problem> {
        let tenant = &context.principal.tenant;
        let id: EndpointId = endpoint_id.0.parse().map_err(|_| not_found())?;
        let status = status.0.map(checked_status).transpose()?;
        let scope = format!(
            "webhook_deliveries/{tenant}/{id}/{}",
            status.as_deref().unwrap_or_default()
        );
        let key = &self.0.cursor_key;
        let page: PageRequest<i64> = PageRequest::new(limit.0, cursor.0.as_deref(), &scope, key)?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, min_position.0).await?;
        let endpoint: Option<(i64, bool)> = sqlx::query_as(
            "select endpoint, state in ('paused', 'disabled') from webhook_endpoints
             where tenant = $1 and endpoint_id = $2",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let (endpoint, rests) = endpoint.ok_or_else(not_found)?;
        let rows: Vec<Row> = sqlx::query_as(page_of(status.as_deref(), rests))
            .bind(endpoint)
            .bind(after(&page))
            .bind(page.fetch())
            .fetch_all(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        let cut = Page::cut(rows, &page, position, &scope, key, |row| row.sequence);
        let items = cut
            .items
            .into_iter()
            .map(|row| row.into_delivery(&id, rests))
            .collect();
        Ok(PageAnswer(Page {
            items,
            next: cut.next,
            position,
        }))
    }

    /// A delivery's attempts, in their order. Receivers' answers are shown to administrators only.
    #[oai(
        path = "/api/v1/webhooks/deliveries/:delivery_id/attempts",
        method = "get",
        operation_id = "list_attempts"
    )]
    async fn list_attempts(
        &self,
        context: Data<&RequestContext>,
        delivery_id: Path<String>,
        /// Rows of a page, at most 200.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<PageAnswer<WebhookAttempt>, Problem> {
        let tenant = &context.principal.tenant;
        let (endpoint, sequence) = parse_delivery_id(&delivery_id.0).ok_or_else(not_found)?;
        let scope = format!("webhook_attempts/{tenant}/{endpoint}/{sequence}");
        let key = &self.0.cursor_key;
        let page: PageRequest<i64> = PageRequest::new(limit.0, cursor.0.as_deref(), &scope, key)?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, None).await?;
        let exists: bool = sqlx::query_scalar(
            "select exists (select from webhook_deliveries where endpoint = $1 and sequence = $2 and tenant = $3)",
        )
        .bind(endpoint)
        .bind(sequence)
        .bind(tenant.as_str())
        .fetch_one(snapshot.connection())
        .await
        .map_err(unavailable)?;
        if !exists {
            return Err(not_found());
        }
        let rows: Vec<WebhookAttempt> = sqlx::query_as(
            "select number, started_at, latency_ms, status_code, error_code, case when $5 then excerpt end as excerpt
             from webhook_attempts where endpoint = $1 and sequence = $2 and number > $3 order by number limit $4",
        )
        .bind(endpoint)
        .bind(sequence)
        .bind(after(&page))
        .bind(page.fetch())
        .bind(context.principal.role == Role::Admin)
        .fetch_all(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(PageAnswer(Page::cut(rows, &page, position, &scope, key, |row| {
            i64::from(row.number)
        })))
    }
}

/// `<endpoint's number>-<sequence>`.
fn parse_delivery_id(text: &str) -> Option<(i64, i64)> {
    let (endpoint, sequence) = text.split_once('-')?;
    Some((endpoint.parse().ok()?, sequence.parse().ok()?))
}

fn checked_status(status: String) -> Result<String, Problem> {
    if STATUSES.contains(&status.as_str()) {
        return Ok(status);
    }
    Err(Problem::new(&codes::PARAMETER_INVALID)
        .at("", Text::same(format!("status: {}", STATUSES.join(", ")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_names_endpoint_and_sequence() {
        assert_eq!(parse_delivery_id("184-3521"), Some((184, 3521)));
        assert_eq!(parse_delivery_id("184"), None);
        assert_eq!(parse_delivery_id("x-1"), None);
    }

    #[test]
    fn an_unknown_status_is_refused() {
        assert!(checked_status("held".to_owned()).is_ok());
        assert!(checked_status("lost".to_owned()).is_err());
    }
}
