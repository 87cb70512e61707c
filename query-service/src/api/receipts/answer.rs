//! The forms of receipts: PDF, page and JSON, and which one was asked for.

use platform::http::json::{json_response, register_schema, schema_ref};
use platform::http::{Language, Problem, Text, codes};
use poem::http::{HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Request, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use schemars::JsonSchema;

use super::{Receipt, VerifiedReceipt};
use crate::receipt::pdf::Paper;

/// A receipt in the form that was asked for.
#[derive(Debug)]
pub enum ReceiptAnswer {
    Json(Box<Receipt>),
    Pdf { bytes: Vec<u8>, name: String },
}

/// A verified receipt in the form that was asked for.
#[derive(Debug)]
pub enum VerifiedAnswer {
    Json(Box<VerifiedReceipt>),
    Page { status: StatusCode, html: String },
}

fn bytes(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::builder()
        .status(status)
        .content_type(content_type)
        .body(Body::from(body));
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

impl IntoResponse for ReceiptAnswer {
    fn into_response(self) -> Response {
        match self {
            ReceiptAnswer::Json(receipt) => json_response(StatusCode::OK, &receipt),
            ReceiptAnswer::Pdf { bytes: pdf, name } => {
                let mut response = bytes(StatusCode::OK, "application/pdf", pdf);
                if let Ok(value) = HeaderValue::from_str(&format!("inline; filename=\"{name}.pdf\"")) {
                    response.headers_mut().insert("content-disposition", value);
                }
                response
            }
        }
    }
}

impl IntoResponse for VerifiedAnswer {
    fn into_response(self) -> Response {
        match self {
            VerifiedAnswer::Json(verified) => json_response(StatusCode::OK, &verified),
            VerifiedAnswer::Page { status, html } => {
                let mut response = bytes(status, "text/html; charset=utf-8", html.into_bytes());
                let policy =
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                response
                    .headers_mut()
                    .insert("content-security-policy", HeaderValue::from_static(policy));
                response
            }
        }
    }
}

fn two_forms<T: JsonSchema>(description: &'static str, other: &'static str) -> MetaResponses {
    let media = |content_type, schema| MetaMediaType { content_type, schema };
    let text = MetaSchemaRef::Inline(Box::new(poem_openapi::registry::MetaSchema::new("string")));
    MetaResponses {
        responses: vec![MetaResponse {
            description,
            status: Some(200),
            status_range: None,
            content: vec![media(other, text), media("application/json", schema_ref::<T>())],
            headers: vec![],
        }],
    }
}

impl ApiResponse for ReceiptAnswer {
    fn meta() -> MetaResponses {
        two_forms::<Receipt>("The receipt.", "application/pdf")
    }

    fn register(registry: &mut Registry) {
        register_schema::<Receipt>(registry);
    }
}

impl ApiResponse for VerifiedAnswer {
    fn meta() -> MetaResponses {
        two_forms::<VerifiedReceipt>("The receipt is ours, and says this.", "text/html")
    }

    fn register(registry: &mut Registry) {
        register_schema::<VerifiedReceipt>(registry);
    }
}

/// What was asked for.
pub(super) enum Form {
    Json,
    Pdf(Paper),
}

pub(super) fn wants_json(request: &Request) -> bool {
    let accept = request
        .headers()
        .get("accept")
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("json"))
}

pub(super) fn form(format: Option<&str>, request: &Request) -> Result<Form, Problem> {
    match format {
        None if wants_json(request) => Ok(Form::Json),
        None | Some("80mm") => Ok(Form::Pdf(Paper::Roll80)),
        Some("a4") => Ok(Form::Pdf(Paper::A4)),
        Some("json") => Ok(Form::Json),
        Some(_) => Err(Problem::new(&codes::PARAMETER_INVALID).detail(Text::fixed(
            "`format` es `80mm`, `a4` o `json`.",
            "`format` is `80mm`, `a4` or `json`.",
        ))),
    }
}

pub(super) fn language(lang: Option<&str>, of_request: Language) -> Result<Language, Problem> {
    match lang {
        None => Ok(of_request),
        Some("es") => Ok(Language::Spanish),
        Some("en") => Ok(Language::English),
        Some(_) => Err(Problem::new(&codes::PARAMETER_INVALID)
            .detail(Text::fixed("`lang` es `es` o `en`.", "`lang` is `es` or `en`."))),
    }
}
