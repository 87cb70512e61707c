//! The one door of the API: finds the row, asks who it is, checks role and reason, bounds and scans the body, and
//! answers every error as a problem document.
//!
//! Order: path (404), method (405), module (404), credential (401), role (403), headers (400), body (413, 400). What may not be done
//! is not told apart by its body. Deliberately absent: operations; a handler sees only requests that passed.

mod form;
mod key;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use hmac::Mac;
use poem::endpoint::BoxEndpoint;
use poem::error::ReadBodyError;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Endpoint, Request, Response};
use tracing::Instrument;

use self::form::{check_address, check_media_type, too_large};
use super::client_address::{AddressRange, client_address};
use super::codes;
use super::denials::DenialLog;
use super::features::Features;
use super::files::{self, Files};
use super::framework;
use super::json::NextCursor;
use super::page;
use super::problem::Problem;
use super::query::KnownParameters;
use super::request::{self, ConnectorContext, Principal, PublicContext, RequestContext};
use super::route::{Access, Found, Matcher, ReasonRule, Route, Verb, without_trailing_slash};
use super::strict_json;
use super::text::Language;
use crate::auth::{ApiKeys, Sessions, TokenVerifier};
use crate::config::HttpConfig;
use crate::{clock, metrics, telemetry};

/// When to come back after a request that took too long.
const RETRY_AFTER_S: u64 = 5;

/// A service as the gateway serves it: its rows, and the endpoint that answers them.
pub struct Service {
    pub routes: &'static [Route],
    pub endpoint: BoxEndpoint<'static, Response>,
}

/// What the guard bounds.
#[derive(Clone)]
pub struct GuardSettings {
    /// Key of the fingerprints that idempotency keys are bound to; the same for all instances.
    pub fingerprint_key: [u8; 32],
    pub max_body_bytes: usize,
    pub body_read_timeout: Duration,
    /// From the headers to the handler's answer, the body included; then 503.
    pub request_timeout: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<AddressRange>,
    /// Modules that are on.
    pub features: Features,
    /// Where denied access is recorded.
    pub denials: Option<DenialLog>,
}

impl GuardSettings {
    /// The configured bounds; the key comes from [`crate::vault::Kek::derive`].
    pub fn of(config: &HttpConfig, fingerprint_key: [u8; 32]) -> Self {
        Self {
            fingerprint_key,
            max_body_bytes: config.max_body_bytes,
            body_read_timeout: Duration::from_millis(config.body_read_timeout_ms),
            request_timeout: Duration::from_millis(config.request_timeout_ms),
            trusted_proxies: config.trusted_proxies.clone(),
            features: Features::default(),
            denials: None,
        }
    }

    /// Serves these modules only.
    #[must_use]
    pub fn serving(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Records denied access.
    #[must_use]
    pub fn recording(mut self, denials: DenialLog) -> Self {
        self.denials = Some(denials);
        self
    }
}

/// Serves several services' tables on one port, behind one guard.
pub struct Gateway {
    matcher: Matcher,
    endpoints: Vec<BoxEndpoint<'static, Response>>,
    verifier: Arc<TokenVerifier>,
    parameters: KnownParameters,
    sessions: Option<Sessions>,
    keys: Option<ApiKeys>,
    files: Option<Files>,
    settings: GuardSettings,
    durations: prometheus::HistogramVec,
}

impl Gateway {
    /// # Errors
    /// When two rows have the same method and path.
    pub fn new(
        services: Vec<Service>,
        verifier: Arc<TokenVerifier>,
        settings: GuardSettings,
    ) -> Result<Self, String> {
        let tables: Vec<&'static [Route]> = services.iter().map(|service| service.routes).collect();
        Ok(Self {
            matcher: Matcher::new(&tables)?,
            endpoints: services.into_iter().map(|service| service.endpoint).collect(),
            verifier,
            parameters: KnownParameters::default(),
            sessions: None,
            keys: None,
            files: None,
            settings,
            durations: metrics::histogram_vec(
                "http_server_request_duration_seconds",
                "Time from a request's headers to its answer.",
                metrics::FAST_SECONDS,
                &["operation", "status"],
            ),
        })
    }

    /// Refuses parameters that the API's document does not know.
    #[must_use]
    pub fn knowing(mut self, document: &serde_json::Value) -> Self {
        self.parameters = KnownParameters::of(document);
        self
    }

    /// Refuses tokens of sessions that have ended since; without this a token is good until its time is over.
    #[must_use]
    pub fn asking(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Takes files of at most `max_bytes` on these operations, instead of JSON.
    #[must_use]
    pub fn taking_files(mut self, operations: &'static [&'static str], max_bytes: usize) -> Self {
        self.files = Some(Files::new(operations, max_bytes));
        self
    }

