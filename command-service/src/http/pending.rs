//! The answer of a command that may have to wait for somebody's approval: 201 when it was done, 202 when it waits.
//!
//! Not here: what waits (`domain::movements`).

use platform::http::json::{register_schema, responses_meta};
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};
use schemars::JsonSchema;
use serde::Deserialize;

use super::CommandAnswer;

/// What `status` says of a command that waits.
const WAITS: &str = "pending_approval";

/// `T` is the shape of what was done, `P` of what waits.
#[derive(Debug)]
pub struct DoneOrPending<T, P> {
    done: CommandAnswer<T, 201>,
    pending: Option<CommandAnswer<P, 202>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow, default)]
    status: Option<&'a str>,
}

impl<T, P> From<CommandAnswer<T, 201>> for DoneOrPending<T, P> {
    fn from(answer: CommandAnswer<T, 201>) -> Self {
        let (bytes, replayed) = answer.into_parts();
        let waits =
            serde_json::from_slice::<Status<'_>>(&bytes).is_ok_and(|found| found.status == Some(WAITS));
        let pending = waits.then(|| CommandAnswer::composed(bytes.clone(), replayed));
        Self {
            done: CommandAnswer::composed(bytes, replayed),
            pending,
        }
    }
}

impl<T: Send, P: Send> IntoResponse for DoneOrPending<T, P> {
    fn into_response(self) -> Response {
        match self.pending {
            Some(pending) => pending.into_response(),
            None => self.done.into_response(),
        }
    }
}

impl<T: JsonSchema, P: JsonSchema> ApiResponse for DoneOrPending<T, P> {
    fn meta() -> MetaResponses {
        let mut both = responses_meta::<T>(StatusCode::CREATED.as_u16(), "Carried out, and durable.");
        let waits = "Asked for, and durable: somebody else decides it.";
        both.responses
            .extend(responses_meta::<P>(StatusCode::ACCEPTED.as_u16(), waits).responses);
        both
    }

    fn register(registry: &mut Registry) {
        register_schema::<T>(registry);
        register_schema::<P>(registry);
    }
}

#[cfg(test)]
mod tests {
    use schemas::Position;
    use serde_json::value::RawValue;

    use super::*;

    fn status(answer: &str) -> u16 {
        let raw = RawValue::from_string(answer.to_owned()).unwrap();
        let answer = CommandAnswer::<(), 201>::new(&raw, Position(7), false);
        DoneOrPending::<(), ()>::from(answer)
            .into_response()
            .status()
            .as_u16()
    }

    #[test]
    fn only_what_waits_is_accepted_and_not_created() {
        assert_eq!(status(r#"{"on_hand":8}"#), 201);
        assert_eq!(
            status(r#"{"status":"approved","movement_id":"pending_approval"}"#),
            201
        );
        assert_eq!(status(r#"{"status":"pending_approval","movement_id":"m"}"#), 202);
    }
}
