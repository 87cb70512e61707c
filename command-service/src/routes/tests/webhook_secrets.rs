//! What becomes of an endpoint's signing secret.

use domain::Command;
use poem::http::Method;
use serde_json::{Value, json};

use super::doubles::{World, accepted, answered, world};
use crate::engine::{Reply, SubmitError};

async fn create(world: &World) -> (u16, Value) {
    let body = json!({ "name": "n", "url": "https://x.example", "event_types": ["*"] });
    let request = world
        .as_admin(Method::POST, "/api/v1/webhooks/endpoints")
        .header("idempotency-key", "k");
    answered(request.body_json(&body)).await
}

fn secrets(world: &World) -> usize {
    world.vault.secrets.lock().unwrap().len()
}

#[tokio::test]
async fn the_secret_is_shown_kept_and_fingerprinted() {
    let world = world();
    let (status, body) = create(&world).await;
    assert_eq!(status, 201, "{body}");
    let secret = body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44);
    assert!(body.get("secret_id").is_none());
    let submitted = world.engine.submitted.lock().unwrap();
    let Command::CreateEndpoint(command) = &submitted[0].command else {
        panic!("another command")
    };
    assert_eq!(
        world.vault.secrets.lock().unwrap()[&command.secret_id],
        secret.as_bytes()
    );
    assert!(!format!("{command:?}").contains(secret));
}

#[tokio::test]
async fn a_repetition_shows_the_first_secret_and_leaves_no_second_one() {
    let world = world();
    let first = create(&world).await.1;
    let secret_id = world.vault.secrets.lock().unwrap().keys().next().unwrap().clone();
    let answer = json!({ "endpoint_id": first["endpoint_id"], "secret_id": secret_id });
    world
        .engine
        .answers
        .lock()
        .unwrap()
        .push(Ok(accepted(&answer, true)));
    let second = create(&world).await.1;
    assert_eq!(second, first);
    assert_eq!(secrets(&world), 1);
}

#[tokio::test]
async fn a_refusal_leaves_no_secret_and_a_fault_keeps_it() {
    let world = world();
    let refusal = domain::Refusal::EndpointWithoutFilters {};
    world.engine.answers.lock().unwrap().push(Ok(Reply::Refused {
        refusal,
        replayed: false,
    }));
    assert_eq!(create(&world).await.0, 422);
    assert_eq!(secrets(&world), 0);
    world
        .engine
        .answers
        .lock()
        .unwrap()
        .push(Err(SubmitError::Unavailable { retry_after_s: 1 }));
    assert_eq!(create(&world).await.0, 503);
    assert_eq!(secrets(&world), 1, "the command may have landed");
}

#[tokio::test]
async fn a_rotation_shows_the_new_secret_and_keeps_the_old_one_for_its_overlap() {
    let world = world();
    let first = create(&world).await.1;
    let rotate = |body: Value| {
        let request = world.as_admin(Method::POST, "/api/v1/webhooks/endpoints/e1/rotate-secret");
        answered(request.body_json(&body))
    };
    let (status, second) = rotate(json!({})).await;
    assert_eq!(status, 200, "{second}");
    let secret = second["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && first["secret"] != second["secret"]);
    assert_eq!(secrets(&world), 2, "the old one still signs");
    let submitted = world.engine.submitted.lock().unwrap();
    let Command::RotateSecret(command) = &submitted.last().unwrap().command else {
        panic!("another command")
    };
    assert_eq!(command.overlap_s, 86_400);
    assert_eq!(
        world.vault.secrets.lock().unwrap()[&command.secret_id],
        secret.as_bytes()
    );
    assert_eq!(
        submitted.last().unwrap().reason.as_deref(),
        Some(super::doubles::REASON)
    );
}
