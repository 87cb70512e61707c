//! What the answers say, to the cent.

use poem::http::StatusCode;
use serde_json::{Value, json};

use crate::api::Api;
use crate::support::Log;
use crate::support::events as shop;

/// Two sales of two days, one of them with a return, the other voided after a return.
async fn two_days() -> (Api, i64) {
    let api = Api::new().await;
    let mut log = Log::new();
    log.append(
        "t1",
        vec![
            ("tenant/self", shop::tenant_created("t1")),
            ("tenant/self", shop::tax_rate()),
        ],
    )
    .await;
    log.append("t1", vec![("store/centro", shop::store_opened("centro"))])
        .await;
    log.append("t1", vec![("terminal/caja", shop::terminal_registered("caja"))])
        .await;
    log.append("t1", vec![("item/A", shop::item_created("A"))]).await;
    log.append("t1", vec![("stock/centro/A", shop::received("centro", "A", 10))])
        .await;
    log.append("t1", vec![("unit/serial:1", shop::unit_received("serial:1"))])
        .await;
    log.append("t1", vec![("sale/d1", shop::drafted("d1"))]).await;
    let sale = shop::completed("s1", None, "2026-11-01", &["A", "B"]);
    log.append(
        "t1",
        vec![
            ("sale/s1", sale),
            ("stock/centro/A", shop::issued("centro", "A", "s1")),
        ],
    )
    .await;
    log.append(
        "t1",
        vec![("sale/s1", shop::returned("s1", "r1", "A", "2026-11-02"))],
    )
    .await;
    log.append(
        "t1",
        vec![("sale/s2", shop::completed("s2", None, "2026-11-02", &["A", "C"]))],
    )
    .await;
    log.append(
        "t1",
        vec![("sale/s2", shop::returned("s2", "r2", "A", "2026-11-02"))],
    )
    .await;
    let last = log
        .append("t1", vec![("sale/s2", shop::voided("s2", 100, "2026-11-02"))])
        .await;
    api.project(&log).await;
    (api, last)
}

fn some(row: &Value, fields: &[&str]) -> Vec<i64> {
    fields
        .iter()
        .map(|field| row[field].as_i64().unwrap_or_else(|| panic!("{field} in {row}")))
        .collect()
}

#[tokio::test]
async fn a_day_counts_sales_less_returns_less_voids() {
    let (api, last) = two_days().await;
    let report = api.read("t1", "/api/v1/reports/sales/daily").await;
    assert_eq!(report["position"], last);
    let days = report["items"].as_array().unwrap();
    let fields = [
        "sales",
        "returns",
        "voids",
        "sales_minor",
        "returned_minor",
        "voided_minor",
        "net_minor",
    ];
    assert_eq!(days[0]["day"], "2026-11-01");
    assert_eq!(some(&days[0], &fields), [1, 0, 0, 200, 0, 0, 200]);
    assert_eq!(some(&days[1], &fields), [1, 2, 1, 200, 200, 100, -100]);
    let second = api
        .read(
            "t1",
            "/api/v1/reports/sales/daily?from=2026-11-02&to=2026-11-02&store=centro",
        )
        .await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["items"][0]["currency"], "HNL");
}

#[tokio::test]
async fn the_item_report_takes_voided_sales_off_and_agrees_with_the_days() {
    let (api, _) = two_days().await;
    let items = api.all("t1", "/api/v1/reports/sales/items", 2).await;
    let fields = [
        "sold_quantity",
        "returned_quantity",
        "voided_quantity",
        "net_minor",
    ];
    assert_eq!(
        some(&items[0], &fields),
        [2, 2, 0, 0],
        "A: sold twice, returned twice"
    );
    assert_eq!(some(&items[1], &fields), [1, 0, 0, 100], "B: sold");
    assert_eq!(some(&items[2], &fields), [1, 0, 1, 0], "C: sold and voided");
    let of_items: i64 = items.iter().map(|row| row["net_minor"].as_i64().unwrap()).sum();
    let days = api.all("t1", "/api/v1/reports/sales/daily", 50).await;
    let of_days: i64 = days.iter().map(|row| row["net_minor"].as_i64().unwrap()).sum();
    assert_eq!(of_items, of_days);
}

