//! A command's answer: the domain's bytes as they were stored, with the position added.

use std::marker::PhantomData;

use platform::http::json::{json_bytes, register_schema, responses_meta};
use poem::http::{HeaderValue, StatusCode};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};
use schemars::JsonSchema;
use schemas::Position;
use serde_json::value::RawValue;

use super::problems::REPLAYED;

/// The answer of a command that was carried out, now or before. `T` is its shape in the document.
#[derive(Debug)]
pub struct CommandAnswer<T, const STATUS: u16 = 200> {
    bytes: Vec<u8>,
    replayed: bool,
    shape: PhantomData<fn() -> T>,
}

impl<T, const STATUS: u16> CommandAnswer<T, STATUS> {
    /// `answer` is a JSON object without a position.
    pub fn new(answer: &RawValue, position: Position, replayed: bool) -> Self {
        let fields = answer
            .get()
            .trim_end()
            .strip_suffix('}')
            .unwrap_or("{")
            .trim_end();
        let comma = if fields.ends_with('{') { "" } else { "," };
        Self {
            bytes: format!("{fields}{comma}\"position\":{position}}}").into_bytes(),
            replayed,
            shape: PhantomData,
        }
    }

    /// The answer as a value, for handlers that add to it.
    pub fn into_parts(self) -> (Vec<u8>, bool) {
        (self.bytes, self.replayed)
    }

    /// An answer that a handler composed.
    pub fn composed(bytes: Vec<u8>, replayed: bool) -> Self {
        Self {
            bytes,
            replayed,
            shape: PhantomData,
        }
    }
}

impl<T, const STATUS: u16> IntoResponse for CommandAnswer<T, STATUS> {
    fn into_response(self) -> Response {
        let mut response = json_bytes(StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK), self.bytes);
        if self.replayed {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl<T: JsonSchema, const STATUS: u16> ApiResponse for CommandAnswer<T, STATUS> {
    fn meta() -> MetaResponses {
        responses_meta::<T>(STATUS, "Carried out, and durable.")
    }

    fn register(registry: &mut Registry) {
        register_schema::<T>(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(answer: &str) -> String {
        let raw = RawValue::from_string(answer.to_owned()).unwrap();
        String::from_utf8(
            CommandAnswer::<(), 200>::new(&raw, Position(7), false)
                .into_parts()
                .0,
        )
        .unwrap()
    }

    #[test]
    fn the_position_joins_the_stored_fields() {
        assert_eq!(written("{}"), r#"{"position":7}"#);
        assert_eq!(written("{ }"), r#"{"position":7}"#);
        assert_eq!(
            written(r#"{"sku":"A}","n":{"m":1} } "#),
            r#"{"sku":"A}","n":{"m":1},"position":7}"#
        );
    }
}
