//! The form that every request's address and headers must have, whatever it asks for.

use poem::http::{HeaderMap, HeaderValue, Uri, header};

use super::super::codes;
use super::super::problem::Problem;
use super::super::text::Text;

/// Parameters of the path and the query become ids and text: they must be UTF-8 without control characters.
///
/// # Errors
/// `request.parameter_invalid`.
pub(super) fn check_address(uri: &Uri) -> Result<(), Problem> {
    let is_text = |part: &str| match percent_encoding::percent_decode_str(part).decode_utf8() {
        Ok(decoded) => !decoded.chars().any(char::is_control),
        Err(_) => false,
    };
    if is_text(uri.path()) && is_text(uri.query().unwrap_or_default()) {
        Ok(())
    } else {
        Err(Problem::new(&codes::PARAMETER_INVALID))
    }
}

/// `application/json` or another `+json`, uncompressed.
///
/// # Errors
/// `request.content_type`.
pub(super) fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .unwrap_or_default()
    };
    let essence = text(header::CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let encoding = text(header::CONTENT_ENCODING);
    if json && (encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")) {
        Ok(())
    } else {
        Err(Problem::new(&codes::CONTENT_TYPE))
    }
}

/// A body beyond `max` bytes.
pub(super) fn too_large(max: usize) -> Problem {
    Problem::new(&codes::BODY_TOO_LARGE).detail(Text::new(
        format!("El cuerpo de la solicitud supera {max} bytes."),
        format!("The request's body exceeds {max} bytes."),
    ))
}