#[tokio::test]
async fn a_sale_comes_with_lines_payments_and_returns() {
    let (api, last) = two_days().await;
    let sale = api.read("t1", "/api/v1/sales/s1").await;
    assert_eq!(sale["position"], last);
    assert_eq!(
        (sale["status"].as_str(), sale["total_minor"].as_i64()),
        (Some("completed"), Some(200))
    );
    assert_eq!(sale["lines"][0]["returned_quantity"], 1);
    assert_eq!(
        sale["payments"][0],
        json!({"method": "cash", "amount_minor": 200, "tendered_minor": 200})
    );
    assert_eq!(sale["returns"][0]["return_id"], "r1");
    assert_eq!(sale["occurred_at"], "2026-11-01T16:00:00Z");
    assert_eq!(
        api.read("t1", "/api/v1/sales/d1").await["draft"]["lines"][0]["sku"],
        "A"
    );
}

#[tokio::test]
async fn a_receipt_names_shop_and_store_and_a_draft_has_none() {
    let (api, _) = two_days().await;
    let receipt = api.read("t1", "/api/v1/pos/receipt/s1?format=json").await;
    assert_eq!(
        (&receipt["business_name"], &receipt["store_name"]),
        (&json!("Tienda"), &json!("Tienda centro"))
    );
    assert_eq!(
        (&receipt["currency_exponent"], &receipt["lines"][1]["sku"]),
        (&json!(2), &json!("B"))
    );
    assert_eq!(
        api.get("t1", "/api/v1/pos/receipt/d1?format=json").await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn stock_units_and_settings_read_as_the_events_left_them() {
    let (api, _) = two_days().await;
    let stock = api.read("t1", "/api/v1/inventory/stock?store=centro&sku=A").await["items"][0].clone();
    assert_eq!(
        some(
            &stock,
            &["on_hand", "reserved", "available", "average_cost_minor"]
        ),
        [9, 0, 9, 40]
    );
    assert_eq!(stock["currency"], "HNL");
    assert_eq!(
        api.read("t1", "/api/v1/inventory/units/serial:1").await["status"],
        "in_stock"
    );
    assert_eq!(
        api.read("t1", "/api/v1/catalogue/items/A").await["details"]["brand"],
        "Acme"
    );
    let tenant = api.read("t1", "/api/v1/tenant").await;
    assert_eq!(
        (
            &tenant["currency"],
            &tenant["currency_exponent"],
            &tenant["tax_rates"][0]["rate_ppm"]
        ),
        (&json!("HNL"), &json!(2), &json!(150_000))
    );
    assert_eq!(
        api.read("t1", "/api/v1/admin/tax-rates").await["items"][0]["tax_code"],
        "ISV15"
    );
    assert_eq!(
        api.read("t1", "/api/v1/admin/stores").await["items"][0]["name"],
        "Tienda centro"
    );
    assert_eq!(
        api.read("t1", "/api/v1/admin/terminals?store=centro").await["items"][0]["terminal"],
        "caja"
    );
}

#[tokio::test]
async fn the_audit_trail_says_who_and_why() {
    let (api, last) = two_days().await;
    let entry = api
        .read("t1", &format!("/api/v1/audit?actor=ana&from_position={last}"))
        .await["items"][0]
        .clone();
    assert_eq!(
        (&entry["event_position"], &entry["event_type"]),
        (&json!(last), &json!("sale.voided"))
    );
    assert_eq!(
        (&entry["actor"], &entry["reason"]),
        (&json!("ana"), &json!("venta de mostrador"))
    );
    assert!(api.all("t1", "/api/v1/audit?command=other", 10).await.is_empty());
}
