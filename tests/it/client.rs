//! A client as a till, an ERP or an auditor would write it.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::examples;

/// Plain HTTP for tests: the product's own client refuses loopback on purpose. Connections are not kept, since each test
/// has a runtime of its own and takes its connections along when it ends.
#[expect(clippy::disallowed_methods, reason = "tests talk to loopback")]
pub fn http() -> &'static reqwest::Client {
    static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
    HTTP.get_or_init(|| {
        reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap()
    })
}

/// A signed-in user.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        self.body
    }

    pub fn is_replayed(&self) -> bool {
        self.headers
            .get("idempotent-replayed")
            .is_some_and(|value| value == "true")
    }
}

impl Client {
    pub async fn sign_in(base: &str, tenant: &str, username: &str, password: &str) -> Self {
        let body = json!({ "tenant": tenant, "username": username, "password": password });
        Self::sign_in_with(base, &body).await
    }

    /// As at a till.
    pub async fn sign_in_at(
        base: &str,
        terminal: &str,
        (tenant, username, password): (&str, &str, &str),
    ) -> Self {
        let body =
            json!({ "tenant": tenant, "username": username, "password": password, "terminal": terminal });
        Self::sign_in_with(base, &body).await
    }

    async fn sign_in_with(base: &str, body: &Value) -> Self {
        let request = http().post(format!("{base}/api/v1/auth/token")).json(body);
        let body = send(request).await.ok();
        Self {
            base: base.to_owned(),
            token: body["access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// What the header says, for other programs.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// The same token at another address, as after a restart.
    pub fn with_base(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            token: self.token.clone(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        http()
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .header("X-Reason", "prueba automática".as_bytes())
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        send(
            self.request(Method::POST, path)
                .header("X-Idempotency-Key", key)
                .json(body),
        )
        .await
    }
}

pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let copy = if examples::is_recording() {
        request.try_clone()
    } else {
        None
    };
    let answer = client.execute(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let answer = Answer {
        status,
        headers,
        body,
    };
    if let Some(request) = copy {
        examples::offer(&request, &answer);
    }
    answer
}
