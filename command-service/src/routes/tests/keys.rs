//! Keys of external systems over HTTP: what the log gets to know of a secret, and every row × scope.

use std::collections::HashMap;
use std::sync::Mutex;

use domain::Command;
use platform::auth::{ApiKeySecrets, CallRow, Grant, KeyRef, KeyStore, StoreAnswer, key_stream};
use platform::http::{Access, Route};
use poem::http::Method;
use schemas::events::api_key::{ApiKeyCreated, ApiKeySettings, ApiScope};
use schemas::{ApiKeyId, Event, Position, RecordedEvent, StoreId, SupplierId, TenantId, Version};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::doubles::{AT_WORKSHOP, WORKSHOP, World, accepted, answered, world};
use crate::routes::ROUTES;

/// Keys in memory: notes, one event per key, and an hour that never ends.
#[derive(Default)]
pub struct Keys {
    notes: Mutex<HashMap<[u8; 32], KeyRef>>,
    lives: Mutex<HashMap<KeyRef, Vec<RecordedEvent>>>,
    taken: Mutex<i64>,
    pub calls: Mutex<Vec<CallRow>>,
}

fn ready<'a, T: Send + 'a>(value: T) -> StoreAnswer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl KeyStore for Keys {
    fn enrol<'a>(&'a self, hash: &'a [u8; 32], key: &'a KeyRef) -> StoreAnswer<'a, ()> {
        self.notes.lock().unwrap().insert(*hash, key.clone());
        ready(())
    }

    fn forget<'a>(&'a self, hash: &'a [u8; 32]) -> StoreAnswer<'a, ()> {
        self.notes.lock().unwrap().remove(hash);
        ready(())
    }

    fn owner<'a>(&'a self, hash: &'a [u8; 32]) -> StoreAnswer<'a, Option<KeyRef>> {
        ready(self.notes.lock().unwrap().get(hash).cloned())
    }

    fn life<'a>(&'a self, key: &'a KeyRef, after: Version) -> StoreAnswer<'a, Vec<RecordedEvent>> {
        let lives = self.lives.lock().unwrap();
        let events = lives.get(key).into_iter().flatten();
        ready(events.filter(|event| event.version > after).cloned().collect())
    }

    fn lease<'a>(&'a self, _: &'a KeyRef, limit: i64, _: i64) -> StoreAnswer<'a, Grant> {
        let mut taken = self.taken.lock().unwrap();
        let granted = (limit - *taken).clamp(0, 1);
        *taken += granted;
        ready(Grant {
            granted,
            taken: *taken,
            window: OffsetDateTime::UNIX_EPOCH,
            left_ms: 3_600_000,
        })
    }

    fn give_back<'a>(&'a self, _: &'a KeyRef, _: OffsetDateTime, _: i64) -> StoreAnswer<'a, ()> {
        ready(())
    }

    fn used<'a>(&'a self, _: &'a [(KeyRef, OffsetDateTime)]) -> StoreAnswer<'a, ()> {
        ready(())
    }

    fn record<'a>(&'a self, calls: &'a [CallRow]) -> StoreAnswer<'a, ()> {
        self.calls.lock().unwrap().extend_from_slice(calls);
        ready(())
    }

    fn purge(&self, _: u32) -> StoreAnswer<'_, u64> {
        ready(0)
    }
}

impl Keys {
    /// A key of tenant `t1`, and its secret.
    fn add(&self, secrets: &ApiKeySecrets, id: &str, settings: ApiKeySettings) -> String {
        let key = KeyRef {
            tenant: TenantId::new("t1").unwrap(),
            api_key_id: ApiKeyId::new(id).unwrap(),
        };
        let (secret, known) = secrets.draw();
        self.notes
            .lock()
            .unwrap()
            .insert(secrets.hash(&secret), key.clone());
        let created = Event::from(ApiKeyCreated {
            api_key_id: key.api_key_id.clone(),
            settings,
            secret: known,
        });
        let recorded = RecordedEvent {
            position: Position(1),
            tenant: key.tenant.clone(),
            stream: key_stream(&key.api_key_id),
            version: Version(1),
            id: Uuid::nil(),
            event_type: created.event_type().into(),
            schema_version: created.schema_version(),
            data: created.encode().unwrap(),
            meta: serde_json::value::to_raw_value(&()).unwrap(),
            recorded_at: OffsetDateTime::UNIX_EPOCH,
        };
        self.lives.lock().unwrap().insert(key, vec![recorded]);
        secret.to_string()
    }
}

