//! What comes over the network and is wrong: bodies that nobody should send, and clients that are slow on purpose.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{http, send};
use crate::product::{Product, repository};

const TENANT: &str = "telefonia-teg";
const SLOW_SOCKETS: usize = 2_000;
const REQUESTS_BESIDE: usize = 200;

/// Every operation that takes a JSON body from a user, with `x` for what stands in its path. Connectors' tokens and API
/// keys come first for others, and uploads have limits of their own (`imports`).
fn operations_with_bodies() -> Vec<(Method, String)> {
    let document = std::fs::read(repository().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = &operation["security"][0];
            let is_for_users = security.get("integrationToken").is_none() && security.get("ApiKey").is_none();
            let takes_json = operation["requestBody"]["content"]
                .get("application/json")
                .is_some();
            if takes_json && is_for_users {
                let path: Vec<&str> = path
                    .split('/')
                    .map(|segment| if segment.starts_with('{') { "x" } else { segment })
                    .collect();
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                operations.push((method, path.join("/")));
            }
        }
    }
    assert!(operations.len() > 20, "{operations:?}");
    operations
}

/// A body, and what it is answered with wherever it is sent.
fn hostile_bodies() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    const JSON: &[&str] = &["request.json_invalid"];
    // Where the field is unknown its value is not looked at, and where the document has no such shape, neither.
    const SHAPE: &[&str] = &["request.json_invalid", "request.body_invalid"];
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    vec![
        ("oversized", vec![b' '; 2 << 20], &["request.body_too_large"]),
        (
            "oversized text",
            format!(r#"{{"a":"{}"}}"#, "x".repeat(2 << 20)).into(),
            &["request.body_too_large"],
        ),
        ("deep", format!(r#"{{"a":{}}}"#, nested(33)).into(), JSON),
        ("very deep", nested(400_000).into(), JSON),
        ("duplicate key", br#"{"a":1,"a":2}"#.to_vec(), JSON),
        ("NUL escape", br#"{"a":"\u0000"}"#.to_vec(), JSON),
        ("NUL byte", b"{\"a\":\"\0\"}".to_vec(), JSON),
        ("lone surrogate", br#"{"a":"\ud800"}"#.to_vec(), JSON),
        ("not UTF-8", b"{\"a\":\"\xff\"}".to_vec(), JSON),
        ("not a number", br#"{"a":NaN}"#.to_vec(), JSON),
        ("cut off", br#"{"a":"#.to_vec(), JSON),
        ("two documents", br"{}{}".to_vec(), JSON),
        ("an array", br"[]".to_vec(), SHAPE),
        ("a huge number", br#"{"a":1e400}"#.to_vec(), SHAPE),
        ("a float of money", br#"{"amount_minor":10.5}"#.to_vec(), SHAPE),
        (
            "more than 64 bits",
            br#"{"amount_minor":99999999999999999999}"#.to_vec(),
            SHAPE,
        ),
        ("gzip", gzip_bomb(), JSON),
    ]
}

/// A member of ten million zeros as `gzip -9` writes it, or rather its beginning: nobody unpacks it.
fn gzip_bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
    bytes.extend([
        0xec, 0xc1, 0x01, 0x01, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee, 0x08, 0x0a,
    ]);
    bytes.extend([0; 10_000]);
    bytes
}

#[tokio::test]
async fn hostile_bodies_are_told_what_is_wrong_by_every_operation() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let bodies = hostile_bodies();
    for (method, path) in operations_with_bodies() {
        for (what, body, codes) in &bodies {
            let request = admin
                .request(method.clone(), &path)
                .header("content-type", "application/json")
                .body(body.clone());
            let answer = send(request).await;
            let case = format!("{method} {path}, {what}: {} {}", answer.status, answer.body);
            assert!(answer.status.is_client_error(), "{case}");
            assert!(
                codes.contains(&answer.body["code"].as_str().unwrap_or_default()),
                "{case}"
            );
            assert!(
                answer.body["detail"].as_str().is_some_and(|text| text.len() > 10),
                "{case}"
            );
        }
        let packed = admin
            .request(method.clone(), &path)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(gzip_bomb());
        send(packed).await.problem(415, "request.content_type");
    }
}

/// One request as bytes on a connection of its own; what comes back until the other side closes it.
async fn raw(product: &Product, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address_of(product)).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn address_of(product: &Product) -> SocketAddr {
    product
        .base_url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn requests_that_are_no_http_are_refused_and_hurt_nobody() {
    let product = Product::shared().await;
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    for (request, status) in [
        ("GET\r\n\r\n".to_owned(), "400"),
        (
            format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
            "400",
        ),
        (format!("{head}Content-Length: x\r\n\r\n{{}}"), "400"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400"),
        (format!("{head}X-Reason: a\0b\r\n\r\n"), "400"),
        (format!("{head}Cookie: {}\r\n\r\n", "x".repeat(64 << 10)), "431"),
        (
            "GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "404",
        ),
        (
            "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "404",
        ),
    ] {
        let answer = raw(product, request.as_bytes()).await;
        let shown: String = answer.chars().take(200).collect();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{:?}: {shown}",
            request.chars().take(120).collect::<String>()
        );
    }
    let alive = http().get(format!("{}/livez", product.base_url())).send().await;
    assert!(alive.unwrap().status().is_success());
}

#[tokio::test]
async fn two_thousand_slow_heads_do_not_keep_a_client_waiting() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let mut slow = Vec::with_capacity(SLOW_SOCKETS);
    for _ in 0..SLOW_SOCKETS {
        let mut stream = TcpStream::connect(address_of(product)).await.unwrap();
        stream
            .write_all(b"GET /api/v1/sales HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            .await
            .unwrap();
        slow.push(stream);
    }
    for _ in 0..REQUESTS_BESIDE {
        admin.get("/api/v1/catalogue/items?limit=1").await.ok();
    }
    // Each of them is cut off in the end; without a limit this would wait for ever.
    for mut stream in slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            !answer.starts_with(b"HTTP/1.1 2"),
            "a request that never ended was answered"
        );
    }
}

#[tokio::test]
async fn denied_access_is_in_the_log_and_knocking_does_not_flood_it() {
    let product = Product::shared().await;
    let cashier = product.client(TENANT, "cashier").await;
    let new_store = json!({ "store": "ajena", "name": "Ajena" });
    for _ in 0..30 {
        cashier
            .post("/api/v1/admin/stores", &new_store)
            .await
            .problem(403, "auth.role_forbidden");
    }
    let auditor = product.client(TENANT, "admin").await;
    let (position, mut data) = first_denial(product, "open_store").await;
    // One, or those that came before it was written.
    let times = data.as_object_mut().unwrap().remove("times").unwrap();
    assert!((1..=30).contains(&times.as_u64().unwrap()));
    assert_eq!(
        data,
        json!({
            "action": "access_denied", "outcome": "failure", "subject": username(product, "cashier"),
            "detail": "auth.role_forbidden", "operation": "open_store",
        })
    );
    // What came after the first is counted, and written once for half a minute.
    assert!(denials(product, "open_store").await <= 2);
    let path = format!("/api/v1/audit?command=record_denied_access&min_position={position}");
    let entries = auditor.get(&path).await.ok();
    assert!(
        entries["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["event_position"] == position)
    );
}

fn username(product: &Product, role: &str) -> String {
    let tenants = product.demo["tenants"].as_array().unwrap();
    let tenant = tenants.iter().find(|tenant| tenant["id"] == TENANT).unwrap();
    let users = tenant["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["role"] == role).unwrap();
    user["username"].as_str().unwrap().to_owned()
}

async fn denials(product: &Product, operation: &str) -> i64 {
    let url = product.demo["database_url"].as_str().unwrap();
    let mut log = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(
        "select count(*) from events
         where tenant = $1 and type = 'security.audit_event' and data->>'operation' = $2",
    )
    .bind(TENANT)
    .bind(operation)
    .fetch_one(&mut log)
    .await
    .unwrap()
}

/// Position and payload of the first denial of an operation, once it is in the log.
async fn first_denial(product: &Product, operation: &str) -> (i64, Value) {
    let url = product.demo["database_url"].as_str().unwrap();
    let mut log = sqlx::PgConnection::connect(url).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found: Option<(i64, String)> = sqlx::query_as(
            "select position, data::text from events
             where tenant = $1 and type = 'security.audit_event' and data->>'operation' = $2 order by position limit 1",
        )
        .bind(TENANT)
        .bind(operation)
        .fetch_optional(&mut log)
        .await
        .unwrap();
        if let Some((position, data)) = found {
            return (position, serde_json::from_str(&data).unwrap());
        }
        assert!(Instant::now() < deadline, "denied access is not in the log");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
