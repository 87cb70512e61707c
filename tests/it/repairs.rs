//! Repairs over HTTP: with parts and a quote from the intake to the delivery, under warranty, at a workshop, and late
//! (CRM-3).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, send};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const REPAIRS: &str = "/api/v1/repairs";

/// An item of the test's own.
async fn item(admin: &Client, sku: &str, kind: &str, price_minor: i64) {
    let created = json!({ "sku": sku, "name": sku, "kind": kind, "price_minor": price_minor,
                          "details": { "warranty_months": 12 } });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
}

async fn receive(admin: &Client, line: Value) {
    let receipt = json!({ "store": STORE, "lines": [line] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

async fn customer(admin: &Client, id: &str, limit_minor: i64) {
    let body = json!({ "customer_id": id, "name": "Ana Ñandú",
                       "credit": { "kind": "limited", "limit_minor": limit_minor } });
    admin.post("/api/v1/customers", &body).await.ok();
}

/// On hand and reserved once the read models hold `position`.
async fn stock(admin: &Client, sku: &str, position: &Value) -> (i64, i64) {
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={sku}&min_position={position}");
    let body = admin.get(&path).await.ok();
    let figure = |name: &str| body["items"][0][name].as_i64().unwrap();
    (figure("on_hand"), figure("reserved"))
}

async fn step(client: &Client, id: &str, step: &str, body: Value) -> Answer {
    client.post(&format!("{REPAIRS}/{id}/{step}"), &body).await
}

fn intake(id: &str, customer_id: &str, unit: &str) -> Value {
    json!({ "repair_id": id, "store": STORE, "customer_id": customer_id, "unit": unit,
            "description": "Nokia 3310 azul", "accessories": ["cargador"], "fault": "No enciende" })
}

#[tokio::test]
async fn a_repair_with_parts_and_a_quote_goes_from_the_intake_to_a_delivery_on_credit() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let till = product.client(TENANT, "cashier").await;
    item(&admin, "IT-REP-SCREEN", "counted", 150_000).await;
    item(&admin, "IT-REP-LABOUR", "service", 15_000).await;
    receive(
        &admin,
        json!({ "sku": "IT-REP-SCREEN", "quantity": 3, "unit_cost_minor": 60_000 }),
    )
    .await;
    customer(&admin, "it-rep-ana", 100_000).await;
    let (id, unit) = ("it-rep-1", "imei:356938035643809");
    let taken = till.post(REPAIRS, &intake(id, "it-rep-ana", unit)).await.ok();
    assert_eq!(
        (&taken["status"], &taken["under_warranty"]),
        (&json!("received"), &json!(false))
    );
    till.post(REPAIRS, &intake("it-rep-1b", "it-rep-ana", unit))
        .await
        .problem(409, "repair.device_in_custody");
    step(&till, id, "start", json!({}))
        .await
        .problem(409, "repair.received");

    step(&till, id, "diagnosis", json!({ "diagnosis": "Pantalla rota" }))
        .await
        .ok();
    let lines = json!([{ "sku": "IT-REP-SCREEN", "quantity": 1 }, { "sku": "IT-REP-LABOUR", "quantity": 1 }]);
    let quoted = step(&till, id, "quotes", json!({ "lines": lines })).await.ok();
    assert_eq!(
        (&quoted["quote"], &quoted["total_minor"]),
        (&json!(1), &json!(165_000))
    );
    let path = format!("{REPAIRS}/{id}?min_position={}", quoted["position"]);
    assert_eq!(
        till.get(&path).await.ok()["sla_due_at"],
        Value::Null,
        "it waits for the customer"
    );
    let answer = json!({ "quote": 1, "channel": "phone", "answered_by": "Luis Ñandú" });
    step(&till, id, "approval", answer).await.ok();
    step(&till, id, "start", json!({})).await.ok();

    let kept = json!({ "lines": [{ "sku": "IT-REP-SCREEN", "quantity": 2 }] });
    let path = format!("{REPAIRS}/{id}/parts/kept");
    let kept = send(till.request(Method::PUT, &path).json(&kept)).await.ok();
    assert_eq!(stock(&admin, "IT-REP-SCREEN", &kept["position"]).await, (3, 2));
    let two = json!({ "lines": [{ "sku": "IT-REP-SCREEN", "quantity": 2 }] });
    let taken = step(&till, id, "parts/taken", two.clone()).await.ok();
    assert_eq!(taken["lines"], kept["lines"]);
    assert_eq!(stock(&admin, "IT-REP-SCREEN", &taken["position"]).await, (1, 0));
    let one = json!({ "lines": [{ "sku": "IT-REP-SCREEN", "quantity": 1 }] });
    let back = step(&till, id, "parts/given-back", one).await.ok();
    assert_eq!(stock(&admin, "IT-REP-SCREEN", &back["position"]).await, (2, 0));
    step(&till, id, "parts/given-back", two)
        .await
        .problem(409, "repair.part_not_taken");
    step(&till, id, "ready", json!({ "work_done": "Pantalla cambiada" }))
        .await
        .ok();

    let pay = |credit: i64| {
        json!({ "payments": [{ "method": "credit", "amount_minor": credit },
                             { "method": "cash", "amount_minor": 200_000 - credit }] })
    };
    step(&till, id, "delivery", pay(100_001))
        .await
        .problem(409, "credit.limit_exceeded");
    let delivered = step(&till, id, "delivery", pay(100_000)).await.ok();
    assert_eq!(delivered["change_minor"], 35_000);
    step(&till, id, "delivery", pay(100_000))
        .await
        .problem(409, "repair.delivered");

    let position = &delivered["position"];
    let whole = admin
        .get(&format!("{REPAIRS}/{id}?min_position={position}"))
        .await
        .ok();
    let figures = (
        &whole["status"],
        &whole["answered_by"],
        &whole["parts"][0]["taken"],
    );
    assert_eq!(figures, (&json!("delivered"), &json!("Luis Ñandú"), &json!(2)));
    assert_eq!(whole["parts"][0]["cost_minor"], 60_000, "one screen was used");
    let ledger = admin.get("/api/v1/customers/it-rep-ana/ledger").await.ok();
    assert_eq!(ledger["items"][0]["amount_minor"], 100_000);
    let again = till
        .post(REPAIRS, &intake("it-rep-1c", "it-rep-ana", unit))
        .await
        .ok();
    assert_eq!(again["under_warranty"], true, "the repair is guaranteed");
    let list = till
        .get(&format!("{REPAIRS}?unit={unit}&status=delivered"))
        .await
        .ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_device_that_we_sold_is_repaired_under_warranty_for_nothing() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-REP-PHONE", "serialised", 500_000).await;
    let unit = "imei:490154203237518";
    receive(
        &admin,
        json!({ "sku": "IT-REP-PHONE", "quantity": 1, "units": [unit] }),
    )
    .await;
    customer(&admin, "it-rep-eva", 0).await;
    let mut body = intake("it-rep-2", "it-rep-eva", unit);
    admin
        .post(REPAIRS, &body)
        .await
        .problem(409, "repair.device_is_stock");
    let sale = json!({ "sale_id": "it-rep-sale", "store": STORE, "lines": [{ "unit": unit, "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 500_000 }] });
    admin.post("/api/v1/pos/sale", &sale).await.ok();
    body.as_object_mut().unwrap().remove("description");
    let taken = admin.post(REPAIRS, &body).await.ok();
    assert_eq!(taken["device"]["sold"]["sale_id"], "it-rep-sale");
    assert_eq!(taken["under_warranty"], true);
    let id = "it-rep-2";
    let diagnosed = step(&admin, id, "diagnosis", json!({ "diagnosis": "Batería" }))
        .await
        .ok();
    assert_eq!(diagnosed["covered"], true);
    let lines = json!([{ "sku": "IT-REP-PHONE", "quantity": 1 }]);
    step(&admin, id, "quotes", json!({ "lines": lines }))
        .await
        .problem(409, "repair.under_warranty");
    step(&admin, id, "start", json!({})).await.ok();
    step(&admin, id, "ready", json!({ "work_done": "Batería cambiada" }))
        .await
        .ok();
    let delivered = step(&admin, id, "delivery", json!({})).await.ok();
    assert_eq!(delivered["total_minor"], 0);
    let path = format!(
        "/api/v1/inventory/units/{unit}?min_position={}",
        delivered["position"]
    );
    assert_eq!(
        admin.get(&path).await.ok()["status"],
        "sold",
        "custody is no ownership"
    );
}

#[tokio::test]
async fn a_device_that_an_order_delivered_has_its_warranty_from_that_day() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let (sku, unit) = ("IT-REP-PED", "serial:IT-REP-PED");
    item(&admin, sku, "serialised", 500_000).await;
    receive(&admin, json!({ "sku": sku, "quantity": 1, "units": [unit] })).await;
    customer(&admin, "it-rep-ped", 0).await;
    let order = json!({ "kind": "order", "order_id": "it-rep-ped", "store": STORE, "customer_id": "it-rep-ped",
                        "lines": [{ "unit": unit, "quantity": 1 }] });
    admin.post("/api/v1/sales", &order).await.ok();
    let step_of_order = |name: &str| format!("/api/v1/sales/orders/it-rep-ped/{name}");
    admin.post(&step_of_order("confirm"), &json!({})).await.ok();
    admin.post(&step_of_order("deliver"), &json!({})).await.ok();
    let mut body = intake("it-rep-6", "it-rep-ped", unit);
    body.as_object_mut().unwrap().remove("description");
    let taken = admin.post(REPAIRS, &body).await.ok();
    assert_eq!(taken["device"]["sold"]["order_id"], "it-rep-ped");
    assert_eq!(taken["under_warranty"], true);
    let path = format!("{REPAIRS}/it-rep-6?min_position={}", taken["position"]);
    let read = admin.get(&path).await.ok();
    assert_eq!(
        (&read["order_id"], &read["sale_id"], &read["sku"]),
        (&json!("it-rep-ped"), &Value::Null, &json!(sku))
    );
    let cancel = json!({ "note": "ya funciona" });
    step(&admin, "it-rep-6", "cancel", cancel).await.ok();
}

#[tokio::test]
async fn a_workshop_sees_the_device_and_neither_the_customer_nor_a_price() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let supplier = json!({ "supplier_id": "it-rep-taller", "name": "Taller Lechuza" });
    admin.post("/api/v1/suppliers", &supplier).await.ok();
    item(&admin, "IT-REP-WORK", "service", 77_777).await;
    customer(&admin, "it-rep-sol", 0).await;
    let id = "it-rep-3";
    admin
        .post(REPAIRS, &intake(id, "it-rep-sol", "serial:IT-REP-3"))
        .await
        .ok();
    step(&admin, id, "diagnosis", json!({ "diagnosis": "Conector" }))
        .await
        .ok();
    let lines = json!([{ "sku": "IT-REP-WORK", "quantity": 1 }]);
    step(&admin, id, "quotes", json!({ "lines": lines })).await.ok();
    step(&admin, id, "approval", json!({ "channel": "message" }))
        .await
        .ok();
    let workshop = json!({ "kind": "supplier", "supplier_id": "it-rep-taller" });
    let sent = step(
        &admin,
        id,
        "workshop",
        json!({ "workshop": workshop, "instructions": "Cambiar el conector" }),
    )
    .await
    .ok();
    step(&admin, id, "start", json!({})).await.ok();
    step(&admin, id, "ready", json!({ "work_done": "Hecho" }))
        .await
        .problem(409, "repair.at_workshop");

    let view = format!("{REPAIRS}/workshop?min_position={}", sent["position"]);
    let seen = admin
        .get(&format!("{view}&workshop=supplier/it-rep-taller"))
        .await
        .ok();
    let seen = &seen["items"][0];
    assert_eq!(
        (
            &seen["repair_id"],
            &seen["instructions"],
            &seen["lines"][0]["sku"]
        ),
        (&json!(id), &json!("Cambiar el conector"), &json!("IT-REP-WORK"))
    );
    let text = seen.to_string();
    assert!(!text.contains("it-rep-sol") && !text.contains("77777"), "{text}");
    // Whoever is not of the office sees what was sent to them, whatever they ask for.
    let till = product.client(TENANT, "cashier").await;
    let asked = till
        .get(&format!("{view}&workshop=supplier/it-rep-taller"))
        .await
        .ok();
    assert_eq!(asked["items"], json!([]));
    admin
        .get(&format!("{REPAIRS}/workshop?workshop=taller"))
        .await
        .problem(400, "request.parameter_invalid");

    step(&admin, id, "workshop/return", json!({})).await.ok();
    let ready = step(&admin, id, "ready", json!({ "work_done": "Hecho" }))
        .await
        .ok();
    let path = format!(
        "{REPAIRS}/workshop?workshop=supplier/it-rep-taller&min_position={}",
        ready["position"]
    );
    assert_eq!(admin.get(&path).await.ok()["items"], json!([]));
}

#[tokio::test]
async fn a_missed_target_is_recorded_by_the_platform_itself() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let terms = json!({ "low_target_s": 604_800, "normal_target_s": 259_200, "high_target_s": 2, "urgent_target_s": 1,
                        "warranty_days": 90 });
    let path = "/api/v1/admin/policies/repairs";
    send(admin.request(Method::PUT, path).json(&terms)).await.ok();
    customer(&admin, "it-rep-luis", 0).await;
    let urgent = |id: &str, priority: &str| {
        let mut body = intake(id, "it-rep-luis", &format!("serial:{id}"));
        body["priority"] = json!(priority);
        body
    };
    admin.post(REPAIRS, &urgent("it-rep-4", "normal")).await.ok();
    admin.post(REPAIRS, &urgent("it-rep-5", "urgent")).await.ok();
    let late = async {
        loop {
            let list = admin
                .get(&format!("{REPAIRS}?customer_id=it-rep-luis&overdue=true"))
                .await
                .ok();
            let ids: Vec<_> = list["items"].as_array().unwrap().clone();
            if ids.iter().any(|repair| repair["sla_breached"] == json!(true)) {
                return ids;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let late = tokio::time::timeout(Duration::from_secs(60), late).await.unwrap();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0]["repair_id"], "it-rep-5");
    let audit = admin
        .get("/api/v1/audit?command=record_sla_breach&limit=200")
        .await
        .ok();
    let breaches = audit["items"].as_array().unwrap().iter();
    let breaches = breaches.filter(|row| row["stream"] == json!("repair/it-rep-5"));
    assert_eq!(breaches.count(), 1);
}

#[tokio::test]
async fn whoever_declines_a_quote_pays_for_the_diagnosis_and_the_device_goes_back() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-REP-DIAG", "service", 11_500).await;
    item(&admin, "IT-REP-GLASS", "counted", 90_000).await;
    customer(&admin, "it-rep-fee-eva", 100_000).await;
    let id = "it-rep-fee";
    admin
        .post(REPAIRS, &intake(id, "it-rep-fee-eva", "serial:IT-REP-FEE"))
        .await
        .ok();
    step(&admin, id, "diagnosis", json!({ "diagnosis": "Vidrio roto" }))
        .await
        .ok();
    let lines = json!([{ "sku": "IT-REP-GLASS", "quantity": 1 }]);
    step(&admin, id, "quotes", json!({ "lines": lines })).await.ok();
    step(&admin, id, "decline", json!({ "channel": "in_person" }))
        .await
        .ok();
    let fee = |sku: &str, paid: i64| {
        json!({ "cause": "No acepta el precio", "fee": [{ "sku": sku, "quantity": 1 }],
                "payments": [{ "method": "cash", "amount_minor": paid }] })
    };
    step(&admin, id, "return", fee("IT-REP-GLASS", 90_000))
        .await
        .problem(422, "repair.fee_not_service");
    let back = step(&admin, id, "return", fee("IT-REP-DIAG", 20_000)).await.ok();
    let (due, change) = (&back["total_minor"], &back["change_minor"]);
    assert_eq!(due.as_i64().unwrap() + change.as_i64().unwrap(), 20_000);
    let seen = admin
        .get(&format!("{REPAIRS}/{id}?min_position={}", back["position"]))
        .await
        .ok();
    assert_eq!(
        (&seen["status"], &seen["total_minor"]),
        (&json!("returned_unrepaired"), due)
    );
    assert_eq!(seen["fee_lines"][0]["sku"], "IT-REP-DIAG");
    assert_eq!(seen["payments"][0]["method"], "cash");
}
