//! Personal fields are sealed in the read models, open in answers, and gone once forgotten.

use schemas::TenantId;
use serde_json::Value;

use crate::api::Api;
use crate::support::Log;
use crate::support::events as shop;

async fn registered(api: &Api, log: &mut Log, id: &str, name: &str) {
    let tenant = TenantId::new("t1").unwrap();
    let sealed = api
        .vault
        .seal_person(&tenant, &format!("customer/{id}"), "name", name)
        .await
        .unwrap();
    log.append(
        "t1",
        vec![(
            &format!("customer/{id}"),
            shop::customer_registered(id, &sealed.sealed),
        )],
    )
    .await;
}

#[tokio::test]
async fn names_are_open_in_answers_sealed_at_rest_and_null_once_forgotten() {
    let api = Api::new().await;
    let mut log = Log::new();
    registered(&api, &mut log, "c1", "María Núñez").await;
    registered(&api, &mut log, "c2", "Juan Peña").await;
    log.append(
        "t1",
        vec![("sale/s1", shop::completed("s1", Some("c1"), "2026-11-01", &["A"]))],
    )
    .await;
    api.project(&log).await;
    let names = async || -> Vec<Value> {
        api.all("t1", "/api/v1/customers", 1)
            .await
            .into_iter()
            .map(|customer| customer["name"].clone())
            .collect()
    };
    assert_eq!(names().await, ["María Núñez", "Juan Peña"]);
    assert_eq!(
        api.read("t1", "/api/v1/pos/receipt/s1?format=json").await["customer_name"],
        "María Núñez"
    );
    let stored: String = sqlx::query_scalar("select string_agg(c::text, ' ') from rm_customers c")
        .fetch_one(&api.models.engine)
        .await
        .unwrap();
    assert!(!stored.contains("Núñez"));
    api.vault
        .destroy_person(&TenantId::new("t1").unwrap(), "customer/c1")
        .await
        .unwrap();
    assert_eq!(names().await, [Value::Null, Value::from("Juan Peña")]);
    assert_eq!(
        api.read("t1", "/api/v1/pos/receipt/s1?format=json").await["customer_name"],
        Value::Null
    );
}

#[tokio::test]
async fn a_ledger_adds_up_across_pages_to_the_balance() {
    let api = Api::new().await;
    let mut log = Log::new();
    registered(&api, &mut log, "c1", "María").await;
    for sale in 1..=7 {
        let charge = shop::charged("c1", sale * 10, &format!("s{sale}"));
        log.append("t1", vec![("customer/c1", charge)]).await;
    }
    api.project(&log).await;
    let entries = api.all("t1", "/api/v1/customers/c1/ledger", 3).await;
    let balances: Vec<i64> = entries
        .iter()
        .map(|entry| entry["balance_minor"].as_i64().unwrap())
        .collect();
    assert_eq!(balances, [10, 30, 60, 100, 150, 210, 280]);
    let customer = api.read("t1", "/api/v1/customers/c1").await;
    assert_eq!(customer["balance_minor"], 280);
    assert_eq!(customer["credit"]["available_minor"], 99_720);
    assert_eq!(
        api.all("t1", "/api/v1/customers?debt=owing&kind=person&credit=limited", 5)
            .await
            .len(),
        1
    );
    assert!(
        api.all("t1", "/api/v1/customers?debt=in_credit", 5)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn users_are_listed_without_anything_of_their_passwords() {
    let api = Api::new().await;
    let mut log = Log::new();
    let tenant = TenantId::new("t1").unwrap();
    let sealed = api
        .vault
        .seal_person(&tenant, "user/ana", "display_name", "Ana")
        .await
        .unwrap();
    log.append(
        "t1",
        vec![("user/ana", shop::user_created("ana", &sealed.sealed))],
    )
    .await;
    api.project(&log).await;
    let users = api.read("t1", "/api/v1/admin/users").await;
    assert_eq!(users["items"][0]["display_name"], "Ana");
    assert!(!users.to_string().contains("hash"));
}
