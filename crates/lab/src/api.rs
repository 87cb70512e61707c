//! The product's HTTP API as the bench uses it: every path, body and answer field stands in this one file.
//!
//! Not here: sending (`client`).

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// With the query, after the base URL.
    pub path: String,
    pub body: Option<Value>,
    /// Sent as it is, instead of a body of JSON.
    pub file: Option<Vec<u8>>,
    /// `X-Idempotency-Key`; the same call may then be sent again safely.
    pub key: Option<String>,
}

impl Call {
    fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: format!("/api/v1/{}", path.into()),
            body: None,
            file: None,
            key: None,
        }
    }

    fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: format!("/api/v1/{}", path.into()),
            body: Some(body),
            file: None,
            key: None,
        }
    }

    /// Under this idempotency key.
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A read that has seen at least this position.
    pub fn at_least(mut self, position: i64) -> Self {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        self.path = format!("{}{joint}min_position={position}", self.path);
        self
    }

    /// The next page of a list.
    pub fn after(&self, cursor: &str) -> Self {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        Self {
            path: format!("{}{joint}cursor={cursor}", self.path),
            ..self.clone()
        }
    }
}

/// The header that says why; at least five characters.
pub const REASON_HEADER: &str = "X-Reason";
pub const KEY_HEADER: &str = "X-Idempotency-Key";
pub const REPLAYED_HEADER: &str = "Idempotent-Replayed";
pub const READY_PATH: &str = "/readyz";
/// Of a problem document: another request with this key is being decided.
pub const CODE_IN_FLIGHT: &str = "idempotency.in_flight";
/// The largest page that lists give.
pub const PAGE: usize = 200;

/// The answer to a sign-in.
#[derive(Debug, Clone, Deserialize)]
pub struct Token {
    pub access_token: String,
    /// Seconds.
    pub expires_in: i64,
}

pub fn sign_in(tenant: &str, username: &str, password: &str) -> Call {
    Call::post(
        "auth/token",
        json!({ "tenant": tenant, "username": username, "password": password }),
    )
}

pub fn open_store(store: &str, name: &str) -> Call {
    Call::post("admin/stores", json!({ "store": store, "name": name }))
}

pub fn register_terminal(terminal: &str, store: &str, name: &str) -> Call {
    Call::post(
        "admin/terminals",
        json!({ "terminal": terminal, "store": store, "name": name }),
    )
}

/// `kind` is `counted` or `service`; no tax.
pub fn create_item(sku: &str, name: &str, kind: &str, price_minor: i64) -> Call {
    let body = json!({ "sku": sku, "name": name, "kind": kind, "price_minor": price_minor, "details": {} });
    Call::post("catalogue/items", body)
}

pub fn receive_stock(store: &str, reference: &str, lines: &[(&str, i64)]) -> Call {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity, "units": [] }))
        .collect();
    Call::post(
        "inventory/receipts",
        json!({ "store": store, "reference": reference, "lines": lines }),
    )
}

pub fn adjust_stock(store: &str, sku: &str, delta: i64, comment: &str) -> Call {
    Call::post(
        "inventory/adjustments",
        json!({ "store": store, "sku": sku, "delta": delta, "comment": comment }),
    )
}

/// Lines of sku, quantity and cause.
pub fn write_off(store: &str, lines: &[(&str, i64, Option<&str>)]) -> Call {
    let lines: Vec<Value> = lines
        .iter()
        .map(
            |(sku, quantity, cause)| json!({ "sku": sku, "quantity": quantity, "units": [], "cause": cause }),
        )
        .collect();
    Call::post("inventory/write-offs", json!({ "store": store, "lines": lines }))
}

/// An import of a file, confirmed at once. `settings` are parameters of the query.
pub fn import_file(settings: &str, content: Vec<u8>) -> Call {
    Call {
        file: Some(content),
        body: None,
        ..Call::post(
            format!("inventory/import/smart?mode=confirm&{settings}"),
            Value::Null,
        )
    }
}

