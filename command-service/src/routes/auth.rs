//! Signing in, one's own password, and the keys that tokens are verified with.

use std::sync::Arc;

use platform::auth::{PASSWORD_MIN_CHARS, TokenError};
use platform::http::{JsonAnswer, JsonBody, Problem, PublicContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::ids::{TenantId, TerminalId, Username};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::parameters::field_problem;
use crate::http::{Attempt, CommandAnswer, Http};

/// Who signs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    tenant: String,
    username: String,
    password: String,
    /// The till where the user works: registered and not retired. Needed to send in what it took offline.
    #[serde(default)]
    terminal: Option<TerminalId>,
}

/// Who changes their own password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnPassword {
    tenant: String,
    username: String,
    /// The one that holds now.
    password: String,
    /// At least 12 characters.
    new_password: String,
}

/// Whose password it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct OwnPasswordAnswer {
    username: Username,
    position: i64,
}

/// An access token for `Authorization: Bearer`.
#[derive(Serialize, Deserialize, JsonSchema)]
struct AccessToken {
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds.
    expires_in: u64,
    tenant: TenantId,
    username: Username,
    role: Role,
    /// The till that the token is good for, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminal: Option<TerminalId>,
}

/// A JWK set (RFC 7517).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct TokenKeys {
    keys: Vec<TokenKey>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct TokenKey {
    kty: String,
    crv: String,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
    kid: String,
    x: String,
}

pub(super) struct AuthApi {
    http: Arc<Http>,
    keys: TokenKeys,
}

impl AuthApi {
    pub(super) fn new(http: Arc<Http>) -> Result<Self, TokenError> {
        let keys = serde_json::from_value(http.issuer.jwks()?).map_err(|_| TokenError::Key)?;
        Ok(Self { http, keys })
    }
}

#[OpenApi]
impl AuthApi {
    /// Sign in
    ///
    /// Whoever works at a till names it: only with such a token does a cashier send in what that till took offline. A till
    /// that does not exist answers 404 `terminal.not_found`, a retired one 409 `terminal.retired`.
    #[oai(path = "/api/v1/auth/token", method = "post")]
    async fn sign_in(
        &self,
        context: Data<&PublicContext>,
        body: JsonBody<SignIn>,
    ) -> Result<JsonAnswer<AccessToken>, Problem> {
        let SignIn {
            tenant,
            username,
            password,
            terminal,
        } = body.0;
        let attempt = Attempt {
            tenant,
            username,
            password: Zeroizing::new(password),
            terminal,
        };
        let (token, principal) = self.http.sign_in(attempt, context.0).await?;
        Ok(JsonAnswer(AccessToken {
            access_token: token.token,
            token_type: "Bearer".to_owned(),
            expires_in: token.expires_in_s,
            tenant: principal.tenant,
            username: principal.username,
            role: principal.role,
            terminal: principal.terminal,
        }))
    }

    /// Change one's own password
    ///
    /// With the password that holds, as for signing in, and with no token: attempts that fail count as such. Tokens that
    /// are out end; sign in again with the new password, also when the answer got lost and the old one is not accepted
    /// any more.
    #[oai(path = "/api/v1/auth/password", method = "post")]
    async fn change_own_password(
        &self,
        context: Data<&PublicContext>,
        body: JsonBody<OwnPassword>,
    ) -> Result<CommandAnswer<OwnPasswordAnswer>, Problem> {
        let OwnPassword {
            tenant,
            username,
            password,
            new_password,
        } = body.0;
        let (password, new_password) = (Zeroizing::new(password), Zeroizing::new(new_password));
        if new_password.chars().count() < PASSWORD_MIN_CHARS {
            let (es, en) = ("Al menos 12 caracteres.", "At least 12 characters.");
            return Err(field_problem("/new_password", es, en));
        }
        let attempt = Attempt {
            tenant,
            username,
            password,
            terminal: None,
        };
        self.http
            .change_own_password(attempt, new_password, context.0)
            .await
    }

    /// Public keys of access tokens
    #[oai(path = "/.well-known/jwks.json", method = "get")]
    async fn token_keys(&self) -> JsonAnswer<TokenKeys> {
        JsonAnswer(self.keys.clone())
    }
}
