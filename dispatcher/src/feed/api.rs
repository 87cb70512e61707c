//! The routes of SYN-9, as an outside system calls them: fetch events, acknowledge one.
//!
//! Each stands under `/api/v1/sync` and under `/api/v1`, since S1 has the first and the rows of its table the second.
//! Not here: who it is (`access`), the rules of acknowledgements (`acknowledge`).

use std::sync::Arc;
use std::time::Duration;

use platform::http::{
    Access, ConnectorContext, JsonAnswer, JsonBody, Problem, ReasonRule, Route, Text, Verb, codes,
    projection_behind,
};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{OpenApi, Tags};
use schemars::JsonSchema;
use schemas::card::holds_card_number;
use schemas::events::admin::Role;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Shared;
use super::acknowledge::{self, Ack, Outcome, Settled};
use super::items::{self, Cut, Item};
use super::pages::{self, Status, Wanted};
use crate::api::snapshot::{not_found, unavailable};

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 200;
const LEASE_DEFAULT_S: i64 = 60;
const LEASE_MAX_S: i64 = 3_600;
const DETAIL_MAX_CHARS: usize = 2_000;
const ENTITY_MAX_CHARS: usize = 100;
/// How long `min_position` is waited for.
const WAIT: Duration = Duration::from_secs(3);

const fn pull(method: Verb, path: &'static str, operation: &'static str) -> Route {
    Route {
        method,
        path,
        operation,
        roles: &[],
        reason: ReasonRule::Never,
        scope: "integrations:pull",
        access: Access::Connector,
    }
}

const fn read(path: &'static str, operation: &'static str) -> Route {
    Route {
        method: Verb::Get,
        path,
        operation,
        roles: &[Role::Admin, Role::Auditor],
        reason: ReasonRule::Optional,
        scope: "connectors:read",
        access: Access::User,
    }
}

/// The feeds' rows of the route table.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    pull(Verb::Get, "/api/v1/sync/integrations/hooks/{slug}/events", "pull_events"),
    pull(Verb::Post, "/api/v1/sync/integrations/hooks/{slug}/events/{id}/ack", "acknowledge_event"),
    pull(Verb::Get, "/api/v1/integrations/hooks/{slug}/events", "pull_integration_events"),
    pull(Verb::Post, "/api/v1/integrations/hooks/{slug}/events/{id}/ack", "acknowledge_integration_event"),
    read("/api/v1/connectors", "list_connectors"),
    read("/api/v1/connectors/{slug}", "get_connector"),
];

/// Groups of operations in the OpenAPI document.
#[derive(Debug, Tags)]
pub(super) enum Group {
    /// Pull connectors and their feeds.
    Connectors,
}

/// A page of a feed. Numbers may be missing in one page (another poller has them, or they wait for their next try);
/// over the feed there are none missing from 1 to `last_sequence`.
#[derive(Debug, Serialize, JsonSchema)]
struct FeedPage {
    items: Vec<Item>,
    /// Whether more can be fetched at once.
    more: bool,
    /// The last number that was given out.
    last_sequence: i64,
    /// Events up to this position of the log are in the feed, as far as they are granted.
    position: i64,
}

/// What is said of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AckStatus {
    #[serde(alias = "SENT")]
    Sent,
    #[serde(alias = "FAILED")]
    Failed,
}

/// Speaks of one event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventAck {
    status: AckStatus,
    /// What went wrong, in words; kept. At most 2,000 characters.
    #[serde(default)]
    detail: Option<String>,
    /// With `failed`: the `attempts` of the page that it speaks of, so that a late word does not disturb who has the
    /// event now.
    #[serde(default)]
    attempt: Option<i32>,
    /// With `failed`: don't hand it out again. It stays `FAILED` and can still be acknowledged with `sent`.
    #[serde(default, rename = "final")]
    is_final: bool,
}

/// Where the event stands now.
#[derive(Debug, Serialize, JsonSchema)]
struct EventAcked {
    id: i64,
    #[schemars(with = "String")]
    event_id: Uuid,
    /// `PENDING`, `SENT` or `FAILED`.
    status: String,
    detail: Option<String>,
    attempts: i32,
    failures: i32,
    #[serde(rename = "final")]
    is_final: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    acknowledged_at: Option<OffsetDateTime>,
    /// When it is handed out again; `null` for never.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    next_attempt_at: Option<OffsetDateTime>,
}

impl From<Settled> for EventAcked {
    fn from(row: Settled) -> Self {
        Self {
            id: row.sequence,
            event_id: row.event_id,
            status: row.status,
            detail: row.detail,
            attempts: row.attempts,
            failures: row.failures,
            is_final: row.is_final,
            acknowledged_at: row.settled_at,
            next_attempt_at: row.due_at,
        }
    }
}

