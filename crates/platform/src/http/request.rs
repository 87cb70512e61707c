//! What the guard learned about a request, for handlers; and the reading of its headers.
//!
//! Headers are read as bytes: `HeaderValue::to_str` refuses the accents that reasons have. Not here: who may do what.

use poem::http::{HeaderMap, header};
use poem::{FromRequest, Request, RequestBody};
use schemas::card::holds_card_number;
use schemas::envelope::Actor;
use schemas::events::admin::Role;
use schemas::ids::{StoreId, TenantId, TerminalId, Username};
use schemas::text::is_hidden;

use super::codes::{self, Code};
use super::text::Language;
use crate::auth::KeyHolder;
use crate::config::Secret;

/// Fewest characters of a reason after trimming (API-5).
pub const REASON_MIN_CHARS: usize = 5;
/// Most characters of a reason.
pub const REASON_MAX_CHARS: usize = 500;
/// Most characters of an idempotency key.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;

/// Who signed in, from the verified token alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    pub username: Username,
    pub role: Role,
    /// Of the user when the token was issued; sensitive operations compare it with the user's present one.
    pub session_version: i64,
    /// The till that the user signed in at, which was in use then; absent in an office.
    pub terminal: Option<TerminalId>,
}

impl Principal {
    /// The actor that events name.
    pub fn actor(&self) -> Actor {
        Actor::User {
            username: self.username.to_string(),
            role: self.role.as_str().to_owned(),
        }
    }
}

/// A user's request that passed the guard.
/// Handlers take it as `poem::web::Data<&RequestContext>`.
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub principal: Principal,
    /// `X-Reason`, trimmed; always there when the row requires it.
    pub reason: Option<String>,
    pub idempotency_key: Option<String>,
    /// Keyed hash of method, concrete path, query and body: what an idempotency key is bound to.
    pub fingerprint: [u8; 32],
    /// W3C trace context of this request.
    pub traceparent: Option<String>,
    pub language: Language,
}

/// A request that passed the guard on a public row.
/// Handlers take it as `poem::web::Data<&PublicContext>`.
#[derive(Debug, Clone)]
pub struct PublicContext {
    /// Who asks, as far as the network knows; see [`super::client_address()`].
    pub client: std::net::IpAddr,
    pub fingerprint: [u8; 32],
    pub traceparent: Option<String>,
    pub language: Language,
}

/// A request that passed the guard on a row with [`super::Access::Connector`]: it has a token, and nobody has yet found
/// out whose. Handlers take it as `poem::web::Data<&ConnectorContext>`.
#[derive(Debug, Clone)]
pub struct ConnectorContext {
    pub token: Secret,
    /// Who asks, as far as the network knows.
    pub client: std::net::IpAddr,
}

/// An external system's request that passed the guard.
/// Handlers take it as `poem::web::Data<&KeyContext>`.
#[derive(Debug, Clone)]
pub struct KeyContext {
    pub holder: KeyHolder,
    /// `X-Reason`, or the key's name when there is none (API-5).
    pub reason: String,
    pub idempotency_key: Option<String>,
    pub fingerprint: [u8; 32],
    pub traceparent: Option<String>,
    pub language: Language,
}

impl KeyContext {
    /// Of the key, and of nothing else in the request.
    pub fn tenant(&self) -> &TenantId {
        &self.holder.key.tenant
    }

    /// The actor that events name.
    pub fn actor(&self) -> Actor {
        Actor::ApiKey {
            api_key_id: self.holder.key.api_key_id.to_string(),
            name: self.holder.standing.settings.name.clone(),
        }
    }

    /// The only stores that the key sees; none listed means all.
    pub fn stores(&self) -> &[StoreId] {
        &self.holder.standing.settings.stores
    }

    /// # Errors
    /// 403 when the key is limited to other stores.
    pub fn check_store(&self, store: &StoreId) -> Result<(), super::problem::Problem> {
        if self.stores().is_empty() || self.stores().contains(store) {
            Ok(())
        } else {
            Err(super::problem::Problem::new(&codes::API_KEY_STORE_FORBIDDEN))
        }
    }
}

