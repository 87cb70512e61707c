//! Stock in depth over HTTP: thresholds that are said once, movements that wait for somebody else, and costs that add up
//! (INV-2, INV-3, INV-4, INV-8).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::{Received, Receiver};

use crate::client::{Client, http, send};
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const MOVEMENTS: &str = "/api/v1/inventory/movements";
const PATIENCE: Duration = Duration::from_secs(60);

/// An item of the test's own with so many pieces at 6.00 each.
async fn item(admin: &Client, sku: &str, pieces: i64) {
    let created =
        json!({ "sku": sku, "name": format!("Artículo {sku}"), "kind": "counted", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let lines = json!([{ "sku": sku, "quantity": pieces, "unit_cost_minor": 600 }]);
    let receipt = json!({ "store": STORE, "lines": lines });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

async fn put(client: &Client, path: &str, body: &Value) -> Value {
    send(client.request(Method::PUT, path).json(body)).await.ok()
}

fn adjustment(sku: &str, delta: i64) -> Value {
    json!({ "store": STORE, "sku": sku, "delta": delta })
}

async fn adjust(client: &Client, sku: &str, delta: i64) -> Value {
    let path = "/api/v1/inventory/adjustments";
    client.post(path, &adjustment(sku, delta)).await.ok()
}

/// On hand, reserved and available once the read models hold `position`.
async fn stock(client: &Client, sku: &str, position: &Value) -> (i64, i64, i64) {
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={sku}&min_position={position}");
    let body = client.get(&path).await.ok();
    let figure = |name: &str| body["items"][0][name].as_i64().unwrap();
    (figure("on_hand"), figure("reserved"), figure("available"))
}

/// Asks until a list has so many rows.
async fn rows(client: &Client, path: &str, wanted: usize) -> Vec<Value> {
    let found = async {
        loop {
            let body = client.get(path).await.ok();
            let items = body["items"].as_array().unwrap().clone();
            if items.len() == wanted {
                return items;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .unwrap_or_else(|_| panic!("{path} never has {wanted} rows"))
}

fn event(delivery: &Received) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

/// The types of one item's deliveries, by their number.
fn of_item(deliveries: &[Received], sku: &str) -> Vec<String> {
    let events = deliveries.iter().map(event);
    // Deliveries overtake each other; the number says in which order things happened.
    let mut mine: Vec<Value> = events.filter(|event| event["data"]["sku"] == sku).collect();
    mine.sort_by_key(|event| {
        event["sequence"]
            .as_str()
            .map(|number| number.parse::<u64>().unwrap())
    });
    mine.iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn falling_below_a_threshold_is_one_webhook_and_one_alert_that_ends_by_itself() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("threshold", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let hook = json!({ "name": "it-threshold", "url": receiver.url("/hook"), "payload": "full",
                       "event_types": ["inventory.threshold_breach", "inventory.threshold_recovered",
                                       "inventory.alert_raised", "inventory.alert_resolved"] });
    admin.post("/api/v1/webhooks/endpoints", &hook).await.ok();
    item(&admin, "IT-MIN-1", 10).await;
    let threshold = json!({ "store": STORE, "sku": "IT-MIN-1", "minimum": 5 });
    let set = put(&admin, "/api/v1/inventory/thresholds", &threshold).await;
    assert_eq!((&set["on_hand"], &set["is_below"]), (&json!(10), &json!(false)));

    let sale = |quantity: i64| {
        json!({ "store": STORE, "lines": [{ "sku": "IT-MIN-1", "quantity": quantity }],
                "payments": [{ "method": "cash", "amount_minor": 1_000 * quantity }] })
    };
    for quantity in [5, 1, 1, 1] {
        admin.post("/api/v1/pos/sale", &sale(quantity)).await.ok();
    }
    let alerts = "/api/v1/inventory/alerts?sku=IT-MIN-1";
    let alert = rows(&admin, alerts, 1).await.remove(0);
    assert_eq!(
        (
            &alert["status"],
            &alert["quantity"],
            &alert["minimum"],
            &alert["item_name"]
        ),
        (&json!("open"), &json!(4), &json!(5), &json!("Artículo IT-MIN-1"))
    );
    let below = rows(
        &admin,
        "/api/v1/inventory/thresholds?is_below=true&sku=IT-MIN-1",
        1,
    )
    .await;
    assert_eq!(
        (
            &below[0]["on_hand"],
            &below[0]["alert_id"],
            &below[0]["crossings"]
        ),
        (&json!(2), &alert["alert_id"], &json!(1))
    );
    let path = format!("/api/v1/inventory/alerts/{}", alert["alert_id"].as_str().unwrap());
    let seen = json!({ "note": "pedido al proveedor" });
    admin.post(&format!("{path}/acknowledge"), &seen).await.ok();

    adjust(&admin, "IT-MIN-1", 8).await;
    let over = rows(&admin, &format!("{alerts}&status=resolved"), 1).await;
    assert_eq!(
        (&over[0]["resolved_because"], &over[0]["note"]),
        (&json!("recovered"), &json!("pedido al proveedor"))
    );
    admin
        .post(&format!("{path}/acknowledge"), &json!({}))
        .await
        .problem(409, "alert.resolved");

    // A second crossing ends the wait: whatever the first one had to deliver is there before it.
    adjust(&admin, "IT-MIN-1", -6).await;
    rows(&admin, alerts, 2).await;
    let deliveries = receiver.wait_for(6).await;
    let types = of_item(&deliveries, "IT-MIN-1");
    let count = |wanted: &str| types.iter().filter(|found| *found == wanted).count();
    assert_eq!(count("inventory.threshold_breach"), 2, "{types:?}");
    assert_eq!(count("inventory.threshold_recovered"), 1, "{types:?}");
    assert_eq!(count("inventory.alert_raised"), 2, "{types:?}");
    assert_eq!(count("inventory.alert_resolved"), 1, "{types:?}");
    let demo = product.data.join("demo.json");
    let (ok, _, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
}

#[tokio::test]
async fn a_large_movement_waits_keeps_its_goods_and_is_applied_once_by_somebody_else() {
    let product = Product::start("approval", &[]).await;
    let admin = product.client(TENANT, "admin").await;
    let manager = product.client(TENANT, "manager").await;
    let cashier = product.client(TENANT, "cashier").await;
    item(&admin, "IT-MOV-1", 20).await;
    let before = adjust(&admin, "IT-MOV-1", -10).await;
    assert_eq!(before["on_hand"], 10, "without a policy nothing waits");
    let policy = "/api/v1/admin/policies/movements";
    put(&admin, policy, &json!({ "max_quantity": 3 })).await;

    let answer = admin
        .post("/api/v1/inventory/adjustments", &adjustment("IT-MOV-1", -3))
        .await;
    assert_eq!(answer.status.as_u16(), 201, "small ones go through");
    let answer = admin
        .post_keyed(
            "/api/v1/inventory/adjustments",
            "it-mov-1",
            &adjustment("IT-MOV-1", -4),
        )
        .await;
    assert_eq!(answer.status.as_u16(), 202);
    let waiting = answer.ok();
    assert_eq!(
        (&waiting["status"], &waiting["on_hand"]),
        (&json!("pending_approval"), &json!(7))
    );
    let again = admin
        .post_keyed(
            "/api/v1/inventory/adjustments",
            "it-mov-1",
            &adjustment("IT-MOV-1", -4),
        )
        .await;
    assert!(again.is_replayed() && again.status.as_u16() == 202);
    assert_eq!(stock(&admin, "IT-MOV-1", &waiting["position"]).await, (7, 4, 3));
    let sale = json!({ "store": STORE, "lines": [{ "sku": "IT-MOV-1", "quantity": 4 }],
                       "payments": [{ "method": "cash", "amount_minor": 4_000 }] });
    admin
        .post("/api/v1/pos/sale", &sale)
        .await
        .problem(409, "stock.insufficient");

    let path = format!("{MOVEMENTS}/{}", waiting["movement_id"].as_str().unwrap());
    let approve = format!("{path}/approve");
    admin
        .post(&approve, &json!({}))
        .await
        .problem(403, "movement.self_approval");
    assert_eq!(cashier.post(&approve, &json!({})).await.status.as_u16(), 403);
    let done = manager.post(&approve, &json!({ "note": "visto" })).await.ok();
    assert_eq!(stock(&admin, "IT-MOV-1", &done["position"]).await, (3, 0, 3));
    let twice = manager.post(&approve, &json!({})).await.ok();
    assert_eq!(stock(&admin, "IT-MOV-1", &twice["position"]).await, (3, 0, 3));
    manager
        .post(&format!("{path}/reject"), &json!({}))
        .await
        .problem(409, "movement.approved");
    let shown = admin.get(&path).await.ok();
    assert_eq!(
        (&shown["status"], &shown["note"], &shown["lines"][0]["quantity"]),
        (&json!("approved"), &json!("visto"), &json!(-4))
    );
    assert_ne!(shown["requested_by"], shown["decided_by"]);

    // A small one by the general route says both at once; a large one that is turned down gives back.
    let lines = |pieces: i64| json!([{ "sku": "IT-MOV-1", "quantity": pieces, "unit_cost_minor": 900 }]);
    let small = json!({ "movement_id": "it-mov-in", "kind": "in", "store": STORE, "lines": lines(3) });
    let small = admin.post(MOVEMENTS, &small).await.ok();
    assert_eq!(small["status"], "approved");
    let large = json!({ "kind": "out", "store": STORE, "lines": [{ "sku": "IT-MOV-1", "quantity": 6 }] });
    let large = admin.post(MOVEMENTS, &large).await;
    assert_eq!(large.status.as_u16(), 202);
    let large = large.ok();
    assert_eq!(stock(&admin, "IT-MOV-1", &large["position"]).await, (6, 6, 0));
    let reject = format!("{MOVEMENTS}/{}/reject", large["movement_id"].as_str().unwrap());
    let rejected = manager.post(&reject, &json!({})).await.ok();
    assert_eq!(stock(&admin, "IT-MOV-1", &rejected["position"]).await, (6, 0, 6));
    let broken = json!({ "store": STORE,
                         "lines": [{ "sku": "IT-MOV-1", "quantity": 5, "cause": "Se mojaron en la bodega" }] });
    let broken = admin.post("/api/v1/inventory/write-offs", &broken).await;
    assert_eq!(broken.status.as_u16(), 202, "much at once waits here, too");
    let broken = broken.ok();
    assert_eq!(stock(&admin, "IT-MOV-1", &broken["position"]).await, (6, 5, 1));
    let reject = format!("{MOVEMENTS}/{}/reject", broken["movement_id"].as_str().unwrap());
    let rejected = manager.post(&reject, &json!({})).await.ok();
    assert_eq!(stock(&admin, "IT-MOV-1", &rejected["position"]).await, (6, 0, 6));

    // A receipt is no way around it.
    let receipt = |pieces: i64| json!({ "store": STORE, "reference": "REM-9", "lines": lines(pieces) });
    let asked = admin.post("/api/v1/inventory/receipts", &receipt(4)).await;
    assert_eq!(asked.status.as_u16(), 202);
    let asked = asked.ok();
    assert_eq!(asked["status"], "pending_approval");
    assert_eq!(stock(&admin, "IT-MOV-1", &asked["position"]).await, (6, 0, 6));
    let path = format!("{MOVEMENTS}/{}", asked["movement_id"].as_str().unwrap());
    let shown = admin.get(&path).await.ok();
    assert_eq!(
        (&shown["kind"], &shown["comment"]),
        (&json!("in"), &json!("REM-9"))
    );
    let rejected = manager.post(&format!("{path}/reject"), &json!({})).await.ok();

    // What the shelf is worth is the sum of its ledger: 3 at 6.00 and 3 at 9.00.
    let path = format!(
        "/api/v1/inventory/costs?store={STORE}&sku=IT-MOV-1&min_position={}",
        rejected["position"]
    );
    let ledger = admin.get(&path).await.ok();
    let steps = ledger["items"].as_array().unwrap();
    let sum: i64 = steps
        .iter()
        .map(|step| step["value_delta_minor"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, 4_500, "{ledger}");
    assert_eq!(steps.last().unwrap()["value_minor"], 4_500);
    let demo = product.data.join("demo.json");
    let (ok, _, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
}

#[tokio::test]
async fn a_change_of_the_catalogue_reaches_webhooks_and_connectors() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("catalogue", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let hook = json!({ "name": "it-catalogue", "url": receiver.url("/hook"), "payload": "full",
                       "event_types": ["catalogue.*"] });
    admin.post("/api/v1/webhooks/endpoints", &hook).await.ok();
    let connector = json!({ "slug": "it-catalogue", "name": "Catálogo externo", "grants": ["catalogue"] });
    let token = admin.post("/api/v1/connectors", &connector).await.ok()["token"]
        .as_str()
        .unwrap()
        .to_owned();

    let created = json!({ "sku": "IT-CAT-1", "name": "Anillo", "kind": "counted", "price_minor": 1_000,
                          "details": { "brand": "Ñandú", "attributes": { "material": "plata", "diametro": 18 } } });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let item = "/api/v1/catalogue/items/IT-CAT-1";
    let change = admin
        .request(Method::PATCH, item)
        .json(&json!({ "price_minor": 1_100 }));
    send(change).await.ok();
    let cost = put(&admin, &format!("{item}/cost"), &json!({ "cost_minor": 700 })).await;

    let expected = [
        "catalogue.item_created",
        "catalogue.item_changed",
        "catalogue.item_cost_set",
    ];
    let deliveries = receiver.wait_for(3).await;
    assert_eq!(of_item(&deliveries, "IT-CAT-1"), expected);
    let feed = format!(
        "{}/api/v1/integrations/hooks/it-catalogue/events?min_position={}",
        product.base_url(),
        cost["position"]
    );
    let page = send(http().get(feed).header("X-Integration-Token", token))
        .await
        .ok();
    let pulled: Vec<_> = page["items"].as_array().unwrap().iter().collect();
    let types: Vec<_> = pulled.iter().map(|event| event["event_type"].clone()).collect();
    assert_eq!(types, expected);
    assert!(pulled.iter().all(|event| event["entity"] == "catalogue"));
    assert_eq!(pulled[1]["payload"]["price_minor"], 1_100);

    let seen = format!("?min_position={}", cost["position"]);
    let found = admin
        .get(&format!(
            "/api/v1/catalogue/items{seen}&q=anillo%20nandu&attribute=material=plata"
        ))
        .await
        .ok();
    assert_eq!(found["items"][0]["sku"], "IT-CAT-1");
    assert_eq!(found["items"][0]["cost_minor"], 700);
    let cashier = product.client(TENANT, "cashier").await;
    let hidden = cashier.get(&format!("{item}{seen}")).await.ok();
    assert!(hidden.get("cost_minor").is_none(), "{hidden}");
}

/// One field of each row of a list, in the list's order.
fn column(list: &Value, name: &str) -> Vec<Value> {
    let rows = list["items"].as_array().unwrap();
    rows.iter().map(|row| row[name].clone()).collect()
}

#[tokio::test]
async fn what_is_on_its_way_and_why_stock_is_what_it_is_can_be_read() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let (sku, device) = ("IT-WHY", "serial:IT-WHY-1");
    let created = json!({ "sku": sku, "name": sku, "kind": "serialised", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let units = json!([device, "serial:IT-WHY-2"]);
    let lines = json!([{ "sku": sku, "quantity": 2, "unit_cost_minor": 600, "units": units }]);
    let receipt = json!({ "store": STORE, "reference": "Factura 7 IT-WHY", "lines": lines });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
    let asked = json!({ "transfer_id": "it-why-1", "from": STORE, "to": "kennedy",
                        "lines": [{ "sku": sku, "quantity": 1 }] });
    admin.post("/api/v1/transfers", &asked).await.ok();
    let goods = json!({ "lines": [{ "line": 1, "quantity": 1, "units": [device] }] });
    let of = |step: &str| format!("/api/v1/transfers/it-why-1/{step}");
    let sent = admin.post(&of("dispatch"), &goods).await.ok();

    let shelves = format!("/api/v1/inventory/stock?sku={sku}&min_position=");
    let under_way = admin.get(&format!("{shelves}{}", sent["position"])).await.ok();
    assert_eq!(column(&under_way, "store"), [json!(STORE), json!("kennedy")]);
    assert_eq!(column(&under_way, "on_hand"), [json!(1), json!(0)]);
    assert_eq!(column(&under_way, "in_transit"), [json!(0), json!(1)]);
    let came = admin.post(&of("receptions"), &goods).await.ok();
    let sale = json!({ "sale_id": "it-why-sale", "store": "kennedy", "lines": [{ "unit": device, "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 1_000 }] });
    let sold = admin.post("/api/v1/pos/sale", &sale).await.ok();
    let position = &sold["position"];
    let arrived = admin.get(&format!("{shelves}{position}")).await.ok();
    assert_eq!(column(&arrived, "in_transit"), [json!(0), json!(0)]);

    let movements = format!("/api/v1/inventory/stock/movements?min_position={position}");
    let all = admin.get(&format!("{movements}&sku={sku}")).await.ok();
    assert_eq!(
        column(&all, "kind"),
        ["issued", "arrived", "dispatched", "received"].map(Value::from)
    );
    assert_eq!(column(&all, "on_hand_delta"), [-1, 1, -1, 2].map(Value::from));
    assert_eq!(column(&all, "document")[0], "sale/it-why-sale");
    assert!(
        all["items"][0]["reason"].is_string() && all["items"][0]["actor"].is_string(),
        "{all}"
    );
    let count = async |filter: &str| {
        let found = admin.get(&format!("{movements}&sku={sku}&{filter}")).await.ok();
        found["items"].as_array().unwrap().len()
    };
    assert_eq!(count("store=kennedy").await, 2);
    assert_eq!(count(&format!("unit={device}")).await, 4);
    assert_eq!(count("unit=serial:IT-WHY-2").await, 1);
    assert_eq!(count("kind=dispatched").await, 1);
    assert_eq!(count("document=transfer/it-why-1").await, 2);
    let first = column(&all, "recorded_at")[3].as_str().unwrap().to_owned();
    assert_eq!(count(&format!("from={first}")).await, 4);
    assert_eq!(count(&format!("to={first}")).await, 0);
    let page = admin.get(&format!("{movements}&sku={sku}&limit=3")).await.ok();
    let next = page["next"].as_str().unwrap();
    let rest = admin
        .get(&format!("{movements}&sku={sku}&limit=3&cursor={next}"))
        .await
        .ok();
    assert_eq!(column(&rest, "kind"), ["received"].map(Value::from));
    let refused = admin.get(&format!("{movements}&from=ayer")).await;
    assert_eq!(refused.status, 400);

    customer_repair(&admin, device).await;
    let history = format!("/api/v1/inventory/units/{device}/history");
    let life = admin.get(&history).await.ok();
    assert_eq!(
        column(&life, "kind"),
        ["custody_taken", "sold", "arrived", "dispatched", "received"].map(Value::from)
    );
    assert_eq!(
        column(&life, "status"),
        [
            json!(null),
            json!("sold"),
            json!("in_stock"),
            json!("away"),
            json!("in_stock")
        ]
    );
    assert_eq!(column(&life, "document")[0], "repair/it-why-repair");
    assert!(came["position"].is_i64());
    // What a repair has comes back to the shelf only once it is handed back.
    let back = json!({ "store": STORE, "lines": [{ "unit": device, "quantity": 1, "restock": true }] });
    admin
        .post("/api/v1/pos/sale/it-why-sale/returns", &back)
        .await
        .problem(409, "unit.in_repair");
    let nobody = "/api/v1/inventory/units/serial:IT-NOBODYS/history";
    assert_eq!(admin.get(nobody).await.status, 404);
}

/// A customer brings the device for a repair; waits until the read models have it.
async fn customer_repair(admin: &Client, device: &str) {
    let customer = json!({ "customer_id": "it-why-ana", "name": "Ana Ñandú" });
    admin.post("/api/v1/customers", &customer).await.ok();
    let intake = json!({ "repair_id": "it-why-repair", "store": STORE, "customer_id": "it-why-ana", "unit": device,
                         "fault": "No enciende" });
    let taken = admin.post("/api/v1/repairs", &intake).await.ok();
    let path = format!("/api/v1/repairs/it-why-repair?min_position={}", taken["position"]);
    admin.get(&path).await.ok();
}
