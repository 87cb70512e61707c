//! Events of a small shop, with figures that are easy to add up in the head.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use schemas::Event;
use serde_json::{Value, json};

use super::event;

pub fn tenant_created(tenant: &str) -> Event {
    event(
        "admin.tenant_created",
        json!({"tenant": tenant, "name": "Tienda", "currency": "HNL", "time_zone": "America/Tegucigalpa",
               "prices_include_tax": true, "stock_policy": "strict"}),
    )
}

pub fn tax_rate() -> Event {
    event(
        "admin.tax_rate_set",
        json!({"tax_code": "ISV15", "name": "ISV", "rate_ppm": 150_000}),
    )
}

pub fn store_opened(store: &str) -> Event {
    event(
        "admin.store_opened",
        json!({"store": store, "name": format!("Tienda {store}")}),
    )
}

pub fn terminal_registered(terminal: &str) -> Event {
    event(
        "admin.terminal_registered",
        json!({"terminal": terminal, "store": "centro", "name": "Caja"}),
    )
}

pub fn user_created(username: &str, display_name: &str) -> Event {
    event(
        "admin.user_created",
        json!({"username": username, "role": "cashier", "display_name": {"sealed": display_name},
               "password_hash": {"sealed": "v1.hash"}}),
    )
}

pub fn item_created(sku: &str) -> Event {
    event(
        "catalogue.item_created",
        json!({"sku": sku, "name": format!("Artículo {sku}"), "kind": "counted", "price_minor": 100, "currency": "HNL",
               "tax_code": null, "details": {"brand": "Acme"}}),
    )
}

pub fn received(store: &str, sku: &str, quantity: i64) -> Event {
    event(
        "inventory.received",
        json!({"store": store, "sku": sku, "quantity": quantity, "unit_cost_minor": 40, "on_hand": 0}),
    )
}

pub fn issued(store: &str, sku: &str, sale_id: &str) -> Event {
    event(
        "inventory.issued",
        json!({"store": store, "sku": sku, "quantity": 1, "sale_id": sale_id, "on_hand": 0}),
    )
}

pub fn unit_received(unit: &str) -> Event {
    event(
        "inventory.unit_received",
        json!({"unit": unit, "sku": "P", "store": "centro", "cost_minor": 5000}),
    )
}

pub fn customer_registered(customer_id: &str, name: &str) -> Event {
    event(
        "customer.registered",
        json!({"customer_id": customer_id, "kind": "person", "credit": {"kind": "limited", "limit_minor": 100_000},
               "currency": "HNL", "name": {"sealed": name}}),
    )
}

pub fn charged(customer_id: &str, amount_minor: i64, sale_id: &str) -> Event {
    event(
        "customer.charged",
        json!({"customer_id": customer_id, "amount_minor": amount_minor, "currency": "HNL", "balance_minor": 0,
               "cause": {"kind": "sale", "sale_id": sale_id}}),
    )
}

pub fn drafted(sale_id: &str) -> Event {
    event(
        "sale.drafted",
        json!({"sale_id": sale_id, "draft": {"store": "centro", "lines": [{"sku": "A", "quantity": 1}], "hold_stock": false}}),
    )
}

/// A sale of one piece of each item at 100, on credit when there is a customer.
pub fn completed(sale_id: &str, customer_id: Option<&str>, day: &str, skus: &[&str]) -> Event {
    let lines: Vec<Value> = skus
        .iter()
        .enumerate()
        .map(|(index, sku)| {
            json!({"line": index + 1, "sku": sku, "name": format!("Artículo {sku}"), "quantity": 1, "unit_price_minor": 100,
                   "gross_minor": 100, "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 100})
        })
        .collect();
    let total = 100 * skus.len();
    let method = if customer_id.is_some() { "credit" } else { "cash" };
    event(
        "sale.completed",
        json!({"sale_id": sale_id, "store": "centro", "cashier": "ana", "customer_id": customer_id, "currency": "HNL",
               "lines": lines, "payments": [{"method": method, "amount_minor": total, "tendered_minor": total}],
               "gross_minor": total, "discount_minor": 0, "tax_minor": 0, "total_minor": total, "change_minor": 0,
               "occurred_at": format!("{day}T10:00:00-06:00"), "business_day": day}),
    )
}

/// The first line of a sale comes back.
pub fn returned(sale_id: &str, return_id: &str, sku: &str, day: &str) -> Event {
    event(
        "sale.returned",
        json!({"return_id": return_id, "sale_id": sale_id, "store": "centro", "cashier": "ana", "currency": "HNL",
               "lines": [{"line": 1, "sale_line": 1, "sku": sku, "quantity": 1, "restocked": true, "tax_minor": 0,
                          "total_minor": 100}],
               "tax_minor": 0, "total_minor": 100, "refunds": [{"method": "cash", "amount_minor": 100}],
               "occurred_at": format!("{day}T11:00:00-06:00"), "business_day": day}),
    )
}

/// What is left of a sale is undone.
pub fn voided(sale_id: &str, total_minor: i64, day: &str) -> Event {
    event(
        "sale.voided",
        json!({"sale_id": sale_id, "store": "centro", "currency": "HNL", "total_minor": total_minor, "tax_minor": 0,
               "refunds": [{"method": "cash", "amount_minor": total_minor}],
               "occurred_at": format!("{day}T12:00:00-06:00"), "business_day": day}),
    )
}

/// One piece of each item is kept for somebody.
pub fn reserved(reservation_id: &str, customer_id: Option<&str>, skus: &[&str]) -> Event {
    let lines: Vec<Value> = (1..)
        .zip(skus)
        .map(|(line, sku)| json!({"line": line, "sku": sku, "quantity": 1}))
        .collect();
    event(
        "inventory.reservation_created",
        json!({"reservation_id": reservation_id, "store": "centro", "customer_id": customer_id, "lines": lines,
               "expires_at": "2026-11-22T18:15:00Z"}),
    )
}

/// A reservation is confirmed, released, taken by sale `s1` or over.
pub fn reservation_became(reservation_id: &str, status: &str) -> Event {
    event(
        &format!("inventory.reservation_{status}"),
        json!({"reservation_id": reservation_id, "store": "centro", "sale_id": "s1",
               "expires_at": "2026-11-22T18:15:00Z"}),
    )
}

/// The golden sample of an event's first version.
pub fn golden(event_type: &str) -> Event {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/golden");
    let text = std::fs::read_to_string(format!("{folder}/{event_type}.v1.json")).unwrap();
    Event::decode(event_type, 1, &text).unwrap()
}
