//! Signing in.

use domain::Command;
use schemas::events::admin::Role;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::doubles::{RETIRED_TILL, TILL, World, add_user, answered, world};

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

/// As at a till; the right password.
async fn sign_in_at(world: &World, terminal: &Value) -> (u16, Value) {
    let body =
        json!({ "tenant": "t1", "username": "ana", "password": "sésamo ábrete", "terminal": terminal });
    answered(world.client.post("/api/v1/auth/token").body_json(&body)).await
}

/// Whether the token sends in the sales of the till.
async fn sends_in(world: &World, token: &Value, terminal: &str) -> (u16, Value) {
    let token = format!("Bearer {}", token.as_str().unwrap());
    let sale = json!({ "sequence": 1, "sale_id": "x", "occurred_at": "2026-11-22T10:00:00-06:00", "total_minor": 5,
                       "lines": [{ "unit": "imei:1", "quantity": 0, "unit_price_minor": 5 }] });
    let body = json!({ "terminal": terminal, "store": "s", "incarnation": "a", "sales": [sale] });
    let request = world.client.post("/api/v1/pos/offline/batches");
    let request = request
        .header("authorization", token)
        .header("x-reason", "ventas sin red");
    answered(request.body_json(&body)).await
}

#[tokio::test]
async fn a_cashier_sends_in_the_sales_of_the_till_that_they_signed_in_at_and_no_others() {
    let world = with_ana(true).await;
    let (status, body) = sign_in_at(&world, &json!(TILL)).await;
    assert_eq!((status, body["terminal"].as_str()), (200, Some(TILL)), "{body}");
    let token = &body["access_token"];
    assert_eq!(sends_in(&world, token, TILL).await.0, 200);
    let before = world.engine.submitted.lock().unwrap().len();
    let (status, refused) = sends_in(&world, token, "t-2").await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (403, Some("till.not_signed_in"))
    );
    let (_, office) = sign_in_at(&world, &Value::Null).await;
    assert!(office.get("terminal").is_none(), "{office}");
    let (status, refused) = sends_in(&world, &office["access_token"], TILL).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (403, Some("till.not_signed_in"))
    );
    let after = world.engine.submitted.lock().unwrap();
    let sent = after[before..].iter();
    assert_eq!(
        sent.filter(|one| matches!(one.command, Command::RecordOfflineSale(_)))
            .count(),
        0
    );
}

#[tokio::test]
async fn whoever_answers_for_tills_sends_in_the_sales_of_any() {
    for (role, status) in [(Role::Admin, 200), (Role::Manager, 200), (Role::Cashier, 403)] {
        let world = world();
        let token = world.bearer(role);
        let token = json!(token.strip_prefix("Bearer ").unwrap());
        assert_eq!(sends_in(&world, &token, "t-2").await.0, status, "{role:?}");
    }
}

#[tokio::test]
async fn nobody_signs_in_at_a_till_that_is_not_in_use_and_only_who_knows_the_password_hears_why() {
    let world = with_ana(true).await;
    for (terminal, status, code) in [
        ("nowhere", 404, "terminal.not_found"),
        (RETIRED_TILL, 409, "terminal.retired"),
    ] {
        let (got, body) = sign_in_at(&world, &json!(terminal)).await;
        assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{body}");
        let record = last_record(&world);
        assert!(!record.success && record.known);
        assert_eq!(record.detail.as_deref(), Some(code));
        let wrong = json!({ "tenant": "t1", "username": "ana", "password": "wrong", "terminal": terminal });
        let (got, body) = answered(world.client.post("/api/v1/auth/token").body_json(&wrong)).await;
        assert_eq!((got, body["code"].as_str()), (401, Some("auth.sign_in_failed")));
    }
    assert_eq!(sign_in_at(&world, &json!("not a till")).await.0, 400);
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
async fn who_knows_their_password_sets_another_and_who_does_not_is_told_as_much_as_at_signing_in() {
    let world = with_ana(true).await;
    let change = async |password: &str, new_password: &str| {
        let body =
            json!({ "tenant": "t1", "username": "ana", "password": password, "new_password": new_password });
        answered(world.client.post("/api/v1/auth/password").body_json(&body)).await
    };
    let (status, body) = change("sésamo ábrete", "corta").await;
    assert_eq!(
        (status, &body["errors"][0]["pointer"]),
        (400, &json!("/new_password"))
    );
    assert!(world.engine.submitted.lock().unwrap().is_empty());
    let (status, body) = change("sésamo ciérrate", "otra contraseña").await;
    assert_eq!((status, &body["code"]), (401, &json!("auth.sign_in_failed")));
    assert_eq!(last_record(&world).detail.as_deref(), Some("wrong_password"));
    let (status, body) = change("sésamo ábrete", "otra contraseña").await;
    assert_eq!((status, &body["position"]), (200, &json!(7)), "{body}");
    let submitted = world.engine.submitted.lock().unwrap();
    let last = submitted.last().unwrap();
    let Command::ChangeUserPassword(command) = &last.command else {
        panic!("another command")
    };
    assert_eq!(command.username.as_str(), "ana");
    let sealed = &command.password_hash.sealed;
    assert!(
        sealed.starts_with("user/ana|password_hash|$argon2id$"),
        "{sealed}"
    );
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
