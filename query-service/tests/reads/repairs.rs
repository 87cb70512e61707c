//! Repairs: filters, what is overdue, and what a workshop may see.

use poem::http::StatusCode;
use schemas::Event;
use serde_json::{Value, json};

use crate::api::Api;
use crate::support::{Log, event};

/// Past and future for the database's clock.
const PAST: &str = "2020-01-01T00:00:00Z";
const FUTURE: &str = "2999-01-01T00:00:00Z";

fn received(id: &str, store: &str, customer: &str, due_at: &str) -> Event {
    event(
        "repair.received",
        json!({"repair_id": id, "store": store, "customer_id": customer, "fault": "No enciende",
               "device": {"unit": format!("serial:{id}"), "description": "Nokia"}, "priority": "normal",
               "under_warranty": false, "sla_target_s": 60,
               "sla": {"spent_us": 0, "since": PAST, "due_at": due_at}}),
    )
}

/// Another event of a repair.
fn next(id: &str, kind: &str, fields: Value) -> Event {
    let mut data = json!({"repair_id": id, "store": "centro"});
    data.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    event(&format!("repair.{kind}"), data)
}

fn quoted(id: &str) -> Event {
    let line = json!({"line": 1, "sku": "FIX", "name": "Mano de obra", "quantity": 1, "unit_price_minor": 77_777,
                      "gross_minor": 77_777, "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0,
                      "total_minor": 77_777});
    next(
        id,
        "quoted",
        json!({"customer_id": "c1", "quote": 1, "currency": "HNL", "lines": [line], "gross_minor": 77_777,
               "discount_minor": 0, "tax_minor": 0, "total_minor": 77_777, "sla": {"spent_us": 5}}),
    )
}

fn sent(id: &str, workshop: Value) -> Event {
    next(
        id,
        "sent_to_workshop",
        json!({"workshop": workshop, "instructions": "Conector"}),
    )
}

/// Five repairs: r1 late, r2 in time, r3 late and at a supplier, r4 quoted and at ana's bench, r5 missed and cancelled.
async fn five() -> Api {
    let api = Api::new().await;
    let mut log = Log::new();
    let supplier = json!({"kind": "supplier", "supplier_id": "buho"});
    let user = json!({"kind": "user", "username": "ana"});
    let approved = json!({"quote": 1, "total_minor": 77_777, "answer": {"channel": "phone"},
                          "sla": {"spent_us": 5, "since": PAST, "due_at": PAST}});
    let breached = json!({"priority": "normal", "target_s": 60, "due_at": PAST});
    let cancelled = json!({"sla": {"spent_us": 5}});
    let lives = [
        ("r1", vec![received("r1", "centro", "c1", PAST)]),
        ("r2", vec![received("r2", "norte", "c1", FUTURE)]),
        (
            "r3",
            vec![
                received("r3", "centro", "c2", FUTURE),
                quoted("r3"),
                next("r3", "approved", approved),
                sent("r3", supplier),
            ],
        ),
        (
            "r4",
            vec![
                received("r4", "centro", "c2", FUTURE),
                sent("r4", user),
                quoted("r4"),
            ],
        ),
        (
            "r5",
            vec![
                received("r5", "centro", "c1", PAST),
                next("r5", "sla_breached", breached),
                next("r5", "cancelled", cancelled),
            ],
        ),
    ];
    for (id, events) in lives {
        let stream = format!("repair/{id}");
        for event in events {
            log.append("t1", vec![(&stream, event)]).await;
        }
    }
    log.append("t2", vec![("repair/r9", received("r9", "centro", "c1", PAST))])
        .await;
    api.project(&log).await;
    api
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["repair_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn repairs_are_found_by_store_status_customer_device_workshop_and_clock() {
    let api = five().await;
    for (filter, expected) in [
        ("", vec!["r5", "r4", "r3", "r2", "r1"]),
        ("store=norte", vec!["r2"]),
        ("status=quoted", vec!["r4"]),
        ("customer_id=c1", vec!["r5", "r2", "r1"]),
        ("unit=serial:r3", vec!["r3"]),
        ("workshop=supplier/buho", vec!["r3"]),
        ("overdue=true", vec!["r3", "r1"]),
        ("overdue=true&customer_id=c1", vec!["r1"]),
        ("overdue=false&store=norte", vec!["r2"]),
    ] {
        for limit in [1, 2, 50] {
            let path = format!("/api/v1/repairs?{filter}");
            let found = api.all("t1", path.trim_end_matches('?'), limit).await;
            assert_eq!(ids(&found), expected, "{filter} by {limit}");
        }
    }
    for bad in ["status=open", "workshop=buho", "unit=imei:1"] {
        let (status, _) = api.get("t1", &format!("/api/v1/repairs?{bad}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let one = api.read("t1", "/api/v1/repairs/r5").await;
    assert_eq!(
        (&one["status"], &one["sla_breached"], &one["overdue"]),
        (&json!("cancelled"), &json!(true), &json!(false))
    );
    assert_eq!(api.get("t1", "/api/v1/repairs/r9").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_workshop_sees_what_was_approved_and_no_price_and_no_customer() {
    let api = five().await;
    let seen = api.all("t1", "/api/v1/repairs/workshop", 1).await;
    assert_eq!(ids(&seen), ["r3", "r4"]);
    let line = json!({"sku": "FIX", "name": "Mano de obra", "quantity": 1});
    assert_eq!(seen[0]["lines"], json!([line]));
    assert_eq!(seen[1]["lines"], json!([]), "nobody has approved it yet");
    for row in &seen {
        let text = row.to_string();
        assert!(
            !text.contains("77777") && !text.contains("customer") && !text.contains("c2"),
            "{text}"
        );
    }
    let of_ana = api
        .all("t1", "/api/v1/repairs/workshop?workshop=user/ana", 50)
        .await;
    assert_eq!(ids(&of_ana), ["r4"]);
    assert!(api.all("t2", "/api/v1/repairs/workshop", 50).await.is_empty());
}

#[tokio::test]
async fn settings_are_those_of_the_tenant_and_modules_those_of_the_installation() {
    let api = Api::new().await;
    let mut log = Log::new();
    let letterhead = event(
        "admin.letterhead_set",
        json!({"legal_name": "Celulares", "phone": "1"}),
    );
    let numbering = event(
        "admin.numbering_set",
        json!({"series": "repair", "prefix": "R-", "next": 7, "digits": 4}),
    );
    log.append(
        "t1",
        vec![("tenant/self", letterhead), ("tenant/self", numbering)],
    )
    .await;
    api.project(&log).await;
    let mine = api.read("t1", "/api/v1/admin/letterhead").await;
    assert_eq!(mine["letterhead"]["legal_name"], "Celulares");
    let theirs = api.read("t2", "/api/v1/admin/letterhead").await;
    assert_eq!(theirs["letterhead"], Value::Null);
    let terms = api.read("t1", "/api/v1/admin/policies/repairs").await;
    assert_eq!(terms["terms"], Value::Null);
    let numbering = api.all("t1", "/api/v1/admin/numbering", 1).await;
    assert_eq!(
        (&numbering[0]["series"], &numbering[0]["enabled"]),
        (&json!("repair"), &json!(true))
    );
    let modules = api.read("t1", "/api/v1/admin/features").await;
    let first = &modules["features"][0];
    assert_eq!(
        (&first["feature"], &first["variable"]),
        (&json!("hybrid_prep"), &json!("TRASTIENDA_ENABLE_HYBRID_PREP"))
    );
}
