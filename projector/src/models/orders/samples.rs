//! An order of three cables and a phone, and what may happen to it.

use serde_json::{Value, json};

use super::*;
use crate::fact::given::event;

fn content() -> Value {
    json!({"store": "centro", "customer_id": "c1", "currency": "HNL",
        "lines": [
            {"line": 1, "sku": "A", "name": "Cable", "quantity": 3, "unit_price_minor": 100, "gross_minor": 300,
             "discount_minor": 30, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 270},
            {"line": 2, "sku": "P", "name": "Teléfono", "quantity": 1, "unit_price_minor": 900, "gross_minor": 900,
             "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 900}],
        "gross_minor": 1200, "discount_minor": 30, "tax_minor": 0, "total_minor": 1170})
}

pub fn quoted() -> Event {
    let data = json!({"order_id": "o1", "number": "P-7", "content": content(),
                      "valid_until": "2026-12-22T16:00:00Z"});
    event("order.quoted", data)
}

/// Only five cables in another store, at 1.10 each; two lines were there before.
pub fn changed(valid_until: Option<&str>) -> Event {
    let line = json!({"line": 1, "sku": "A", "name": "Cable", "quantity": 5, "unit_price_minor": 110,
                      "gross_minor": 550, "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 550});
    let content = json!({"store": "norte", "reference": "OC 9", "currency": "HNL", "lines": [line],
                         "gross_minor": 550, "discount_minor": 0, "tax_minor": 0, "total_minor": 550});
    let mut data = json!({"order_id": "o1", "revision": 2, "content": content, "lines_before": 2});
    if let Some(until) = valid_until {
        data["valid_until"] = json!(until);
    }
    event("order.changed", data)
}

pub fn placed() -> Event {
    event("order.placed", json!({"order_id": "o1", "content": content()}))
}

pub fn stage(kind: &str) -> Event {
    let data = json!({"order_id": "o1", "store": "centro", "customer_id": "c1",
                      "valid_until": "2026-12-22T16:00:00Z"});
    event(&format!("order.{kind}"), data)
}

pub fn delivered(id: &str, cables: i64, phones: i64) -> Event {
    let line = |line: i64, sku: &str, quantity: i64| {
        json!({"line": line, "sku": sku, "quantity": quantity,
        "costed_quantity": 0, "value_minor": 0})
    };
    let lines = [line(1, "A", cables), line(2, "P", phones)];
    let lines: Vec<&Value> = lines.iter().filter(|line| line["quantity"] != 0).collect();
    let data = json!({"order_id": "o1", "delivery_id": id, "store": "centro", "lines": lines,
                      "occurred_at": "2026-11-22T10:00:00-06:00"});
    event("order.delivered", data)
}

pub fn invoiced(cables: i64, total: i64) -> Event {
    let data = json!({"order_id": "o1", "invoice_id": "f1", "store": "centro", "customer_id": "c1", "currency": "HNL",
        "lines": [{"line": 1, "sku": "A", "quantity": cables, "gross_minor": cables * 100,
                   "discount_minor": cables * 100 - total, "tax_minor": 0, "total_minor": total}],
        "gross_minor": cables * 100, "discount_minor": cables * 100 - total,
        "payments": [{"method": "credit", "amount_minor": total, "tendered_minor": total}], "tax_minor": 0,
        "total_minor": total, "change_minor": 0, "occurred_at": "2026-11-22T10:00:00-06:00",
        "business_day": "2026-11-22"});
    event("order.invoiced", data)
}

/// One cable that was invoiced comes back.
pub fn returned() -> Event {
    let data = json!({"order_id": "o1", "return_id": "d1", "store": "centro", "currency": "HNL",
        "lines": [{"line": 1, "sku": "A", "quantity": 1, "restocked": true, "credited_quantity": 1, "tax_minor": 0,
                   "total_minor": 90, "costed_quantity": 0, "value_minor": 0}],
        "tax_minor": 0, "total_minor": 90, "refunds": [{"method": "credit", "amount_minor": 90}],
        "occurred_at": "2026-11-23T10:00:00-06:00", "business_day": "2026-11-23"});
    event("order.returned", data)
}