/// Who passed the guard on a row with [`super::Access::UserOrKey`].
#[derive(Debug, Clone, Copy)]
pub enum Caller<'r> {
    User(&'r RequestContext),
    Key(&'r KeyContext),
}

impl<'a> FromRequest<'a> for Caller<'a> {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let data = request.extensions();
        let key = data.get::<KeyContext>().map(Caller::Key);
        key.or_else(|| data.get::<RequestContext>().map(Caller::User))
            .ok_or_else(|| super::problem::Problem::new(&codes::AUTH_REQUIRED).into())
    }
}

/// The key of `Authorization: ApiKey`, or `None` when there is no such credential.
pub fn api_key(headers: &HeaderMap) -> Option<&str> {
    credential(headers, "apikey")
}

/// The value of `X-Integration-Token`, once and not empty.
pub fn integration_token(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all("x-integration-token").iter();
    let token = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !token.is_empty()).then(|| Secret::new(token))
}

/// The token of `Authorization: Bearer`, or `None` when there is no such credential.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    credential(headers, "bearer")
}

fn credential<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Of two, a proxy before us may have looked at the other one.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case(wanted)
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

/// `X-Reason` as UTF-8, trimmed. `Ok(None)` when it is absent or blank.
///
/// # Errors
/// When it is not UTF-8, too short, too long, holds control characters or is given twice.
pub fn reason(headers: &HeaderMap) -> Result<Option<String>, &'static Code> {
    let mut values = headers.get_all("x-reason").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(&codes::REASON_INVALID);
    }
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| &codes::REASON_INVALID)?
        .trim();
    let chars = text.chars().count();
    if chars == 0 {
        return Ok(None);
    }
    if !(REASON_MIN_CHARS..=REASON_MAX_CHARS).contains(&chars)
        || text.chars().any(is_hidden)
        || holds_card_number(text)
    {
        return Err(&codes::REASON_INVALID);
    }
    Ok(Some(text.to_owned()))
}

/// The idempotency key of `X-Idempotency-Key` or `Idempotency-Key`, without its quotes (API-6).
///
/// # Errors
/// When a key has characters that are not visible ASCII, is empty or too long, or both headers name different keys.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, &'static Code> {
    let mut found: Option<&str> = None;
    for value in ["x-idempotency-key", "idempotency-key"]
        .into_iter()
        .flat_map(|name| headers.get_all(name))
    {
        let text = value
            .to_str()
            .map_err(|_| &codes::IDEMPOTENCY_KEY_INVALID)?
            .trim();
        let key = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        if key.is_empty()
            || key.len() > IDEMPOTENCY_KEY_MAX_CHARS
            || !key.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(&codes::IDEMPOTENCY_KEY_INVALID);
        }
        if found.is_some_and(|other| other != key) {
            return Err(&codes::IDEMPOTENCY_KEYS_DIFFER);
        }
        found = Some(key);
    }
    Ok(found.map(str::to_owned))
}

/// A well-formed W3C `traceparent` of version 00.
pub fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, len: usize| {
        part.len() == len
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match parts.as_slice() {
        ["00", trace, parent, flags]
            if hex(trace, 32)
                && hex(parent, 16)
                && hex(flags, 2)
                && trace.bytes().any(|b| b != b'0')
                && parent.bytes().any(|b| b != b'0') =>
        {
            Some(text)
        }
        _ => None,
    }
}

/// The caller's `X-Request-Id` when it is 1 to 128 visible characters.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    (!id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_graphic())).then_some(id)
}

