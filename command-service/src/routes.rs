//! The write side's operations: one table, and one file of handlers per module.
//!
//! Handlers translate bodies into commands and nothing more: who may call stands in the table, the rules in
//! crates/domain. Bodies refuse unknown fields.

mod admin;
mod api_keys;
mod auth;
mod catalogue;
mod connectors;
mod customers;
mod external;
mod inventory;
mod movements;
mod offline;
mod orders;
mod organisation;
mod parameters;
mod pos;
mod purchases;
mod repairs;
mod reservations;
mod settings;
mod stock_alerts;
mod suppliers;
mod transfers;
mod webhooks;

use std::sync::Arc;

use platform::auth::{IntegrationTokens, TokenError};
use platform::http::openapi::{DocumentError, spec_of};
use platform::http::{Access, ReasonRule, Route, Service, Verb};
use poem::{EndpointExt, IntoEndpoint};
use poem_openapi::OpenApiService;
use schemas::events::admin::Role;

pub use self::api_keys::KeyDesk;
use crate::http::Http;

const CATALOGUE: &[Role] = &[Role::Admin, Role::Manager, Role::SyncOperator];
const TILL: &[Role] = &[Role::Admin, Role::Manager, Role::Cashier];
const ALERTED: &[Role] = &[Role::Admin, Role::Manager, Role::SyncOperator, Role::Cashier];
const MANAGE: &[Role] = &[Role::Admin, Role::Manager];
const ADMIN: &[Role] = &[Role::Admin];

const fn write(method: Verb, path: &'static str, operation: &'static str, who: Who) -> Route {
    let Who { roles, reason, scope } = who;
    Route {
        method,
        path,
        operation,
        roles,
        reason,
        scope,
        access: Access::User,
    }
}

/// The right half of a row.
struct Who {
    roles: &'static [Role],
    reason: ReasonRule,
    scope: &'static str,
}

const fn who(roles: &'static [Role], reason: ReasonRule, scope: &'static str) -> Who {
    Who { roles, reason, scope }
}

/// A row for external systems: a key that has the scope.
const fn by_key(method: Verb, path: &'static str, operation: &'static str, scope: &'static str) -> Route {
    Route {
        method,
        path,
        operation,
        roles: &[],
        reason: ReasonRule::Optional,
        scope,
        access: Access::Key,
    }
}

use ReasonRule::{Optional, Required};
use Verb::{Delete, Get, Patch, Post, Put};

