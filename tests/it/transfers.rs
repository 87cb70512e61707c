//! A transfer between two stores over HTTP: asked for, sent, received in parts, and a difference that somebody decides
//! about (TRD-3).

use serde_json::{Value, json};

use crate::client::Client;
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const FROM: &str = "centro";
const TO: &str = "kennedy";
const TRANSFERS: &str = "/api/v1/transfers";

async fn receive(admin: &Client, sku: &str, pieces: i64, cost: i64) {
    let created = json!({ "sku": sku, "name": sku, "kind": "counted", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let line = json!({ "sku": sku, "quantity": pieces, "unit_cost_minor": cost });
    let receipt = json!({ "store": FROM, "lines": [line] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

/// On hand and what it cost, once the read models hold `position`.
async fn stock(admin: &Client, store: &str, sku: &str, position: &Value) -> (i64, i64) {
    let path = format!("/api/v1/inventory/stock?store={store}&sku={sku}&min_position={position}");
    let body = admin.get(&path).await.ok();
    let row = &body["items"][0];
    (
        row["on_hand"].as_i64().unwrap_or(0),
        row["total_cost_minor"].as_i64().unwrap_or(0),
    )
}

async fn in_transit(admin: &Client, sku: &str, position: &Value) -> (i64, i64) {
    let path = format!("/api/v1/inventory/in-transit?store={TO}&sku={sku}&min_position={position}");
    let body = admin.get(&path).await.ok();
    let row = &body["items"][0];
    (
        row["quantity"].as_i64().unwrap_or(0),
        row["value_minor"].as_i64().unwrap_or(0),
    )
}

#[tokio::test]
async fn a_transfer_with_a_difference_keeps_every_piece_and_every_cent_somewhere() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    receive(&admin, "IT-TRANSFER", 10, 333).await;
    let asked = json!({ "transfer_id": "it-transfer-1", "from": FROM, "to": TO,
                        "lines": [{ "sku": "IT-TRANSFER", "quantity": 8 }], "note": "para el sábado" });
    let asked = admin.post(TRANSFERS, &asked).await.ok();
    assert_eq!(asked["status"], "requested");
    let of = |step: &str| format!("{TRANSFERS}/it-transfer-1/{step}");

    let cashier = product.client(TENANT, "cashier").await;
    let too_many = json!({ "lines": [{ "line": 1, "quantity": 9 }] });
    cashier
        .post(&of("dispatch"), &too_many)
        .await
        .problem(409, "transfer.exceeds_requested");
    let sent = cashier
        .post(
            &of("dispatch"),
            &json!({ "lines": [{ "line": 1, "quantity": 7 }] }),
        )
        .await
        .ok();
    assert_eq!(sent["lines"][0]["quantity"], 7);
    let position = &sent["position"];
    assert_eq!(stock(&admin, FROM, "IT-TRANSFER", position).await, (3, 3 * 333));
    assert_eq!(stock(&admin, TO, "IT-TRANSFER", position).await, (0, 0));
    assert_eq!(in_transit(&admin, "IT-TRANSFER", position).await, (7, 7 * 333));

    let part = json!({ "reception_id": "caja-1", "lines": [{ "line": 1, "quantity": 4 }] });
    let received = cashier.post(&of("receptions"), &part).await.ok();
    let again = cashier.post(&of("receptions"), &part).await.ok();
    assert_eq!(again["in_transit"], received["in_transit"]);
    assert_eq!(
        stock(&admin, TO, "IT-TRANSFER", &again["position"]).await,
        (4, 4 * 333)
    );
    cashier
        .post(
            &of("receptions"),
            &json!({ "lines": [{ "line": 1, "quantity": 4 }] }),
        )
        .await
        .problem(409, "transfer.exceeds_dispatched");

    let lost = json!({ "decision": "lost", "lines": [{ "line": 1, "quantity": 1 }], "note": "caja abierta" });
    let refused = cashier.post(&of("differences"), &lost).await;
    refused.problem(403, "auth.role_forbidden");
    admin.post(&of("differences"), &lost).await.ok();
    let back = json!({ "decision": "back_at_origin", "lines": [{ "line": 1, "quantity": 2 }] });
    let closed = admin.post(&of("differences"), &back).await.ok();
    assert_eq!(
        (&closed["status"], &closed["in_transit"]),
        (&json!("closed"), &json!([]))
    );
    let position = &closed["position"];
    assert_eq!(stock(&admin, FROM, "IT-TRANSFER", position).await, (5, 5 * 333));
    assert_eq!(in_transit(&admin, "IT-TRANSFER", position).await, (0, 0));
    let seen = admin.get(&format!("{TRANSFERS}/it-transfer-1")).await.ok();
    let line = &seen["lines"][0];
    let figures: Vec<i64> = [
        "requested",
        "dispatched",
        "received",
        "lost",
        "back",
        "in_transit",
    ]
    .iter()
    .map(|name| line[*name].as_i64().unwrap())
    .collect();
    assert_eq!(figures, [8, 7, 4, 1, 2, 0]);
    assert_eq!(
        (&seen["status"], &seen["incomplete"]),
        (&json!("closed"), &json!(true))
    );
    assert_eq!(seen["lost_value_minor"], 333);
    admin
        .post(&of("receptions"), &json!({}))
        .await
        .problem(409, "transfer.closed");
    let listed = admin
        .get(&format!("{TRANSFERS}?from={FROM}&status=closed&sku=IT-TRANSFER"))
        .await
        .ok();
    assert_eq!(listed["items"][0]["transfer_id"], "it-transfer-1");
}

#[tokio::test]
async fn a_surplus_waits_for_a_decision_and_then_moves_at_the_senders_cost_or_not_at_all() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    receive(&admin, "IT-SURPLUS", 10, 250).await;
    let asked = json!({ "transfer_id": "it-surplus-1", "from": FROM, "to": TO,
                        "lines": [{ "sku": "IT-SURPLUS", "quantity": 4 }] });
    admin.post(TRANSFERS, &asked).await.ok();
    let of = |step: &str| format!("{TRANSFERS}/it-surplus-1/{step}");
    let line = |pieces: i64| json!([{ "line": 1, "quantity": pieces }]);
    let cashier = product.client(TENANT, "cashier").await;
    cashier
        .post(&of("dispatch"), &json!({ "lines": line(4) }))
        .await
        .ok();

    let early = json!({ "lines": line(3), "surplus": line(1) });
    let early = cashier.post(&of("receptions"), &early).await;
    early.problem(409, "transfer.surplus_before_rest");
    let counted = json!({ "reception_id": "caja-1", "lines": line(4), "surplus": line(3) });
    let received = cashier.post(&of("receptions"), &counted).await.ok();
    assert_eq!(received["status"], "in_transit");
    assert_eq!(received["surplus"][0]["quantity"], 3);
    let position = &received["position"];
    assert_eq!(stock(&admin, TO, "IT-SURPLUS", position).await, (4, 4 * 250));
    assert_eq!(stock(&admin, FROM, "IT-SURPLUS", position).await, (6, 6 * 250));
    assert_eq!(in_transit(&admin, "IT-SURPLUS", position).await, (0, 0));
    let waiting = admin
        .get(&format!("{TRANSFERS}?surplus=true&sku=IT-SURPLUS"))
        .await
        .ok();
    let header = &waiting["items"][0];
    assert_eq!(
        (&header["transfer_id"], &header["surplus"]),
        (&json!("it-surplus-1"), &json!(3))
    );

    let sent = json!({ "decision": "sent_by_origin", "lines": line(2), "note": "se contaron mal" });
    let refused = cashier.post(&of("surplus"), &sent).await;
    refused.problem(403, "auth.role_forbidden");
    let decided = admin.post(&of("surplus"), &sent).await.ok();
    assert_eq!(decided["surplus"][0]["quantity"], 1);
    let too_many = json!({ "decision": "not_accepted", "lines": line(2) });
    let too_many = admin.post(&of("surplus"), &too_many).await;
    too_many.problem(409, "transfer.not_in_surplus");
    let rest = json!({ "decision": "not_accepted", "lines": line(1) });
    let closed = admin.post(&of("surplus"), &rest).await.ok();
    assert_eq!(
        (&closed["status"], &closed["surplus"]),
        (&json!("closed"), &json!([]))
    );
    let position = &closed["position"];
    assert_eq!(stock(&admin, TO, "IT-SURPLUS", position).await, (6, 6 * 250));
    assert_eq!(stock(&admin, FROM, "IT-SURPLUS", position).await, (4, 4 * 250));
    let seen = admin.get(&format!("{TRANSFERS}/it-surplus-1")).await.ok();
    let figures = [
        "dispatched",
        "received",
        "surplus",
        "surplus_accepted",
        "in_transit",
    ]
    .map(|name| seen["lines"][0][name].as_i64().unwrap());
    assert_eq!(figures, [4, 4, 0, 2, 0]);
    assert_eq!(
        (&seen["surplus"], &seen["incomplete"]),
        (&json!(0), &json!(false))
    );
}
