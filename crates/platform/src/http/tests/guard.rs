//! Tests of the guard, over a table of a few operations.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::test::{TestClient, TestResponse};
use poem::web::Data;
use poem::{EndpointExt, IntoEndpoint};
use poem_openapi::param::{Path, Query};
use poem_openapi::{OpenApi, OpenApiService};
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::ids::{TenantId, Username};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::json::{JsonAnswer, JsonBody, PageAnswer};
use super::super::page::Page;
use super::super::text::Text;
use super::*;
use crate::auth::{SigningKey, TokenIssuer, TokenSettings};
use crate::clock::SystemClock;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

/// What the handler saw.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Seen {
    id: String,
    tenant: String,
    reason: Option<String>,
    key: Option<String>,
    fingerprint: String,
    text: String,
}

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/notes/:id", method = "put")]
    async fn put_note(
        &self,
        context: Data<&RequestContext>,
        id: Path<String>,
        body: JsonBody<Note>,
    ) -> Result<JsonAnswer<Seen>, Problem> {
        if id.0 == "panic" {
            panic!("secret detail");
        }
        if id.0 == "stuck" {
            std::future::pending::<()>().await;
        }
        if id.0 == "not-you" {
            let (title, detail) = (Text::same("no"), Text::same("no"));
            return Err(Problem::other(
                StatusCode::FORBIDDEN,
                "user.self_change",
                title,
                detail,
            ));
        }
        if id.0 == "refused" {
            return Err(Problem::new(&codes::NOT_FOUND));
        }
        Ok(JsonAnswer(Seen {
            id: id.0,
            tenant: context.principal.tenant.to_string(),
            reason: context.reason.clone(),
            key: context.idempotency_key.clone(),
            fingerprint: hex::encode(context.fingerprint),
            text: body.0.text,
        }))
    }

    #[oai(path = "/notes", method = "get")]
    async fn list_notes(&self, limit: Query<Option<i64>>) -> PageAnswer<i64> {
        PageAnswer(Page {
            items: vec![limit.0.unwrap_or(7)],
            next: Some("abc".into()),
            position: 1,
        })
    }

    #[oai(path = "/api/v1/reports/notes", method = "get")]
    async fn report_notes(&self) -> PageAnswer<i64> {
        PageAnswer(Page {
            items: Vec::new(),
            next: None,
            position: 1,
        })
    }
}

const ROUTES: &[Route] = &[
    Route {
        method: Verb::Put,
        path: "/notes/{id}",
        operation: "put_note",
        roles: &[Role::Admin],
        reason: ReasonRule::Required,
        scope: "notes:write",
        access: Access::User,
    },
    Route {
        method: Verb::Get,
        path: "/notes",
        operation: "list_notes",
        roles: &[],
        reason: ReasonRule::Never,
        scope: "",
        access: Access::Public,
    },
    Route {
        method: Verb::Get,
        path: "/api/v1/reports/notes",
        operation: "report_notes",
        roles: &[Role::Admin],
        reason: ReasonRule::Required,
        scope: "",
        access: Access::User,
    },
    Route {
        method: Verb::Get,
        path: "/hooks/events",
        operation: "pull_events",
        roles: &[],
        reason: ReasonRule::Never,
        scope: "",
        access: Access::Connector,
    },
];

fn issuer() -> TokenIssuer {
    let settings = TokenSettings {
        issuer: "i".into(),
        audience: "a".into(),
        ttl: Duration::from_secs(60),
    };
    TokenIssuer::new(
        settings,
        vec![SigningKey::from_seed("k".into(), &[1; 32]).unwrap()],
        Arc::new(SystemClock),
    )
    .unwrap()
}

fn token(role: Role) -> String {
    let principal = Principal {
        tenant: TenantId::new("t1").unwrap(),
        username: Username::new("ana").unwrap(),
        role,
        session_version: 1,
        terminal: None,
    };
    format!("Bearer {}", issuer().issue(&principal).unwrap().token)
}

fn client() -> TestClient<Gateway> {
    client_with(None)
}