/// Every operation of the write side (API-1, API-5).
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    Route::public(Post, "/api/v1/auth/token", "sign_in"),
    Route::public(Post, "/api/v1/auth/password", "change_own_password"),
    Route::public(Get, "/.well-known/jwks.json", "token_keys"),

    write(Post, "/api/v1/catalogue/items", "create_item", who(CATALOGUE, Optional, "catalogue:write")),
    write(Patch, "/api/v1/catalogue/items/{sku}", "change_item", who(CATALOGUE, Optional, "catalogue:write")),
    write(Put, "/api/v1/catalogue/items/{sku}/cost", "set_item_cost", who(CATALOGUE, Optional, "catalogue:write")),
    write(Post, "/api/v1/catalogue/items/{sku}/discontinue", "discontinue_item", who(CATALOGUE, Optional, "catalogue:write")),
    write(Post, "/api/v1/catalogue/items/{sku}/reinstate", "reinstate_item", who(CATALOGUE, Optional, "catalogue:write")),

    write(Post, "/api/v1/inventory/receipts", "receive_stock", who(CATALOGUE, Required, "inventory:write")),
    write(Post, "/api/v1/inventory/adjustments", "adjust_stock", who(CATALOGUE, Required, "inventory:write")),
    write(Post, "/api/v1/inventory/write-offs", "write_off_stock", who(CATALOGUE, Required, "inventory:write")),
    write(Post, "/api/v1/inventory/movements", "create_movement", who(CATALOGUE, Required, "inventory:write")),
    write(Post, "/api/v1/inventory/movements/{movement_id}/approve", "approve_movement", who(MANAGE, Required, "inventory:approve")),
    write(Post, "/api/v1/inventory/movements/{movement_id}/reject", "reject_movement", who(MANAGE, Required, "inventory:approve")),
    write(Put, "/api/v1/inventory/thresholds", "set_threshold", who(CATALOGUE, Required, "inventory:write")),
    write(Post, "/api/v1/inventory/thresholds/clear", "clear_threshold", who(CATALOGUE, Required, "inventory:write")),
    write(Post, "/api/v1/inventory/alerts/{alert_id}/acknowledge", "acknowledge_alert", who(ALERTED, Required, "inventory:alerts")),
    write(Post, "/api/v1/inventory/alerts/{alert_id}/resolve", "resolve_alert", who(CATALOGUE, Required, "inventory:alerts")),
    write(Post, "/api/v1/inventory/reservations", "create_reservation", who(TILL, Required, "inventory:reserve")),
    write(Post, "/api/v1/inventory/reservations/{reservation_id}/confirm", "confirm_reservation", who(TILL, Required, "inventory:reserve")),
    write(Post, "/api/v1/inventory/reservations/{reservation_id}/release", "release_reservation", who(TILL, Required, "inventory:reserve")),
    write(Post, "/api/v1/inventory/reservations/{reservation_id}/expire", "expire_reservation", who(TILL, Required, "inventory:reserve")),

    write(Post, "/api/v1/transfers", "request_transfer", who(TILL, Required, "transfers:write")),
    write(Post, "/api/v1/transfers/{transfer_id}/dispatch", "dispatch_transfer", who(TILL, Required, "transfers:write")),
    write(Post, "/api/v1/transfers/{transfer_id}/receptions", "receive_transfer", who(TILL, Required, "transfers:write")),
    write(Post, "/api/v1/transfers/{transfer_id}/differences", "resolve_difference", who(MANAGE, Required, "transfers:decide")),
    write(Post, "/api/v1/transfers/{transfer_id}/surplus", "resolve_surplus", who(MANAGE, Required, "transfers:decide")),
    write(Post, "/api/v1/transfers/{transfer_id}/cancel", "cancel_transfer", who(MANAGE, Required, "transfers:decide")),

    write(Post, "/api/v1/customers", "register_customer", who(TILL, Required, "customers:write")),
    write(Put, "/api/v1/customers/{customer_id}/credit", "change_credit", who(MANAGE, Required, "customers:credit")),
    write(Post, "/api/v1/customers/{customer_id}/charges", "charge_customer", who(MANAGE, Required, "customers:charge")),
    write(Post, "/api/v1/customers/{customer_id}/payments", "receive_payment", who(TILL, Required, "customers:payment")),

    write(Patch, "/api/v1/customers/{customer_id}", "change_customer", who(TILL, Required, "customers:write")),
    write(Put, "/api/v1/customers/{customer_id}/status", "change_customer_status", who(MANAGE, Required, "customers:status")),
    write(Post, "/api/v1/customers/{customer_id}/notes", "add_customer_note", who(TILL, Required, "customers:write")),
    write(Put, "/api/v1/customers/{customer_id}/notes/{note_id}", "correct_customer_note", who(TILL, Required, "customers:write")),
    write(Delete, "/api/v1/customers/{customer_id}/notes/{note_id}", "remove_customer_note", who(TILL, Required, "customers:write")),

    write(Post, "/api/v1/sales", "create_order", who(TILL, Required, "sales:write")),
    write(Put, "/api/v1/sales/orders/{order_id}", "change_order", who(TILL, Required, "sales:write")),
    write(Post, "/api/v1/sales/orders/{order_id}/accept", "accept_quote", who(TILL, Required, "sales:write")),
    write(Post, "/api/v1/sales/orders/{order_id}/confirm", "confirm_order", who(TILL, Required, "sales:write")),
    write(Post, "/api/v1/sales/orders/{order_id}/deliver", "deliver_order", who(TILL, Required, "sales:write")),
    write(Post, "/api/v1/sales/orders/{order_id}/invoice", "invoice_order", who(TILL, Required, "sales:write")),
    write(Post, "/api/v1/sales/orders/{order_id}/returns", "return_delivered", who(TILL, Required, "sales:write")),
    write(Post, "/api/v1/sales/orders/{order_id}/cancel", "cancel_order", who(TILL, Required, "sales:write")),

    write(Post, "/api/v1/pos/sale", "post_sale", who(TILL, Required, "pos:write")),
    write(Put, "/api/v1/pos/sale/{sale_id}", "replace_draft", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/sale/{sale_id}/complete", "complete_draft", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/sale/{sale_id}/discard", "discard_draft", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/sale/{sale_id}/void", "void_sale", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/sale/{sale_id}/returns", "return_from_sale", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/sale/{sale_id}/exchange", "exchange_goods", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/returns", "return_goods", who(TILL, Required, "pos:write")),

    write(Post, "/api/v1/suppliers", "register_supplier", who(CATALOGUE, Required, "suppliers:write")),
    write(Put, "/api/v1/suppliers/{supplier_id}", "change_supplier", who(CATALOGUE, Required, "suppliers:write")),
    write(Post, "/api/v1/suppliers/{supplier_id}/deactivate", "deactivate_supplier", who(MANAGE, Required, "suppliers:write")),
    write(Post, "/api/v1/suppliers/{supplier_id}/reactivate", "reactivate_supplier", who(MANAGE, Required, "suppliers:write")),
    write(Post, "/api/v1/suppliers/{supplier_id}/contacts", "add_supplier_contact", who(CATALOGUE, Required, "suppliers:write")),
    write(Put, "/api/v1/suppliers/{supplier_id}/contacts/{contact_id}", "change_supplier_contact", who(CATALOGUE, Required, "suppliers:write")),
    write(Delete, "/api/v1/suppliers/{supplier_id}/contacts/{contact_id}", "remove_supplier_contact", who(CATALOGUE, Required, "suppliers:write")),
    write(Post, "/api/v1/suppliers/{supplier_id}/payments", "pay_supplier", who(MANAGE, Required, "suppliers:pay")),
    write(Post, "/api/v1/suppliers/{supplier_id}/adjustments", "adjust_supplier_debt", who(MANAGE, Required, "suppliers:pay")),

    write(Post, "/api/v1/purchases", "order_purchase", who(CATALOGUE, Required, "purchases:write")),
    write(Put, "/api/v1/purchases/{purchase_id}", "change_purchase", who(CATALOGUE, Required, "purchases:write")),
    write(Post, "/api/v1/purchases/{purchase_id}/send", "send_purchase", who(MANAGE, Required, "purchases:approve")),
    write(Post, "/api/v1/purchases/{purchase_id}/receptions", "receive_purchase", who(CATALOGUE, Required, "purchases:write")),
    write(Post, "/api/v1/purchases/{purchase_id}/receptions/{reception_id}/invoice", "invoice_reception", who(CATALOGUE, Required, "purchases:write")),
    write(Post, "/api/v1/purchases/{purchase_id}/cost-adjustments", "adjust_purchase_cost", who(MANAGE, Required, "purchases:approve")),
    write(Post, "/api/v1/purchases/{purchase_id}/returns", "return_to_supplier", who(MANAGE, Required, "purchases:approve")),
    write(Post, "/api/v1/purchases/{purchase_id}/cancel", "cancel_purchase", who(MANAGE, Required, "purchases:approve")),
    write(Post, "/api/v1/purchases/{purchase_id}/close", "close_purchase", who(MANAGE, Required, "purchases:approve")),

    write(Post, "/api/v1/pos/offline/batches", "record_offline_sales", who(TILL, Required, "pos:write")),
    write(Post, "/api/v1/pos/offline/quarantine/{quarantine_id}/resolve", "resolve_offline_sale", who(MANAGE, Required, "pos:decide")),
    write(Post, "/api/v1/pos/offline/quarantine/{quarantine_id}/cancel", "cancel_offline_sale", who(MANAGE, Required, "pos:decide")),

    write(Post, "/api/v1/repairs", "receive_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/diagnosis", "diagnose_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/quotes", "quote_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/approval", "approve_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/decline", "decline_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/start", "start_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/wait-for-parts", "wait_for_parts", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/resume", "resume_repair", who(TILL, Required, "repairs:write")),
    write(Put, "/api/v1/repairs/{repair_id}/parts/kept", "keep_parts", who(TILL, Required, "repairs:parts")),
    write(Post, "/api/v1/repairs/{repair_id}/parts/taken", "take_parts", who(TILL, Required, "repairs:parts")),
    write(Post, "/api/v1/repairs/{repair_id}/parts/given-back", "give_back_parts", who(TILL, Required, "repairs:parts")),
    write(Post, "/api/v1/repairs/{repair_id}/workshop", "send_to_workshop", who(MANAGE, Required, "repairs:assign")),
    write(Post, "/api/v1/repairs/{repair_id}/workshop/return", "take_from_workshop", who(TILL, Required, "repairs:assign")),
    write(Post, "/api/v1/repairs/{repair_id}/ready", "finish_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/delivery", "deliver_repair", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/return", "return_unrepaired", who(TILL, Required, "repairs:write")),
    write(Post, "/api/v1/repairs/{repair_id}/cancel", "cancel_repair", who(TILL, Required, "repairs:write")),

    write(Patch, "/api/v1/tenant", "rename_tenant", who(ADMIN, Optional, "admin:tenant")),
    write(Put, "/api/v1/admin/letterhead", "set_letterhead", who(ADMIN, Optional, "admin:letterhead")),
    write(Put, "/api/v1/admin/numbering/{series}", "set_numbering", who(ADMIN, Optional, "admin:numbering")),
    write(Post, "/api/v1/admin/numbering/{series}/end", "end_numbering", who(ADMIN, Optional, "admin:numbering")),
    write(Put, "/api/v1/admin/policies/repairs", "set_repair_terms", who(ADMIN, Optional, "admin:policies")),
    write(Patch, "/api/v1/admin/stores/{store}", "rename_store", who(MANAGE, Optional, "admin:stores")),
    write(Patch, "/api/v1/admin/terminals/{terminal}", "rename_terminal", who(MANAGE, Optional, "admin:stores")),
    write(Post, "/api/v1/admin/stores", "open_store", who(MANAGE, Optional, "admin:stores")),
    write(Post, "/api/v1/admin/stores/{store}/close", "close_store", who(MANAGE, Optional, "admin:stores")),
    write(Post, "/api/v1/admin/stores/{store}/reopen", "reopen_store", who(MANAGE, Optional, "admin:stores")),
    write(Post, "/api/v1/admin/terminals", "register_terminal", who(MANAGE, Optional, "admin:stores")),
    write(Post, "/api/v1/admin/terminals/{terminal}/retire", "retire_terminal", who(MANAGE, Optional, "admin:stores")),
    write(Post, "/api/v1/admin/users", "create_user", who(ADMIN, Optional, "admin:users")),
    write(Patch, "/api/v1/admin/users/{username}", "rename_user", who(ADMIN, Optional, "admin:users")),
    write(Put, "/api/v1/admin/users/{username}/role", "change_user_role", who(ADMIN, Optional, "admin:users")),
    write(Put, "/api/v1/admin/users/{username}/password", "change_user_password", who(ADMIN, Optional, "admin:users")),
    write(Post, "/api/v1/admin/users/{username}/disable", "disable_user", who(ADMIN, Optional, "admin:users")),
    write(Post, "/api/v1/admin/users/{username}/enable", "enable_user", who(ADMIN, Optional, "admin:users")),
    write(Put, "/api/v1/admin/tax-rates/{tax_code}", "set_tax_rate", who(MANAGE, Optional, "admin:taxes")),
    write(Put, "/api/v1/admin/policies/stock", "set_stock_policy", who(ADMIN, Optional, "admin:policies")),
    write(Put, "/api/v1/admin/policies/movements", "set_movement_policy", who(ADMIN, Optional, "admin:policies")),

    write(Post, "/api/v1/webhooks/endpoints", "create_endpoint", who(MANAGE, Optional, "webhooks:write")),
    write(Patch, "/api/v1/webhooks/endpoints/{endpoint_id}", "change_endpoint", who(MANAGE, Optional, "webhooks:write")),
    write(Delete, "/api/v1/webhooks/endpoints/{endpoint_id}", "delete_endpoint", who(MANAGE, Optional, "webhooks:write")),
    write(Post, "/api/v1/webhooks/endpoints/{endpoint_id}/pause", "pause_endpoint", who(MANAGE, Optional, "webhooks:write")),
    write(Post, "/api/v1/webhooks/endpoints/{endpoint_id}/resume", "resume_endpoint", who(MANAGE, Optional, "webhooks:write")),
    write(Post, "/api/v1/webhooks/endpoints/{endpoint_id}/test", "test_endpoint", who(MANAGE, Optional, "webhooks:write")),
    write(Post, "/api/v1/webhooks/endpoints/{endpoint_id}/rotate-secret", "rotate_secret", who(MANAGE, Required, "webhooks:write")),
    write(Post, "/api/v1/webhooks/endpoints/{endpoint_id}/end-previous-secret", "end_previous_secret", who(MANAGE, Required, "webhooks:write")),
    write(Post, "/api/v1/webhooks/endpoints/{endpoint_id}/replay", "replay_deliveries", who(MANAGE, Required, "webhooks:write")),

    write(Post, "/api/v1/connectors", "create_connector", who(ADMIN, Optional, "connectors:write")),
    write(Patch, "/api/v1/connectors/{slug}", "change_connector", who(ADMIN, Optional, "connectors:write")),
    write(Post, "/api/v1/connectors/{slug}/rotate", "rotate_connector_token", who(ADMIN, Optional, "connectors:write")),
    write(Post, "/api/v1/connectors/{slug}/disable", "disable_connector", who(ADMIN, Optional, "connectors:write")),
    write(Post, "/api/v1/connectors/{slug}/enable", "enable_connector", who(ADMIN, Optional, "connectors:write")),
    write(Post, "/api/v1/api-keys", "create_api_key", who(ADMIN, Optional, "api_keys:write")),
    write(Patch, "/api/v1/api-keys/{api_key_id}", "change_api_key", who(ADMIN, Optional, "api_keys:write")),
    write(Post, "/api/v1/api-keys/{api_key_id}/rotate", "rotate_api_key", who(ADMIN, Optional, "api_keys:write")),
    write(Post, "/api/v1/api-keys/{api_key_id}/deactivate", "deactivate_api_key", who(ADMIN, Optional, "api_keys:write")),
    write(Post, "/api/v1/api-keys/{api_key_id}/activate", "activate_api_key", who(ADMIN, Optional, "api_keys:write")),
    write(Post, "/api/v1/api-keys/{api_key_id}/revoke", "revoke_api_key", who(ADMIN, Optional, "api_keys:write")),

    by_key(Post, "/api/external/articulos", "external_put_article", "articulos:escribir"),
    by_key(Post, "/api/external/movimientos", "external_create_movement", "movimientos:escribir"),
    by_key(Post, "/api/v1/repairs/workshop/{repair_id}/diagnosis", "diagnose_at_workshop", "repairs:diagnose"),

    write(Post, "/api/v1/connectors/{slug}/revoke", "revoke_connector", who(ADMIN, Optional, "connectors:write")),
];

/// Modules with several files of handlers; no tuple has more than 16.
type Inventory = (
    inventory::InventoryApi,
    movements::MovementsApi,
    stock_alerts::StockAlertsApi,
);

type Apis = (
    auth::AuthApi,
    catalogue::CatalogueApi,
    Inventory,
    reservations::ReservationsApi,
    suppliers::SuppliersApi,
    purchases::PurchasesApi,
    transfers::TransfersApi,
    offline::OfflineApi,
    customers::CustomersApi,
    orders::OrdersApi,
    pos::PosApi,
    (
        admin::AdminApi,
        settings::SettingsApi,
        organisation::OrganisationApi,
        repairs::RepairsApi,
    ),
    webhooks::WebhooksApi,
    connectors::ConnectorsApi,
    api_keys::ApiKeysApi,
    (external::ExternalApi, external::WorkshopApi),
);

/// The write side for a gateway.
///
/// # Errors
/// When a signing key is none.
pub fn service(
    http: Arc<Http>,
    integration_tokens: IntegrationTokens,
    desk: KeyDesk,
) -> Result<Service, TokenError> {
    let auth = auth::AuthApi::new(Arc::clone(&http))?;
    let apis: Apis = (
        auth,
        catalogue::CatalogueApi(Arc::clone(&http)),
        (
            inventory::InventoryApi(Arc::clone(&http)),
            movements::MovementsApi(Arc::clone(&http)),
            stock_alerts::StockAlertsApi(Arc::clone(&http)),
        ),
        reservations::ReservationsApi(Arc::clone(&http)),
        suppliers::SuppliersApi(Arc::clone(&http)),
        purchases::PurchasesApi(Arc::clone(&http)),
        transfers::TransfersApi(Arc::clone(&http)),
        offline::OfflineApi(Arc::clone(&http)),
        customers::CustomersApi(Arc::clone(&http)),
        orders::OrdersApi(Arc::clone(&http)),
        pos::PosApi(Arc::clone(&http)),
        (
            admin::AdminApi(Arc::clone(&http)),
            settings::SettingsApi(Arc::clone(&http)),
            organisation::OrganisationApi(Arc::clone(&http)),
            repairs::RepairsApi(Arc::clone(&http)),
        ),
        webhooks::WebhooksApi(Arc::clone(&http)),
        connectors::ConnectorsApi {
            http: Arc::clone(&http),
            tokens: integration_tokens,
        },
        api_keys::ApiKeysApi {
            http: Arc::clone(&http),
            desk,
        },
        (
            external::ExternalApi(Arc::clone(&http)),
            external::WorkshopApi(http),
        ),
    );
    let service = OpenApiService::new(apis, "command-service", env!("CARGO_PKG_VERSION"));
    Ok(Service {
        routes: ROUTES,
        endpoint: service.into_endpoint().map_to_response().boxed(),
    })
}

/// The write side's operations, for [`platform::http::openapi::document`].
///
/// # Errors
/// When two operations share path and method.
pub fn spec() -> Result<serde_json::Value, DocumentError> {
    spec_of::<Apis>()
}

#[cfg(test)]
mod tests;
