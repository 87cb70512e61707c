//! Numbers of documents in lists, details and on receipts.

use poem::http::StatusCode;
use schemas::Event;
use schemas::events::SaleEvent;
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
