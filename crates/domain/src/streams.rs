//! The name of every stream: one function per aggregate, so that no two places spell one differently.

use schemas::StreamName;
use schemas::ids::{
    ConnectorSlug, CustomerId, EndpointId, ReservationId, ReturnId, SaleId, Sku, StoreId, TerminalId, UnitId,
    Username,
};

pub fn tenant() -> StreamName {
    StreamName::new("tenant", "self")
}

pub fn store(store: &StoreId) -> StreamName {
    StreamName::new("store", store.as_str())
}

pub fn terminal(terminal: &TerminalId) -> StreamName {
    StreamName::new("terminal", terminal.as_str())
}

pub fn user(username: &Username) -> StreamName {
    StreamName::new("user", username.as_str())
}

/// Append-only security events; `subject` is a username or `unknown`.
pub fn security(subject: &str) -> StreamName {
    StreamName::new("security", subject)
}

pub fn item(sku: &Sku) -> StreamName {
    StreamName::new("item", sku.as_str())
}

pub fn stock(store: &StoreId, sku: &Sku) -> StreamName {
    StreamName::new("stock", &format!("{store}/{sku}"))
}

pub fn unit(unit: &UnitId) -> StreamName {
    StreamName::new("unit", unit.as_str())
}

pub fn customer(customer: &CustomerId) -> StreamName {
    StreamName::new("customer", customer.as_str())
}

pub fn sale(sale: &SaleId) -> StreamName {
    StreamName::new("sale", sale.as_str())
}

/// Where a return's id is taken; holds the whole return when its sale is unknown.
pub fn goods_return(id: &ReturnId) -> StreamName {
    StreamName::new("return", id.as_str())
}

pub fn connector(slug: &ConnectorSlug) -> StreamName {
    StreamName::new("connector", slug.as_str())
}

/// Its text is also the holder's name of what the reservation keeps.
pub fn reservation(id: &ReservationId) -> StreamName {
    StreamName::new("reservation", id.as_str())
}

pub fn webhook(endpoint: &EndpointId) -> StreamName {
    StreamName::new("webhook", endpoint.as_str())
}
