//! Signing in, and the keys that tokens are verified with.

use std::sync::Arc;

use platform::auth::TokenError;
use platform::http::{JsonAnswer, JsonBody, Problem, PublicContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::ids::{TenantId, Username};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::http::{Attempt, Http};

/// Who signs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    tenant: String,
    username: String,
    password: String,
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
        } = body.0;
        let attempt = Attempt {
            tenant,
            username,
            password: Zeroizing::new(password),
        };
        let (token, principal) = self.http.sign_in(attempt, context.0).await?;
        Ok(JsonAnswer(AccessToken {
            access_token: token.token,
            token_type: "Bearer".to_owned(),
            expires_in: token.expires_in_s,
            tenant: principal.tenant,
            username: principal.username,
            role: principal.role,
        }))
    }

    /// Public keys of access tokens
    #[oai(path = "/.well-known/jwks.json", method = "get")]
    async fn token_keys(&self) -> JsonAnswer<TokenKeys> {
        JsonAnswer(self.keys.clone())
    }
}