fn client_with(denials: Option<DenialLog>) -> TestClient<Gateway> {
    client_of(denials, Features::default())
}

fn client_of(denials: Option<DenialLog>, features: Features) -> TestClient<Gateway> {
    TestClient::new(gateway_of(denials, features))
}

fn gateway_of(denials: Option<DenialLog>, features: Features) -> Gateway {
    let app = OpenApiService::new(Api, "t", "1")
        .into_endpoint()
        .map_to_response()
        .boxed();
    let settings = GuardSettings {
        fingerprint_key: [3; 32],
        max_body_bytes: 1000,
        body_read_timeout: Duration::from_millis(50),
        request_timeout: Duration::from_millis(500),
        trusted_proxies: vec!["0.0.0.0".parse().unwrap()],
        features,
        denials,
    };
    let service = Service {
        routes: ROUTES,
        endpoint: app,
    };
    Gateway::new(vec![service], Arc::new(issuer().verifier().unwrap()), settings).unwrap()
}

#[tokio::test]
async fn a_module_that_is_switched_off_is_not_there_whoever_asks() {
    let mut enable = crate::config::Config::default().enable;
    enable.analytics = false;
    let off = client_of(None, Features::of(&enable));
    let path = "/api/v1/reports/notes";
    let mine = off.get(path).header("authorization", token(Role::Admin));
    for request in [off.get(path), mine] {
        let answer = request.send().await;
        answer.assert_status(StatusCode::NOT_FOUND);
        let body: Value = answer.0.into_body().into_json().await.unwrap();
        assert_eq!(body["code"], "feature.disabled");
    }
    off.get("/notes").send().await.assert_status_is_ok();
    let on = client().get(path).send().await;
    on.assert_status(StatusCode::UNAUTHORIZED);
}

fn put(path: &str) -> poem::test::TestRequestBuilder<'static, Gateway> {
    let client: &'static TestClient<Gateway> = Box::leak(Box::new(client()));
    client
        .put(path)
        .header("authorization", token(Role::Admin))
        .header("x-reason", "Sincronización manual inventario")
        .header("accept-language", "en")
}

