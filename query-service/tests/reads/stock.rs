//! What stock costs, where units are, and which items are found.

use serde_json::{Value, json};

use crate::api::Api;
use crate::support::Log;
use crate::support::events as shop;

fn named(found: &[Value], field: &str) -> Vec<String> {
    found
        .iter()
        .map(|row| row[field].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_shelfs_ledger_adds_up_to_what_it_is_worth_page_by_page() {
    let api = Api::new().await;
    let mut log = Log::new();
    log.append(
        "t1",
        vec![
            ("tenant/self", shop::tenant_created("t1")),
            ("stock/centro/A", shop::received("centro", "A", 5)),
            ("stock/centro/A", shop::issued("centro", "A", "s1")),
            ("stock/centro/A", shop::golden("inventory.dispatched")),
            ("stock/norte/A", shop::received("norte", "A", 1)),
        ],
    )
    .await;
    log.append("t2", vec![("stock/centro/A", shop::received("centro", "A", 9))])
        .await;
    api.project(&log).await;
    for limit in [1, 2, 50] {
        let steps = api
            .all("t1", "/api/v1/inventory/costs?store=centro&sku=A", limit)
            .await;
        assert_eq!(named(&steps, "kind"), ["received", "issued"]);
        let sum: i64 = steps
            .iter()
            .map(|step| step["value_delta_minor"].as_i64().unwrap())
            .sum();
        assert_eq!(json!(sum), steps[1]["value_minor"]);
        let all = api.all("t1", "/api/v1/inventory/costs", limit).await;
        assert_eq!(named(&all, "store"), ["centro", "centro", "norte"]);
    }
    let stock = api.read("t1", "/api/v1/inventory/stock?store=centro&sku=A").await;
    assert_eq!(
        (
            &stock["items"][0]["total_cost_minor"],
            &stock["items"][0]["costed_quantity"]
        ),
        (&json!(160), &json!(4))
    );
}

#[tokio::test]
async fn units_are_found_by_item_store_and_what_has_become_of_them() {
    let api = Api::new().await;
    let mut log = Log::new();
    log.append(
        "t1",
        vec![
            ("unit/serial:1", shop::unit_received("serial:1")),
            ("unit/serial:2", shop::unit_received("serial:2")),
            (
                "unit/imei:490154203237518",
                shop::golden("inventory.unit_dispatched"),
            ),
        ],
    )
    .await;
    api.project(&log).await;
    for (filter, expected) in [
        ("", vec!["imei:490154203237518", "serial:1", "serial:2"]),
        ("?status=away", vec!["imei:490154203237518"]),
        ("?status=in_stock", vec!["serial:1", "serial:2"]),
        ("?status=sold", vec![]),
        ("?sku=PHONE&store=centro", vec!["imei:490154203237518"]),
    ] {
        let found = api
            .all("t1", &format!("/api/v1/inventory/units{filter}"), 1)
            .await;
        assert_eq!(named(&found, "unit"), expected, "{filter}");
    }
    let away = api
        .read("t1", "/api/v1/inventory/units/imei:490154203237518")
        .await;
    assert_eq!(away["document"], "transfer/t-1");
}

#[tokio::test]
async fn items_are_found_by_words_brand_gtin_and_attributes() {
    let api = Api::new().await;
    let mut log = Log::new();
    let item = |sku: &str, name: &str, details: Value| {
        let data = json!({"sku": sku, "name": name, "kind": "counted", "price_minor": 100, "currency": "HNL",
                          "details": details});
        schemas::Event::decode("catalogue.item_created", 1, &data.to_string()).unwrap()
    };
    let ring = json!({"brand": "Orfebrería Ñandú", "gtin": "00012345600012",
                      "attributes": {"material": "plata", "diametro": 18, "ajustable": true}});
    log.append(
        "t1",
        vec![
            ("item/R-1", item("R-1", "Anillo de Plata", ring)),
            (
                "item/R-2",
                item(
                    "R-2",
                    "Anillo de oro",
                    json!({"attributes": {"material": "oro", "diametro": 18}}),
                ),
            ),
            ("item/C-1", item("C-1", "Cadena 100%", json!({}))),
        ],
    )
    .await;
    api.project(&log).await;
    for (filter, expected) in [
        ("q=ANILLO", vec!["R-1", "R-2"]),
        ("q=plata%20anillo", vec!["R-1"]),
        ("q=nandu", vec!["R-1"]),
        ("q=100%25", vec!["C-1"]),
        ("q=%25", vec!["C-1"]),
        ("brand=orfebreria%20nandu", vec!["R-1"]),
        ("gtin=012345600012", vec!["R-1"]),
        ("attribute=material=oro", vec!["R-2"]),
        ("attribute=diametro=18", vec!["R-1", "R-2"]),
        ("attribute=ajustable=true", vec!["R-1"]),
        ("attribute=diametro=18&q=oro", vec!["R-2"]),
        ("attribute=material=cobre", vec![]),
    ] {
        let found = api
            .all("t1", &format!("/api/v1/catalogue/items?{filter}"), 1)
            .await;
        assert_eq!(named(&found, "sku"), expected, "{filter}");
    }
    for bad in ["gtin=12", "attribute=material"] {
        let (status, _) = api.get("t1", &format!("/api/v1/catalogue/items?{bad}")).await;
        assert_eq!(status.as_u16(), 400, "{bad}");
    }
}