/// The query of a pull, as it came.
struct Asked {
    limit: Option<i64>,
    lease_s: Option<i64>,
    entity: Option<String>,
    status: Option<String>,
    after: Option<i64>,
    min_position: Option<i64>,
}

/// The query of a pull, within its bounds.
struct Checked {
    limit: i64,
    lease_s: i64,
    entity: Option<String>,
    status: Option<Status>,
    after: i64,
}

impl Asked {
    fn check(self) -> Result<Checked, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::new(&codes::LIMIT_INVALID));
        }
        let lease_s = self.lease_s.unwrap_or(LEASE_DEFAULT_S);
        if !(0..=LEASE_MAX_S).contains(&lease_s) {
            return Err(parameter(format!("lease_s: 0 – {LEASE_MAX_S}")));
        }
        let status = match self.status.as_deref() {
            None => None,
            Some(text) => Some(
                Status::parse(text).ok_or_else(|| parameter("status: PENDING, SENT, FAILED".to_owned()))?,
            ),
        };
        let is_word = |b: u8| b.is_ascii_lowercase() || b == b'_';
        if self
            .entity
            .as_ref()
            .is_some_and(|e| e.is_empty() || e.len() > ENTITY_MAX_CHARS || !e.bytes().all(is_word))
        {
            return Err(parameter("entity: sale, transfer_order, inventory, …".to_owned()));
        }
        Ok(Checked {
            limit,
            // What is sent is never handed out again, so there is nothing to lease.
            lease_s: if status == Some(Status::Sent) { 0 } else { lease_s },
            entity: self.entity,
            status,
            after: self.after.unwrap_or(0),
        })
    }
}

fn parameter(text: String) -> Problem {
    Problem::new(&codes::PARAMETER_INVALID).at("", Text::same(text))
}

impl EventAck {
    fn check(self) -> Result<Ack, Problem> {
        let detail = self.detail.map(|text| text.trim().to_owned());
        let detail = detail.filter(|text| !text.is_empty());
        if let Some(text) = &detail {
            let problem = |es, en| Problem::new(&codes::BODY_INVALID).at("/detail", Text::fixed(es, en));
            if text.chars().count() > DETAIL_MAX_CHARS {
                return Err(problem(
                    "Como máximo 2000 caracteres.",
                    "At most 2,000 characters.",
                ));
            }
            if holds_card_number(text) {
                return Err(problem(
                    "Contiene lo que parece un número de tarjeta.",
                    "It holds what looks like a card number.",
                ));
            }
        }
        Ok(match self.status {
            AckStatus::Sent => Ack::Sent { detail },
            AckStatus::Failed => Ack::Failed {
                detail,
                is_final: self.is_final,
                attempt: self.attempt,
            },
        })
    }
}

impl Shared {
    async fn pull(&self, slug: &str, context: &ConnectorContext, asked: Asked) -> Result<FeedPage, Problem> {
        let mut puller = self.admit(slug, context).await?;
        let wanted_position = asked.min_position.unwrap_or(0);
        let asked = asked.check()?;
        if puller.position < wanted_position {
            let reached = self.wait_until_matched(wanted_position, WAIT).await?;
            if reached < wanted_position {
                return Err(projection_behind(wanted_position, reached));
            }
            puller = self.admit(slug, context).await?;
        }
        let wanted = Wanted {
            connector: puller.connector,
            entity: asked.entity,
            status: asked.status,
            limit: asked.limit,
        };
        let is_leased = asked.lease_s > 0;
        let rows = {
            let _turn = self.turn().await?;
            if is_leased {
                pages::lease(&self.pool, &wanted, asked.lease_s).await
            } else {
                pages::look(&self.pool, &wanted, asked.after).await
            }
        }
        .map_err(unavailable)?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= asked.limit);
        // A row that landed after the connector was looked up has a higher number than was known then.
        let last = rows.iter().map(|row| row.sequence).max().unwrap_or(0);
        let events = self
            .log
            .at(rows.iter().map(|row| row.position).collect())
            .await
            .map_err(|error| {
                tracing::error!(%error, "the log cannot be read");
                Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(1)
            })?;
        let Cut { items, rest } = items::cut(rows, &events);
        if is_leased && !rest.is_empty() {
            let _turn = self.turn().await?;
            let given_back = pages::give_back(&self.pool, puller.connector, &rest).await;
            given_back.map_err(unavailable)?;
        }
        if is_leased {
            self.handed_out
                .inc_by(u64::try_from(items.len()).unwrap_or_default());
        }
        Ok(FeedPage {
            items,
            more: is_full || !rest.is_empty(),
            last_sequence: puller.last_sequence.max(last),
            position: puller.position,
        })
    }

    async fn acknowledge(
        &self,
        slug: &str,
        id: &str,
        context: &ConnectorContext,
        body: EventAck,
    ) -> Result<EventAcked, Problem> {
        let puller = self.admit(slug, context).await?;
        let sequence: i64 = id.parse().map_err(|_| not_found())?;
        let ack = body.check()?;
        let _turn = self.turn().await?;
        let settled = acknowledge::settle(&self.pool, puller.connector, sequence, &ack).await;
        match settled.map_err(unavailable)? {
            Outcome::NotFound => Err(not_found()),
            Outcome::AlreadySent => Err(Problem::new(&codes::FEED_ALREADY_SENT)),
            Outcome::Settled { row, changed } => {
                if changed {
                    self.acknowledged.with_label_values(&[row.status.as_str()]).inc();
                }
                Ok((*row).into())
            }
        }
    }
}

