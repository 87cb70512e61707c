//! Numbers of documents in lists, details and on receipts.

use poem::http::StatusCode;
use schemas::Event;
use schemas::events::{RepairEvent, SaleEvent};
use serde_json::json;

use crate::api::Api;
use crate::support::events as shop;
use crate::support::{Log, event};

/// A sale whose receipt has this number.
fn numbered(sale_id: &str, number: &str) -> Event {
    match shop::completed(sale_id, None, "2026-11-01", &["A"]) {
        Event::Sale(SaleEvent::Completed(mut sale)) => {
            sale.number = Some(number.to_owned());
            sale.into()
        }
        other => other,
    }
}

#[tokio::test]
async fn a_sale_is_found_by_its_receipts_number_which_is_printed_vouched_for_and_nobody_elses() {
    let api = Api::new().await;
    let mut log = Log::new();
    for tenant in ["t1", "t2"] {
        log.append(tenant, vec![("tenant/self", shop::tenant_created(tenant))])
            .await;
        let sale = numbered(&format!("{tenant}-a"), "F-0001");
        log.append(tenant, vec![(&format!("sale/{tenant}-a"), sale)])
            .await;
    }
    let without = shop::completed("t1-b", None, "2026-11-01", &["A"]);
    log.append("t1", vec![("sale/t1-b", without)]).await;
    api.project(&log).await;

    let found = api.all("t1", "/api/v1/sales?number=F-0001", 5).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["sale_id"], &found[0]["number"]),
        (&json!("t1-a"), &json!("F-0001"))
    );
    assert!(api.all("t1", "/api/v1/sales?number=F-0002", 5).await.is_empty());
    let all = api.all("t1", "/api/v1/sales", 5).await;
    assert_eq!((all.len(), &all[0]["number"]), (2, &json!(null)));
    for number in ["", "%00", &"9".repeat(33)] {
        let (status, problem) = api.get("t1", &format!("/api/v1/sales?number={number}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    }

    let receipt = api.read("t1", "/api/v1/pos/receipt/t1-a?format=json").await;
    assert_eq!(receipt["number"], "F-0001");
    let signed = receipt["verification"]["signed"].as_str().unwrap();
    assert!(
        signed.contains(r#""sale_id":"t1-a","number":"F-0001","#),
        "{signed}"
    );
    let receipt = api.read("t1", "/api/v1/pos/receipt/t1-b?format=json").await;
    assert!(
        !receipt["verification"]["signed"]
            .as_str()
            .unwrap()
            .contains("number")
    );
}

#[tokio::test]
async fn a_transfer_has_its_number_in_the_list_and_by_itself() {
    let api = Api::new().await;
    let mut log = Log::new();
    for (id, number) in [("tr-1", json!("T-0001")), ("tr-2", json!(null))] {
        let requested = event(
            "transfer_order.requested",
            json!({"transfer_id": id, "number": number, "from": "centro", "to": "norte",
                   "lines": [{"line": 1, "sku": "A", "quantity": 1}]}),
        );
        log.append("t1", vec![(&format!("transfer/{id}"), requested)])
            .await;
    }
    api.project(&log).await;
    let list = api.all("t1", "/api/v1/transfers", 5).await;
    let numbers: Vec<_> = list.iter().map(|transfer| &transfer["number"]).collect();
    assert_eq!(numbers, [&json!(null), &json!("T-0001")]);
    assert_eq!(api.read("t1", "/api/v1/transfers/tr-1").await["number"], "T-0001");
}

#[tokio::test]
async fn orders_purchases_transfers_and_repairs_are_found_by_their_number() {
    let api = Api::new().await;
    let mut log = Log::new();
    let content = json!({"store": "centro", "currency": "HNL", "lines": [], "gross_minor": 0, "discount_minor": 0,
                         "tax_minor": 0, "total_minor": 0});
    for id in ["a", "b"] {
        let number = format!("N-{id}");
        let events = [
            (
                "order",
                "order.placed",
                json!({"order_id": id, "number": number, "content": content}),
            ),
            (
                "purchase",
                "purchase.ordered",
                json!({"purchase_id": id, "number": number, "supplier_id": "p1", "store": "centro",
                       "currency": "HNL", "tolerance_percent": 0, "lines": [], "net_minor": 0, "tax_minor": 0,
                       "total_minor": 0}),
            ),
            (
                "transfer",
                "transfer_order.requested",
                json!({"transfer_id": id, "number": number, "from": "centro", "to": "norte", "lines": []}),
            ),
        ];
        for (kind, name, data) in events {
            log.append("t1", vec![(&format!("{kind}/{id}"), event(name, data))])
                .await;
        }
    }
    let Event::Repair(RepairEvent::Received(mut repair)) = shop::golden("repair.received") else {
        panic!("the golden sample is no repair");
    };
    repair.number = Some("N-a".to_owned());
    let repair_id = json!(repair.repair_id);
    log.append("t1", vec![("repair/a", Event::from(repair))]).await;
    api.project(&log).await;
    for (path, name, id) in [
        ("/api/v1/sales/orders", "order_id", json!("a")),
        ("/api/v1/purchases", "purchase_id", json!("a")),
        ("/api/v1/transfers", "transfer_id", json!("a")),
        ("/api/v1/repairs", "repair_id", repair_id),
    ] {
        let found = api.all("t1", &format!("{path}?number=N-a"), 5).await;
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!((&found[0][name], &found[0]["number"]), (&id, &json!("N-a")));
        let none = api.all("t1", &format!("{path}?number=N-0"), 5).await;
        assert!(none.is_empty(), "{path}");
        let (status, problem) = api.get("t1", &format!("{path}?number=")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    }
}

#[tokio::test]
async fn numbering_says_the_number_that_the_next_document_gets() {
    let api = Api::new().await;
    let mut log = Log::new();
    let set = |series: &str, next: i64| {
        let data = json!({"series": series, "prefix": "OR-", "next": next, "digits": 4});
        event("admin.numbering_set", data)
    };
    let taken = |count: i64| {
        let data = json!({"series": "order", "prefix": "OR-", "count": count, "number": format!("OR-{count:04}"),
                          "document": format!("order/o{count}")});
        event("admin.number_taken", data)
    };
    let last = 999_999_999_999_i64;
    let used_up = json!({"series": "repair", "prefix": "OR-", "count": last, "number": format!("OR-{last}"),
                         "document": "repair/r"});
    log.append(
        "t1",
        vec![
            ("tenant/self", shop::tenant_created("t1")),
            ("tenant/self", set("order", 1)),
            ("counter/order", taken(1)),
            ("counter/order", taken(2)),
            ("tenant/self", set("receipt", 7)),
            (
                "tenant/self",
                event("admin.numbering_ended", json!({"series": "receipt"})),
            ),
            ("tenant/self", set("repair", last)),
            ("counter/repair", event("admin.number_taken", used_up)),
            ("tenant/self", set("transfer", 12_345)),
        ],
    )
    .await;
    api.project(&log).await;
    let series = api.all("t1", "/api/v1/admin/numbering", 5).await;
    let told: Vec<_> = series
        .iter()
        .map(|one| {
            (
                one["series"].as_str().unwrap(),
                one["next"].clone(),
                one["next_number"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("order", json!(1), json!("OR-0003")),
            ("receipt", json!(7), json!(null)),
            ("repair", json!(last), json!(null)),
            ("transfer", json!(12_345), json!("OR-12345")),
        ]
    );
}
