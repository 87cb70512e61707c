//! The catalogue of events as a partner's developer uses it: the list, one type, the page, the AsyncAPI document.

use reqwest::header::ACCEPT_LANGUAGE;
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use crate::client::{Answer, http, send};
use crate::product::{Product, repository};

async fn get(product: &Product, path: &str) -> Answer {
    send(http().get(format!("{}{path}", product.base_url()))).await
}

async fn text(product: &Product, path: &str, language: &str) -> String {
    let request = http()
        .get(format!("{}{path}", product.base_url()))
        .header(ACCEPT_LANGUAGE, language);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn every_type_that_the_log_holds_is_in_the_catalogue_with_its_version() {
    let product = Product::shared().await;
    let url = product.demo["database_url"].as_str().unwrap();
    let mut owner = PgConnection::connect(url).await.unwrap();
    let held: Vec<(String, i16)> =
        sqlx::query_as("select distinct type, schema_version from events order by 1, 2")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    assert!(held.len() > 10, "{held:?}");
    for (event_type, version) in held {
        let kind = get(product, &format!("/api/v1/events/types/{event_type}"))
            .await
            .ok();
        let versions = kind["versions"].as_array().unwrap();
        assert!(
            versions.contains(&Value::from(version)),
            "{event_type} {version}: {versions:?}"
        );
    }
}

#[tokio::test]
async fn the_catalogue_is_read_in_pages_by_module_and_by_name_without_signing_in() {
    let product = Product::shared().await;
    let (mut names, mut path) = (Vec::new(), "/api/v1/events/types?limit=40".to_owned());
    loop {
        let page = get(product, &path).await.ok();
        for item in page["items"].as_array().unwrap() {
            names.push(item["type"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/events/types?limit=40&cursor={next}");
    }
    let known: Vec<&str> = schemas::Event::types().map(|known| known.name).collect();
    assert_eq!(names.len(), known.len());
    assert!(names.is_sorted() && known.iter().all(|name| names.iter().any(|other| other == name)));
    let sales = get(product, "/api/v1/events/types?module=sale&limit=3")
        .await
        .ok();
    for item in sales["items"].as_array().unwrap() {
        assert_eq!(item["module"], "sale");
        assert!(item["description"]["es"] != item["description"]["en"]);
    }
    let low = get(product, "/api/v1/events/types/stock_bajo").await.ok();
    assert_eq!(low["type"], "inventory.threshold_breach");
    assert_eq!(low["alias_bodies"][0]["example"]["evento"], "stock_bajo");
    let unknown = get(product, "/api/v1/events/types/sale.unknown").await;
    unknown.problem(404, "resource.not_found");
    let bad = get(product, "/api/v1/events/types?limit=201").await;
    bad.problem(400, "page.limit_invalid");
}

#[tokio::test]
async fn the_catalogue_can_be_browsed_and_its_asyncapi_document_is_the_committed_one() {
    let product = Product::shared().await;
    let spanish = text(product, "/events", "es").await;
    assert!(spanish.contains("Catálogo de eventos") && spanish.contains("/events/sale.completed"));
    let english = text(product, "/events/sale.completed", "en").await;
    assert!(english.contains("The sale is final") && english.contains("lines_count"));
    let unknown = get(product, "/events/sale.unknown").await;
    unknown.problem(404, "resource.not_found");
    let served = get(product, "/asyncapi.json").await.ok();
    let committed = std::fs::read(repository().join("docs/asyncapi.json")).unwrap();
    let committed: Value = serde_json::from_slice(&committed).unwrap();
    assert!(
        served == committed,
        "run `cargo xtask gen` and commit docs/asyncapi.json"
    );
}