fn settings(scopes: &[ApiScope]) -> ApiKeySettings {
    ApiKeySettings {
        name: "Mercado".to_owned(),
        system: "Mercado en línea".to_owned(),
        scopes: scopes.to_vec(),
        stores: Vec::new(),
        workshop: Some(SupplierId::new(WORKSHOP).unwrap()),
        requests_per_hour: 1_000,
        expires_at: None,
    }
}

/// Where the operation writes, with a slash at the end.
fn path_of(route: &Route) -> String {
    format!("{}/", route.path.replace("{repair_id}", AT_WORKSHOP))
}

fn rows() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.access == Access::Key)
}

/// A body that the operation accepts, the engine's answer, and the command that it becomes.
fn example(operation: &str) -> (Value, Value, &'static str) {
    match operation {
        "external_put_article" => (
            json!({ "codigo": "A", "nombre": "a", "material": "PVC" }),
            json!({ "sku": "A", "outcome": "created" }),
            "put_item",
        ),
        "external_create_movement" => (
            json!({ "tipo": "salida", "articulo": "A", "cantidad": 2, "tienda": "s" }),
            json!({ "movement_id": "m", "status": "approved", "store": "s" }),
            "create_movement",
        ),
        "diagnose_at_workshop" => (
            json!({ "diagnosis": "d" }),
            json!({ "repair_id": AT_WORKSHOP, "status": "diagnosed", "covered": true }),
            "diagnose_repair",
        ),
        other => panic!("operation {other} has no example: add one"),
    }
}

async fn call(world: &World, route: &Route, authorization: Option<String>, body: &Value) -> (u16, Value) {
    let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
    let request = world.client.request(method, path_of(route));
    let request = match authorization {
        Some(text) => request.header("authorization", text),
        None => request,
    };
    answered(request.body_json(body)).await
}

#[tokio::test]
async fn every_row_for_keys_holds_for_every_scope_and_for_no_user() {
    let world = world();
    for route in rows() {
        let (body, answer, command) = example(route.operation);
        let own = ApiScope::ALL
            .into_iter()
            .find(|scope| scope.as_str() == route.scope);
        assert!(
            own.is_some(),
            "{} asks for a scope that no key can have",
            route.operation
        );
        for scope in ApiScope::ALL {
            let id = format!(
                "key-{}-{}",
                route.operation.replace('_', "-"),
                scope.as_str().replace(':', "-")
            );
            let secret = world.keys.add(&world.secrets, &id, settings(&[scope]));
            world
                .engine
                .answers
                .lock()
                .unwrap()
                .push(Ok(accepted(&answer, false)));
            let (status, said) = call(&world, route, Some(format!("ApiKey {secret}")), &body).await;
            let submitted = std::mem::take(&mut *world.engine.submitted.lock().unwrap());
            world.engine.answers.lock().unwrap().clear();
            if Some(scope) != own {
                let code = said["code"].as_str();
                assert_eq!(
                    (status, code),
                    (403, Some("api_key.scope_missing")),
                    "{id}: {said}"
                );
                assert!(submitted.is_empty(), "{id}");
                continue;
            }
            assert!((200..=201).contains(&status), "{id}: {said}");
            let position = said.get("posicion").or(said.get("position"));
            assert_eq!(position, Some(&json!(7)), "{id}");
            let [submission] = submitted.as_slice() else {
                panic!("{id}: {submitted:?}")
            };
            assert_eq!(submission.command.name(), command, "{id}");
            assert_eq!(submission.tenant.as_str(), "t1", "{id}");
            assert_eq!(submission.reason.as_deref(), Some("Mercado"), "{id}");
            let actor = serde_json::to_value(&submission.actor).unwrap();
            assert_eq!(
                actor,
                json!({ "kind": "api_key", "api_key_id": id, "name": "Mercado" })
            );
        }
        let bearer = world.bearer(schemas::events::admin::Role::Admin);
        for authorization in [None, Some(bearer)] {
            let (status, said) = call(&world, route, authorization, &body).await;
            assert_eq!((status, said["code"].as_str()), (401, Some("api_key.required")));
        }
        let (status, said) = call(&world, route, Some("ApiKey sk_live_abc123".to_owned()), &body).await;
        assert_eq!((status, said["code"].as_str()), (401, Some("api_key.invalid")));
    }
}

