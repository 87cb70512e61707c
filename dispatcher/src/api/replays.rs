//! Replays (WHK-4): what one would send again, and how far those are that were asked for.
//!
//! Asking for one is a command, so that it stands in the log with its reason (the command service's).

use platform::http::{JsonAnswer, Page, PageAnswer, PageRequest, Problem, RequestContext, Text, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::EndpointId;
use schemas::events::webhook::ReplaySelection;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::snapshot::{Snapshot, after, not_found, unavailable};
use super::{At, DeliveryReads, Group};
use crate::replay::first_sequence;

/// What a replay would send again if it were asked for now. Nothing is sent.
#[derive(Debug, Serialize, JsonSchema)]
struct ReplayCount {
    /// Finished deliveries that are selected; those that are still on their way are not sent twice.
    count: i64,
    /// Of the first and the last one; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_sequence: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sequence: Option<i64>,
}

/// A replay that was asked for.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
struct WebhookReplay {
    /// The position of the event that asked for it, as the command answered it.
    replay: i64,
    #[sqlx(json)]
    select: ReplaySelection,
    rate_per_s: i32,
    /// `running`, `done`, or `cancelled` because the endpoint was deleted.
    state: String,
    /// Deliveries that were made due again so far.
    replayed: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    requested_at: OffsetDateTime,
    requested_by: String,
    /// `X-Reason` as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    finished_at: Option<OffsetDateTime>,
}

pub(super) struct ReplayReads(pub DeliveryReads);

#[OpenApi(tag = "Group::Webhooks")]
impl ReplayReads {
    /// Dry run: how many deliveries a replay would send again. Give exactly one selection.
    ///
    /// A number that the endpoint does not have, or not any more, is not found.
    #[oai(
        path = "/api/v1/webhooks/endpoints/:endpoint_id/replay",
        method = "get",
        operation_id = "count_replay"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn count_replay(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        /// The delivery with this number.
        sequence: Query<Option<i64>>,
        /// `true`: those that were given up.
        dead: Query<Option<bool>>,
        /// Those of events at this position and after it.
        from_position: Query<Option<i64>>,
        /// Those of events that were recorded at this time (RFC 3339) or later.
        since: Query<Option<String>>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<ReplayCount>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: EndpointId = endpoint_id.0.parse().map_err(|_| not_found())?;
        let select = selection(sequence.0, dead.0, from_position.0, since.0.as_deref())?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, min_position.0).await?;
        let endpoint: Option<(i64, i64)> = sqlx::query_as(
            "select endpoint, next_sequence - 1 from webhook_endpoints where tenant = $1 and endpoint_id = $2",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let (endpoint, newest) = endpoint.ok_or_else(not_found)?;
        let first = first_sequence(snapshot.connection(), endpoint, select, newest)
            .await
            .map_err(unavailable)?;
        let (last, sql) = counted(select, newest);
        let (count, first_sequence, last_sequence): (i64, Option<i64>, Option<i64>) = sqlx::query_as(sql)
            .bind(endpoint)
            .bind(first)
            .bind(last)
            .fetch_one(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        if count == 0 && matches!(select, ReplaySelection::Delivery { .. }) {
            return Err(not_found());
        }
        let value = ReplayCount {
            count,
            first_sequence,
            last_sequence,
        };
        Ok(JsonAnswer(At { value, position }))
    }

    /// An endpoint's replays, oldest first.
    #[oai(
        path = "/api/v1/webhooks/endpoints/:endpoint_id/replays",
        method = "get",
        operation_id = "list_replays"
    )]
    async fn list_replays(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        /// Rows of a page, at most 200.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until events up to this position have been matched.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<WebhookReplay>, Problem> {
        let tenant = &context.principal.tenant;
        let id: EndpointId = endpoint_id.0.parse().map_err(|_| not_found())?;
        let scope = format!("webhook_replays/{tenant}/{id}");
        let key = &self.0.cursor_key;
        let page: PageRequest<i64> = PageRequest::new(limit.0, cursor.0.as_deref(), &scope, key)?;
        let mut snapshot = Snapshot::open(&self.0.pool, tenant, min_position.0).await?;
        let endpoint: Option<i64> = sqlx::query_scalar(
            "select endpoint from webhook_endpoints where tenant = $1 and endpoint_id = $2",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let rows: Vec<WebhookReplay> = sqlx::query_as(
            "select position as replay, selection as \"select\", rate_per_s, state, replayed, requested_at, requested_by,
               reason, finished_at
             from webhook_replays where endpoint = $1 and position > $2 order by position limit $3",
        )
        .bind(endpoint.ok_or_else(not_found)?)
        .bind(after(&page))
        .bind(page.fetch())
        .fetch_all(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(PageAnswer(Page::cut(rows, &page, position, &scope, key, |row| {
            row.replay
        })))
    }
}

/// The last number that a selection may hold, and what counts what would be sent again of it.
fn counted(select: ReplaySelection, newest: i64) -> (i64, &'static str) {
    match select {
        // One that waits is sent, too.
        ReplaySelection::Delivery { sequence } => (
            sequence.min(newest),
            "select count(*), min(sequence), max(sequence) from webhook_deliveries
             where endpoint = $1 and sequence between $2 and $3",
        ),
        ReplaySelection::Dead => (
            newest,
            "select count(*), min(sequence), max(sequence) from webhook_finished
             where endpoint = $1 and sequence between $2 and $3 and status = 'dead'",
        ),
        ReplaySelection::FromPosition { .. } | ReplaySelection::Since { .. } => (
            newest,
            "select count(*), min(sequence), max(sequence) from webhook_finished
             where endpoint = $1 and sequence between $2 and $3 and status in ('delivered', 'dead')",
        ),
    }
}

/// The one selection that was given.
fn selection(
    sequence: Option<i64>,
    dead: Option<bool>,
    position: Option<i64>,
    since: Option<&str>,
) -> Result<ReplaySelection, Problem> {
    let since = since
        .map(|text| OffsetDateTime::parse(text, &Rfc3339))
        .transpose()
        .map_err(|_| wrong("since: RFC 3339"))?;
    let given = [
        sequence.map(|sequence| ReplaySelection::Delivery { sequence }),
        dead.filter(|dead| *dead).map(|_| ReplaySelection::Dead),
        position.map(|position| ReplaySelection::FromPosition { position }),
        since.map(|time| ReplaySelection::Since { time }),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(select), None) => Ok(select),
        _ => Err(wrong("sequence | dead | from_position | since")),
    }
}

fn wrong(detail: &str) -> Problem {
    Problem::new(&codes::PARAMETER_INVALID).at("", Text::same(detail.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_selection_is_taken() {
        assert_eq!(
            selection(Some(7), None, None, None).unwrap(),
            ReplaySelection::Delivery { sequence: 7 }
        );
        assert_eq!(
            selection(None, Some(true), None, None).unwrap(),
            ReplaySelection::Dead
        );
        assert!(selection(None, None, None, Some("2026-11-22T10:00:00-06:00")).is_ok());
        for (sequence, dead, position, since) in [
            (None, None, None, None),
            (None, Some(false), None, None),
            (Some(1), Some(true), None, None),
            (None, None, Some(0), Some("2026-11-22T10:00:00Z")),
            (None, None, None, Some("yesterday")),
        ] {
            assert!(selection(sequence, dead, position, since).is_err());
        }
    }
}
