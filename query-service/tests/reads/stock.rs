//! What stock costs, where units are, and which items are found.

use serde_json::{Value, json};

use crate::api::Api;
use crate::support::events as shop;
use crate::support::{Log, event};

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
async fn a_units_first_step_says_what_brought_it_as_its_shelf_does() {
    let api = Api::new().await;
    let mut log = Log::new();
    let shelf = |reference: Option<&str>| {
        let data =
            json!({"store": "centro", "sku": "P", "quantity": 1, "reference": reference, "on_hand": 0});
        event("inventory.received", data)
    };
    let unit = |unit: &str| {
        event(
            "inventory.unit_received",
            json!({"unit": unit, "sku": "P", "store": "centro"}),
        )
    };
    for (reference, name) in [
        (Some("purchase/oc-1"), "serial:1"),
        (Some("Nota 7"), "serial:2"),
        (None, "serial:3"),
    ] {
        let stream = format!("unit/{name}");
        log.append(
            "t1",
            vec![("stock/centro/P", shelf(reference)), (&stream, unit(name))],
        )
        .await;
        log.append(
            "t1",
            vec![(
                &stream,
                event(
                    "inventory.unit_sold",
                    json!({"unit": name, "sku": "P", "store": "centro", "sale_id": "s1"}),
                ),
            )],
        )
        .await;
    }
    api.project(&log).await;
    for (name, expected) in [
        ("serial:1", json!("purchase/oc-1")),
        ("serial:2", json!("Nota 7")),
        ("serial:3", json!(null)),
    ] {
        let steps = api
            .all("t1", &format!("/api/v1/inventory/units/{name}/history"), 1)
            .await;
        let told: Vec<_> = steps.iter().map(|step| &step["document"]).collect();
        assert_eq!(told, [&json!("sale/s1"), &expected], "{name}");
    }
}

#[tokio::test]
async fn a_transfer_names_the_units_on_their_way_and_tells_what_came_and_what_was_decided() {
    let api = Api::new().await;
    let mut log = Log::new();
    let of = |kind: &str, more: Value| {
        let mut data = json!({"transfer_id": "tr-1", "from": "centro", "to": "norte", "currency": "HNL"});
        for (name, value) in more.as_object().unwrap() {
            data[name] = value.clone();
        }
        event(&format!("transfer_order.{kind}"), data)
    };
    let phones = |units: &[&str]| json!([{"line": 1, "sku": "P", "quantity": units.len(), "units": units, "costed_quantity": 0, "value_minor": 0}]);
    let more = json!([{"line": 1, "sku": "P", "quantity": 1, "units": ["serial:4"]}]);
    let asked = json!({"lines": [{"line": 1, "sku": "P", "quantity": 3}]});
    let units = ["serial:1", "serial:2", "serial:3"];
    log.append(
        "t1",
        vec![
            ("transfer/tr-1", of("requested", asked)),
            (
                "transfer/tr-1",
                of("dispatched", json!({"lines": phones(&units)})),
            ),
            (
                "transfer/tr-1",
                of(
                    "received",
                    json!({"reception_id": "r1", "lines": phones(&["serial:2"])}),
                ),
            ),
        ],
    )
    .await;
    api.project(&log).await;
    let path = "/api/v1/transfers/tr-1";
    let under_way = api.read("t1", path).await;
    assert_eq!(
        under_way["lines"][0]["units_in_transit"],
        json!(["serial:1", "serial:3"])
    );
    assert_eq!(under_way["decisions"], json!([]));
    let listed = api.all("t1", "/api/v1/transfers", 1).await;
    assert_eq!(listed[0]["lines"][0].get("units_in_transit"), None);

    log.append(
        "t1",
        vec![
            (
                "transfer/tr-1",
                of(
                    "difference_resolved",
                    json!({"decision": "lost", "lines": phones(&["serial:1"]), "note": "se cayó"}),
                ),
            ),
            (
                "transfer/tr-1",
                of(
                    "received",
                    json!({"reception_id": "r2", "lines": phones(&["serial:3"]), "surplus": more}),
                ),
            ),
            (
                "transfer/tr-1",
                of(
                    "surplus_resolved",
                    json!({"decision": "not_accepted", "lines": phones(&["serial:4"])}),
                ),
            ),
        ],
    )
    .await;
    api.project(&log).await;
    let ended = api.read("t1", path).await;
    assert_eq!(ended["lines"][0]["units_in_transit"], json!([]));
    let receptions = ended["receptions"].as_array().unwrap();
    assert_eq!(named(receptions, "reception_id"), ["r1", "r2"]);
    assert_eq!(receptions[0]["lines"][0]["units"], json!(["serial:2"]));
    assert_eq!(
        (&receptions[1]["surplus"], &receptions[1]["actor"]),
        (&more, &json!("ana"))
    );
    let decisions = ended["decisions"].as_array().unwrap();
    assert_eq!(named(decisions, "about"), ["difference", "surplus"]);
    assert_eq!(named(decisions, "decision"), ["lost", "not_accepted"]);
    let (decided, line) = (&decisions[0], &decisions[0]["lines"][0]);
    assert_eq!(
        (&decided["note"], &decided["actor"], &decided["reason"]),
        (&json!("se cayó"), &json!("ana"), &json!("venta de mostrador"))
    );
    assert_eq!(
        (&line["quantity"], &line["units"][0]),
        (&json!(1), &json!("serial:1"))
    );
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
