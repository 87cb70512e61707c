//! A connector's token is shown once, and the log gets its keyed hash alone.

use poem::http::Method;
use serde_json::{Value, json};

use super::doubles::{accepted, answered, world};

const KEY: [u8; 32] = super::doubles::INTEGRATION_KEY;

fn body() -> Value {
    json!({ "slug": "erp", "name": "ERP", "grants": ["sale"] })
}

#[tokio::test]
async fn a_new_connectors_token_is_shown_and_only_its_hash_is_submitted() {
    let world = world();
    let request = world
        .as_admin(Method::POST, "/api/v1/connectors")
        .body_json(&body());
    let (status, answer) = answered(request).await;
    assert_eq!(status, 201, "{answer}");
    let token = answer["token"].as_str().unwrap();
    let submitted = world.engine.submitted.lock().unwrap();
    let domain::Command::CreateConnector(command) = &submitted[0].command else {
        panic!("another command")
    };
    let hash = platform::auth::IntegrationTokens::new(KEY).hash(token);
    assert_eq!(command.token.token_hash, hex::encode(hash));
    assert_eq!(answer["token_id"], command.token.token_id.as_str());
    let stored = serde_json::to_string(&submitted[0].command).unwrap();
    assert!(!stored.contains(token), "{stored}");
}

#[tokio::test]
async fn a_repetition_does_not_show_a_token_that_nobody_has() {
    let world = world();
    let first = json!({ "slug": "erp", "token_id": "the-first" });
    world
        .engine
        .answers
        .lock()
        .unwrap()
        .push(Ok(accepted(&first, true)));
    let request = world.as_admin(Method::POST, "/api/v1/connectors/erp/rotate");
    let (status, answer) = answered(request.header("idempotency-key", "k").body_json(&json!({}))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["token_id"], "the-first");
    assert_eq!(answer["token"], Value::Null);
}
