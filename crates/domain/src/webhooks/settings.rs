//! What an endpoint may be told to do: address, filters, headers, limits.
//!
//! Deliberately light on the address: names are resolved when it is dialled, and the dispatcher's guard decides then.

use schemas::events::webhook::EndpointSettings;
use url::Url;

use crate::bounds::{check_entries, check_optional_text, check_text};
use crate::refusal::Refusal;

const MAX_URL_CHARS: usize = 2_000;
const MAX_FILTERS: usize = 50;
const MAX_FILTER_CHARS: usize = 100;
const MAX_HEADERS: usize = 20;
const MAX_HEADER_NAME_CHARS: usize = 64;
const MAX_HEADER_VALUE_CHARS: usize = 1_000;
/// Headers that the delivery itself sets, or that steer the connection; the client of outgoing calls would leave the
/// latter out without a word.
const RESERVED_HEADERS: [&str; 15] = [
    "content-type",
    "content-length",
    "content-encoding",
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
    "proxy-connection",
    "traceparent",
    "tracestate",
];

/// # Errors
/// The first field that is wrong.
pub(super) fn check(settings: &EndpointSettings) -> Result<(), Refusal> {
    check_text("settings/name", &settings.name, 100)?;
    check_optional_text("settings/description", settings.description.as_deref(), 500)?;
    check_url(&settings.url)?;
    check_filters(&settings.event_types)?;
    check_entries("settings/headers", settings.headers.len(), MAX_HEADERS)?;
    let legacy = settings.legacy_signature_header.as_deref();
    if let Some(name) = legacy.filter(|name| !is_allowed_header(name, "")) {
        return Err(header_refused(name));
    }
    for (index, (name, value)) in settings.headers.iter().enumerate() {
        // One name for two values would leave it open which of them is sent; capitals make no other name.
        let before = settings.headers.keys().take(index).map(String::as_str);
        let is_taken = legacy
            .into_iter()
            .chain(before)
            .any(|other| other.eq_ignore_ascii_case(name));
        if is_taken || !is_allowed_header(name, value) {
            return Err(header_refused(name));
        }
    }
    check_limit("concurrency", settings.concurrency, 1, 64)?;
    check_limit("timeout_ms", settings.timeout_ms, 1_000, 30_000)
}

fn check_url(text: &str) -> Result<(), Refusal> {
    let parsed = Url::parse(text).ok().filter(|url| {
        text.len() <= MAX_URL_CHARS
            && matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
    });
    match parsed {
        Some(_) => Ok(()),
        None => Err(Refusal::EndpointUrlInvalid {
            url: text.chars().take(200).collect(),
        }),
    }
}

fn check_filters(patterns: &[String]) -> Result<(), Refusal> {
    if patterns.is_empty() {
        return Err(Refusal::EndpointWithoutFilters {});
    }
    check_entries("settings/event_types", patterns.len(), MAX_FILTERS)?;
    match patterns.iter().position(|pattern| !is_filter(pattern)) {
        None => Ok(()),
        Some(index) => {
            let pattern = patterns[index].chars().take(MAX_FILTER_CHARS).collect();
            Err(Refusal::EndpointFilterInvalid { index, pattern })
        }
    }
}

/// `*`, `sale.*`, `sale.completed`.
fn is_filter(pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    pattern.len() <= MAX_FILTER_CHARS
        && pattern
            .strip_suffix(".*")
            .unwrap_or(pattern)
            .split('.')
            .all(is_word)
}

/// RFC 9110: a name is a token, a value is visible ASCII and spaces (not at the ends).
fn is_allowed_header(name: &str, value: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let lower = name.to_ascii_lowercase();
    !name.is_empty()
        && name.len() <= MAX_HEADER_NAME_CHARS
        && name.bytes().all(is_token)
        && !lower.starts_with("webhook-")
        && !RESERVED_HEADERS.contains(&lower.as_str())
        && value.len() <= MAX_HEADER_VALUE_CHARS
        && value.bytes().all(|b| (b' '..=b'~').contains(&b))
        && value.trim() == value
}

fn header_refused(name: &str) -> Refusal {
    Refusal::EndpointHeaderInvalid {
        name: name.chars().take(100).collect(),
    }
}

fn check_limit(field: &str, value: i64, min: i64, max: i64) -> Result<(), Refusal> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Refusal::EndpointLimitInvalid {
        field: field.to_owned(),
        value,
        min,
        max,
    })
}

/// A number of a command about an endpoint that is no setting.
///
/// # Errors
/// When it is out of its bounds.
pub(super) fn check_number(field: &str, value: i64, min: i64, max: i64) -> Result<(), Refusal> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Refusal::EndpointNumberInvalid {
        field: field.to_owned(),
        value,
        min,
        max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_words_with_dots_and_perhaps_a_star_at_the_end() {
        for good in ["*", "sale.*", "sale.completed", "inventory.unit_sold", "sale"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in [
            "", ".", "*.sale", "sale.", "Sale.*", "sale.*.x", "sale..x", "**", ".*", "sale*",
        ] {
            assert!(!is_filter(bad), "{bad}");
        }
    }

    #[test]
    fn headers_that_the_delivery_sets_are_reserved() {
        assert!(is_allowed_header("X-Shop", "centro 1"));
        for bad in [
            "Webhook-Id",
            "content-type",
            "HOST",
            "a b",
            "",
            "ñ",
            "Expect",
            "traceparent",
            "Keep-Alive",
        ] {
            assert!(!is_allowed_header(bad, "x"), "{bad}");
        }
        assert!(!is_allowed_header("x-shop", "a\r\nhost: b"));
        assert!(!is_allowed_header("x-shop", " a"));
    }

    #[test]
    fn an_address_is_http_with_a_host_and_no_password() {
        assert!(check_url("https://example.org/hooks?x=1").is_ok());
        assert!(check_url("http://127.0.0.1:18099/").is_ok());
        for bad in [
            "ftp://example.org",
            "https://",
            "example.org",
            "https://u:p@example.org",
            "file:///etc/passwd",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
