//! What a till does in a day, and what it gets wrong.

use serde_json::{Value, json};

use crate::client::{Client, http};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";

/// A fresh article with stock, so that tests do not take each other's goods.
/// An article in stock, and the position from which reads show it.
async fn article(admin: &Client, sku: &str, quantity: i64, price_minor: i64) -> Value {
    let item = json!({ "sku": sku, "name": format!("Artículo {sku}"), "kind": "counted", "price_minor": price_minor });
    admin.post("/api/v1/catalogue/items", &item).await.ok();
    let receipt =
        json!({ "store": "centro", "lines": [{ "sku": sku, "quantity": quantity, "unit_cost_minor": 10 }] });
    let received = admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
    received["position"].clone()
}

async fn on_hand(client: &Client, sku: &str, position: &Value) -> i64 {
    let path = format!("/api/v1/inventory/stock?store=centro&sku={sku}&min_position={position}");
    let page = client.get(&path).await.ok();
    page["items"][0]["on_hand"].as_i64().unwrap()
}

#[tokio::test]
async fn a_sale_takes_stock_and_is_seen_by_a_read_at_its_position() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let cashier = product.client(TENANT, "cashier").await;
    article(&admin, "it-sale", 10, 1_000).await;
    let sale = json!({
        "store": "centro", "terminal": "centro-1",
        "lines": [{ "sku": "it-sale", "quantity": 3, "discount": { "kind": "share", "rate_ppm": 100_000 } }],
        "payments": [{ "method": "card", "amount_minor": 1_000 }, { "method": "cash", "amount_minor": 2_000 }],
    });
    let sold = cashier.post("/api/v1/pos/sale", &sale).await.ok();
    assert_eq!(sold["total_minor"], 2_700);
    assert_eq!(sold["change_minor"], 300);
    assert_eq!(on_hand(&cashier, "it-sale", &sold["position"]).await, 7);
    let id = sold["sale_id"].as_str().unwrap();
    let read = cashier
        .get(&format!("/api/v1/sales/{id}?min_position={}", sold["position"]))
        .await
        .ok();
    assert_eq!(read["total_minor"], 2_700);
    let receipt = cashier
        .get(&format!("/api/v1/pos/receipt/{id}?format=json"))
        .await
        .ok();
    assert_eq!(receipt["total_minor"], 2_700);
}

#[tokio::test]
async fn a_sale_of_more_than_there_is_changes_nothing_and_says_where() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let position = article(&admin, "it-few", 2, 1_000).await;
    let sale = json!({ "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }, { "sku": "it-few", "quantity": 3 }],
        "payments": [{ "method": "card", "amount_minor": 28_000 }] });
    let refused = admin.post("/api/v1/pos/sale", &sale).await;
    let problem = refused.problem(409, "stock.insufficient");
    assert_eq!(problem["errors"][0]["pointer"], "/lines/1/quantity");
    assert_eq!(on_hand(&admin, "it-few", &position).await, 2);
}

#[tokio::test]
async fn the_same_key_is_answered_again_even_with_a_new_token() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    article(&admin, "it-key", 10, 1_000).await;
    let adjust = json!({ "store": "centro", "sku": "it-key", "delta": -1 });
    let first = admin
        .post_keyed("/api/v1/inventory/adjustments", "it-key-1", &adjust)
        .await;
    assert!(!first.is_replayed());
    let first = first.ok();
    let again = product.client(TENANT, "manager").await;
    let second = again
        .post_keyed("/api/v1/inventory/adjustments", "it-key-1", &adjust)
        .await;
    assert!(second.is_replayed());
    assert_eq!(second.ok(), first);
    assert_eq!(on_hand(&admin, "it-key", &first["position"]).await, 9);
    let other = json!({ "store": "centro", "sku": "it-key", "delta": -2 });
    let reused = admin
        .post_keyed("/api/v1/inventory/adjustments", "it-key-1", &other)
        .await;
    reused.problem(422, "idempotency.key_reused");
    // Who may not do it may not see the replay either.
    let auditor = product.client(TENANT, "auditor").await;
    let denied = auditor
        .post_keyed("/api/v1/inventory/adjustments", "it-key-1", &adjust)
        .await;
    assert_eq!(denied.status.as_u16(), 403);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_cancel_its_command() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    article(&admin, "it-hangup", 100, 1_000).await;
    let adjust = json!({ "store": "centro", "sku": "it-hangup", "delta": -1 });
    let mut hung_up = 0;
    for number in 0..20 {
        let request = admin
            .request(reqwest::Method::POST, "/api/v1/inventory/adjustments")
            .header("X-Idempotency-Key", format!("hangup-{number}"))
            .json(&adjust)
            .timeout(std::time::Duration::from_micros(100 * number));
        hung_up += u32::from(request.send().await.is_err());
    }
    assert!(hung_up > 0, "no client hung up, so the test proves nothing");
    // Asked again under its key, every command has happened exactly once, whether its client heard of it or not.
    let mut last = Value::Null;
    for number in 0..20 {
        let key = format!("hangup-{number}");
        last = loop {
            let answer = admin
                .post_keyed("/api/v1/inventory/adjustments", &key, &adjust)
                .await;
            if answer.body["code"] != "idempotency.in_flight" {
                break answer.ok();
            }
        };
    }
    let head = admin.get("/api/v1/inventory/stock?limit=1").await.ok()["position"]
        .as_i64()
        .unwrap();
    let position = Value::from(head.max(last["position"].as_i64().unwrap()));
    assert_eq!(on_hand(&admin, "it-hangup", &position).await, 80);
}