#[tokio::test]
async fn a_key_opens_no_row_of_users() {
    let world = world();
    let secret = world.keys.add(&world.secrets, "key-1", settings(&ApiScope::ALL));
    for route in ROUTES.iter().filter(|route| route.access == Access::User) {
        let authorization = format!("ApiKey {secret}");
        let request = world
            .client
            .request(
                Method::from_bytes(route.method.as_str().as_bytes()).unwrap(),
                route.path.replace(['{', '}'], ""),
            )
            .header("authorization", authorization);
        let (status, said) = answered(request.body_json(&json!({}))).await;
        let case = (status, said["code"].as_str());
        assert_eq!(case, (401, Some("auth.required")), "{}", route.operation);
    }
}

#[tokio::test]
async fn a_used_up_hour_answers_429_and_says_so_in_headers() {
    let world = world();
    let mut small = settings(&[ApiScope::WriteArticles]);
    small.requests_per_hour = 2;
    let secret = world.keys.add(&world.secrets, "key-1", small);
    let (body, answer, _) = example("external_put_article");
    let mut seen = Vec::new();
    for _ in 0..3 {
        world
            .engine
            .answers
            .lock()
            .unwrap()
            .push(Ok(accepted(&answer, false)));
        let request = world
            .client
            .post("/api/external/articulos/")
            .header("authorization", format!("ApiKey {secret}"));
        let response = request.body_json(&body).send().await.0;
        let text = |name| response.header(name).map(str::to_owned);
        seen.push((
            response.status().as_u16(),
            text("ratelimit"),
            text("ratelimit-policy"),
            text("retry-after"),
        ));
    }
    let some = |text: &str| Some(text.to_owned());
    let policy = some("\"hora\";q=2;w=3600");
    assert_eq!(seen[0], (201, some("\"hora\";r=1;t=3600"), policy.clone(), None));
    assert_eq!(seen[1].1, some("\"hora\";r=0;t=3600"));
    assert_eq!(seen[2], (429, some("\"hora\";r=0;t=3600"), policy, some("3600")));
}

#[tokio::test]
async fn a_key_that_is_limited_to_a_store_moves_stock_there_alone() {
    let world = world();
    let mut limited = settings(&[ApiScope::WriteMovements]);
    limited.stores = vec![StoreId::new("centro").unwrap()];
    let secret = world.keys.add(&world.secrets, "key-1", limited);
    let row = rows()
        .find(|row| row.operation == "external_create_movement")
        .unwrap();
    let authorization = || Some(format!("ApiKey {secret}"));
    let elsewhere = json!({ "tipo": "salida", "articulo": "A", "cantidad": 2, "tienda": "sur" });
    let (status, said) = call(&world, row, authorization(), &elsewhere).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("api_key.store_forbidden"))
    );
    let implied = json!({ "tipo": "ajuste", "articulo": 17, "cantidad": -2, "fecha": "2026-01-08T10:30:00" });
    // Another key's answer, repeated under its idempotency key, is of a store that this one does not see.
    for (store, status) in [("centro", 201), ("sur", 403)] {
        let answer = json!({ "movement_id": "m", "status": "approved", "store": store });
        let stored = Ok(accepted(&answer, store == "sur"));
        world.engine.answers.lock().unwrap().push(stored);
        assert_eq!(
            call(&world, row, authorization(), &implied).await.0,
            status,
            "{store}"
        );
    }
    let submitted = world.engine.submitted.lock().unwrap();
    let Command::CreateMovement(command) = &submitted[0].command else {
        panic!("another command")
    };
    assert_eq!(
        (command.store.as_str(), command.lines[0].sku.as_str()),
        ("centro", "17")
    );
    assert_eq!(command.comment.as_deref(), Some("2026-01-08T10:30:00"));
}

#[tokio::test]
async fn problems_point_to_the_fields_by_their_spanish_names() {
    let world = world();
    let secret = world
        .keys
        .add(&world.secrets, "key-1", settings(&[ApiScope::WriteArticles]));
    let refusal = domain::Refusal::AmountNegative {
        field: "price_minor".to_owned(),
    };
    world
        .engine
        .answers
        .lock()
        .unwrap()
        .push(Ok(crate::engine::Reply::Refused {
            refusal,
            replayed: false,
        }));
    let row = rows()
        .find(|row| row.operation == "external_put_article")
        .unwrap();
    let body = json!({ "codigo": "A", "precio": "-1" });
    let (status, said) = call(&world, row, Some(format!("ApiKey {secret}")), &body).await;
    assert_eq!(
        (status, said["errors"][0]["pointer"].as_str()),
        (422, Some("/precio")),
        "{said}"
    );
    assert_eq!(said["title"], "Solicitud no válida");
}

