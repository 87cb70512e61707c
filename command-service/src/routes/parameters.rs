//! Parameters of paths, and texts that are checked before they are sealed.
//!
//! The rules never see sealed text, so its bounds are held here, with the rules' own refusal.

use std::str::FromStr;

use domain::Refusal;
use platform::http::{Problem, Text, codes};
use schemars::JsonSchema;
use schemas::InvalidId;
use schemas::text::is_hidden;
use serde::Deserialize;

use crate::http::of_refusal;

/// A body without fields; an empty one will do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

/// An id from the path.
///
/// # Errors
/// `request.parameter_invalid` with the id's own rule.
pub(super) fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: InvalidId| {
        Problem::new(&codes::PARAMETER_INVALID).detail(Text::new(
            format!("El parámetro de la ruta no se acepta: {error}."),
            format!("The path's parameter is not accepted: {error}."),
        ))
    })
}

/// Checks a text that is about to be sealed: 1 to `max_chars` characters, none of them control characters, no spaces
/// at the ends.
///
/// # Errors
/// `request.text_invalid`.
pub(super) fn personal(field: &'static str, text: &str, max_chars: usize) -> Result<(), Problem> {
    let fits = !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= max_chars
        && !text.chars().any(is_hidden);
    if fits {
        Ok(())
    } else {
        Err(of_refusal(
            &Refusal::TextInvalid {
                field: field.to_owned(),
                max_chars,
            },
            false,
        ))
    }
}

/// A problem with one field of the body that types alone cannot say.
pub(super) fn field_problem(pointer: &'static str, es: &'static str, en: &'static str) -> Problem {
    Problem::new(&codes::BODY_INVALID).at(pointer, Text::fixed(es, en))
}
