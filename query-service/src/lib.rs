//! Reads: queries over the read models, each from one snapshot of one tenant.
//!
//! Deliberately absent: anything that writes, and any figure that is not in a read model.

pub mod api;
mod column;
mod failure;
mod list;
pub mod pages;
mod parameters;
mod people;
mod progress;
mod receipt;
mod routes;
mod snapshot;

use platform::http::{CursorKey, Features, Problem, Service, projection_behind};
use platform::vault::Vault;
use poem::EndpointExt;
use poem_openapi::{OpenApi, OpenApiService};
use schemas::TenantId;
use sqlx::PgPool;

pub use api::receipts::Receipts;
pub use progress::Progress;
pub use routes::ROUTES;
use snapshot::Snapshot;

/// What every read stands on. Cheap to clone.
#[derive(Clone)]
pub struct QueryService {
    /// Of the API role: row security limits it to the tenant of each transaction.
    pool: PgPool,
    vault: Vault,
    cursor_key: CursorKey,
    progress: Progress,
    receipts: Receipts,
    renderer: receipt::render::Renderer,
    /// Modules that the installation uses.
    features: Features,
}

impl QueryService {
    /// `api_pool` must sign in as the API role.
    pub fn new(
        api_pool: PgPool,
        vault: Vault,
        cursor_key: CursorKey,
        progress: Progress,
        receipts: Receipts,
    ) -> Self {
        Self {
            pool: api_pool,
            vault,
            cursor_key,
            progress,
            receipts,
            renderer: receipt::render::Renderer::default(),
            features: Features::default(),
        }
    }

    /// Says which modules are on; all of them otherwise.
    #[must_use]
    pub fn with_features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// A snapshot that holds at least `min_position`.
    async fn snapshot(&self, tenant: &TenantId, min_position: Option<i64>) -> Result<Snapshot, Problem> {
        self.progress.reach(min_position).await?;
        let snapshot = Snapshot::open(&self.pool, tenant).await?;
        // The database may have come back older than what its projector had told us.
        match min_position {
            Some(wanted) if snapshot.position < wanted => Err(projection_behind(wanted, snapshot.position)),
            _ => Ok(snapshot),
        }
    }

    /// All operations, for the OpenAPI document and for the endpoint.
    pub fn operations(&self) -> impl OpenApi + use<> {
        (
            api::catalogue::CatalogueReads(self.clone()),
            (
                api::inventory::InventoryReads(self.clone()),
                api::stock_costs::StockCostReads(self.clone()),
                api::stock_movements::StockMovementReads(self.clone()),
                api::stock_alerts::StockAlertReads(self.clone()),
                api::movements::MovementReads(self.clone()),
            ),
            api::reservations::ReservationReads(self.clone()),
            api::transfers::TransferReads(self.clone()),
            api::offline::OfflineReads(self.clone()),
            api::customers::CustomerReads(self.clone()),
            api::customer_account::CustomerAccountReads(self.clone()),
            api::orders::OrderReads(self.clone()),
            api::suppliers::SupplierReads(self.clone()),
            api::purchases::PurchaseReads(self.clone()),
            api::sales::SaleReads(self.clone()),
            api::receipts::ReceiptReads(self.clone()),
            api::reports::Reports(self.clone()),
            api::audit::AuditReads(self.clone()),
            (
                api::imports::ImportReads(self.clone()),
                api::repairs::RepairReads(self.clone()),
                api::settings::SettingsReads(self.clone()),
                api::admin::AdminReads(self.clone()),
                api::api_keys::ApiKeyReads(self.clone()),
                api::external::ExternalReads(self.clone()),
                api::external::reports::ExternalReports(self.clone()),
            ),
        )
    }

    /// The operations with their rows of the route table, as the gateway serves them.
    pub fn service(&self) -> Service {
        let operations = OpenApiService::new(self.operations(), "query-service", env!("CARGO_PKG_VERSION"));
        Service {
            routes: ROUTES,
            endpoint: operations.map_to_response().boxed(),
        }
    }
}
