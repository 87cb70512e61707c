//! Every read: who may ask, and whether a reason is needed (API-1, API-5).

use platform::http::{Access, ReasonRule, Route, Verb};
use schemas::events::admin::Role;

use ReasonRule::{Optional, Required};

use crate::api::repairs::WORKSHOP_SCOPE;

/// Whoever works in a shop.
const EVERYBODY: &[Role] = &Role::ALL;
/// Figures and causes are for those who answer for them.
const OFFICE: &[Role] = &[Role::Admin, Role::Manager, Role::Auditor];
/// What goods cost and what is owed for them is no business of the till's.
const BUYING: &[Role] = &[Role::Admin, Role::Manager, Role::SyncOperator, Role::Auditor];
/// Who may import, and who looks after it.
const IMPORTS: &[Role] = &[Role::Admin, Role::Manager, Role::SyncOperator, Role::Auditor];
/// Users are the administrator's business.
const ADMINISTRATION: &[Role] = &[Role::Admin, Role::Auditor];

const fn read(
    path: &'static str,
    operation: &'static str,
    roles: &'static [Role],
    reason: ReasonRule,
    scope: &'static str,
) -> Route {
    Route {
        method: Verb::Get,
        path,
        operation,
        roles,
        reason,
        scope,
        access: Access::User,
    }
}

/// A row for external systems: a key that has the scope.
const fn by_key(path: &'static str, operation: &'static str, scope: &'static str) -> Route {
    Route {
        method: Verb::Get,
        path,
        operation,
        roles: &[],
        reason: ReasonRule::Optional,
        scope,
        access: Access::Key,
    }
}

/// The same row, also for a key that has its scope.
const fn also_by_key(row: Route) -> Route {
    Route {
        access: Access::UserOrKey,
        ..row
    }
}

