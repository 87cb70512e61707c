//! What poem and poem-openapi answer by themselves, turned into problem documents.
//!
//! Handlers' own problems travel in a response's extensions and are rendered here in the request's language. The framework's
//! are plain texts or say nothing; those of status 5xx never leave the process. Not here: pages that handlers answer with.

use std::any::Any;

use poem::Response;
use poem::http::StatusCode;

use super::codes::{self, Code};
use super::problem::Problem;
use super::text::{Language, Text};

/// Longest text of the framework that is read.
const MAX_TEXT_BYTES: usize = 2048;

/// Renders errors; other responses pass untouched.
pub(super) async fn settle(mut response: Response, language: Language, request_id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if problem.status.is_server_error() {
            tracing::warn!(code = problem.code, "a request could not be served");
        }
        return problem.render(language, request_id);
    }
    match plain_problem(&mut response).await {
        Some(problem) => problem.render(language, request_id),
        None => response,
    }
}

/// The problem that a response is without saying so; reads its text. `None` for everything that passes.
pub(super) async fn plain_problem(response: &mut Response) -> Option<Problem> {
    let status = response.status();
    let is_plain = match response.content_type() {
        None => true,
        Some(kind) if status.is_server_error() => !kind.starts_with("application/"),
        // A page that says "unknown" to a person is a handler's own answer.
        Some(kind) => kind.starts_with("text/plain"),
    };
    if !(status.is_client_error() || status.is_server_error()) || !is_plain {
        return None;
    }
    let text = response
        .take_body()
        .into_bytes_limit(MAX_TEXT_BYTES)
        .await
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    if status.is_server_error() {
        tracing::error!(%status, cause = %text, "an operation failed");
    }
    Some(translated(status, &text))
}

/// The problem that a plain answer of the framework stands for.
fn translated(status: StatusCode, text: &str) -> Problem {
    let code: &'static Code = match status {
        StatusCode::NOT_FOUND => &codes::PATH_UNKNOWN,
        StatusCode::METHOD_NOT_ALLOWED => &codes::METHOD_NOT_ALLOWED,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => &codes::CONTENT_TYPE,
        StatusCode::PAYLOAD_TOO_LARGE => &codes::BODY_TOO_LARGE,
        _ if status.is_server_error() => &codes::INTERNAL,
        _ if text.starts_with("parse request payload error") => &codes::BODY_INVALID,
        _ => &codes::PARAMETER_INVALID,
    };
    let problem = Problem::new(code);
    match parameter(text) {
        Some((name, reason)) if status.is_client_error() => {
            let name = name.to_owned();
            problem
                .detail(Text::new(
                    format!("El parámetro «{name}» no se acepta: {reason}"),
                    format!("Parameter {name:?} is not accepted: {reason}"),
                ))
                .at("", Text::same(format!("{name}: {reason}")))
        }
        _ => problem,
    }
}

/// Name and reason in poem-openapi's "failed to parse parameter `limit`: …".
fn parameter(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("failed to parse ")?;
    let (_, rest) = rest.split_once('`')?;
    rest.split_once("`: ")
}

/// What a panic said, when it said it with text.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_does_not_parse_is_named() {
        let problem = translated(
            StatusCode::BAD_REQUEST,
            "failed to parse parameter `limit`: invalid digit",
        );
        assert_eq!(problem.code, "request.parameter_invalid");
        assert_eq!(
            problem.detail.en,
            "Parameter \"limit\" is not accepted: invalid digit"
        );
    }

    #[tokio::test]
    async fn a_handlers_page_passes_and_what_the_framework_says_does_not() {
        let answer = |kind: Option<&str>| {
            let response = Response::builder().status(StatusCode::NOT_FOUND);
            match kind {
                Some(kind) => response.content_type(kind).body("<h1>unknown</h1>"),
                None => response.finish(),
            }
        };
        let page = answer(Some("text/html; charset=utf-8"));
        let mut page = settle(page, Language::English, "r").await;
        assert_eq!(page.status(), StatusCode::NOT_FOUND);
        assert_eq!(page.content_type(), Some("text/html; charset=utf-8"));
        assert_eq!(page.take_body().into_string().await.unwrap(), "<h1>unknown</h1>");
        for kind in [None, Some("text/plain; charset=utf-8")] {
            let mut settled = settle(answer(kind), Language::English, "r").await;
            assert_eq!(settled.content_type(), Some("application/problem+json"));
            let body = settled.take_body().into_string().await.unwrap();
            assert!(body.contains("request.path_unknown"), "{body}");
        }
    }

    #[tokio::test]
    async fn the_cause_of_a_fault_stays_inside() {
        for kind in ["text/plain", "text/html"] {
            let leak = Response::builder()
                .status(StatusCode::INTERNAL_SERVER_ERROR)
                .content_type(kind)
                .body("select * from users");
            let mut settled = settle(leak, Language::English, "r").await;
            let body = settled.take_body().into_string().await.unwrap();
            assert!(!body.contains("select"), "{body}");
            assert!(body.contains("internal.error"));
        }
    }
}