/// Where an import stands.
#[derive(Debug, Clone, Deserialize)]
pub struct Import {
    pub import_id: String,
    pub status: String,
    #[serde(default)]
    pub failure: Option<Value>,
    #[serde(default)]
    pub counts: Option<ImportCounts>,
}

/// Rows of an import that is completed.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct ImportCounts {
    pub rows: i64,
    #[serde(default)]
    pub applied: i64,
}

pub fn import(import_id: &str) -> Call {
    Call::get(format!("inventory/import/smart/{import_id}"))
}

/// How far a customer may owe.
#[derive(Debug, Clone, Copy)]
pub enum Credit {
    Unlimited,
    Limited(i64),
}

pub fn register_customer(customer_id: &str, kind: &str, name: &str, credit: Credit) -> Call {
    let credit = match credit {
        Credit::Unlimited => json!({ "kind": "unlimited" }),
        Credit::Limited(limit_minor) => json!({ "kind": "limited", "limit_minor": limit_minor }),
    };
    Call::post(
        "customers",
        json!({ "customer_id": customer_id, "kind": kind, "name": name, "credit": credit }),
    )
}

pub fn receive_payment(customer_id: &str, payment_id: &str, amount_minor: i64) -> Call {
    let body = json!({ "payment_id": payment_id, "amount_minor": amount_minor, "method": "cash" });
    Call::post(format!("customers/{customer_id}/payments"), body)
}

/// One line of a sale.
#[derive(Debug, Clone)]
pub struct SaleLine {
    pub sku: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    /// Taken off the line's gross.
    pub discount_minor: i64,
}

/// A sale, a draft or a return of goods, as far as they have in common.
#[derive(Debug, Clone)]
pub struct Ticket<'a> {
    pub id: &'a str,
    pub store: &'a str,
    pub terminal: Option<&'a str>,
    pub customer_id: Option<&'a str>,
    pub lines: &'a [SaleLine],
    /// Payment or refund: method and amount. None for a total of zero.
    pub money: Option<(&'a str, i64)>,
    /// RFC 3339.
    pub occurred_at: Option<&'a str>,
}

fn money(ticket: &Ticket<'_>) -> Value {
    ticket
        .money
        .iter()
        .map(|(method, amount)| json!({ "method": method, "amount_minor": amount }))
        .collect()
}

fn sale_lines(lines: &[SaleLine]) -> Value {
    let line = |line: &SaleLine| {
        let mut value =
            json!({ "sku": line.sku, "quantity": line.quantity, "unit_price_minor": line.unit_price_minor });
        if line.discount_minor > 0 {
            value["discount"] = json!({ "kind": "amount", "amount_minor": line.discount_minor });
        }
        value
    };
    lines.iter().map(line).collect()
}

pub fn complete_sale(sale: &Ticket<'_>) -> Call {
    let mut body = json!({
        "sale_id": sale.id, "store": sale.store, "lines": sale_lines(sale.lines), "payments": money(sale),
    });
    optional(&mut body, sale);
    Call::post("pos/sale", body)
}

pub fn save_draft(sale: &Ticket<'_>, hold_stock: bool) -> Call {
    let mut body = json!({
        "sale_id": sale.id, "store": sale.store, "lines": sale_lines(sale.lines), "draft": true,
        "hold_stock": hold_stock,
    });
    optional(&mut body, sale);
    Call::post("pos/sale", body)
}

pub fn complete_draft(sale: &Ticket<'_>) -> Call {
    Call::post(
        format!("pos/sale/{}/complete", sale.id),
        json!({ "payments": money(sale) }),
    )
}

pub fn discard_draft(sale_id: &str) -> Call {
    Call::post(format!("pos/sale/{sale_id}/discard"), json!({}))
}

pub fn void_sale(sale_id: &str) -> Call {
    Call::post(format!("pos/sale/{sale_id}/void"), json!({}))
}

