//! Numbers of documents over HTTP: all six series, each seen in the answer, the list, the webhook and on paper (ADM-1).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::{Received, Receiver};

use crate::client::{Client, send};
use crate::pdf_text;
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";
const ITEM: &str = "IT-NUM";
const TILL: &str = "it-num-till";
const SERIES: [(&str, &str); 6] = [
    ("receipt", "F-"),
    ("return", "D-"),
    ("order", "P-"),
    ("purchase", "C-"),
    ("transfer", "T-"),
    ("repair", "R-"),
];

async fn set_up(admin: &Client, receiver: &Receiver) {
    let endpoint = json!({ "name": "it-num", "url": receiver.url("/hook"), "payload": "full",
        "event_types": ["sale.completed", "sale.returned", "order.placed", "order.returned", "purchase.ordered",
                        "transfer_order.requested", "repair.received"] });
    admin.post("/api/v1/webhooks/endpoints", &endpoint).await.ok();
    let item = json!({ "sku": ITEM, "name": "Cable", "kind": "counted", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &item).await.ok();
    let goods =
        json!({ "store": "centro", "lines": [{ "sku": ITEM, "quantity": 50, "unit_cost_minor": 400 }] });
    admin.post("/api/v1/inventory/receipts", &goods).await.ok();
    let till = json!({ "terminal": TILL, "store": "centro", "name": "Caja" });
    admin.post("/api/v1/admin/terminals", &till).await.ok();
    let customer = json!({ "customer_id": "it-num", "name": "Ana" });
    admin.post("/api/v1/customers", &customer).await.ok();
    let supplier = json!({ "supplier_id": "it-num", "name": "Del Sur", "payment_days": 30 });
    admin.post("/api/v1/suppliers", &supplier).await.ok();
    for (series, prefix) in SERIES {
        let body = json!({ "prefix": prefix, "next": 41, "digits": 5 });
        let path = format!("/api/v1/admin/numbering/{series}");
        let set = send(admin.request(Method::PUT, &path).json(&body)).await.ok();
        assert_eq!(set["next_number"], format!("{prefix}00041"));
    }
}

fn sale(id: &str, pieces: i64) -> Value {
    json!({ "sale_id": id, "store": "centro", "lines": [{ "sku": ITEM, "quantity": pieces }],
            "payments": [{ "method": "cash", "amount_minor": 1_000 * pieces }] })
}

/// Sales, refused and repeated ones among them, and one that a till took offline.
async fn sell(admin: &Client) {
    let first = json!({ "sale_id": "it-num-1", "store": "centro", "terminal": TILL, "customer_id": "it-num",
        "lines": [{ "sku": ITEM, "quantity": 3 }], "discount": { "kind": "share", "rate_ppm": 100_000 },
        "payments": [{ "method": "card", "amount_minor": 1_000, "reference": "auth 004512" },
                     { "method": "cash", "amount_minor": 2_000 }] });
    let sold = admin.post("/api/v1/pos/sale", &first).await.ok();
    assert_eq!(sold["number"], "F-00041");
    admin
        .post("/api/v1/pos/sale", &sale("it-num-2", 500))
        .await
        .problem(409, "stock.insufficient");
    for _ in 0..2 {
        let sold = admin
            .post_keyed("/api/v1/pos/sale", "it-num-key", &sale("it-num-2", 1))
            .await
            .ok();
        assert_eq!(sold["number"], "F-00042");
    }
    let draft = json!({ "draft": true, "sale_id": "it-num-3", "store": "centro",
                        "lines": [{ "sku": ITEM, "quantity": 1 }] });
    let drafted = admin.post("/api/v1/pos/sale", &draft).await.ok();
    assert!(drafted.get("number").is_none());
    let paid = json!({ "payments": [{ "method": "cash", "amount_minor": 1_000 }] });
    let sold = admin.post("/api/v1/pos/sale/it-num-3/complete", &paid).await.ok();
    assert_eq!(sold["number"], "F-00043");
    let offline = json!({ "sequence": 1, "sale_id": "it-num-4", "occurred_at": "2026-11-21T17:30:00-06:00",
        "lines": [{ "sku": ITEM, "quantity": 1, "unit_price_minor": 1_000 }],
        "payments": [{ "method": "cash", "amount_minor": 1_000 }], "total_minor": 1_000 });
    let batch = json!({ "terminal": TILL, "store": "centro", "incarnation": "a", "sales": [offline] });
    let taken = admin.post("/api/v1/pos/offline/batches", &batch).await.ok();
    assert_eq!(
        (&taken["sales"][0]["outcome"], &taken["sales"][0]["number"]),
        (&json!("accepted"), &json!("F-00044"))
    );
}

async fn take_back(admin: &Client) {
    let line = json!({ "sale_line": 1, "quantity": 1 });
    let body = json!({ "store": "centro", "lines": [line] });
    let returned = admin.post("/api/v1/pos/sale/it-num-1/returns", &body).await.ok();
    assert_eq!(returned["number"], "D-00041");
    let line = json!({ "sku": ITEM, "quantity": 1, "unit_price_minor": 500 });
    let refund = json!({ "method": "cash", "amount_minor": 500 });
    let body = json!({ "store": "centro", "lines": [line], "refunds": [refund] });
    let returned = admin.post("/api/v1/pos/returns", &body).await.ok();
    assert_eq!(returned["number"], "D-00042");
    let body = json!({ "new_sale_id": "it-num-5", "store": "centro",
                       "returned": [{ "sale_line": 1, "quantity": 1 }], "lines": [{ "sku": ITEM, "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 100 }] });
    let exchanged = admin.post("/api/v1/pos/sale/it-num-1/exchange", &body).await.ok();
    assert_eq!(
        (&exchanged["return_number"], &exchanged["new_sale_number"]),
        (&json!("D-00043"), &json!("F-00045"))
    );
}

/// One document of each other kind; gives the last answer's position.
async fn trade(admin: &Client) -> Value {
    let body = json!({ "supplier_id": "it-num", "store": "centro",
                       "lines": [{ "sku": ITEM, "quantity": 1, "unit_cost_minor": 400 }] });
    let ordered = admin.post("/api/v1/purchases", &body).await.ok();
    assert_eq!(ordered["number"], "C-00041");
    let body = json!({ "transfer_id": "it-num", "from": "centro", "to": "kennedy",
                       "lines": [{ "sku": ITEM, "quantity": 1 }], "note": "para el sábado" });
    let asked = admin.post("/api/v1/transfers", &body).await.ok();
    assert_eq!(asked["number"], "T-00041");
    let body = json!({ "store": "centro", "customer_id": "it-num", "unit": "serial:IT-NUM",
                       "description": "Nokia", "fault": "No enciende" });
    let repair = admin.post("/api/v1/repairs", &body).await.ok();
    assert_eq!(repair["number"], "R-00041");
    let body = json!({ "kind": "order", "order_id": "it-num", "store": "centro", "customer_id": "it-num",
                       "lines": [{ "sku": ITEM, "quantity": 2 }] });
    let placed = admin.post("/api/v1/sales", &body).await.ok();
    assert_eq!(placed["number"], "P-00041");
    for step in ["confirm", "deliver"] {
        let path = format!("/api/v1/sales/orders/it-num/{step}");
        admin.post(&path, &json!({})).await.ok();
    }
    let body = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
    let returned = admin
        .post("/api/v1/sales/orders/it-num/returns", &body)
        .await
        .ok();
    assert_eq!(returned["number"], "D-00044");
    returned["position"].clone()
}

/// The list's first row whose field is this.
async fn row(admin: &Client, list: &str, position: &Value, field: &str, value: &str) -> Value {
    let more = if list.contains('?') { '&' } else { '?' };
    let page = admin
        .get(&format!("{list}{more}limit=200&min_position={position}"))
        .await
        .ok();
    let rows = page["items"].as_array().unwrap();
    let found = rows.iter().find(|row| row[field] == value);
    found
        .unwrap_or_else(|| panic!("{list} has no {value}: {page}"))
        .clone()
}

async fn lists(admin: &Client, position: &Value) {
    for (list, field, value, number) in [
        ("/api/v1/sales?number=F-00041", "sale_id", "it-num-1", "F-00041"),
        ("/api/v1/sales", "sale_id", "it-num-4", "F-00044"),
        ("/api/v1/sales/orders", "order_id", "it-num", "P-00041"),
        ("/api/v1/purchases", "supplier_id", "it-num", "C-00041"),
        ("/api/v1/transfers", "transfer_id", "it-num", "T-00041"),
        ("/api/v1/repairs", "customer_id", "it-num", "R-00041"),
    ] {
        assert_eq!(
            row(admin, list, position, field, value).await["number"],
            number,
            "{list}"
        );
    }
    let one = admin.get("/api/v1/transfers/it-num").await.ok();
    assert_eq!(one["number"], "T-00041");
    let one = admin.get("/api/v1/sales/it-num-1").await.ok();
    let returns: Vec<&Value> = one["returns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|returned| &returned["number"])
        .collect();
    assert_eq!(
        (&one["number"], returns),
        (&json!("F-00041"), vec![&json!("D-00041"), &json!("D-00043")])
    );
    let last = row(admin, "/api/v1/admin/numbering", position, "series", "receipt").await;
    assert_eq!(
        (&last["taken"], &last["last_number"]),
        (&json!(5), &json!("F-00045"))
    );
}

async fn papers(admin: &Client) {
    let path = "/api/v1/pos/receipt/it-num-1";
    let receipt = admin.get(&format!("{path}?format=json")).await.ok();
    assert_eq!(receipt["number"], "F-00041");
    for (language, words) in [
        ("es", ["Recibo: F-00041", "Venta: it-num-1"]),
        ("en", ["Receipt: F-00041", "Sale: it-num-1"]),
    ] {
        let request = admin.request(Method::GET, &format!("{path}?lang={language}"));
        let pdf = request.send().await.unwrap().bytes().await.unwrap();
        let text = pdf_text::lines(&pdf).join("\n");
        assert!(words.iter().all(|words| text.contains(words)), "{text}");
    }
}

fn told(deliveries: &[Received]) -> BTreeSet<(String, String)> {
    let of = |delivery: &Received| {
        let body: Value = serde_json::from_slice(&delivery.body).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some((text(&body["type"])?, text(&body["data"]["number"])?))
    };
    deliveries.iter().filter_map(of).collect()
}

#[tokio::test]
async fn each_document_of_six_series_says_its_number_in_answer_list_webhook_and_on_paper() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("numbering", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    set_up(&admin, &receiver).await;
    sell(&admin).await;
    take_back(&admin).await;
    let position = trade(&admin).await;
    lists(&admin, &position).await;
    papers(&admin).await;

    let of = |event: &str, prefix: &str, last: i64| -> BTreeSet<(String, String)> {
        let number = |count: i64| (event.to_owned(), format!("{prefix}-{count:05}"));
        (41..=last).map(number).collect()
    };
    let mut expected = of("sale.completed", "F", 45);
    expected.extend(of("sale.returned", "D", 43));
    expected.insert(("order.returned".to_owned(), "D-00044".to_owned()));
    for (event, prefix) in [
        ("order.placed", "P"),
        ("purchase.ordered", "C"),
        ("transfer_order.requested", "T"),
        ("repair.received", "R"),
    ] {
        expected.extend(of(event, prefix, 41));
    }
    let deliveries = receiver
        .wait_until("every document is told", |deliveries| {
            told(deliveries) == expected
        })
        .await;
    assert_eq!(told(&deliveries), expected);

    let demo = product.data.join("demo.json");
    let (ok, verified, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["checks"]["numbers"], json!(13), "{text}");
}
