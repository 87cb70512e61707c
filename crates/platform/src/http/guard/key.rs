//! The guard's way for external systems: a key, its scope, its hour, and a row for every call.
//!
//! Order: credential (401), place in the record (503), requests per hour (429), scope (403), then as for everybody. From
//! the key on everything is recorded and counted, refusals as well; a key that was ended is recorded, too. `RateLimit` and `RateLimit-Policy` are those of
//! draft-ietf-httpapi-ratelimit-headers-10. Not here: what a key is (`auth`).

use poem::http::header::{self, HeaderName};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Body, Endpoint, Request, Response};
use schemas::Username;

use super::super::codes;
use super::super::framework;
use super::super::problem::Problem;
use super::super::request::{self, KeyContext};
use super::super::route::{Access, Route, Verb};
use super::super::text::{Language, Text};
use super::form::check_address;
use super::{Gateway, normalised, reason_for};
use crate::auth::{ApiKeys, Call, KeyHolder, NotAdmitted, Quota, WINDOW_S};
use crate::telemetry;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The path by which keys are switched off, also on rows elsewhere.
const ALL_OF_KEYS: &str = "/api/external";
/// What a key is asked for when it is missing or wrong.
const CHALLENGE: &str = r#"ApiKey realm="trastienda""#;

impl Gateway {
    /// Accepts external systems' keys on rows with [`Access::Key`]; without them these rows answer 401.
    #[must_use]
    pub fn accepting(mut self, keys: ApiKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Whether the request is an external system's: by the row, or by the credential where the row takes both.
    ///
    /// # Errors
    /// When keys are switched off, on whatever path.
    pub(super) fn is_by_key(&self, route: &Route, headers: &HeaderMap) -> Result<bool, Problem> {
        let is_by_key = match route.access {
            Access::Key => true,
            Access::UserOrKey => request::api_key(headers).is_some(),
            Access::User | Access::Connector | Access::Public => false,
        };
        if is_by_key && !self.settings.features.serves(Verb::Get, ALL_OF_KEYS) {
            return Err(Problem::new(&codes::FEATURE_DISABLED));
        }
        Ok(is_by_key)
    }

    /// As [`Self::admit`], for an external system.
    pub(super) async fn admit_key(
        &self,
        request: Request,
        (table, route): (usize, &Route),
        language: Language,
    ) -> Result<Response, Problem> {
        let challenged = |problem: Problem| match problem.status {
            StatusCode::UNAUTHORIZED => {
                problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))
            }
            _ => problem,
        };
        let presented = request::api_key(request.headers());
        let (Some(keys), Some(presented)) = (&self.keys, presented) else {
            return Err(challenged(Problem::new(&codes::API_KEY_REQUIRED)));
        };
        let holder = match keys.admit(presented, self.client(&request)).await {
            Ok(holder) => holder,
            Err(NotAdmitted { problem, whose }) => {
                if let Some((holder, ended)) = whose {
                    keys.note_ended(&holder, route.scope, ended);
                    self.denied_key(&holder, route, ended.code());
                }
                return Err(challenged(problem));
            }
        };
        tracing::Span::current().record("tenant", holder.key.tenant.as_str());
        let mut call = keys.begin(&holder, route.scope)?;
        let quota = match keys.count(&holder).await {
            Ok(Ok(quota)) => quota,
            Ok(Err(quota)) => {
                call.beyond_limit(429, codes::RATE_LIMIT_EXCEEDED.code);
                let problem = Problem::new(&codes::RATE_LIMIT_EXCEEDED).retry_after(quota.reset_s);
                return Err(limits(quota)
                    .into_iter()
                    .fold(problem, |p, (name, value)| p.header(name, value)));
            }
            Err(problem) => {
                call.finish(problem.status.as_u16(), Some(problem.code), None);
                return Err(problem);
            }
        };
        let answer = self
            .serve_key(request, (table, route), language, holder.clone(), &mut call)
            .await;
        self.settle_key(answer, &holder, route, call, quota).await
    }

    async fn serve_key(
        &self,
        mut request: Request,
        (table, route): (usize, &Route),
        language: Language,
        holder: KeyHolder,
        call: &mut Call,
    ) -> Result<Response, Problem> {
        let settings = &holder.standing.settings;
        if !settings.scopes.iter().any(|scope| scope.as_str() == route.scope) {
            return Err(Problem::new(&codes::API_KEY_SCOPE_MISSING).detail(Text::new(
                format!("La clave no tiene el permiso {}.", route.scope),
                format!("The key lacks the scope {}.", route.scope),
            )));
        }
        let reason = reason_for(route, request.headers())?.unwrap_or_else(|| settings.name.clone());
        let idempotency_key = match route.method {
            Verb::Get => None,
            _ => request::idempotency_key(request.headers())?,
        };
        check_address(request.uri())?;
        let body = self.body(&mut request, None).await?;
        call.sent(request.uri().query().unwrap_or_default(), &body);
        let fingerprint = self.fingerprint(&request, &body);
        request.set_body(body);
        let traceparent = telemetry::current_traceparent()
            .or_else(|| request::traceparent(request.headers()).map(str::to_owned));
        request.set_data(KeyContext {
            holder,
            reason,
            idempotency_key,
            fingerprint,
            traceparent,
            language,
        });
        let endpoint = self.endpoints.get(table);
        let endpoint = endpoint.ok_or_else(|| Problem::new(&codes::PATH_UNKNOWN))?;
        Ok(endpoint.get_response(normalised(request)).await)
    }

    /// Closes the record, notes denied access, and says where the key stands.
    async fn settle_key(
        &self,
        answer: Result<Response, Problem>,
        holder: &KeyHolder,
        route: &Route,
        call: Call,
        quota: Quota,
    ) -> Result<Response, Problem> {
        let mut answer = answer;
        let problem = match &mut answer {
            Err(problem) => Some(problem.clone()),
            Ok(response) => match response.extensions().get::<Problem>() {
                Some(problem) => Some(problem.clone()),
                None => framework::plain_problem(response).await,
            },
        };
        if let Some(problem) = problem {
            if problem.status == StatusCode::FORBIDDEN {
                self.denied_key(holder, route, problem.code);
            }
            call.finish(problem.status.as_u16(), Some(problem.code), None);
            // The problem itself carries the headers: the guard renders it anew.
            return Err(limits(quota)
                .into_iter()
                .fold(problem, |problem, (name, value)| problem.header(name, value)));
        }
        let mut response = answer?;
        let bytes = response.take_body().into_bytes().await.unwrap_or_default();
        call.finish(response.status().as_u16(), None, Some(&bytes));
        response.set_body(Body::from(bytes));
        for (name, value) in limits(quota) {
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    fn denied_key(&self, holder: &KeyHolder, route: &Route, code: &'static str) {
        let subject = Username::new(holder.key.api_key_id.as_str());
        if let (Some(denials), Ok(subject)) = (&self.settings.denials, subject) {
            denials.note_subject(holder.key.tenant.clone(), subject, route.operation, code);
        }
    }
}

/// The policy, and what is left of it.
fn limits(quota: Quota) -> Vec<(HeaderName, HeaderValue)> {
    let Quota { limit, left, reset_s } = quota;
    let policy = format!("\"hora\";q={limit};w={WINDOW_S}");
    let now = format!("\"hora\";r={left};t={reset_s}");
    [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)]
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?)))
        .collect()
}
