//! The name of every stream: one function per aggregate, so that no two places spell one differently.

use schemas::StreamName;
use schemas::events::settings::Series;
use schemas::ids::{
    AlertId, ApiKeyId, ConnectorSlug, CustomerId, EndpointId, ImportId, MovementId, OrderId, PurchaseId,
    QuarantineId, RepairId, ReservationId, ReturnId, SaleId, Sku, StoreId, SupplierId, TerminalId,
    TransferId, UnitId, Username,
};

/// The tenant's own settings; its name is the same for every tenant, since streams are within one.
pub fn tenant() -> StreamName {
    StreamName::new("tenant", "self")
}

/// The numbers that documents of one kind were given.
pub fn counter(series: Series) -> StreamName {
    StreamName::new("counter", series.as_str())
}

/// A store's name and whether it is open; not its stock.
pub fn store(store: &StoreId) -> StreamName {
    StreamName::new("store", store.as_str())
}

/// A till as it is registered; what it sent of offline sales stands in [`till`].
pub fn terminal(terminal: &TerminalId) -> StreamName {
    StreamName::new("terminal", terminal.as_str())
}

/// A user; also whose key seals the display name and the password hash.
pub fn user(username: &Username) -> StreamName {
    StreamName::new("user", username.as_str())
}

/// Append-only security events; `subject` is a username or `unknown`.
pub fn security(subject: &str) -> StreamName {
    StreamName::new("security", subject)
}

/// An item of the catalogue, for all stores.
pub fn item(sku: &Sku) -> StreamName {
    StreamName::new("item", sku.as_str())
}

/// One item's shelf in one store: figures, holders, cost and threshold.
pub fn stock(store: &StoreId, sku: &Sku) -> StreamName {
    StreamName::new("stock", &format!("{store}/{sku}"))
}

/// A physical unit: where it is as goods of ours, and which repair has it, also one that was never ours.
pub fn unit(unit: &UnitId) -> StreamName {
    StreamName::new("unit", unit.as_str())
}

/// An alert about a shelf.
pub fn alert(id: &AlertId) -> StreamName {
    StreamName::new("alert", id.as_str())
}

/// A movement that was asked for. Its text is also the holder's name of what is kept for it.
pub fn movement(id: &MovementId) -> StreamName {
    StreamName::new("movement", id.as_str())
}

/// A customer's account; also whose key seals the customer's fields.
pub fn customer(customer: &CustomerId) -> StreamName {
    StreamName::new("customer", customer.as_str())
}

/// A sale, from its draft on. Its text is also the holder's name of what a draft keeps.
pub fn sale(sale: &SaleId) -> StreamName {
    StreamName::new("sale", sale.as_str())
}

/// How far a till has come with the sales that it took offline.
pub fn till(terminal: &TerminalId) -> StreamName {
    StreamName::new("till", terminal.as_str())
}

/// An offline sale that collided.
pub fn quarantine(id: &QuarantineId) -> StreamName {
    StreamName::new("quarantine", id.as_str())
}

/// Its text is also the holder's name of what the order keeps, and the document that moves its goods.
pub fn order(id: &OrderId) -> StreamName {
    StreamName::new("order", id.as_str())
}

/// Where a return's id is taken; holds the whole return when its sale is unknown.
pub fn goods_return(id: &ReturnId) -> StreamName {
    StreamName::new("return", id.as_str())
}

/// Of a system that pulls events.
pub fn connector(slug: &ConnectorSlug) -> StreamName {
    StreamName::new("connector", slug.as_str())
}

/// Its text is also the document's name of what is in transit.
pub fn transfer(id: &TransferId) -> StreamName {
    StreamName::new("transfer", id.as_str())
}

/// Its text is also the holder's name of the parts that the repair keeps, and the document that moves them.
pub fn repair(id: &RepairId) -> StreamName {
    StreamName::new("repair", id.as_str())
}

/// Its text is also the holder's name of what the reservation keeps.
pub fn reservation(id: &ReservationId) -> StreamName {
    StreamName::new("reservation", id.as_str())
}

/// A supplier and our account with it. Its contacts are sealed each under a key of its own.
pub fn supplier(id: &SupplierId) -> StreamName {
    StreamName::new("supplier", id.as_str())
}

/// Its text is also the document's name of what moves for the purchase.
pub fn purchase(id: &PurchaseId) -> StreamName {
    StreamName::new("purchase", id.as_str())
}

/// Of an external system's key.
pub fn api_key(id: &ApiKeyId) -> StreamName {
    StreamName::new("api_key", id.as_str())
}

/// An endpoint that events are sent to.
pub fn webhook(endpoint: &EndpointId) -> StreamName {
    StreamName::new("webhook", endpoint.as_str())
}

/// One import of a file, which its rows' commands look at.
pub fn import(id: &ImportId) -> StreamName {
    StreamName::new("import", id.as_str())
}

/// Where a file's content is taken, for a store or for the catalogue alone.
pub fn import_file(store: Option<&StoreId>, sha256: &str) -> StreamName {
    let store = store.map_or("-", StoreId::as_str);
    StreamName::new("import_file", &format!("{store}/{sha256}"))
}
