//! What customers' bodies may say, and who may say it.

use poem::http::{HeaderValue, Method};
use schemas::events::admin::Role;
use serde_json::{Value, json};

use super::doubles::{REASON, World, answered, world};
use crate::routes::{ROUTES, spec};

async fn register(world: &World, role: Role, credit: Option<Value>) -> (u16, Value) {
    let mut body = json!({ "name": "Ana" });
    if let Some(credit) = credit {
        body["credit"] = credit;
    }
    let request = world
        .client
        .post("/api/v1/customers")
        .header("authorization", world.bearer(role))
        .header("x-reason", HeaderValue::from_bytes(REASON.as_bytes()).unwrap());
    answered(request.body_json(&body)).await
}

#[tokio::test]
async fn who_may_not_change_credit_gives_none_to_a_new_customer() {
    let world = world();
    let terms = [
        json!({ "kind": "unlimited" }),
        json!({ "kind": "limited", "limit_minor": 1 }),
        json!({ "kind": "limited", "limit_minor": 0 }),
    ];
    for credit in &terms {
        let (status, answer) = register(&world, Role::Cashier, Some(credit.clone())).await;
        assert_eq!(
            (status, &answer["code"], &answer["errors"][0]["pointer"]),
            (403, &json!("auth.role_forbidden"), &json!("/credit")),
            "{credit}"
        );
    }
    assert!(world.engine.submitted.lock().unwrap().is_empty());
    for role in [Role::Admin, Role::Manager] {
        for credit in &terms {
            assert_eq!(register(&world, role, Some(credit.clone())).await.0, 201);
        }
    }
    for credit in [None, Some(json!({ "kind": "none" }))] {
        assert_eq!(register(&world, Role::Cashier, credit).await.0, 201);
    }
}

#[tokio::test]
async fn a_customers_name_and_kind_change_and_are_never_cleared() {
    let world = world();
    let change = |body: Value| {
        let request = world.as_admin(Method::PATCH, "/api/v1/customers/c-1");
        answered(request.body_json(&body))
    };
    for field in ["name", "kind"] {
        let (status, answer) = change(json!({ field: null, "phone": "1" })).await;
        assert_eq!(
            (status, &answer["code"], &answer["errors"][0]["pointer"]),
            (400, &json!("request.body_invalid"), &json!(format!("/{field}")))
        );
    }
    assert!(world.engine.submitted.lock().unwrap().is_empty());
    let changes = json!({ "name": "Ana Ñandú", "kind": "company", "phone": null });
    assert_eq!(change(changes).await.0, 200);
    let submitted = world.engine.submitted.lock().unwrap();
    let domain::Command::ChangeCustomer(command) = &submitted[0].command else {
        panic!("another command")
    };
    assert_eq!(
        command.name.as_ref().unwrap().sealed,
        "customer/c-1|name|Ana Ñandú"
    );
    assert_eq!(
        command.kind,
        Some(schemas::events::customer::CustomerKind::Company)
    );
    assert_eq!((&command.phone, &command.email), (&Some(None), &None));
}

#[test]
fn the_document_says_that_a_name_and_a_kind_are_not_cleared() {
    let document = platform::http::openapi::document(&[spec().unwrap()], ROUTES).unwrap();
    let change = &document["components"]["schemas"]["CustomerChange"];
    let name = &change["properties"]["name"];
    assert_eq!(
        (&name["type"], name.get("default")),
        (&json!("string"), None),
        "{name}"
    );
    let kind = change["properties"]["kind"].to_string();
    assert!(
        kind.contains("CustomerKind") && !kind.contains("\"null\""),
        "{kind}"
    );
    assert_eq!(change.get("required"), None);
}
