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
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Group;
use crate::QueryService;
use crate::failure::{bad_parameter, unavailable};
use crate::parameters::List;

/// Longest actor or command that a filter may name, in characters.
const MAX_FILTER_CHARS: usize = 100;

/// One event's cause.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct AuditEntry {
    /// Of the event, in the log.
    #[serde(rename = "event_position")]
    pub position: i64,
    #[schemars(with = "String")]
    pub event_id: Uuid,
    pub event_type: String,
    pub stream: String,
    /// A username, or a part of the platform.
    pub actor: String,
    pub role: Option<String>,
    /// `X-Reason`, as given.
    pub reason: Option<String>,
    /// Such as `complete_sale`.
    pub command: String,
    /// Shared by all events of one command.
    pub command_id: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

/// Reads of the audit trail.
pub struct AuditReads(pub QueryService);

fn filter(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.chars().count() > MAX_FILTER_CHARS || text.chars().any(char::is_control) => {
            Err(bad_parameter(name, "1-100"))
        }
        text => Ok(text),
    }
}

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
        let (actor, command) = (filter("actor", actor.0)?, filter("command", command.0)?);
        let from = from_position.0.map(|from| from.to_string());
        let filters = [actor.as_deref(), command.as_deref(), from.as_deref()];
        let list = List::<i64>::new(
            "audit",
            tenant,
            &filters,
            limit.0,
            cursor.0.as_deref(),
            &self.0.cursor_key,
        )?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select position, event_id, event_type, stream, actor, role, reason, command, command_id, recorded_at
             from rm_audit where tenant = ",
        );
        query.push_bind(tenant.as_str());
        if let Some(actor) = &actor {
            query.push(" and actor = ").push_bind(actor);
        }
        if let Some(command) = &command {
            query.push(" and command = ").push_bind(command);
        }
        let after = list
            .page
            .after
            .unwrap_or_else(|| from_position.0.map_or(0, |from| from.saturating_sub(1)));
        query.push(" and position > ").push_bind(after);
        query
            .push(" order by position limit ")
            .push_bind(list.page.fetch());
        let rows: Vec<AuditEntry> = query
            .build_query_as()
            .fetch_all(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let page = list.cut(rows, snapshot.position, |row| row.position);
        snapshot.close().await?;
        Ok(PageAnswer(page))
    }
}