#[tokio::test]
async fn bad_requests_get_clear_problems_in_both_languages() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let adjust = |body: &'static str, language: &'static str| {
        admin
            .request(reqwest::Method::POST, "/api/v1/inventory/adjustments")
            .header("content-type", "application/json")
            .header("Accept-Language", language)
            .body(body)
    };
    let spanish = crate::client::send(adjust(
        r#"{"store":"centro","store":"x","sku":"a","delta":1}"#,
        "es",
    ))
    .await;
    let english = crate::client::send(adjust(
        r#"{"store":"centro","store":"x","sku":"a","delta":1}"#,
        "en",
    ))
    .await;
    assert_eq!((spanish.status.as_u16(), english.status.as_u16()), (400, 400));
    assert_eq!(spanish.body["code"], english.body["code"]);
    assert_ne!(spanish.body["title"], english.body["title"]);
    for body in [
        r#"{"store":"centro","sku":"a\u0000b","delta":1}"#,
        r#"{"store":"centro","sku":"a","delta":1.5}"#,
        r#"{"store":"centro","sku":"a","delta":99999999999999999999}"#,
        r#"{"store":"centro","sku":"a","delta":1,"extra":true}"#,
        r#"{"store":"centro","sku":"a","delta":1"#,
        "",
    ] {
        let answer = crate::client::send(adjust(body, "en")).await;
        assert_eq!(answer.status.as_u16(), 400, "{body}: {}", answer.body);
        assert!(answer.body["code"].is_string(), "{body}");
    }
    let anonymous = http()
        .get(format!("{}/api/v1/sales", product.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status().as_u16(), 401);
    let unknown = admin.get("/api/v1/nothing-here").await;
    assert_eq!(unknown.status.as_u16(), 404);
}

#[tokio::test]
async fn a_credit_sale_moves_the_balance_and_a_return_moves_it_back() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    article(&admin, "it-credit", 10, 1_000).await;
    let customer = json!({ "customer_id": "it-credit-1", "kind": "person", "name": "Berta Ñandú",
        "credit": { "kind": "limited", "limit_minor": 2_500 } });
    admin.post("/api/v1/customers", &customer).await.ok();
    let sale = |quantity: i64| {
        json!({ "store": "centro", "customer_id": "it-credit-1", "lines": [{ "sku": "it-credit", "quantity": quantity }],
            "payments": [{ "method": "credit", "amount_minor": 1_000 * quantity }] })
    };
    let sold = admin.post("/api/v1/pos/sale", &sale(2)).await.ok();
    admin
        .post("/api/v1/pos/sale", &sale(1))
        .await
        .problem(409, "credit.limit_exceeded");
    let id = sold["sale_id"].as_str().unwrap();
    let back = json!({ "store": "centro", "lines": [{ "sale_line": 1, "quantity": 1, "restock": true }], "refunds": [] });
    let returned = admin
        .post(&format!("/api/v1/pos/sale/{id}/returns"), &back)
        .await
        .ok();
    let read = admin
        .get(&format!(
            "/api/v1/customers/it-credit-1?min_position={}",
            returned["position"]
        ))
        .await
        .ok();
    assert_eq!(read["balance_minor"], 1_000);
    assert_eq!(read["name"], "Berta Ñandú");
    let ledger = admin.get("/api/v1/customers/it-credit-1/ledger").await.ok();
    assert_eq!(ledger["items"].as_array().unwrap().len(), 2);
}
