//! Who did what, when and why (REP-6).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Group;
use crate::QueryService;
use crate::failure::bad_parameter;
use crate::list::{List, push_equal};
use crate::parameters::filter_text;

/// Longest stream that a filter may name, in characters.
const MAX_STREAM_CHARS: usize = 300;

/// Digits of a trace id.
const TRACE_ID_CHARS: usize = 32;
/// Whose system actors are the platform's own processes.
const PROCESS: &str = "process ";

/// One event's cause.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct AuditEntry {
    /// Of the event, in the log.
    #[serde(rename = "event_position")]
    pub position: i64,
    #[schemars(with = "String")]
    pub event_id: Uuid,
    pub event_type: String,
    /// The document or thing that it happened to, such as `purchase/<id>`, `order/<id>` or `stock/<store>/<sku>`.
    pub stream: String,
    /// A username, or a part of the platform.
    pub actor: String,
    pub role: Option<String>,
    /// `X-Reason`, as given.
    pub reason: Option<String>,
    /// Such as `complete_sale`.
    pub command: String,
    /// Shared by all events of one command: the caller's `X-Idempotency-Key`, or a drawn one.
    pub command_id: String,
    /// The trace id of the request's `traceparent`, shared by what the platform did by itself because of it; absent when
    /// there was none.
    pub correlation_id: Option<String>,
    /// Of what the platform did by itself: the `event_position` of the event that it did it for.
    #[sqlx(skip)]
    pub caused_by: Option<i64>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

impl AuditEntry {
    /// A process's command is named after the process, the position that it goes back to, and more (no client's key
    /// holds a space).
    fn with_cause(mut self) -> Self {
        let is_process = self.role.is_none() && self.actor.starts_with(PROCESS);
        let position = self.command_id.split(' ').nth(1).filter(|_| is_process);
        self.caused_by = position.and_then(|position| position.parse().ok());
        self
    }
}

/// What a list is narrowed to.
struct Narrowed {
    actor: Option<String>,
    command: Option<String>,
    stream: Option<String>,
    correlation_id: Option<String>,
    caused_by: Option<String>,
    from: Option<String>,
}

impl Narrowed {
    fn filters(&self) -> [Option<&str>; 6] {
        [
            self.actor.as_deref(),
            self.command.as_deref(),
            self.stream.as_deref(),
            self.correlation_id.as_deref(),
            self.caused_by.as_deref(),
            self.from.as_deref(),
        ]
    }

    /// The conditions, written so that each finds its partial index.
    fn push(&self, query: &mut QueryBuilder<Postgres>) {
        push_equal(query, "actor", self.actor.as_deref());
        push_equal(query, "command", self.command.as_deref());
        push_equal(query, "correlation_id", self.correlation_id.as_deref());
        if let Some(stream) = &self.stream {
            query.push(" and stream not like 'stock/%' and stream = ");
            query.push_bind(stream.clone());
        }
        if let Some(position) = &self.caused_by {
            query.push(" and actor like 'process %' and role is null and split_part(command_id, ' ', 2) = ");
            query.push_bind(position.clone());
        }
    }
}

/// A document's stream. A stock's own history is a list of its own.
fn filter_stream(text: Option<String>) -> Result<Option<String>, Problem> {
    match &text {
        Some(stream) if stream.starts_with("stock/") => {
            Err(bad_parameter("stream", "GET /api/v1/inventory/stock/movements"))
        }
        Some(stream) if stream.is_empty() || stream.chars().count() > MAX_STREAM_CHARS => {
            Err(bad_parameter("stream", "1-300"))
        }
        Some(stream) if stream.chars().any(char::is_control) => Err(bad_parameter("stream", "1-300")),
        _ => Ok(text),
    }
}

/// 32 hexadecimal digits in lower case.
fn filter_trace(text: Option<String>) -> Result<Option<String>, Problem> {
    let is_trace = |text: &str| {
        text.len() == TRACE_ID_CHARS
            && text
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    match text {
        Some(text) if !is_trace(&text) => Err(bad_parameter("correlation_id", "[0-9a-f]{32}")),
        text => Ok(text),
    }
}

/// Reads of the audit trail.
pub struct AuditReads(pub QueryService);

#[OpenApi(tag = "Group::Audit")]
impl AuditReads {
    /// The audit trail in the order of the log.
    #[oai(path = "/api/v1/audit", method = "get", operation_id = "list_audit")]
    async fn list_audit(
        &self,
        context: Data<&RequestContext>,
        /// A username, or a part of the platform.
        actor: Query<Option<String>>,
        /// A command's type, such as `complete_sale`.
        command: Query<Option<String>>,
        /// What happened to one document or thing, such as `purchase/<id>`, `order/<id>`, `sale/<id>` or `user/<name>`; not
        /// `stock/…`, whose history is `GET /api/v1/inventory/stock/movements`.
        stream: Query<Option<String>>,
        /// The trace id of a `traceparent`, 32 hexadecimal digits: all that its requests led to.
        correlation_id: Query<Option<String>>,
        /// What the platform did by itself because of the event with this `event_position`.
        caused_by: Query<Option<i64>>,
        /// Start with this position; 1 when absent.
        from_position: Query<Option<i64>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<AuditEntry>, Problem> {
        let tenant = &context.principal.tenant;
        let narrowed = Narrowed {
            actor: filter_text("actor", actor.0)?,
            command: filter_text("command", command.0)?,
            stream: filter_stream(stream.0)?,
            correlation_id: filter_trace(correlation_id.0)?,
            caused_by: caused_by.0.map(|position| position.to_string()),
            from: from_position.0.map(|from| from.to_string()),
        };
        let list = List::<i64>::new(&self.0, "audit", tenant, &narrowed.filters(), limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select position, event_id, event_type, stream, actor, role, reason, command, command_id, correlation_id,
                    recorded_at
             from rm_audit where tenant = ",
        );
        query.push_bind(tenant.as_str());
        narrowed.push(&mut query);
        let start = from_position.0.map_or(0, |from| from.saturating_sub(1));
        let after = list.after().copied().unwrap_or(start);
        query.push(" and position > ").push_bind(after);
        query.push(" order by position limit ").push_bind(list.fetch());
        let sort_key = |row: &AuditEntry| row.position;
        let mut page = list.page(snapshot, query, sort_key).await?;
        page.items = page.items.into_iter().map(AuditEntry::with_cause).collect();
        Ok(PageAnswer(page))
    }
}
