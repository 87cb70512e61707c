//! Reads over HTTP: endpoints, their deliveries and attempts, as this crate's tables have them.
//!
//! Changing endpoints is the command service's. Deliberately absent: secrets (only their fingerprints), and the
//! answers of receivers for anybody but administrators.

mod deliveries;
mod endpoints;
mod replays;
pub(crate) mod snapshot;
mod statistics;

use platform::http::{Access, CursorKey, ReasonRule, Route, Service, Verb};
use poem::EndpointExt;
use poem_openapi::{OpenApi, OpenApiService, Tags};
use schemars::JsonSchema;
use schemas::events::admin::Role;
use serde::Serialize;
use sqlx::PgPool;

/// Receivers' addresses and failures are for those who look after integrations.
const OFFICE: &[Role] = &[Role::Admin, Role::Manager, Role::Auditor];

const fn read(path: &'static str, operation: &'static str) -> Route {
    Route {
        method: Verb::Get,
        path,
        operation,
        roles: OFFICE,
        reason: ReasonRule::Optional,
        scope: "webhooks:read",
        access: Access::User,
    }
}

/// The dispatcher's rows of the route table.
pub const ROUTES: &[Route] = &[
    read("/api/v1/webhooks/endpoints", "list_endpoints"),
    read("/api/v1/webhooks/endpoints/{endpoint_id}", "get_endpoint"),
    read(
        "/api/v1/webhooks/endpoints/{endpoint_id}/statistics",
        "get_endpoint_statistics",
    ),
    read(
        "/api/v1/webhooks/endpoints/{endpoint_id}/deliveries",
        "list_deliveries",
    ),
    read("/api/v1/webhooks/endpoints/{endpoint_id}/replay", "count_replay"),
    read("/api/v1/webhooks/endpoints/{endpoint_id}/replays", "list_replays"),
    read(
        "/api/v1/webhooks/deliveries/{delivery_id}/attempts",
        "list_attempts",
    ),
    Route::public(Verb::Get, "/api/v1/events/types", "list_event_types"),
    Route::public(Verb::Get, "/api/v1/events/types/{event_type}", "get_event_type"),
];

/// Groups of operations in the OpenAPI document.
#[derive(Debug, Tags)]
pub(crate) enum Group {
    /// Endpoints, deliveries and attempts.
    Webhooks,
    /// The types of events, their schemas and examples.
    Events,
}

/// A single thing with the position that it speaks for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}At")]
struct At<T> {
    #[serde(flatten)]
    value: T,
    /// Events up to here have been matched with endpoints.
    position: i64,
}

/// What every read stands on. Cheap to clone.
#[derive(Clone)]
pub struct DeliveryReads {
    /// Of the API role: row security limits it to the tenant of each transaction.
    pool: PgPool,
    cursor_key: CursorKey,
}

impl DeliveryReads {
    /// `api_pool` must sign in as the API role.
    pub fn new(api_pool: PgPool, cursor_key: CursorKey) -> Self {
        Self {
            pool: api_pool,
            cursor_key,
        }
    }

    /// The key of the cursors of this service's lists.
    pub(crate) fn cursor_key(&self) -> &CursorKey {
        &self.cursor_key
    }

    /// All operations, for the OpenAPI document and for the endpoint.
    pub fn operations(&self) -> impl OpenApi + use<> {
        (
            endpoints::EndpointReads(self.clone()),
            statistics::StatisticsReads(self.clone()),
            deliveries::DeliveryLists(self.clone()),
            replays::ReplayReads(self.clone()),
            crate::catalogue::EventTypeReads(self.clone()),
        )
    }

    /// The operations with their rows of the route table, as the gateway serves them.
    pub fn service(&self) -> Service {
        let operations = OpenApiService::new(self.operations(), "dispatcher", env!("CARGO_PKG_VERSION"));
        Service {
            routes: ROUTES,
            endpoint: operations.map_to_response().boxed(),
        }
    }
}
