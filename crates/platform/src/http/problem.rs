//! Problem documents (RFC 9457): every error of the API, with a stable code and a text in the reader's language.
//!
//! A problem carries both languages until `guard` renders it, so that handlers need not know the request's language.
//! Not here: the codes that the platform itself answers with (`codes`), nor the domain's refusals.

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};
use serde::Serialize;

use super::codes::Code;
use super::text::{Language, Text};

/// What is wrong with one field of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body; empty for the whole of it.
    pub pointer: String,
    pub detail: Text,
}

/// An error as the API answers it. Handlers return it as their error type; one pointer wide, since most calls succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} ({}): {}", .0.code, .0.status, .0.detail.en)]
pub struct Problem(Box<ProblemFields>);

/// What a problem says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemFields {
    pub status: StatusCode,
    /// Stable, such as `reason.required`; each has a page in `docs/errors`.
    pub code: &'static str,
    pub title: Text,
    pub detail: Text,
    pub errors: Vec<FieldError>,
    /// Seconds after which the same request may succeed.
    pub retry_after_s: Option<u64>,
    /// The number that was expected, where a sender numbers what it sends.
    pub expected: Option<i64>,
    /// Such as `Allow` and `WWW-Authenticate`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl std::ops::Deref for Problem {
    type Target = ProblemFields;

    fn deref(&self) -> &ProblemFields {
        &self.0
    }
}

impl Problem {
    /// The problem of a platform code, with the code's own text.
    pub fn new(code: &'static Code) -> Self {
        Self::other(code.status, code.code, code.title.clone(), code.detail.clone())
    }

    /// A problem of another vocabulary, such as the domain's refusals.
    pub fn other(status: StatusCode, code: &'static str, title: Text, detail: Text) -> Self {
        let (errors, headers) = (Vec::new(), Vec::new());
        Self(Box::new(ProblemFields {
            status,
            code,
            title,
            detail,
            errors,
            retry_after_s: None,
            expected: None,
            headers,
        }))
    }

    #[must_use]
    pub fn detail(mut self, detail: Text) -> Self {
        self.0.detail = detail;
        self
    }

    /// Adds what is wrong with one field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: Text) -> Self {
        self.0.errors.push(FieldError {
            pointer: pointer.into(),
            detail,
        });
        self
    }

    /// The same about a field that stands elsewhere in the body: `from`, which begins its pointer, becomes `to`.
    #[must_use]
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        for error in &mut self.0.errors {
            if let Some(rest) = error.pointer.strip_prefix(from) {
                error.pointer = format!("{to}{rest}");
            }
        }
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    #[must_use]
    pub fn expected(mut self, number: i64) -> Self {
        self.0.expected = Some(number);
        self
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The document in one language.
    pub(super) fn document<'a>(&'a self, language: Language, request_id: &'a str) -> Document<'a> {
        Document {
            kind: format!("urn:trastienda:problem:{}", self.code),
            title: self.title.in_language(language),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.in_language(language),
            errors: self
                .errors
                .iter()
                .map(|e| DocumentError {
                    pointer: &e.pointer,
                    detail: e.detail.in_language(language),
                })
                .collect(),
            retry_after_s: self.retry_after_s,
            expected: self.expected,
            request_id,
        }
    }

    /// The answer in one language.
    pub fn render(&self, language: Language, request_id: &str) -> Response {
        let body = serde_json::to_vec(&self.document(language, request_id)).unwrap_or_default();
        let mut response = Response::builder()
            .status(self.status)
            .content_type("application/problem+json")
            .header(header::CONTENT_LANGUAGE, language.tag())
            .header(header::CACHE_CONTROL, "no-store")
            .body(Body::from(body));
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

/// As it is written (RFC 9457).
#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<DocumentError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct DocumentError<'a> {
    pointer: &'a str,
    detail: &'a str,
}

/// Leaves the problem in the response's extensions, where the guard finds it and renders it again in the request's
/// language; without a guard the default language is shown.
impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        let mut error = poem::Error::from_response(problem.render(Language::default(), ""));
        error.set_data(problem);
        error
    }
}

/// Problems are documented by the route table (`openapi`), not by each handler.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: Vec::new(),
        }
    }

    fn register(_: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::super::codes;
    use super::*;

    async fn rendered(problem: &Problem, language: Language) -> (Response, serde_json::Value) {
        let mut response = problem.render(language, "r-1");
        let body = response.take_body().into_json().await.unwrap();
        (response, body)
    }

    #[tokio::test]
    async fn a_problem_is_rendered_in_the_language_asked_for() {
        let problem = Problem::new(&codes::REASON_REQUIRED).at("/lines/0", Text::fixed("mal", "bad"));
        let (response, english) = rendered(&problem, Language::English).await;
        assert_eq!(response.content_type(), Some("application/problem+json"));
        assert_eq!(english["code"], "reason.required");
        assert_eq!(english["status"], 400);
        assert_eq!(english["errors"][0]["pointer"], "/lines/0");
        assert_eq!(english["errors"][0]["detail"], "bad");
        assert_eq!(english["request_id"], "r-1");
        let (_, spanish) = rendered(&problem, Language::Spanish).await;
        assert_eq!(spanish["errors"][0]["detail"], "mal");
        assert_ne!(spanish["title"], english["title"]);
    }

    #[tokio::test]
    async fn a_retry_time_is_in_the_header_and_in_the_document() {
        let (response, body) = rendered(
            &Problem::new(&codes::SERVICE_BUSY).retry_after(7),
            Language::English,
        )
        .await;
        assert_eq!(response.header("retry-after"), Some("7"));
        assert_eq!(body["retry_after_s"], 7);
    }
}
