//! Quotes, orders and purchases that are changed before they are promised or sent, with the tenant's own numbers and with
//! discounts that reach the day's report (TRD-1, TRD-2, ADM-1).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::Receiver;

use crate::client::{Answer, Client, send};
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";
const ORDERS: &str = "/api/v1/sales/orders";

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    send(client.request(Method::PUT, path).json(body)).await
}

/// The tenant numbers documents of this kind from 17 on.
async fn number(admin: &Client, series: &str, prefix: &str) {
    let body = json!({ "prefix": prefix, "next": 17, "digits": 4 });
    put(admin, &format!("/api/v1/admin/numbering/{series}"), &body)
        .await
        .ok();
}

async fn item(admin: &Client, sku: &str, price_minor: i64, pieces: i64) {
    let created = json!({ "sku": sku, "name": sku, "kind": "counted", "price_minor": price_minor });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let line = json!({ "sku": sku, "quantity": pieces, "unit_cost_minor": price_minor / 2 });
    let receipt = json!({ "store": "centro", "lines": [line] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

/// A thing as it is read once the answer's position is there.
async fn read(admin: &Client, path: &str, answer: &Value) -> Value {
    let path = format!("{path}?min_position={}", answer["position"]);
    admin.get(&path).await.ok()
}

#[tokio::test]
async fn a_shop_changes_a_quote_an_order_and_a_purchase_until_they_are_promised_or_sent() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("order-changes", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let endpoint = json!({ "name": "cambios", "url": receiver.url("/hook"), "payload": "full",
                           "event_types": ["order.changed", "order.returned", "purchase.changed"] });
    admin.post("/api/v1/webhooks/endpoints", &endpoint).await.ok();
    for (series, prefix) in [("order", "PED-"), ("return", "DEV-"), ("purchase", "OC-")] {
        number(&admin, series, prefix).await;
    }
    item(&admin, "IT-CHG-1", 1_000, 20).await;
    item(&admin, "IT-CHG-2", 700, 5).await;

    let order = a_quote_is_changed(&admin).await;
    let returned = it_is_sold(&admin, &order).await;
    a_quote_expires_when_its_changed_time_is_over(&admin).await;
    a_purchase_is_changed(&admin, &product).await;

    let told: Vec<Value> = receiver
        .wait_for(6)
        .await
        .iter()
        .map(|delivery| serde_json::from_slice(&delivery.body).unwrap())
        .collect();
    let of = |kind: &str| {
        told.iter()
            .filter(|event| event["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (of("order.changed").len(), of("purchase.changed").len()),
        (4, 1),
        "{told:?}"
    );
    assert_eq!(of("order.changed")[0]["data"]["content"]["total_minor"], 7_200);
    assert_eq!(of("order.returned")[0]["data"]["number"], "DEV-0017");
    let audit = admin
        .get(&format!(
            "/api/v1/audit?command=change_order&limit=200&min_position={}",
            returned["position"]
        ))
        .await
        .ok();
    let rows = audit["items"].as_array().unwrap();
    assert!(rows.len() >= 2, "{audit}");
    assert!(rows.iter().all(|row| row["reason"] == "prueba automática"));
    let demo = product.data.join("demo.json");
    let (ok, verified, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["checks"]["orders"], json!(3), "{text}");
}

/// Six at 10.00 with 10 % off and one at 7.00 become eight at 10.00 with 10 % off; gives the order's path.
async fn a_quote_is_changed(admin: &Client) -> String {
    let discount = json!({ "kind": "share", "rate_ppm": 100_000 });
    let lines = |pieces: i64| json!([{ "sku": "IT-CHG-1", "quantity": pieces, "discount": discount }]);
    let mut first = json!({ "kind": "quote", "order_id": "it-chg-1", "store": "centro", "valid_for_s": 3_600,
                            "lines": lines(6) });
    first["lines"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "sku": "IT-CHG-2", "quantity": 1 }));
    let quoted = admin
        .post_keyed("/api/v1/sales", "it-chg-quote", &first)
        .await
        .ok();
    assert_eq!(
        (&quoted["number"], &quoted["revision"], &quoted["total_minor"]),
        (&json!("PED-0017"), &json!(1), &json!(6_100))
    );
    // The same command again takes no second number.
    let again = admin.post_keyed("/api/v1/sales", "it-chg-quote", &first).await;
    assert!(again.is_replayed());
    assert_eq!(again.ok()["number"], "PED-0017");

    // The catalogue's price rises, and the promised one stays.
    let dearer = json!({ "price_minor": 1_500 });
    send(
        admin
            .request(Method::PATCH, "/api/v1/catalogue/items/IT-CHG-1")
            .json(&dearer),
    )
    .await
    .ok();
    let path = format!("{ORDERS}/it-chg-1");
    let change = json!({ "expected_revision": 1, "store": "centro", "reference": "OC 9", "lines": lines(8) });
    let changed = put(admin, &path, &change).await.ok();
    assert_eq!(
        (&changed["number"], &changed["revision"], &changed["total_minor"]),
        (&json!("PED-0017"), &json!(2), &json!(7_200))
    );
    // Sent again it is done already; what somebody else makes of the first revision is refused.
    assert_eq!(put(admin, &path, &change).await.ok()["revision"], 2);
    let mut other = change.clone();
    other["lines"] = lines(1);
    put(admin, &path, &other)
        .await
        .problem(409, "order.revision_stale");
    let found = read(admin, &path, &changed).await;
    assert_eq!(
        (
            &found["number"],
            &found["revision"],
            &found["reference"],
            &found["status"]
        ),
        (&json!("PED-0017"), &json!(2), &json!("OC 9"), &json!("quote"))
    );
    let lines_of = |order: &Value| order["lines"].as_array().unwrap().len();
    assert_eq!((lines_of(&found), &found["ordered_quantity"]), (1, &json!(8)));
    let with_item = admin.get(&format!("{ORDERS}?sku=IT-CHG-2")).await.ok();
    assert_eq!(with_item["items"], json!([]), "the line is gone");

    let accepted = admin.post(&format!("{path}/accept"), &json!({})).await.ok();
    let mut timed = other.clone();
    timed["expected_revision"] = json!(3);
    timed["valid_for_s"] = json!(60);
    put(admin, &path, &timed).await.problem(409, "order.no_quote");
    let found = read(admin, &path, &accepted).await;
    assert_eq!(
        (&found["revision"], &found["number"]),
        (&json!(3), &json!("PED-0017"))
    );
    path
}

/// Confirms, delivers, invoices in two parts and takes one piece back; gives the return's answer.
async fn it_is_sold(admin: &Client, path: &str) -> Value {
    // Three at 10.00, of which 1.00 is off.
    let fewer = json!({ "expected_revision": 3, "store": "centro", "discount": { "kind": "amount", "amount_minor": 100 },
                        "lines": [{ "sku": "IT-CHG-1", "quantity": 3 }] });
    put(admin, path, &fewer).await.ok();
    let step = |step: &'static str, body: Value| {
        let (admin, path) = (admin.clone(), format!("{path}/{step}"));
        async move { admin.post(&path, &body).await.ok() }
    };
    let confirmed = step("confirm", json!({})).await;
    put(admin, path, &fewer).await.problem(409, "order.confirmed");
    let stock = "/api/v1/inventory/stock?store=centro&sku=IT-CHG-1&min_position=";
    let stock = admin.get(&format!("{stock}{}", confirmed["position"])).await.ok();
    assert_eq!(stock["items"][0]["reserved"], 3);
    step("deliver", json!({})).await;
    let cash = |amount: i64| json!([{ "method": "cash", "amount_minor": amount }]);
    let one = json!({ "lines": [{ "line": 1, "quantity": 1 }], "payments": cash(967) });
    let one = step("invoice", one).await;
    // A third of 29.00 is 9.67, so that 0.33 of the discount is in it.
    assert_eq!(
        (&one["total_minor"], &one["discount_minor"]),
        (&json!(967), &json!(33))
    );
    let rest = step("invoice", json!({ "payments": cash(1_933) })).await;
    assert_eq!(
        (&rest["total_minor"], &rest["discount_minor"], &rest["status"]),
        (&json!(1_933), &json!(67), &json!("invoiced"))
    );
    let back = step("returns", json!({ "lines": [{ "line": 1, "quantity": 1 }] })).await;
    assert_eq!(back["number"], "DEV-0017");
    let found = read(admin, path, &back).await;
    assert_eq!(found["returns"][0]["number"], "DEV-0017");
    assert_eq!(found["invoices"][0]["lines"][0]["discount_minor"], 33);

    let report = format!("store=centro&min_position={}&limit=200", back["position"]);
    let items = admin
        .get(&format!("/api/v1/reports/sales/items?{report}"))
        .await
        .ok();
    let items = items["items"].as_array().unwrap();
    let sold = items.iter().find(|row| row["sku"] == "IT-CHG-1").unwrap();
    assert_eq!(
        (
            &sold["gross_minor"],
            &sold["discount_minor"],
            &sold["sales_minor"]
        ),
        (&json!(3_000), &json!(100), &json!(2_900))
    );
    let days = admin
        .get(&format!("/api/v1/reports/sales/daily?{report}"))
        .await
        .ok();
    let days = days["items"].as_array().unwrap();
    let day = days.iter().find(|row| row["invoices"] != 0).unwrap();
    let figure = |name: &str| day[name].as_i64().unwrap();
    let sold = figure("sales_minor") + figure("invoiced_minor");
    assert_eq!(figure("gross_minor") - figure("discount_minor"), sold, "{day}");
    assert!(figure("discount_minor") >= 100, "{day}");
    back
}

/// One quote's time is brought forward and another's put off: the first ends by itself, the second does not.
async fn a_quote_expires_when_its_changed_time_is_over(admin: &Client) {
    let quote = |id: &str, seconds: i64| {
        json!({ "kind": "quote", "order_id": id, "store": "centro", "valid_for_s": seconds,
                "lines": [{ "sku": "IT-CHG-2", "quantity": 1 }] })
    };
    let change = |seconds: i64| {
        json!({ "expected_revision": 1, "store": "centro", "valid_for_s": seconds,
                "lines": [{ "sku": "IT-CHG-2", "quantity": 1 }] })
    };
    let path = |id: &str| format!("{ORDERS}/{id}");
    let late = admin.post("/api/v1/sales", &quote("it-chg-late", 15)).await.ok();
    assert_eq!(late["number"], "PED-0018");
    let put_off = put(admin, &path("it-chg-late"), &change(3_600)).await.ok();
    assert_ne!(put_off["valid_until"], late["valid_until"]);
    admin
        .post("/api/v1/sales", &quote("it-chg-soon", 3_600))
        .await
        .ok();
    // It is over after the first one's time would have been.
    let soon = put(admin, &path("it-chg-soon"), &change(16)).await.ok();
    let expired = async {
        while read(admin, &path("it-chg-soon"), &soon).await["status"] != "expired" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), expired)
        .await
        .unwrap();
    put(admin, &path("it-chg-soon"), &change(60))
        .await
        .problem(409, "order.expired");
    assert_eq!(
        admin
            .post(&format!("{}/accept", path("it-chg-late")), &json!({}))
            .await
            .ok()["status"],
        "open"
    );
}

async fn a_purchase_is_changed(admin: &Client, product: &Product) {
    let supplier = json!({ "supplier_id": "it-chg-sur", "name": "Distribuidora del Sur" });
    admin.post("/api/v1/suppliers", &supplier).await.ok();
    let line = |sku: &str, pieces: i64| json!({ "sku": sku, "quantity": pieces, "unit_cost_minor": 400 });
    let order = json!({ "purchase_id": "it-chg-oc", "supplier_id": "it-chg-sur", "store": "centro",
                        "lines": [line("IT-CHG-1", 10), line("IT-CHG-2", 4)] });
    let ordered = admin.post("/api/v1/purchases", &order).await.ok();
    assert_eq!(
        (&ordered["number"], &ordered["revision"]),
        (&json!("OC-0017"), &json!(1))
    );
    let path = "/api/v1/purchases/it-chg-oc";
    // Who only orders may change what they ordered.
    let clerk = product.client(TENANT, "sync_operator").await;
    let change = json!({ "expected_revision": 1, "supplier_id": "it-chg-sur", "store": "centro", "note": "sin fundas",
                         "tolerance_percent": 50, "lines": [line("IT-CHG-1", 12)] });
    let changed = put(&clerk, path, &change).await.ok();
    assert_eq!(
        (&changed["number"], &changed["revision"], &changed["total_minor"]),
        (&json!("OC-0017"), &json!(2), &json!(4_800))
    );
    let mut stale = change.clone();
    stale["lines"] = json!([line("IT-CHG-2", 1)]);
    put(admin, path, &stale)
        .await
        .problem(409, "purchase.revision_stale");
    admin.post(&format!("{path}/send"), &json!({})).await.ok();
    put(admin, path, &change).await.problem(409, "purchase.sent");
    let came = json!({ "reception_id": "r-1", "lines": [{ "line": 1, "quantity": 5 }] });
    let came = admin.post(&format!("{path}/receptions"), &came).await.ok();
    assert_eq!(came["outstanding"], 7);
    let found = read(admin, path, &came).await;
    assert_eq!(
        (&found["ordered"], &found["note"], &found["number"]),
        (&json!(12), &json!("sin fundas"), &json!("OC-0017"))
    );
    assert_eq!(found["lines"].as_array().unwrap().len(), 1, "{found}");
    let with_item = admin.get("/api/v1/purchases?sku=IT-CHG-2").await.ok();
    assert_eq!(with_item["items"], json!([]), "the line is gone");
}