    /// Everything between the row and the handler's answer.
    async fn admit(
        &self,
        mut request: Request,
        found: Found<'_>,
        language: Language,
    ) -> Result<Response, Problem> {
        let (table, route) = match found {
            Found::Route { table, route } => (table, route),
            Found::OtherMethods(methods) => {
                let names: Vec<&str> = methods.iter().map(|verb| verb.as_str()).collect();
                let allow = HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""));
                return Err(Problem::new(&codes::METHOD_NOT_ALLOWED).header(header::ALLOW, allow));
            }
            Found::Unknown => return Err(Problem::new(&codes::PATH_UNKNOWN)),
        };
        if !self.settings.features.serves(route.method, route.path) {
            return Err(Problem::new(&codes::FEATURE_DISABLED));
        }
        if self.is_by_key(route, request.headers())? {
            return self.admit_key(request, (table, route), language).await;
        }
        let principal = self.principal(route, request.headers()).await?;
        if route.access == Access::Connector {
            // A page of the feed is leased to whoever reads it, and HEAD reads nothing.
            if request.method() == Method::HEAD {
                let allow = HeaderValue::from_static(route.method.as_str());
                return Err(Problem::new(&codes::METHOD_NOT_ALLOWED).header(header::ALLOW, allow));
            }
            let token = request::integration_token(request.headers())
                .ok_or_else(|| Problem::new(&codes::INTEGRATION_TOKEN_INVALID))?;
            let client = self.client(&request);
            request.set_data(ConnectorContext { token, client });
        }
        let reason = reason_for(route, request.headers())?;
        let idempotency_key = match route.method {
            Verb::Get => None,
            _ => request::idempotency_key(request.headers())?,
        };
        check_address(request.uri())?;
        self.parameters
            .check(route, request.uri().query().unwrap_or_default())?;
        let files = self.files.as_ref().filter(|files| files.takes(route.operation));
        // Kept until the answer: a file is held whole as long as it is handled.
        let _place = files.map(|files| files.admit(request.headers())).transpose()?;
        let body = self.body(&mut request, files).await?;
        let fingerprint = self.fingerprint(&request, &body);
        request.set_body(body);
        let traceparent = telemetry::current_traceparent()
            .or_else(|| request::traceparent(request.headers()).map(str::to_owned));
        let who = principal.clone();
        match principal {
            Some(principal) => request.set_data(RequestContext {
                principal,
                reason,
                idempotency_key,
                fingerprint,
                traceparent,
                language,
            }),
            None => request.set_data(PublicContext {
                client: self.client(&request),
                fingerprint,
                traceparent,
                language,
            }),
        }
        let endpoint = self.endpoints.get(table);
        let endpoint = endpoint.ok_or_else(|| Problem::new(&codes::PATH_UNKNOWN))?;
        let response = endpoint.get_response(normalised(request)).await;
        if let Some(who) = who.filter(|_| response.status() == StatusCode::FORBIDDEN) {
            let problem = response.extensions().get::<Problem>();
            self.denied(
                &who,
                route,
                problem.map_or(codes::AUTH_ROLE_FORBIDDEN.code, |problem| problem.code),
            );
        }
        Ok(response)
    }

    fn client(&self, request: &Request) -> IpAddr {
        let peer = request.remote_addr().as_socket_addr();
        client_address(peer, request.headers(), &self.settings.trusted_proxies)
    }

    fn denied(&self, who: &Principal, route: &Route, code: &'static str) {
        if let Some(denials) = &self.settings.denials {
            denials.note(who, route.operation, code);
        }
    }

    /// Who asks, when the row wants to know.
    async fn principal(&self, route: &Route, headers: &HeaderMap) -> Result<Option<Principal>, Problem> {
        if !route.access.takes_users() {
            return Ok(None);
        }
        let challenge = |code, value| {
            Problem::new(code).header(header::WWW_AUTHENTICATE, HeaderValue::from_static(value))
        };
        let token = request::bearer_token(headers)
            .ok_or_else(|| challenge(&codes::AUTH_REQUIRED, r#"Bearer realm="trastienda""#))?;
        let refused = || {
            challenge(
                &codes::AUTH_TOKEN_INVALID,
                r#"Bearer realm="trastienda", error="invalid_token""#,
            )
        };
        let principal = self.verifier.verify(token).map_err(|error| {
            tracing::debug!(%error, "a token was refused");
            refused()
        })?;
        if let Some(sessions) = &self.sessions
            && !sessions.stands(&principal).await
        {
            return Err(refused());
        }
        let span = tracing::Span::current();
        span.record("tenant", principal.tenant.as_str());
        span.record("role", principal.role.as_str());
        if route.roles.contains(&principal.role) {
            Ok(Some(principal))
        } else {
            self.denied(&principal, route, codes::AUTH_ROLE_FORBIDDEN.code);
            Err(Problem::new(&codes::AUTH_ROLE_FORBIDDEN))
        }
    }

    /// Reads the body whole, within its limits of size and time, and scans it.
    async fn body(&self, request: &mut Request, files: Option<&Files>) -> Result<Bytes, Problem> {
        let (max, patience) = match files {
            Some(files) => (files.max_bytes, files::READ_TIMEOUT),
            None => (self.settings.max_body_bytes, self.settings.body_read_timeout),
        };
        let reading = request.take_body().into_bytes_limit(max);
        let bytes = match tokio::time::timeout(patience, reading).await {
            Err(_) => return Err(Problem::new(&codes::BODY_TIMEOUT)),
            Ok(Err(ReadBodyError::PayloadTooLarge)) => return Err(too_large(max)),
            Ok(Err(_)) => return Err(Problem::new(&codes::BODY_UNREADABLE)),
            Ok(Ok(bytes)) => bytes,
        };
        if files.is_none() && !bytes.is_empty() {
            check_media_type(request.headers())?;
            strict_json::check(&bytes)?;
        }
        Ok(bytes)
    }

    /// HMAC-SHA256 over method, concrete path, query (its pairs sorted) and body, each preceded by its length.
    fn fingerprint(&self, request: &Request, body: &[u8]) -> [u8; 32] {
        let length = |items: usize| u64::try_from(items).unwrap_or(u64::MAX).to_be_bytes();
        let mut mac = page::keyed(&self.settings.fingerprint_key);
        let mut add = |part: &[u8]| {
            mac.update(&length(part.len()));
            mac.update(part);
        };
        add(request.method().as_str().as_bytes());
        add(without_trailing_slash(request.uri().path()).as_bytes());
        let query = request.uri().query().unwrap_or_default();
        let mut pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        pairs.sort();
        add(&length(pairs.len()));
        for (name, value) in &pairs {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        add(body);
        mac.finalize().into_bytes().into()
    }
}

impl Endpoint for Gateway {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let language = Language::of(request.headers());
        let request_id = request::request_id(request.headers())
            .map_or_else(|| clock::fresh_id().to_string(), str::to_owned);
        let uri = request.uri().clone();
        let found = self.matcher.find(request.method(), uri.path());
        let (operation, path) = match &found {
            Found::Route { route, .. } => (route.operation, route.path),
            Found::OtherMethods(_) | Found::Unknown => ("none", "none"),
        };
        let span = tracing::info_span!(
            "http.request",
            otel.name = operation,
            otel.kind = "server",
            http.request.method = %request.method(),
            http.route = path,
            http.response.status_code = tracing::field::Empty,
            request_id = %request_id,
            tenant = tracing::field::Empty,
            role = tracing::field::Empty,
        );
        if let Some(parent) = request::traceparent(request.headers()) {
            telemetry::set_parent_from(parent, &span);
        }
        let work = AssertUnwindSafe(self.admit(request, found, language)).catch_unwind();
        // What a handler began goes on without it: commands belong to the engine.
        let work = tokio::time::timeout(self.settings.request_timeout, work);
        let response = async {
            let response = match work.await {
                Ok(Ok(Ok(response))) => framework::settle(response, language, &request_id).await,
                Ok(Ok(Err(problem))) => problem.render(language, &request_id),
                Err(_) => {
                    tracing::warn!(operation, "a request was not answered in its time");
                    let problem = Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(RETRY_AFTER_S);
                    problem.render(language, &request_id)
                }
                Ok(Err(panic)) => {
                    tracing::error!(
                        operation,
                        panic = framework::panic_text(&*panic),
                        "a handler panicked"
                    );
                    Problem::new(&codes::INTERNAL).render(language, &request_id)
                }
            };
            finished(response, &uri, &request_id)
        };
        let response = response.instrument(span.clone()).await;
        span.record("http.response.status_code", response.status().as_u16());
        self.durations
            .with_label_values(&[operation, response.status().as_str()])
            .observe(started.elapsed().as_secs_f64());
        Ok(response)
    }
}

/// The reason as the row wants it.
fn reason_for(route: &Route, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    match route.reason {
        ReasonRule::Never => Ok(None),
        ReasonRule::Optional => Ok(request::reason(headers)?),
        ReasonRule::Required => match request::reason(headers)? {
            Some(reason) => Ok(Some(reason)),
            None => Err(Problem::new(&codes::REASON_REQUIRED)),
        },
    }
}

/// The request as the services' own routers expect it: no trailing slash, and `GET` for `HEAD` (the server leaves the
/// body out).
fn normalised(mut request: Request) -> Request {
    if request.method() == Method::HEAD {
        request.set_method(Method::GET);
    }
    let path = request.uri().path();
    let trimmed = without_trailing_slash(path);
    if trimmed.len() != path.len() {
        let target = match request.uri().query() {
            Some(query) => format!("{trimmed}?{query}"),
            None => trimmed.to_owned(),
        };
        if let Ok(uri) = target.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Headers that every answer has, and the link to the next page.
fn finished(mut response: Response, uri: &Uri, request_id: &str) -> Response {
    if let Some(NextCursor(cursor)) = response.extensions_mut().remove() {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        query.extend_pairs(pairs.filter(|(name, _)| name != "cursor"));
        query.append_pair("cursor", &cursor);
        let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.finish());
        if let Ok(value) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, value);
        }
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
#[path = "tests/guard.rs"]
mod tests;
