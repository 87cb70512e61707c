//! Path and query parameters, checked by the rules of the identifiers that they name before any SQL sees them.

use std::str::FromStr;

use platform::http::Problem;
use schemas::InvalidId;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::failure::{bad_parameter, not_found};

/// Longest text that a filter may name something by, in characters.
const MAX_TEXT_CHARS: usize = 100;
const DAY: &[FormatItem<'static>] = format_description!("[year]-[month]-[day]");

/// An identifier in the path: one that cannot exist is not found.
///
/// # Errors
/// 404.
pub fn path_id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| not_found())
}

/// An identifier as a filter.
///
/// # Errors
/// 400 that names the parameter and the rule.
pub fn filter_id<T: FromStr<Err = InvalidId>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    text.map(|text| {
        text.parse()
            .map_err(|error: InvalidId| bad_parameter(name, error.rule))
    })
    .transpose()
}

/// A filter that names something by its text.
///
/// # Errors
/// 400 for more than 100 characters, or one that is not printed.
pub fn filter_text(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.chars().count() > MAX_TEXT_CHARS || text.chars().any(char::is_control) => {
            Err(bad_parameter(name, "1-100"))
        }
        text => Ok(text),
    }
}

/// A document's number as a filter.
///
/// # Errors
/// 400 for what cannot stand on a document: the longest prefix and the most digits are 32 characters.
pub fn filter_number(number: Option<String>) -> Result<Option<String>, Problem> {
    const MAX_CHARS: usize = 32;
    let can_be = |number: &String| {
        (1..=MAX_CHARS).contains(&number.chars().count()) && !number.chars().any(char::is_control)
    };
    if number.as_ref().is_none_or(can_be) {
        return Ok(number);
    }
    Err(bad_parameter("number", "1 to 32 printable characters"))
}

/// A filter that takes one of a few words.
///
/// # Errors
/// 400 that lists the words.
pub fn filter_word(
    name: &str,
    text: Option<String>,
    words: &'static [&'static str],
) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if !words.contains(&text.as_str()) => Err(bad_parameter(name, &words.join(", "))),
        text => Ok(text),
    }
}

/// A business day such as `2026-11-01`.
///
/// # Errors
/// 400 when it is not a date.
pub fn filter_day(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() != 10 || time::Date::parse(&text, DAY).is_err() => {
            Err(bad_parameter(name, "YYYY-MM-DD"))
        }
        text => Ok(text),
    }
}

/// A moment such as `2026-11-01T00:00:00-06:00`.
///
/// # Errors
/// 400 when it is not one.
pub fn filter_time(name: &str, text: Option<&str>) -> Result<Option<OffsetDateTime>, Problem> {
    text.map(|text| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| bad_parameter(name, "RFC 3339")))
        .transpose()
}