pub(super) struct Pulls(pub Arc<Shared>);

macro_rules! asked {
    ($limit:ident, $lease_s:ident, $entity:ident, $status:ident, $after:ident, $min_position:ident) => {
        Asked {
            limit: $limit.0,
            lease_s: $lease_s.0,
            entity: $entity.0,
            status: $status.0,
            after: $after.0,
            min_position: $min_position.0,
        }
    };
}

#[OpenApi(tag = "Group::Connectors")]
#[expect(
    clippy::too_many_arguments,
    reason = "each is a parameter of the query, named in the document"
)]
impl Pulls {
    /// Fetch events. They are the caller's until the lease ends, and come again until they are acknowledged with `sent`.
    #[oai(
        path = "/api/v1/sync/integrations/hooks/:slug/events",
        method = "get",
        operation_id = "pull_events"
    )]
    async fn pull_events(
        &self,
        context: Data<&ConnectorContext>,
        slug: Path<String>,
        /// Events of a page, at most 200; 50 by default.
        limit: Query<Option<i64>>,
        /// Seconds until they come again, at most 3,600; 60 by default. 0 looks without taking anything.
        lease_s: Query<Option<i64>>,
        /// Only those of this entity, such as `sale`.
        entity: Query<Option<String>>,
        /// Only those in this state: `PENDING`, `FAILED`, or `SENT` (looked at, never handed out).
        status: Query<Option<String>>,
        /// When looking: numbers after this one.
        after: Query<Option<i64>>,
        /// Wait until events up to this position are in the feed.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<FeedPage>, Problem> {
        let asked = asked!(limit, lease_s, entity, status, after, min_position);
        self.0.pull(&slug.0, context.0, asked).await.map(JsonAnswer)
    }

    /// Fetch events, under the shorter path.
    #[oai(
        path = "/api/v1/integrations/hooks/:slug/events",
        method = "get",
        operation_id = "pull_integration_events"
    )]
    async fn pull_integration_events(
        &self,
        context: Data<&ConnectorContext>,
        slug: Path<String>,
        /// Events of a page, at most 200; 50 by default.
        limit: Query<Option<i64>>,
        /// Seconds until they come again, at most 3,600; 60 by default. 0 looks without taking anything.
        lease_s: Query<Option<i64>>,
        /// Only those of this entity, such as `sale`.
        entity: Query<Option<String>>,
        /// Only those in this state: `PENDING`, `FAILED`, or `SENT` (looked at, never handed out).
        status: Query<Option<String>>,
        /// When looking: numbers after this one.
        after: Query<Option<i64>>,
        /// Wait until events up to this position are in the feed.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<FeedPage>, Problem> {
        let asked = asked!(limit, lease_s, entity, status, after, min_position);
        self.0.pull(&slug.0, context.0, asked).await.map(JsonAnswer)
    }

    /// Acknowledge one event: `sent`, or `failed` with what went wrong.
    #[oai(
        path = "/api/v1/sync/integrations/hooks/:slug/events/:id/ack",
        method = "post",
        operation_id = "acknowledge_event"
    )]
    async fn acknowledge_event(
        &self,
        context: Data<&ConnectorContext>,
        slug: Path<String>,
        id: Path<String>,
        body: JsonBody<EventAck>,
    ) -> Result<JsonAnswer<EventAcked>, Problem> {
        self.0
            .acknowledge(&slug.0, &id.0, context.0, body.0)
            .await
            .map(JsonAnswer)
    }

    /// Acknowledge one event, under the shorter path.
    #[oai(
        path = "/api/v1/integrations/hooks/:slug/events/:id/ack",
        method = "post",
        operation_id = "acknowledge_integration_event"
    )]
    async fn acknowledge_integration_event(
        &self,
        context: Data<&ConnectorContext>,
        slug: Path<String>,
        id: Path<String>,
        body: JsonBody<EventAck>,
    ) -> Result<JsonAnswer<EventAcked>, Problem> {
        self.0
            .acknowledge(&slug.0, &id.0, context.0, body.0)
            .await
            .map(JsonAnswer)
    }
}
