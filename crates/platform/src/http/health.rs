//! `/livez`, `/readyz`, `/openapi.json` on the API's port, and `/metrics` for a listener of its own.
//!
//! Live means that the process answers; ready means that every named check passes. Not here: the checks themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use poem::http::StatusCode;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response};

use super::guard::Service;
use super::json::json_bytes;
use super::route::{Route, Verb};

/// How long one check may take before it counts as failed.
const CHECK_LIMIT: Duration = Duration::from_secs(2);

/// Not in the OpenAPI document: these serve operators, not callers.
pub const ROUTES: &[Route] = &[
    Route::public(Verb::Get, "/livez", "livez"),
    Route::public(Verb::Get, "/readyz", "readyz"),
    Route::public(Verb::Get, "/openapi.json", "openapi_document"),
];

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The named checks of a process.
#[derive(Clone, Default)]
pub struct Checks(Vec<(&'static str, Check)>);

impl Checks {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; the text of its error is shown, so it must hold no secret.
    #[must_use]
    pub fn with<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// Runs all checks at once.
    pub async fn run(&self) -> BTreeMap<&'static str, Result<(), String>> {
        let results = self.0.iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_LIMIT, check()).await;
            (
                *name,
                result.unwrap_or_else(|_| Err("no answer in time".to_owned())),
            )
        });
        futures::future::join_all(results).await.into_iter().collect()
    }
}

/// The operators' endpoints, to be served beside the services by one gateway.
pub fn service(checks: Checks, document: &serde_json::Value) -> Service {
    let document = document.to_string();
    let app = poem::Route::new()
        .at(
            "/livez",
            poem::endpoint::make_sync(|_| json_bytes(StatusCode::OK, br#"{"status":"ok"}"#.to_vec())),
        )
        .at("/readyz", poem::endpoint::make(move |_| ready(checks.clone())))
        .at(
            "/openapi.json",
            poem::endpoint::make_sync(move |_| json_bytes(StatusCode::OK, document.clone().into_bytes())),
        );
    Service {
        routes: ROUTES,
        endpoint: app.into_endpoint().map_to_response().boxed(),
    }
}

async fn ready(checks: Checks) -> Response {
    let results = checks.run().await;
    let ready = results.values().all(Result::is_ok);
    let shown: BTreeMap<_, _> = results
        .iter()
        .map(|(name, result)| {
            (
                *name,
                result.as_ref().map_or_else(Clone::clone, |()| "ok".to_owned()),
            )
        })
        .collect();
    let body = serde_json::json!({ "status": if ready { "ready" } else { "not_ready" }, "checks": shown });
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json_bytes(status, body.to_string().into_bytes())
}

/// The app of the metrics listener.
pub fn metrics_app() -> impl Endpoint<Output = Response> + 'static {
    let scrape = poem::endpoint::make_sync(|_| {
        Response::builder()
            .content_type("text/plain; version=0.0.4; charset=utf-8")
            .body(crate::metrics::render())
    });
    poem::Route::new()
        .at("/metrics", poem::get(scrape))
        .map_to_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_failed_check_makes_the_process_not_ready() {
        let checks = Checks::new()
            .with("log", || async { Ok(()) })
            .with("projector", || async { Err("at 5 of 9".to_owned()) });
        let mut response = ready(checks).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body: serde_json::Value = response.take_body().into_json().await.unwrap();
        assert_eq!(body["checks"]["log"], "ok");
        assert_eq!(body["checks"]["projector"], "at 5 of 9");
        assert_eq!(ready(Checks::new()).await.status(), StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_counts_as_failed() {
        let checks = Checks::new().with("stuck", std::future::pending);
        assert_eq!(ready(checks).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