/// The request's context without the `Data` wrapper.
impl<'a> FromRequest<'a> for &'a RequestContext {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        request
            .extensions()
            .get::<RequestContext>()
            .ok_or_else(|| super::problem::Problem::new(&codes::AUTH_REQUIRED).into())
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn reason_of(value: &[u8]) -> Result<Option<String>, &'static str> {
        reason(&headers(&[("x-reason", value)])).map_err(|code| code.code)
    }

    #[test]
    fn a_reason_with_an_accent_is_accepted() {
        let text = "Sincronización manual inventario";
        assert_eq!(reason_of(text.as_bytes()).unwrap().as_deref(), Some(text));
    }

    #[test]
    fn a_reason_counts_characters_after_trimming() {
        assert_eq!(
            reason_of("  ñañañ ".as_bytes()).unwrap().as_deref(),
            Some("ñañañ")
        );
        assert_eq!(reason_of("ñaña".as_bytes()), Err("reason.invalid"));
        assert_eq!(reason_of(b"   ").unwrap(), None);
        assert_eq!(
            reason_of("é".repeat(500).as_bytes())
                .unwrap()
                .map(|r| r.chars().count()),
            Some(500)
        );
        assert_eq!(reason_of("é".repeat(501).as_bytes()), Err("reason.invalid"));
        assert_eq!(
            reason_of("\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}".as_bytes()),
            Err("reason.invalid")
        );
        assert_eq!(reason_of(b"latin-1 \xe9\xe9\xe9"), Err("reason.invalid"));
    }

    #[test]
    fn an_idempotency_key_comes_bare_or_quoted_under_either_name() {
        let key =
            |pairs: &[(&'static str, &[u8])]| idempotency_key(&headers(pairs)).map_err(|code| code.code);
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[("x-idempotency-key", b"k-1")]), Ok(Some("k-1".into())));
        assert_eq!(key(&[("idempotency-key", b"\"k-1\"")]), Ok(Some("k-1".into())));
        assert_eq!(
            key(&[("idempotency-key", b"\"k-1\""), ("x-idempotency-key", b"k-1")]),
            Ok(Some("k-1".into()))
        );
        assert_eq!(
            key(&[("idempotency-key", b"a"), ("x-idempotency-key", b"b")]),
            Err("idempotency.keys_differ")
        );
        assert_eq!(
            key(&[("idempotency-key", b"\"\"")]),
            Err("idempotency.key_invalid")
        );
        assert_eq!(
            key(&[("idempotency-key", b"a b")]),
            Err("idempotency.key_invalid")
        );
        assert_eq!(
            key(&[("idempotency-key", "a".repeat(256).as_bytes())]),
            Err("idempotency.key_invalid")
        );
        assert!(key(&[("idempotency-key", "a".repeat(255).as_bytes())]).is_ok());
    }

    #[test]
    fn only_a_bearer_credential_is_a_token_and_two_credentials_are_none() {
        assert_eq!(
            bearer_token(&headers(&[("authorization", b"bearer abc")])),
            Some("abc")
        );
        assert_eq!(bearer_token(&headers(&[("authorization", b"Basic abc")])), None);
        assert_eq!(bearer_token(&headers(&[("authorization", b"Bearer ")])), None);
        let twice: &[(&'static str, &[u8])] =
            &[("authorization", b"Bearer a"), ("authorization", b"ApiKey b")];
        assert_eq!(
            (bearer_token(&headers(twice)), api_key(&headers(twice))),
            (None, None)
        );
        assert_eq!(
            api_key(&headers(&[("authorization", b"APIKEY  sk ")])),
            Some("sk")
        );
    }

    #[test]
    fn an_integration_token_comes_once_and_shows_itself_in_no_dump() {
        let token = |pairs: &[(&'static str, &[u8])]| integration_token(&headers(pairs));
        let found = token(&[("x-integration-token", b" trastienda_it_x ")]).unwrap();
        assert_eq!(found.expose(), "trastienda_it_x");
        assert!(!format!("{found:?}").contains("trastienda_it_x"));
        assert!(token(&[]).is_none());
        assert!(token(&[("x-integration-token", b"  ")]).is_none());
        let twice: &[(&'static str, &[u8])] = &[("x-integration-token", b"a"), ("x-integration-token", b"b")];
        assert!(token(twice).is_none());
    }

    #[test]
    fn a_malformed_traceparent_is_ignored() {
        let good = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(traceparent(&headers(&[("traceparent", good)])).is_some());
        assert!(traceparent(&headers(&[("traceparent", b"00-0-0-01")])).is_none());
        let zero = b"00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        assert!(traceparent(&headers(&[("traceparent", zero)])).is_none());
    }
}
