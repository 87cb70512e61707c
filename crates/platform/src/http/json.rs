//! JSON bodies and answers by `serde` and `schemars`, for poem-openapi's operations.
//!
//! poem-openapi's own `Json` goes through a tree of values and types of its own; here the types of `schemas` are used
//! as they are, and their JSON Schema reaches the document through `openapi`. Not here: strictness about duplicate
//! keys, depth and text (`strict_json`, which the guard applies to every body before).

use poem::http::{HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codes;
use super::page::Page;
use super::problem::Problem;
use super::text::Text;

const CONTENT_TYPE: &str = "application/json";

/// Marks a schema that `openapi` replaces with the JSON Schema in its `example`.
pub(super) const SCHEMA_MARK: &str = "x-json-schema";

/// A reference to a type's schema, for the metadata of an operation.
pub fn schema_ref<T: JsonSchema>() -> MetaSchemaRef {
    MetaSchemaRef::Reference(component_name::<T>())
}

/// Puts a type's JSON Schema, with all that it refers to, into the registry.
pub fn register_schema<T: JsonSchema>(registry: &mut Registry) {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        // One shape for both directions: what may be left out of a body may be absent from an answer.
        settings.contract = Contract::Deserialize;
    });
    let mut generator = settings.into_generator();
    let schema = generator.subschema_for::<T>();
    let definitions = generator.take_definitions(true);
    let mut meta = MetaSchema::new(SCHEMA_MARK);
    meta.rust_typename = Some(std::any::type_name::<T>());
    meta.example = Some(serde_json::json!({ "schema": schema, "definitions": definitions }));
    let name = component_name::<T>();
    let before = registry.schemas.get(&name).and_then(|other| other.rust_typename);
    if before.is_some_and(|other| Some(other) != meta.rust_typename) {
        // Two types under one name; nothing can be returned here, so the document says it.
        meta.example = Some(serde_json::json!({ "collision": name }));
    }
    registry.schemas.insert(name, meta);
}

/// A component's name in the document: what `schemars` calls the type.
fn component_name<T: JsonSchema>() -> String {
    T::schema_name().into_owned()
}

/// A request's body. An empty body counts as `{}`; unknown fields are refused by types that say
/// `#[serde(deny_unknown_fields)]`.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<'a, T: DeserializeOwned + JsonSchema + Send> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schema::<T>(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: CONTENT_TYPE,
                schema: schema_ref::<T>(),
            }],
            required: parse::<T>(b"{}").is_err(),
        })
    }

    async fn from_request(
        _: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes().await?;
        // Serde would take an array for a structure, by position. Every body of the API is an object.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::new(&codes::BODY_INVALID)
                .at("", Text::fixed("se espera un objeto", "an object is expected"))
                .into());
        }
        Ok(Self(parse(if bytes.is_empty() { b"{}" } else { &bytes })?))
    }
}

/// Reads a body, with the JSON pointer of the field that is wrong.
///
/// # Errors
/// `request.body_invalid`, which names the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer_of(error.path());
        let full = error.into_inner().to_string();
        // serde_json ends its messages with the place in the text; the pointer says it better.
        let reason = full
            .rsplit_once(" at line ")
            .map_or(full.as_str(), |(reason, _)| reason);
        Problem::new(&codes::BODY_INVALID).at(pointer, Text::same(bounded(reason)))
    })
}

/// A parser's words, cut so that a hostile body cannot make the answer long.
fn bounded(reason: &str) -> String {
    const MAX_CHARS: usize = 300;
    match reason.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut pointer, segment| {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        pointer
    })
}

/// A key as a token of a JSON pointer (RFC 6901).
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A JSON answer with status 200.
#[derive(Debug)]
pub struct JsonAnswer<T>(pub T);

impl<T: Serialize + Send> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        json_response(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize + JsonSchema + Send> ApiResponse for JsonAnswer<T> {
    fn meta() -> MetaResponses {
        responses_meta::<T>(200, "")
    }

    fn register(registry: &mut Registry) {
        register_schema::<T>(registry);
    }
}

/// A page of a list with status 200; the guard adds the `Link` header.
#[derive(Debug)]
pub struct PageAnswer<T>(pub Page<T>);

/// The cursor of the next page, left in a response's extensions for the guard.
#[derive(Debug, Clone)]
pub struct NextCursor(pub String);

impl<T: Serialize + Send> IntoResponse for PageAnswer<T> {
    fn into_response(self) -> Response {
        let mut response = json_response(StatusCode::OK, &self.0);
        if let Some(cursor) = self.0.next {
            response.extensions_mut().insert(NextCursor(cursor));
        }
        response
    }
}

impl<T: Serialize + JsonSchema + Send> ApiResponse for PageAnswer<T> {
    fn meta() -> MetaResponses {
        responses_meta::<Page<T>>(200, "")
    }

    fn register(registry: &mut Registry) {
        register_schema::<Page<T>>(registry);
    }
}

/// The metadata of one JSON response.
pub fn responses_meta<T: JsonSchema>(status: u16, description: &'static str) -> MetaResponses {
    MetaResponses {
        responses: vec![MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: CONTENT_TYPE,
                schema: schema_ref::<T>(),
            }],
            headers: vec![],
        }],
    }
}

/// A response of a value; 500 if it cannot be written.
pub fn json_response(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_bytes(status, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            poem::Error::from(Problem::new(&codes::INTERNAL)).into_response()
        }
    }
}

/// A response of JSON bytes that are ready. API answers are never cached by proxies.
pub fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = Response::builder()
        .status(status)
        .content_type(CONTENT_TYPE)
        .body(Body::from(bytes));
    response
        .headers_mut()
        .insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use schemas::{Quantity, Sku};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Line {
        sku: Sku,
        quantity: Quantity,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Order {
        lines: Vec<Line>,
    }

    fn refused(body: &str) -> (String, String) {
        let problem = parse::<Order>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code, "request.body_invalid");
        (
            problem.errors[0].pointer.clone(),
            problem.errors[0].detail.en.to_string(),
        )
    }

    #[test]
    fn the_pointer_names_the_field_that_is_wrong() {
        assert_eq!(
            refused(r#"{"lines":[{"sku":"a","quantity":1},{"sku":"b","quantity":0}]}"#).0,
            "/lines/1/quantity"
        );
        assert_eq!(
            refused(r#"{"lines":[{"sku":"a","quantity":1.5}]}"#).0,
            "/lines/0/quantity"
        );
        assert_eq!(refused(r#"{"lines":7}"#).0, "/lines");
    }

    #[test]
    fn unknown_and_missing_fields_are_named() {
        let (pointer, reason) = refused(r#"{"lines":[],"total":5}"#);
        assert_eq!(pointer, "/total");
        assert!(reason.contains("unknown field `total`"), "{reason}");
        assert!(refused("{}").1.contains("missing field `lines`"));
    }

    #[test]
    fn a_parsers_words_are_cut() {
        let body = format!(r#"{{"{}":1}}"#, "x".repeat(10_000));
        assert!(refused(&body).1.chars().count() <= 301);
    }
}
