//! The pull feed (SYN-9): what connectors fetch and acknowledge, event by event.
//!
//! `plan` and `store` are the matcher's part: rows land in its transaction, numbered without gaps per connector. The
//! rest serves them. Deliberately absent: commands (connectors are changed through the command service), cumulative
//! acknowledgements, and copies of events (what is handed out is made from the log).

mod access;
mod acknowledge;
mod api;
mod grants;
mod items;
mod pages;
mod plan;
mod registrations;
mod store;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use event_store::{LogReader, ReadError};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::auth::{IntegrationTokens, Throttle, ThrottleLimits};
use platform::clock::SharedClock;
use platform::db::Migration;
use platform::http::{CursorKey, Problem, Service, codes};
use platform::metrics;
use poem::EndpointExt;
use poem_openapi::{OpenApi, OpenApiService};
use prometheus::{IntCounter, IntCounterVec};
use schemas::{Position, RecordedEvent};
use sqlx::PgPool;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::recent::Recent;
use crate::start::DispatcherHandle;

pub use api::ROUTES;
pub(crate) use plan::{Connectors, FeedPlan};
pub(crate) use store::{load, write};

/// The tables of feeds.
pub(crate) const MIGRATION: Migration = Migration {
    module: "feed",
    version: 1,
    sql: include_str!("schema.sql"),
};

/// Pulls and acknowledgements that use the database at the same time; the rest of the pool is the dispatcher's.
const AT_ONCE: usize = 4;
/// How long one more waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// Wrong tokens of one address, and of all together, in a minute. Right ones are never counted nor held up.
const FAILURES: u32 = 30;
const FAILURES_OF_ALL: u32 = 600;
const WINDOW: Duration = Duration::from_secs(60);
const MAX_ADDRESSES: usize = 10_000;

/// The log, whichever it is.
trait Log: Send + Sync {
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// The events at these positions; one that the log does not have is missing from the answer.
    fn at(&self, positions: Vec<i64>) -> BoxFuture<'_, Result<HashMap<i64, Arc<RecordedEvent>>, ReadError>>;
}

struct Events<R> {
    reader: R,
    recent: Recent,
}

impl<R: LogReader> Log for Events<R> {
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.reader.head().boxed()
    }

    fn at(&self, positions: Vec<i64>) -> BoxFuture<'_, Result<HashMap<i64, Arc<RecordedEvent>>, ReadError>> {
        self.recent.fetch(&self.reader, positions).boxed()
    }
}

/// The feeds of all connectors, as they are served. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    /// Bypasses row security, since a token comes without a tenant; every statement names its connector.
    pool: PgPool,
    turns: Semaphore,
    /// Of the API role, for administrators' lists.
    api_pool: PgPool,
    cursor_key: CursorKey,
    log: Box<dyn Log>,
    tokens: IntegrationTokens,
    clock: SharedClock,
    failures: Throttle<IpAddr>,
    failures_of_all: Throttle<()>,
    handed_out: IntCounter,
    acknowledged: IntCounterVec,
    refused: IntCounter,
}

impl Feed {
    /// `engine_pool` bypasses row security; `api_pool` signs in as the API role.
    pub fn new<R: LogReader>(
        dispatcher: &DispatcherHandle,
        reader: R,
        (engine_pool, api_pool): (PgPool, PgPool),
        tokens: IntegrationTokens,
        cursor_key: CursorKey,
        clock: SharedClock,
    ) -> Self {
        let limits = |failures, max_keys| ThrottleLimits {
            failures,
            window: WINDOW,
            max_keys,
        };
        Self(Arc::new(Shared {
            pool: engine_pool,
            turns: Semaphore::new(AT_ONCE),
            api_pool,
            cursor_key,
            log: Box::new(Events {
                reader,
                recent: dispatcher.recent.clone(),
            }),
            tokens,
            clock,
            failures: Throttle::new(limits(FAILURES, MAX_ADDRESSES)),
            failures_of_all: Throttle::new(limits(FAILURES_OF_ALL, 1)),
            handed_out: metrics::counter(
                "trastienda_feed_events_handed_out_total",
                "Events given to pulling connectors, repetitions included.",
            ),
            acknowledged: metrics::counter_vec(
                "trastienda_feed_acknowledgements_total",
                "Acknowledgements of pulled events that changed something, by status.",
                &["status"],
            ),
            refused: metrics::counter(
                "trastienda_feed_tokens_refused_total",
                "Requests to feeds whose token was not accepted.",
            ),
        }))
    }

    /// All operations, for the OpenAPI document and for the endpoint.
    pub fn operations(&self) -> impl OpenApi + use<> {
        (
            api::Pulls(Arc::clone(&self.0)),
            registrations::ConnectorReads(Arc::clone(&self.0)),
        )
    }

    /// The operations with their rows of the route table, as the gateway serves them.
    pub fn service(&self) -> Service {
        let operations = OpenApiService::new(self.operations(), "pull feed", env!("CARGO_PKG_VERSION"));
        Service {
            routes: ROUTES,
            endpoint: operations.map_to_response().boxed(),
        }
    }
}

impl Shared {
    /// Waits for a turn at the database.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(TURN, self.turns.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::new(&codes::SERVICE_BUSY).retry_after(1)),
        }
    }
}
