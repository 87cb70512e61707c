//! Signing in.

use domain::Command;
use schemas::events::admin::Role;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::doubles::{World, add_user, answered, world};

async fn with_ana(enabled: bool) -> World {
    let world = world();
    let hash = world
        .http
        .passwords
        .hash(Zeroizing::new("sésamo ábrete".into()))
        .await
        .unwrap();
    add_user(&world.engine, "ana", Role::Cashier, enabled, &hash);
    world
}

async fn sign_in(world: &World, tenant: &str, username: &str, password: &str) -> (u16, Value) {
    let body = json!({ "tenant": tenant, "username": username, "password": password });
    answered(world.client.post("/api/v1/auth/token").body_json(&body)).await
}

fn last_record(world: &World) -> domain::security::RecordSignIn {
    match world
        .engine
        .submitted
        .lock()
        .unwrap()
        .last()
        .unwrap()
        .command
        .clone()
    {
        Command::RecordSignIn(record) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_password_gives_a_token_that_the_guard_accepts() {
    let world = with_ana(true).await;
    let (status, body) = sign_in(&world, "t1", "ana", "sésamo ábrete").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (body["role"].as_str(), body["token_type"].as_str()),
        (Some("cashier"), Some("Bearer"))
    );
    assert_eq!(body["expires_in"], 900);
    let record = last_record(&world);
    assert!(record.success && record.known && record.detail.is_none());
    let token = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let request = world
        .client
        .post("/api/v1/catalogue/items")
        .header("authorization", token);
    assert_eq!(answered(request).await.0, 403, "a cashier is known, and may not");
}

#[tokio::test]
async fn all_failures_look_the_same_and_all_are_recorded() {
    let world = with_ana(true).await;
    add_user(
        &world.engine,
        "old",
        Role::Admin,
        false,
        &world
            .http
            .passwords
            .hash(Zeroizing::new("12345678".into()))
            .await
            .unwrap(),
    );
    let mut answers = Vec::new();
    for (tenant, username, password, cause) in [
        ("t1", "ana", "wrong", "wrong_password"),
        ("t1", "nobody", "sésamo ábrete", "unknown_user"),
        ("t1", "NOT A NAME", "x", "unknown_user"),
        ("t2", "ana", "sésamo ábrete", "unknown_user"),
        ("t1", "old", "12345678", "disabled"),
    ] {
        let (status, mut body) = sign_in(&world, tenant, username, password).await;
        body["request_id"] = Value::Null;
        answers.push((status, body));
        let record = last_record(&world);
        assert_eq!(record.detail.as_deref(), Some(cause));
        assert!(!record.success);
    }
    let (status, mut body) = sign_in(&world, "NOT A TENANT", "ana", "x").await;
    body["request_id"] = Value::Null;
    answers.push((status, body));
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn nothing_is_answered_unless_the_attempt_is_durable() {
    let world = with_ana(true).await;
    let fault = crate::engine::SubmitError::Unavailable { retry_after_s: 2 };
    world.engine.answers.lock().unwrap().push(Err(fault));
    assert_eq!(sign_in(&world, "t1", "ana", "sésamo ábrete").await.0, 503);
}

/// An attempt from an address, as a trusted proxy would forward it.
async fn sign_in_from(world: &World, address: &str, username: &str, password: &str) -> poem::Response {
    let body = json!({ "tenant": "t1", "username": username, "password": password });
    let request = world.client.post("/api/v1/auth/token");
    let request = request.header("x-forwarded-for", address).body_json(&body);
    request.send().await.0
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_right_password_must_wait_as_well() {
    let world = with_ana(true).await;
    for _ in 0..20 {
        assert_eq!(sign_in(&world, "t1", "ana", "guess").await.0, 401);
    }
    let body = json!({ "tenant": "t1", "username": "ana", "password": "sésamo ábrete" });
    let response = world
        .client
        .post("/api/v1/auth/token")
        .body_json(&body)
        .send()
        .await;
    assert_eq!(response.0.status().as_u16(), 429);
    assert_eq!(response.0.header("retry-after"), Some("300"));
    assert_eq!(
        sign_in(&world, "t1", "nobody", "guess").await.0,
        401,
        "others are not affected"
    );
    *world.clock.0.lock().unwrap() += time::Duration::seconds(300);
    assert_eq!(sign_in(&world, "t1", "ana", "sésamo ábrete").await.0, 200);
}

#[tokio::test]
async fn strangers_guesses_lock_out_nobody_who_signs_in_from_elsewhere() {
    let world = with_ana(true).await;
    let mut refused = 0;
    for number in 0..600 {
        let username = if number % 3 == 0 {
            "ana".to_owned()
        } else {
            format!("user-{number}")
        };
        let response = sign_in_from(&world, "203.0.113.9", &username, "guess").await;
        if response.status().as_u16() == 429 {
            let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=300).contains(&wait));
            refused += 1;
        }
    }
    assert_eq!(refused, 500, "a hundred guesses are borne from one address");
    let response = sign_in_from(&world, "203.0.113.9", "ana", "sésamo ábrete").await;
    assert_eq!(response.status().as_u16(), 429);
    let response = sign_in_from(&world, "198.51.100.7", "ana", "sésamo ábrete").await;
    assert_eq!(response.status().as_u16(), 200);
}

#[tokio::test]
async fn the_keys_are_public() {
    let (status, body) = answered(world().client.get("/.well-known/jwks.json")).await;
    assert_eq!((status, body["keys"][0]["crv"].as_str()), (200, Some("Ed25519")));
}