/// Some pieces of a line (from 1) of a known sale, put back on the shelf.
pub fn return_from_sale(sale_id: &str, return_id: &str, store: &str, sale_line: i64, quantity: i64) -> Call {
    let body = json!({
        "return_id": return_id, "store": store,
        "lines": [{ "sale_line": sale_line, "quantity": quantity, "restock": true }],
    });
    Call::post(format!("pos/sale/{sale_id}/returns"), body)
}

/// Goods that come back without naming their sale.
pub fn return_goods(goods: &Ticket<'_>) -> Call {
    let line = |line: &SaleLine| json!({ "sku": line.sku, "quantity": line.quantity, "unit_price_minor": line.unit_price_minor, "restock": true });
    let mut body = json!({
        "return_id": goods.id, "store": goods.store, "refunds": money(goods),
        "lines": goods.lines.iter().map(line).collect::<Value>(),
    });
    optional(&mut body, goods);
    Call::post("pos/returns", body)
}

fn optional(body: &mut Value, ticket: &Ticket<'_>) {
    for (field, value) in [
        ("terminal", ticket.terminal),
        ("customer_id", ticket.customer_id),
        ("occurred_at", ticket.occurred_at),
    ] {
        if let Some(value) = value {
            body[field] = Value::from(value);
        }
    }
}

/// Goods of one item, kept until they expire.
pub fn reserve(store: &str, reservation_id: &str, sku: &str, quantity: i64, expires_in_s: i64) -> Call {
    let body = json!({
        "reservation_id": reservation_id, "store": store, "expires_in_s": expires_in_s,
        "lines": [{ "sku": sku, "quantity": quantity }],
    });
    Call::post("inventory/reservations", body)
}

/// The answer to a creation of an endpoint; its secret is shown here only.
#[derive(Debug, Clone, Deserialize)]
pub struct Endpoint {
    pub endpoint_id: String,
    pub secret: String,
    /// Of its creation: it gets what comes after.
    pub position: i64,
}

pub fn create_endpoint(name: &str, url: &str, event_types: &[&str], concurrency: i64) -> Call {
    let body = json!({
        "name": name, "url": url, "event_types": event_types, "payload": "summary", "concurrency": concurrency,
        "start": { "kind": "now" },
    });
    Call::post("webhooks/endpoints", body)
}

/// What became of an endpoint's deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct EndpointStatistics {
    pub matched: i64,
    pub delivered: i64,
    pub pending: i64,
    pub retrying: i64,
    pub held: i64,
    pub dead: i64,
    pub last_sequence: i64,
}

pub fn endpoint_statistics(endpoint_id: &str) -> Call {
    Call::get(format!("webhooks/endpoints/{endpoint_id}/statistics"))
}

/// One event's row in the audit trail.
#[derive(Debug, Clone, Deserialize)]
pub struct AuditRow {
    pub event_position: i64,
    pub event_type: String,
    pub stream: String,
}

/// The tenant's events from this position on, whatever their type.
pub fn audit(from_position: i64) -> Call {
    Call::get(format!("audit?from_position={from_position}&limit={PAGE}"))
}

/// A read whose only use is its `position`: how far the read models are.
pub fn tenant() -> Call {
    Call::get("tenant")
}

/// One store's day.
#[derive(Debug, Clone, Deserialize)]
pub struct DailyRow {
    pub day: String,
    pub net_minor: i64,
}

pub fn daily_sales() -> Call {
    Call::get(format!("reports/sales/daily?limit={PAGE}"))
}

/// One item's sales.
#[derive(Debug, Clone, Deserialize)]
pub struct ItemRow {
    pub sku: String,
    pub sold_quantity: i64,
    pub returned_quantity: i64,
    pub net_minor: i64,
}

pub fn item_sales() -> Call {
    Call::get(format!("reports/sales/items?limit={PAGE}"))
}

#[derive(Debug, Clone, Deserialize)]
pub struct CustomerRow {
    pub customer_id: String,
    pub balance_minor: i64,
}

pub fn customers() -> Call {
    Call::get(format!("customers?limit={PAGE}"))
}

/// One page of any list.
#[derive(Debug, Clone, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub next: Option<String>,
    pub position: i64,
}