async fn status_and_body(response: TestResponse) -> (StatusCode, Value) {
    let status = response.0.status();
    let text = response.0.into_body().into_string().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn code(request: poem::test::TestRequestBuilder<'static, Gateway>) -> (u16, String) {
    let (status, body) = status_and_body(request.send().await).await;
    (
        status.as_u16(),
        body["code"].as_str().unwrap_or_default().to_owned(),
    )
}

fn note() -> Value {
    json!({ "text": "x" })
}

#[tokio::test]
async fn what_the_guard_learned_reaches_the_handler() {
    let request = put("/notes/a%2Fb%20c/")
        .header("idempotency-key", "\"k 1\"".replace(' ', "-"))
        .body_json(&note());
    let response = request.send().await;
    assert!(response.0.header("x-request-id").is_some());
    let (status, body) = status_and_body(response).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["id"], "a/b c");
    assert_eq!(body["tenant"], "t1");
    assert_eq!(body["reason"], "Sincronización manual inventario");
    assert_eq!(body["key"], "k-1");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_before_anything_else() {
    let client = client();
    let response = client.get("/nowhere").send().await;
    assert_eq!(status_and_body(response).await.1["code"], "request.path_unknown");
    let response = client.post("/notes/1").send().await;
    assert_eq!(response.0.header("allow"), Some("PUT"));
    assert_eq!(response.0.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_missing_or_wrong_credential_is_challenged() {
    let client = client();
    for header in [None, Some("Basic x"), Some("Bearer x.y.z")] {
        let mut request = client.put("/notes/1").body_json(&note());
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let response = request.send().await;
        assert_eq!(response.0.status(), StatusCode::UNAUTHORIZED);
        assert!(
            response
                .0
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
}

#[tokio::test]
async fn a_role_that_the_row_does_not_list_is_forbidden_before_its_body_is_read() {
    let client = client();
    let request = client
        .put("/notes/1")
        .header("authorization", token(Role::Cashier))
        .body("not json");
    let (status, body) = status_and_body(request.send().await).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (StatusCode::FORBIDDEN, Some("auth.role_forbidden"))
    );
}

#[tokio::test]
async fn a_required_reason_must_be_there_and_long_enough() {
    let client = client();
    for (reason, expected) in [
        (None, "reason.required"),
        (Some("   "), "reason.required"),
        (Some("ñaña"), "reason.invalid"),
    ] {
        let mut request = client
            .put("/notes/1")
            .header("authorization", token(Role::Admin))
            .body_json(&note());
        if let Some(reason) = reason {
            request = request.header("x-reason", HeaderValue::from_bytes(reason.as_bytes()).unwrap());
        }
        let (status, body) = status_and_body(request.send().await).await;
        assert_eq!((status.as_u16(), body["code"].as_str().unwrap()), (400, expected));
    }
}

#[tokio::test]
async fn bodies_are_bounded_scanned_and_typed() {
    assert_eq!(
        code(put("/notes/1").body_json(&json!({ "text": "x".repeat(1000) })))
            .await
            .0,
        413
    );
    assert_eq!(
        code(put("/notes/1").content_type("text/plain").body("{}")).await,
        (415, "request.content_type".into())
    );
    let json = |text: &str| {
        put("/notes/1")
            .content_type("application/json; charset=utf-8")
            .body(text.to_owned())
    };
    assert_eq!(
        code(json(r#"{"text":"a","text":"b"}"#)).await,
        (400, "request.json_invalid".into())
    );
    assert_eq!(
        code(json(r#"{"text":"\u0000"}"#)).await,
        (400, "request.json_invalid".into())
    );
    assert_eq!(
        code(json(r#"{"text":"a","more":1}"#)).await,
        (400, "request.body_invalid".into())
    );
    assert_eq!(code(json("")).await, (400, "request.body_invalid".into()));
    assert_eq!(code(json(r#"{"text":"a"}"#)).await.0, 200);
    assert_eq!(
        code(json(r#"{"text":"a"}"#).header("content-encoding", "gzip"))
            .await
            .0,
        415
    );
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let endless = poem::Body::from_bytes_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let request = put("/notes/1").content_type("application/json").body(endless);
    assert_eq!(code(request).await, (408, "request.body_timeout".into()));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_unreadable() {
    let broken = futures::stream::iter([
        Ok(Bytes::from_static(b"{ \"te")),
        Err(std::io::Error::other("the line was cut")),
    ]);
    let request = put("/notes/1")
        .header("content-type", "application/json")
        .body(poem::Body::from_bytes_stream(broken));
    assert_eq!(code(request).await, (400, "request.body_unreadable".to_owned()));
}

#[tokio::test]
async fn a_pointer_names_the_field() {
    let (_, body) = status_and_body(put("/notes/1").body_json(&json!({ "text": 5 })).send().await).await;
    assert_eq!(body["errors"][0]["pointer"], "/text");
}

#[tokio::test]
async fn the_fingerprint_is_of_method_path_query_and_body() {
    let of = async |path: &str, text: &str, key: &str| {
        let request = put(path)
            .header("x-idempotency-key", key)
            .body_json(&json!({ "text": text }));
        status_and_body(request.send().await).await.1["fingerprint"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = of("/notes/1?a=1&b=2", "x", "k").await;
    assert_eq!(
        first,
        of(
            "/notes/1/?b=2&a=1",
            "x",
            "other key, other order"
                .split(',')
                .next()
                .unwrap()
                .replace(' ', "-")
                .as_str()
        )
        .await
    );
    assert_ne!(first, of("/notes/2?a=1&b=2", "x", "k").await);
    assert_ne!(first, of("/notes/1?a=1&b=3", "x", "k").await);
    assert_ne!(first, of("/notes/1?a=1&b=2", "y", "k").await);
}

#[tokio::test]
async fn a_handlers_problem_is_shown_in_the_language_asked_for() {
    let (status, body) = status_and_body(put("/notes/refused").body_json(&note()).send().await).await;
    assert_eq!(
        (status.as_u16(), body["title"].as_str().unwrap()),
        (404, "Not found")
    );
    let request = put("/notes/refused")
        .header("accept-language", "es")
        .body_json(&note());
    assert_eq!(
        request.send().await.0.content_type(),
        Some("application/problem+json")
    );
}

#[tokio::test]
async fn a_panic_is_answered_without_its_text() {
    let (status, body) = status_and_body(put("/notes/panic").body_json(&note()).send().await).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("secret"), "{body}");
}

#[tokio::test]
async fn the_frameworks_own_errors_are_problems() {
    let response = client().get("/notes").query("limit", &"many").send().await;
    let (status, body) = status_and_body(response).await;
    assert_eq!(
        (status.as_u16(), body["code"].as_str().unwrap()),
        (400, "request.parameter_invalid")
    );
    assert!(body["detail"].as_str().unwrap().contains("limit"));
}

#[tokio::test]
async fn a_page_links_to_the_next_one() {
    let response = client()
        .get("/notes")
        .query("limit", &3)
        .query("cursor", &"old")
        .send()
        .await;
    assert_eq!(
        response.0.header("link"),
        Some("</notes?limit=3&cursor=abc>; rel=\"next\"")
    );
}

#[tokio::test]
async fn head_is_served_like_get() {
    assert_eq!(client().head("/notes").send().await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_path_with_control_characters_or_broken_utf8_is_refused() {
    assert_eq!(
        code(put("/notes/a%00").body_json(&note())).await,
        (400, "request.parameter_invalid".into())
    );
    assert_eq!(
        code(put("/notes/a%ff").body_json(&note())).await,
        (400, "request.parameter_invalid".into())
    );
}

#[tokio::test]
async fn a_query_with_control_characters_or_broken_utf8_is_refused() {
    for query in ["brand=%00", "brand=a%0ab", "%00=1", "brand=%ff"] {
        let (status, body) = status_and_body(client().get(format!("/notes?{query}")).send().await).await;
        assert_eq!(
            (status.as_u16(), body["code"].as_str()),
            (400, Some("request.parameter_invalid")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_parameter_that_the_operation_does_not_know_is_named() {
    let document = json!({ "paths": { "/notes": { "get": { "parameters": [
        { "name": "limit", "in": "query" }, { "name": "X-Reason", "in": "header" },
    ] } } } });
    let client = TestClient::new(gateway_of(None, Features::default()).knowing(&document));
    client.get("/notes?limit=3").send().await.assert_status_is_ok();
    client.get("/notes/?limit=3").send().await.assert_status_is_ok();
    for query in ["limt=3", "limit=3&X-Reason=hola", "=3"] {
        let request = client
            .get(format!("/notes?{query}"))
            .header("accept-language", "en");
        let (status, body) = status_and_body(request.send().await).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(body["code"], "request.parameter_unknown");
        assert!(
            body["detail"].as_str().unwrap().ends_with("has: limit."),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_feed_is_not_read_by_asking_for_its_head() {
    let response = client().head("/hooks/events").send().await;
    assert_eq!(response.0.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.0.header("allow"), Some("GET"));
}

#[tokio::test]
async fn a_token_of_a_session_that_has_ended_is_refused_everywhere() {
    // Nobody of that name was ever created.
    let sessions = crate::auth::Sessions::new(Arc::new(|_, _, _, _| Box::pin(async { Ok(Vec::new()) })));
    let gateway = gateway_of(None, Features::default()).asking(sessions);
    let response = TestClient::new(gateway)
        .get("/api/v1/reports/notes")
        .header("authorization", token(Role::Admin))
        .send()
        .await;
    assert!(response.0.header("www-authenticate").is_some());
    let (status, body) = status_and_body(response).await;
    assert_eq!(
        (status.as_u16(), body["code"].as_str()),
        (401, Some("auth.token_invalid"))
    );
}

#[tokio::test]
async fn the_callers_request_id_is_kept() {
    let response = client()
        .get("/notes")
        .header("x-request-id", "till-7-123")
        .send()
        .await;
    assert_eq!(response.0.header("x-request-id"), Some("till-7-123"));
}

#[path = "guard_denials.rs"]
mod denials;
