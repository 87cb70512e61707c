//! Who may do what, over HTTP: every row of every service for every role with and without a reason, and what goods cost,
//! which tills do not see.
//!
//! Not here: other tenants (`tenancy`), and what keys may do (`external`).

use std::collections::BTreeSet;

use platform::http::{ReasonRule, Verb};
use reqwest::Method;
use schemas::events::admin::Role;
use serde_json::{Value, json};
use testkit::receiver::Receiver;

use crate::client::{Answer, Client, http, send};
use crate::product::{Product, repository};
use crate::tenancy::things::{self, MARK};
use crate::tenancy::{existing, rows};

const TENANT: &str = "telefonia-teg";
const REASON: &str = "Auditoría de permisos";

/// A route's path with names of the right form.
fn sample(path: &str) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(parameter) => existing(parameter).to_owned(),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The code by which a request was turned away: that of a row of the table, or whatever else is forbidden, which no row is
/// expected to say.
fn turned_away(answer: &Answer) -> Option<&str> {
    let code = answer.body["code"].as_str();
    code.filter(|code| answer.status == 403 || *code == "reason.required")
}

#[tokio::test]
async fn every_row_of_every_service_holds_for_every_role_with_and_without_a_reason() {
    // Its own product: some of what is asked for is done.
    let product = Product::start("roles", &[]).await;
    let mut clients = Vec::new();
    for role in Role::ALL {
        clients.push((role, product.client(TENANT, role.as_str()).await));
    }
    let (mut wrong, mut walked) = (Vec::new(), 0);
    for row in rows().filter(|row| row.access.takes_users()) {
        let method = Method::from_bytes(row.method.as_str().as_bytes()).unwrap();
        let url = format!("{}{}", product.base_url(), sample(row.path));
        for (role, client) in &clients {
            for reason in [None, Some(REASON)] {
                let mut request = http()
                    .request(method.clone(), &url)
                    .header("Authorization", client.authorization());
                if let Some(reason) = reason {
                    request = request.header("X-Reason", reason.as_bytes());
                }
                let answer = send(match row.method {
                    Verb::Get | Verb::Delete => request,
                    Verb::Post | Verb::Put | Verb::Patch => request.json(&json!({})),
                })
                .await;
                let expected = match (row.roles.contains(role), row.reason, reason) {
                    (false, ..) => Some("auth.role_forbidden"),
                    (true, ReasonRule::Required, None) => Some("reason.required"),
                    (true, ..) => None,
                };
                if turned_away(&answer) != expected {
                    let (role, status) = (role.as_str(), answer.status);
                    wrong.push(format!(
                        "{} as {role} with {reason:?}: {status} {}, not {expected:?}",
                        row.operation, answer.body
                    ));
                }
                walked += 1;
            }
        }
    }
    assert!(walked >= 1_500, "only {walked} requests were made");
    assert!(wrong.is_empty(), "{} times:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where an answer has a figure of what goods cost.
fn costs(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_cost(name) {
                    found.push(name.clone());
                }
                costs(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| costs(value, found)),
        _ => {}
    }
}

/// A repair that took a part from the shelf; the thing that every other walk makes is at a workshop.
async fn repair_with_a_part(admin: &Client) {
    let post = async |path: &str, body: Value| admin.post(&format!("/api/v1{path}"), &body).await.ok();
    let part = json!([{ "sku": MARK, "quantity": 1 }]);
    let path = format!("/repairs/{MARK}");
    post(&format!("{path}/workshop/return"), json!({})).await;
    post(&format!("{path}/diagnosis"), json!({ "diagnosis": MARK })).await;
    post(&format!("{path}/quotes"), json!({ "lines": part })).await;
    post(&format!("{path}/approval"), json!({ "channel": "phone" })).await;
    post(&format!("{path}/start"), json!({})).await;
    let taken = post(&format!("{path}/parts/taken"), json!({ "lines": part })).await;
    let seen = format!("/api/v1/repairs/{MARK}?min_position={}", taken["position"]);
    admin.get(&seen).await.ok();
}

/// The order that every other walk leaves open, delivered and given back.
async fn delivered_order(admin: &Client) {
    let post = async |path: &str, body: Value| admin.post(&format!("/api/v1{path}"), &body).await.ok();
    let path = format!("/sales/orders/{MARK}");
    let line = json!([{ "line": 1, "quantity": 1 }]);
    post(&format!("{path}/confirm"), json!({})).await;
    post(
        &format!("{path}/deliver"),
        json!({ "delivery_id": MARK, "lines": line }),
    )
    .await;
    let returned = json!({ "return_id": format!("{MARK}-order"), "lines": line });
    let returned = post(&format!("{path}/returns"), returned).await;
    let seen = format!(
        "/api/v1/sales/orders/{MARK}?min_position={}",
        returned["position"]
    );
    admin.get(&seen).await.ok();
}

/// Fields of a schema of the API's document, through its references.
fn fields_of(document: &Value, schema: &Value, seen: &mut BTreeSet<String>, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str)
                && seen.insert(name.to_owned())
            {
                let pointed = document.pointer(name.trim_start_matches('#')).unwrap();
                fields_of(document, pointed, seen, found);
            }
            if let Some(properties) = members.get("properties").and_then(Value::as_object) {
                found.extend(properties.keys().cloned());
            }
            let parts = members.values();
            parts.for_each(|part| fields_of(document, part, seen, found));
        }
        Value::Array(parts) => parts
            .iter()
            .for_each(|part| fields_of(document, part, seen, found)),
        _ => {}
    }
}

