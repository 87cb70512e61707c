//! Every read: who may ask, and whether a reason is needed (API-1, API-5).

use platform::http::{Access, ReasonRule, Route, Verb};
use schemas::events::admin::Role;

/// Whoever works in a shop.
const EVERYBODY: &[Role] = &Role::ALL;
/// Figures and causes are for those who answer for them.
const OFFICE: &[Role] = &[Role::Admin, Role::Manager, Role::Auditor];
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

/// The query service's rows of the route table.
pub const ROUTES: &[Route] = &[
    read(
        "/api/v1/catalogue/items",
        "list_items",
        EVERYBODY,
        ReasonRule::Optional,
        "catalogue:read",
    ),
    read(
        "/api/v1/catalogue/items/{sku}",
        "get_item",
        EVERYBODY,
        ReasonRule::Optional,
        "catalogue:read",
    ),
    read(
        "/api/v1/inventory/stock",
        "list_stock",
        EVERYBODY,
        ReasonRule::Optional,
        "inventory:read",
    ),
    read(
        "/api/v1/inventory/units/{unit}",
        "get_unit",
        EVERYBODY,
        ReasonRule::Optional,
        "inventory:read",
    ),
    read(
        "/api/v1/inventory/reservations",
        "list_reservations",
        EVERYBODY,
        ReasonRule::Optional,
        "inventory:read",
    ),
    read(
        "/api/v1/inventory/reservations/{reservation_id}",
        "get_reservation",
        EVERYBODY,
        ReasonRule::Optional,
        "inventory:read",
    ),
    read(
        "/api/v1/customers",
        "list_customers",
        EVERYBODY,
        ReasonRule::Optional,
        "customers:read",
    ),
    read(
        "/api/v1/customers/{customer_id}",
        "get_customer",
        EVERYBODY,
        ReasonRule::Optional,
        "customers:read",
    ),
    read(
        "/api/v1/customers/{customer_id}/ledger",
        "list_ledger",
        EVERYBODY,
        ReasonRule::Optional,
        "customers:read",
    ),
    read(
        "/api/v1/sales",
        "list_sales",
        EVERYBODY,
        ReasonRule::Optional,
        "sales:read",
    ),
    read(
        "/api/v1/sales/{sale_id}",
        "get_sale",
        EVERYBODY,
        ReasonRule::Optional,
        "sales:read",
    ),
    read(
        "/api/v1/pos/receipt/{sale_id}",
        "get_receipt",
        EVERYBODY,
        ReasonRule::Optional,
        "sales:read",
    ),
    read(
        "/api/v1/reports/sales/daily",
        "report_daily_sales",
        OFFICE,
        ReasonRule::Required,
        "reports:read",
    ),
    read(
        "/api/v1/reports/sales/items",
        "report_item_sales",
        OFFICE,
        ReasonRule::Required,
        "reports:read",
    ),
    read(
        "/api/v1/audit",
        "list_audit",
        OFFICE,
        ReasonRule::Optional,
        "audit:read",
    ),
    read(
        "/api/v1/admin/stores",
        "list_stores",
        EVERYBODY,
        ReasonRule::Optional,
        "admin:read",
    ),
    read(
        "/api/v1/admin/terminals",
        "list_terminals",
        EVERYBODY,
        ReasonRule::Optional,
        "admin:read",
    ),
    read(
        "/api/v1/admin/users",
        "list_users",
        ADMINISTRATION,
        ReasonRule::Optional,
        "admin:read",
    ),
    read(
        "/api/v1/admin/tax-rates",
        "list_tax_rates",
        EVERYBODY,
        ReasonRule::Optional,
        "admin:read",
    ),
    read(
        "/api/v1/tenant",
        "get_tenant",
        EVERYBODY,
        ReasonRule::Optional,
        "admin:read",
    ),
];
