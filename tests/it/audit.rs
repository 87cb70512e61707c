//! The audit trail as an auditor follows it (TRD-4): by document, by the trace that a caller sends along, and from what
//! happened to what the platform did because of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, send};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a command as part of a trace.
async fn traced(client: &Client, trace: &str, path: &str, body: Value) -> Value {
    let request = client
        .request(Method::POST, path)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .json(&body);
    send(request).await.ok()
}

/// A page of the trail that holds at least what a write's answer speaks of.
async fn trail(auditor: &Client, query: &str, written: &Value) -> Vec<Value> {
    let position = &written["position"];
    let path = format!("/api/v1/audit?limit=200&{query}&min_position={position}");
    let body = auditor.get(&path).await.ok();
    body["items"].as_array().unwrap().clone()
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_purchase_is_followed_by_its_document_and_by_the_trace_that_its_steps_share() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4701";
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let auditor = product.client(TENANT, "auditor").await;
    let item = json!({ "sku": "IT-AUDIT", "name": "Cargador", "kind": "counted", "price_minor": 9_000 });
    admin.post("/api/v1/catalogue/items", &item).await.ok();
    let supplier = json!({ "supplier_id": "it-audit", "name": "Distribuidora" });
    admin.post("/api/v1/suppliers", &supplier).await.ok();
    let lines = json!([{ "sku": "IT-AUDIT", "quantity": 2, "unit_cost_minor": 4_000 }]);
    let order =
        json!({ "purchase_id": "it-audit", "supplier_id": "it-audit", "store": "centro", "lines": lines });
    traced(&admin, trace, "/api/v1/purchases", order).await;
    traced(&admin, trace, "/api/v1/purchases/it-audit/send", json!({})).await;
    let came = json!({ "reception_id": "r-1", "lines": [{ "line": 1, "quantity": 2 }] });
    let written = traced(&admin, trace, "/api/v1/purchases/it-audit/receptions", came).await;
    // A step outside of the trace.
    let invoice = json!({ "invoice": "F-1" });
    let last = admin
        .post("/api/v1/purchases/it-audit/receptions/r-1/invoice", &invoice)
        .await
        .ok();
    assert!(last["position"].as_i64() > written["position"].as_i64());

    let steps = trail(&auditor, "stream=purchase/it-audit", &last).await;
    let mut commands = column(&steps, "command");
    commands.dedup();
    assert_eq!(
        commands,
        [
            "order_purchase",
            "send_purchase",
            "receive_purchase",
            "invoice_reception"
        ]
    );
    for step in &steps {
        assert_eq!(
            (&step["actor"], &step["role"]),
            (&json!("admin"), &json!("admin"))
        );
        assert_eq!(step["reason"], "prueba automática");
        let is_traced = step["command"] != "invoice_reception";
        assert_eq!(step["correlation_id"] == trace, is_traced, "{step}");
        assert_eq!(step["caused_by"], Value::Null);
    }
    // The trace holds what the steps did elsewhere, too.
    let all = trail(&auditor, &format!("correlation_id={trace}"), &last).await;
    let streams = column(&all, "stream");
    for stream in ["purchase/it-audit", "stock/centro/IT-AUDIT"] {
        assert!(streams.contains(&stream), "{stream}: {streams:?}");
    }
    assert!(!column(&all, "command").contains(&"invoice_reception"));
    auditor
        .get("/api/v1/audit?correlation_id=4BF9")
        .await
        .problem(400, "request.parameter_invalid");
    auditor
        .get("/api/v1/audit?stream=stock/centro/IT-AUDIT")
        .await
        .problem(400, "request.parameter_invalid");
}

#[tokio::test]
async fn what_the_platform_does_by_itself_leads_back_to_who_caused_it() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4702";
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let auditor = product.client(TENANT, "auditor").await;
    let item = json!({ "sku": "IT-AUDIT-Q", "name": "Funda", "kind": "counted", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &item).await.ok();
    let lines = json!([{ "sku": "IT-AUDIT-Q", "quantity": 1 }]);
    let quote = json!({ "kind": "quote", "order_id": "it-audit", "store": "centro", "lines": lines,
                        "valid_for_s": 1 });
    let quoted = traced(&admin, trace, "/api/v1/sales", quote).await;
    let both = async {
        loop {
            let rows = trail(&auditor, "stream=order/it-audit", &quoted).await;
            if rows.len() > 1 {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let rows = tokio::time::timeout(PATIENCE, both).await.unwrap();
    assert_eq!(column(&rows, "command"), ["create_order", "expire_quote"]);
    assert_eq!(rows[1]["actor"], "process quote_expiry");
    assert_eq!(column(&rows, "correlation_id"), [trace, trace]);
    assert_eq!(rows[1]["caused_by"], rows[0]["event_position"]);
    let caused = format!("caused_by={}", rows[0]["event_position"]);
    assert_eq!(trail(&auditor, &caused, &quoted).await, [rows[1].clone()]);
}
