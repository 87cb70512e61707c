//! The administration page (ADM-1): static files under `/admin`, for anybody. What it shows comes from the API, with
//! the token of who signed in (docs/adr/0023).
//!
//! Deliberately absent: templates, sessions and anything that depends on who asks.

mod assets;
mod errors;

use platform::http::{Problem, Route, Service, Verb, codes};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, EndpointExt, Request, Response};

use self::assets::Asset;

/// Not in the OpenAPI document: these serve browsers, not callers.
pub const ROUTES: &[Route] = &[
    Route::public(Verb::Get, "/admin", "admin_page"),
    Route::public(Verb::Get, "/admin/{asset}", "admin_asset"),
    Route::public(Verb::Get, "/admin/sections/{asset}", "admin_section"),
    Route::public(Verb::Get, "/admin/errors/{code}", "admin_error_page"),
];

/// Everything from this origin and nothing inline; no frame around it; no form that leaves the page; no text that
/// becomes markup or script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// Headers of every answer of this module.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    // Kept by browsers, and asked for again each time: a new release is there at once, and costs an answer of no bytes.
    ("cache-control", "no-cache"),
];

/// The pages, to be served beside the services by one gateway.
pub fn service() -> Service {
    let assets = assets::all();
    let endpoint = poem::endpoint::make_sync(move |request: Request| answer(&assets, &request));
    Service {
        routes: ROUTES,
        endpoint: endpoint.map_to_response().boxed(),
    }
}

fn answer(assets: &[Asset], request: &Request) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    let name = path.strip_prefix("/admin").unwrap_or_default();
    let name = match name.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    if let Some(code) = name.strip_prefix("errors/") {
        return match errors::page(code) {
            Some(text) => file(
                request,
                "text/plain; charset=utf-8",
                text.as_bytes(),
                &assets::etag(text.as_bytes()),
            ),
            None => absent(),
        };
    }
    match assets.iter().find(|asset| asset.path == name) {
        Some(asset) => file(request, asset.content_type, asset.bytes, &asset.etag),
        None => absent(),
    }
}

fn absent() -> Response {
    poem::Error::from(Problem::new(&codes::PATH_UNKNOWN)).into_response()
}

/// A file, or word that the reader's copy is still good.
fn file(request: &Request, content_type: &'static str, bytes: &'static [u8], etag: &str) -> Response {
    let is_known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| names(known, etag));
    let mut response = if is_known {
        Response::builder().status(StatusCode::NOT_MODIFIED).finish()
    } else {
        Response::builder()
            .content_type(content_type)
            .body(Body::from_bytes(bytes.into()))
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, value);
    }
    response
}

/// Whether `If-None-Match` names this validator (RFC 9110: compared weakly).
fn names(known: &str, etag: &str) -> bool {
    let mut tags = known.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests;