/// The query service's rows of the route table.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    read("/api/v1/catalogue/items", "list_items", EVERYBODY, Optional, "catalogue:read"),
    read("/api/v1/catalogue/items/{sku}", "get_item", EVERYBODY, Optional, "catalogue:read"),
    read("/api/v1/inventory/stock", "list_stock", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/stock/movements", "list_stock_movements", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/units/{unit}", "get_unit", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/units/{unit}/history", "list_unit_history", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/units", "list_units", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/costs", "list_stock_costs", BUYING, Optional, "inventory:costs"),
    read("/api/v1/inventory/thresholds", "list_thresholds", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/alerts", "list_alerts", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/alerts/{alert_id}", "get_alert", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/movements", "list_movements", BUYING, Optional, "inventory:read"),
    read("/api/v1/inventory/movements/{movement_id}", "get_movement", BUYING, Optional, "inventory:read"),
    read("/api/v1/admin/policies/movements", "get_movement_policy", OFFICE, Optional, "admin:read"),
    read("/api/v1/inventory/reservations", "list_reservations", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/reservations/{reservation_id}", "get_reservation", EVERYBODY, Optional, "inventory:read"),
    Route::public(Verb::Get, "/verify/receipt/{code}", "verify_receipt"),
    read("/api/v1/pos/offline/quarantine", "list_offline_sales", EVERYBODY, Optional, "pos:read"),
    read("/api/v1/pos/offline/quarantine/{quarantine_id}", "get_offline_sale", EVERYBODY, Optional, "pos:read"),
    read("/api/v1/pos/offline/tills", "list_offline_tills", EVERYBODY, Optional, "pos:read"),
    read("/api/v1/transfers", "list_transfers", EVERYBODY, Optional, "transfers:read"),
    read("/api/v1/transfers/{transfer_id}", "get_transfer", EVERYBODY, Optional, "transfers:read"),
    read("/api/v1/inventory/in-transit", "list_goods_in_transit", EVERYBODY, Optional, "inventory:read"),
    read("/api/v1/inventory/import/smart/history", "list_imports", IMPORTS, Optional, "inventory:import"),
    read("/api/v1/inventory/import/smart/{import_id}", "get_import", IMPORTS, Optional, "inventory:import"),
    read("/api/v1/inventory/import/smart/{import_id}/rows", "list_import_rows", IMPORTS, Optional, "inventory:import"),
    read("/api/v1/customers", "list_customers", EVERYBODY, Optional, "customers:read"),
    read("/api/v1/customers/{customer_id}", "get_customer", EVERYBODY, Optional, "customers:read"),
    read("/api/v1/customers/{customer_id}/ledger", "list_ledger", EVERYBODY, Optional, "customers:read"),
    read("/api/v1/customers/{customer_id}/summary", "get_customer_summary", EVERYBODY, Optional, "customers:read"),
    read("/api/v1/customers/{customer_id}/notes", "list_customer_notes", EVERYBODY, Optional, "customers:read"),
    read("/api/v1/sales/orders", "list_orders", EVERYBODY, Optional, "sales:read"),
    read("/api/v1/sales/orders/{order_id}", "get_order", EVERYBODY, Optional, "sales:read"),
    read("/api/v1/sales", "list_sales", EVERYBODY, Optional, "sales:read"),
    read("/api/v1/sales/{sale_id}", "get_sale", EVERYBODY, Optional, "sales:read"),
    read("/api/v1/pos/receipt/{sale_id}", "get_receipt", EVERYBODY, Optional, "sales:read"),
    read("/api/v1/suppliers", "list_suppliers", BUYING, Optional, "suppliers:read"),
    read("/api/v1/suppliers/{supplier_id}", "get_supplier", BUYING, Optional, "suppliers:read"),
    read("/api/v1/suppliers/{supplier_id}/contacts", "list_supplier_contacts", BUYING, Optional, "suppliers:read"),
    read("/api/v1/suppliers/{supplier_id}/ledger", "list_supplier_ledger", BUYING, Optional, "suppliers:read"),
    read("/api/v1/suppliers/{supplier_id}/lots", "list_supplier_lots", BUYING, Optional, "suppliers:read"),
    read("/api/v1/purchases", "list_purchases", BUYING, Optional, "purchases:read"),
    read("/api/v1/purchases/{purchase_id}", "get_purchase", BUYING, Optional, "purchases:read"),
    read("/api/v1/repairs", "list_repairs", EVERYBODY, Optional, "repairs:read"),
    also_by_key(read("/api/v1/repairs/workshop", "list_workshop_repairs", EVERYBODY, Optional, WORKSHOP_SCOPE)),
    read("/api/v1/repairs/{repair_id}", "get_repair", EVERYBODY, Optional, "repairs:read"),
    read("/api/v1/admin/letterhead", "get_letterhead", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/admin/numbering", "list_numbering", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/admin/policies/repairs", "get_repair_terms", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/admin/features", "list_features", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/reports/sales/daily", "report_daily_sales", OFFICE, Required, "reports:read"),
    read("/api/v1/reports/sales/items", "report_item_sales", OFFICE, Required, "reports:read"),
    read("/api/v1/audit", "list_audit", OFFICE, Optional, "audit:read"),
    read("/api/v1/admin/stores", "list_stores", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/admin/terminals", "list_terminals", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/admin/users", "list_users", ADMINISTRATION, Optional, "admin:read"),
    read("/api/v1/admin/tax-rates", "list_tax_rates", EVERYBODY, Optional, "admin:read"),
    read("/api/v1/api-keys", "list_api_keys", ADMINISTRATION, Optional, "api_keys:read"),
    read("/api/v1/api-keys/{api_key_id}", "get_api_key", ADMINISTRATION, Optional, "api_keys:read"),
    read("/api/v1/integrations/logs", "list_integration_log", OFFICE, Optional, "integrations:read"),
    by_key("/api/external/articulos", "external_list_articles", "articulos:leer"),
    by_key("/api/external/stock", "external_list_stock", "stock:leer"),
    by_key("/api/external/reportes", "external_reports", "reportes:leer"),
    read("/api/v1/tenant", "get_tenant", EVERYBODY, Optional, "admin:read"),
];
