//! Pages, filters, and waiting for a position.

use poem::http::StatusCode;

use crate::api::Api;
use crate::support::Log;
use crate::support::events as shop;

/// Seven items, seven sales.
async fn seven() -> Api {
    let api = Api::new().await;
    let mut log = Log::new();
    for number in 0..7 {
        let (sku, sale) = (format!("SKU {number}"), format!("s{number}"));
        log.append("t1", vec![(&format!("item/{sku}"), shop::item_created(&sku))])
            .await;
        log.append(
            "t1",
            vec![(&format!("stock/centro/{sku}"), shop::received("centro", &sku, 3))],
        )
        .await;
        let day = if number < 3 { "2026-11-01" } else { "2026-11-02" };
        log.append(
            "t1",
            vec![(
                &format!("sale/{sale}"),
                shop::completed(&sale, None, day, &[&sku]),
            )],
        )
        .await;
    }
    api.project(&log).await;
    api
}

#[tokio::test]
async fn pages_give_every_row_once_and_in_order() {
    let api = seven().await;
    for limit in [1, 3, 7, 8] {
        let items = api.all("t1", "/api/v1/catalogue/items", limit).await;
        let skus: Vec<_> = items.iter().map(|item| item["sku"].as_str().unwrap()).collect();
        assert_eq!(
            skus,
            ["SKU 0", "SKU 1", "SKU 2", "SKU 3", "SKU 4", "SKU 5", "SKU 6"],
            "limit {limit}"
        );
        assert_eq!(api.all("t1", "/api/v1/inventory/stock", limit).await.len(), 7);
        assert_eq!(api.all("t1", "/api/v1/audit", limit).await.len(), 21);
        assert_eq!(api.all("t1", "/api/v1/reports/sales/items", limit).await.len(), 7);
    }
    let sales = api
        .all(
            "t1",
            "/api/v1/sales?day=2026-11-02&status=completed&store=centro",
            3,
        )
        .await;
    let ids: Vec<_> = sales
        .iter()
        .map(|sale| sale["sale_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["s6", "s5", "s4", "s3"], "the newest first");
}

#[tokio::test]
async fn a_cursor_serves_its_own_tenant_list_and_filters_only() {
    let api = seven().await;
    let page = api
        .read("t1", "/api/v1/catalogue/items?limit=2&kind=counted")
        .await;
    let cursor = page["next"].as_str().unwrap();
    let status = async |tenant: &str, path: &str| api.get(tenant, &format!("{path}cursor={cursor}")).await.0;
    assert_eq!(
        status("t1", "/api/v1/catalogue/items?kind=counted&").await,
        StatusCode::OK
    );
    assert_eq!(
        status("t1", "/api/v1/catalogue/items?").await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        status("t2", "/api/v1/catalogue/items?kind=counted&").await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        status("t1", "/api/v1/admin/stores?").await,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn parameters_that_no_row_can_match_are_refused_before_sql_sees_them() {
    let api = seven().await;
    for query in [
        "/api/v1/catalogue/items?limit=0",
        "/api/v1/catalogue/items?limit=201",
        "/api/v1/catalogue/items?kind=other",
        "/api/v1/inventory/stock?store=a%00b",
        "/api/v1/sales?day=2026-13-01",
        "/api/v1/sales?status=gone",
        "/api/v1/audit?actor=a%00b",
        "/api/v1/reports/sales/daily?from=yesterday",
    ] {
        assert_eq!(api.get("t1", query).await.0, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(
        api.get("t1", "/api/v1/catalogue/items/a%00b").await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_read_waits_for_its_position() {
    let api = seven().await;
    let mut log = Log::new();
    for number in 0..30 {
        let sku = format!("SKU {number}");
        log.append("t1", vec![(&format!("item/{sku}"), shop::item_created(&sku))])
            .await;
    }
    // The read models stand at 21; the log goes on to 30.
    let read = api.read("t1", "/api/v1/catalogue/items/SKU%2029?min_position=30");
    let (item, ()) = tokio::join!(read, api.project(&log));
    assert_eq!(
        (item["sku"].as_str(), item["position"].as_i64()),
        (Some("SKU 29"), Some(30))
    );
}

#[tokio::test]
async fn reservations_are_found_by_store_status_item_and_customer() {
    let api = Api::new().await;
    let mut log = Log::new();
    for number in 0..6 {
        let (id, sku) = (format!("r{number}"), format!("SKU {}", number % 2));
        let customer = (number < 3).then_some("c1");
        let stream = format!("reservation/{id}");
        log.append("t1", vec![(&stream, shop::reserved(&id, customer, &[&sku, "B"]))])
            .await;
        let ended = match number {
            0 => "expired",
            1 => "confirmed",
            2 => "released",
            _ => continue,
        };
        log.append("t1", vec![(&stream, shop::reservation_became(&id, ended))])
            .await;
    }
    log.append(
        "t1",
        vec![("reservation/r1", shop::reservation_became("r1", "fulfilled"))],
    )
    .await;
    log.append("t2", vec![("reservation/r9", shop::reserved("r9", None, &["B"]))])
        .await;
    api.project(&log).await;

    for (filter, expected) in [
        ("", vec!["r5", "r4", "r3", "r2", "r1", "r0"]),
        ("status=pending", vec!["r5", "r4", "r3"]),
        ("status=expired", vec!["r0"]),
        ("status=released&customer_id=c1", vec!["r2"]),
        ("customer_id=c1", vec!["r2", "r1", "r0"]),
        ("sku=SKU%201", vec!["r5", "r3", "r1"]),
        ("sku=SKU%201&status=fulfilled&store=centro", vec!["r1"]),
        ("store=norte", vec![]),
    ] {
        for limit in [1, 2, 50] {
            let path = format!("/api/v1/inventory/reservations?{filter}");
            let found = api.all("t1", path.trim_end_matches('?'), limit).await;
            let ids: Vec<_> = found
                .iter()
                .map(|found| found["reservation_id"].as_str().unwrap())
                .collect();
            assert_eq!(ids, expected, "{filter} by {limit}");
            assert!(found.iter().all(|found| found["lines"][1]["sku"] == "B"));
        }
    }
    let (status, _) = api.get("t1", "/api/v1/inventory/reservations?status=open").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (_, one) = api.get("t1", "/api/v1/inventory/reservations/r1").await;
    assert_eq!(
        (&one["status"], &one["sale_id"]),
        (&"fulfilled".into(), &"s1".into())
    );
    assert_eq!(
        one["lines"][0],
        serde_json::json!({"line": 1, "sku": "SKU 1", "unit": null, "quantity": 1})
    );
    let (status, _) = api.get("t1", "/api/v1/inventory/reservations/r9").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is another tenant's");
}