#[test]
fn no_answer_to_a_cashiers_command_has_a_field_for_what_goods_cost() {
    let document = std::fs::read(repository().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let (mut walked, mut wrong) = (0, Vec::new());
    for row in rows().filter(|row| row.method != Verb::Get && row.roles.contains(&Role::Cashier)) {
        let method = row.method.as_str().to_lowercase();
        let responses = document["paths"][row.path][&method]["responses"].as_object();
        let answers = responses
            .unwrap_or_else(|| panic!("{method} {}", row.path))
            .iter();
        for (status, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
            let mut fields = Vec::new();
            fields_of(&document, answer, &mut BTreeSet::new(), &mut fields);
            walked += fields.len();
            if fields.iter().any(|name| is_cost(name)) {
                wrong.push(format!("{} {status}: {fields:?}", row.operation));
            }
        }
    }
    assert!(walked > 100, "only {walked} fields were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_cost(name: &str) -> bool {
    name.contains("cost") || name.ends_with("value_minor")
}

#[tokio::test]
async fn no_read_tells_a_cashier_what_goods_cost() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("costs", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let cashier = product.client(TENANT, "cashier").await;
    let things = things::make(&admin, &receiver).await;
    let path = format!("/api/v1/catalogue/items/{MARK}/cost");
    let cost = admin
        .request(Method::PUT, &path)
        .json(&json!({ "cost_minor": 500 }));
    send(cost).await.ok();
    repair_with_a_part(&admin).await;
    delivered_order(&admin).await;
    let (mut with_costs, mut wrong) = (Vec::new(), Vec::new());
    for row in rows().filter(|row| row.method == Verb::Get && row.roles.contains(&Role::Cashier)) {
        let path = things.path(row.path);
        let mut seen = Vec::new();
        costs(&cashier.get(&path).await.ok(), &mut seen);
        if !seen.is_empty() {
            wrong.push(format!("{}: {seen:?}", row.operation));
        }
        let mut shown = Vec::new();
        costs(&admin.get(&path).await.ok(), &mut shown);
        if !shown.is_empty() {
            with_costs.push(row.operation);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Where there is something to hide.
    for operation in [
        "list_items",
        "get_item",
        "list_stock",
        "list_units",
        "get_unit",
        "list_transfers",
        "get_transfer",
        "list_goods_in_transit",
        "get_repair",
        "get_order",
    ] {
        assert!(with_costs.contains(&operation), "{operation}: {with_costs:?}");
    }
}
