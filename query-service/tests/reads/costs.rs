//! What goods cost, which tills do not read: neither as figures nor within documents.

use schemas::events::admin::Role;
use serde_json::{Value, json};

use crate::api::Api;
use crate::support::{Log, event};

/// Fields of an answer that say what goods cost, at any depth.
fn costs(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = |name: &&String| name.contains("cost") || name.ends_with("value_minor");
            let deeper = fields.values().flat_map(costs);
            fields
                .keys()
                .filter(own)
                .map(String::as_str)
                .chain(deeper)
                .collect()
        }
        Value::Array(values) => values.iter().flat_map(costs).collect(),
        _ => Vec::new(),
    }
}

async fn log() -> Log {
    let mut log = Log::new();
    let order = |kind: &str, more: Value| {
        let mut data =
            json!({"order_id": "o1", "store": "centro", "occurred_at": "2026-11-22T10:00:00-06:00"});
        for (name, value) in more.as_object().unwrap() {
            data[name] = value.clone();
        }
        event(&format!("order.{kind}"), data)
    };
    let line = json!({"line": 1, "sku": "A", "name": "Cable", "quantity": 2, "unit_price_minor": 100,
                      "gross_minor": 200, "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 200});
    let content = json!({"store": "centro", "currency": "HNL", "lines": [line], "gross_minor": 200,
                         "discount_minor": 0, "tax_minor": 0, "total_minor": 200});
    let delivered = json!([{"line": 1, "sku": "A", "quantity": 2, "costed_quantity": 2, "value_minor": 80}]);
    let returned = json!([{"line": 1, "sku": "A", "quantity": 1, "restocked": true, "credited_quantity": 0,
                           "tax_minor": 0, "total_minor": 0, "costed_quantity": 1, "value_minor": 40}]);
    let transfer = |kind: &str, more: Value| {
        let mut data = json!({"transfer_id": "tr-1", "from": "centro", "to": "norte", "currency": "HNL"});
        for (name, value) in more.as_object().unwrap() {
            data[name] = value.clone();
        }
        event(&format!("transfer_order.{kind}"), data)
    };
    let moved = |pieces: i64| json!([{"line": 1, "sku": "A", "quantity": pieces, "costed_quantity": pieces, "value_minor": pieces * 40}]);
    let asked = json!({"lines": [{"line": 1, "sku": "A", "quantity": 4}]});
    log.append(
        "t1",
        vec![
            ("order/o1", order("placed", json!({"content": content}))),
            (
                "order/o1",
                order("delivered", json!({"delivery_id": "e1", "lines": delivered})),
            ),
            (
                "order/o1",
                order(
                    "returned",
                    json!({"return_id": "d1", "currency": "HNL", "lines": returned, "tax_minor": 0,
                           "total_minor": 0, "refunds": [], "business_day": "2026-11-22"}),
                ),
            ),
            ("transfer/tr-1", transfer("requested", asked)),
            (
                "transfer/tr-1",
                transfer("dispatched", json!({"lines": moved(4)})),
            ),
            (
                "transfer/tr-1",
                transfer("received", json!({"reception_id": "r1", "lines": moved(2)})),
            ),
            (
                "transfer/tr-1",
                transfer(
                    "difference_resolved",
                    json!({"decision": "lost", "lines": moved(1), "note": "se cayó"}),
                ),
            ),
        ],
    )
    .await;
    log
}

#[tokio::test]
async fn an_orders_and_a_transfers_documents_tell_a_cashier_no_costs() {
    let api = Api::new().await;
    api.project(&log().await).await;
    for path in ["/api/v1/sales/orders/o1", "/api/v1/transfers/tr-1"] {
        let whole = api.read("t1", path).await;
        assert!(costs(&whole).len() >= 4, "{path} has something to hide: {whole}");
        let (_, seen) = api.get_as(Role::Cashier, "t1", path).await;
        assert_eq!(costs(&seen), Vec::<&str>::new(), "{path}: {seen}");
        // All else is the same.
        assert_eq!(without_costs(whole), seen);
    }
    for path in ["/api/v1/sales/orders", "/api/v1/transfers"] {
        let (_, seen) = api.get_as(Role::Cashier, "t1", path).await;
        assert_eq!(seen["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(costs(&seen), Vec::<&str>::new(), "{path}: {seen}");
    }
}

fn without_costs(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains("cost") && !name.ends_with("value_minor"));
            fields
                .values_mut()
                .for_each(|field| *field = without_costs(field.take()));
        }
        Value::Array(values) => values.iter_mut().for_each(|one| *one = without_costs(one.take())),
        _ => {}
    }
    value
}
