//! Refusals that no rule of the domain makes: of sign-ins, and of people who were erased.

use poem::http::Method;
use serde_json::json;

use super::doubles::{answered, world};

#[tokio::test]
async fn nothing_is_written_about_a_person_who_was_erased() {
    let world = world();
    let request = world
        .as_admin(Method::PATCH, "/api/v1/customers/olvidada")
        .body_json(&json!({ "phone": "9999-9999" }));
    let (status, body) = answered(request).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("person.erased")));
    assert!(world.engine.submitted.lock().unwrap().is_empty());
    let request = world
        .as_admin(Method::PATCH, "/api/v1/customers/ana")
        .body_json(&json!({ "phone": "9999-9999" }));
    assert_eq!(answered(request).await.0, 200);
}

#[tokio::test]
async fn whoever_does_not_sign_in_is_told_nothing_but_that() {
    let world = world();
    let body = json!({ "tenant": "t1", "username": "nobody", "password": "sésamo ábrete" });
    let request = world
        .client
        .post("/api/v1/auth/token")
        .header("accept-language", "en")
        .body_json(&body);
    let (status, body) = answered(request).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (401, Some("auth.sign_in_failed"))
    );
    assert!(!body.to_string().contains("nobody"), "{body}");
}