#[tokio::test]
async fn a_new_key_is_shown_and_only_its_hash_is_submitted_and_noted_before() {
    let world = world();
    let body = json!({ "name": "Mercado", "system": "Mercado", "scopes": ["stock:leer"] });
    let request = world.as_admin(Method::POST, "/api/v1/api-keys").body_json(&body);
    let (status, answer) = answered(request).await;
    assert_eq!(status, 201, "{answer}");
    let secret = answer["api_key"].as_str().unwrap();
    let submitted = world.engine.submitted.lock().unwrap();
    let Command::CreateApiKey(command) = &submitted[0].command else {
        panic!("another command")
    };
    let hash = world.secrets.hash(secret);
    assert_eq!(command.secret.secret_hash, hex::encode(hash));
    assert!(
        !serde_json::to_string(&submitted[0].command)
            .unwrap()
            .contains(secret)
    );
    let notes = world.keys.notes.lock().unwrap();
    assert_eq!(
        notes.get(&hash).map(|key| &key.api_key_id),
        Some(&command.api_key_id)
    );
    assert_eq!(command.settings.requests_per_hour, 1_000);
}

#[tokio::test]
async fn a_repetition_shows_no_secret_and_leaves_no_note() {
    let world = world();
    let first = json!({ "api_key_id": "key-1", "secret_id": "the-first" });
    world
        .engine
        .answers
        .lock()
        .unwrap()
        .push(Ok(accepted(&first, true)));
    let request = world.as_admin(Method::POST, "/api/v1/api-keys/key-1/rotate");
    let (status, answer) = answered(request.header("idempotency-key", "k").body_json(&json!({}))).await;
    assert_eq!((status, &answer["secret_id"]), (200, &json!("the-first")));
    assert_eq!(answer["api_key"], Value::Null);
    assert!(world.keys.notes.lock().unwrap().is_empty());
}

#[test]
fn the_gate_and_the_rules_mean_the_same_stream() {
    let id = ApiKeyId::new("key-1").unwrap();
    assert_eq!(key_stream(&id), domain::streams::api_key(&id));
}

#[tokio::test]
async fn a_workshop_says_nothing_of_devices_that_are_not_with_it_and_learns_nothing_of_them() {
    let world = world();
    let row = rows()
        .find(|row| row.operation == "diagnose_at_workshop")
        .unwrap();
    let (body, answer, _) = example(row.operation);
    let mut other = settings(&[ApiScope::DiagnoseAtWorkshop]);
    other.workshop = Some(SupplierId::new("otro").unwrap());
    let mut elsewhere = settings(&[ApiScope::DiagnoseAtWorkshop]);
    elsewhere.stores = vec![StoreId::new("sur").unwrap()];
    for (id, settings) in [("key-1", other), ("key-2", elsewhere)] {
        let secret = world.keys.add(&world.secrets, id, settings);
        let authorization = Some(format!("ApiKey {secret}"));
        let (status, said) = call(&world, row, authorization, &body).await;
        assert_eq!(
            (status, said["code"].as_str()),
            (404, Some("repair.not_found")),
            "{id}"
        );
    }
    assert!(world.engine.submitted.lock().unwrap().is_empty());
    let own = settings(&[ApiScope::DiagnoseAtWorkshop]);
    let secret = world.keys.add(&world.secrets, "key-3", own);
    let accepted = Ok(accepted(&answer, false));
    world.engine.answers.lock().unwrap().push(accepted);
    let (status, said) = call(&world, row, Some(format!("apikey {secret}")), &body).await;
    let expected = json!({ "repair_id": AT_WORKSHOP, "status": "diagnosed", "position": 7 });
    assert_eq!((status, said), (200, expected), "who pays is not told");
    let submitted = world.engine.submitted.lock().unwrap();
    let Command::DiagnoseRepair(command) = &submitted[0].command else {
        panic!("another command")
    };
    assert_eq!(
        (command.workshop.as_ref().map(SupplierId::as_str), command.covered),
        (Some(WORKSHOP), None)
    );
}

#[test]
fn the_door_and_the_rules_mean_the_same_stream_of_a_user() {
    let username = schemas::ids::Username::new("ana").unwrap();
    assert_eq!(
        platform::auth::user_stream(&username),
        domain::streams::user(&username)
    );
}
