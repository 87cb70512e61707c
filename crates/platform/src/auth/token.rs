//! Access tokens: Ed25519 signatures, short lives, every claim but the till's required, nothing believed that a header says about keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::RngExt;
use schemas::ids::{TenantId, TerminalId, Username};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::bounded_cache::BoundedCache;
use crate::clock::{SharedClock, fresh_id};
use crate::config::AuthConfig;
use crate::http::Principal;

/// Longest token that is looked at, in characters.
const MAX_TOKEN_CHARS: usize = 4096;
/// Verified tokens kept: an Ed25519 verification costs about 100 µs, a look-up less than one.
const CACHED_TOKENS: usize = 20_000;
/// Tolerated difference of clocks between our own instances, in seconds.
const LEEWAY_S: i64 = 5;
/// What stands before the seed in the PKCS #8 form of an Ed25519 key (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why a token is not accepted. Callers only learn that it is not.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token is longer than {MAX_TOKEN_CHARS} characters")]
    TooLong,
    #[error("the token names no key of ours")]
    UnknownKey,
    #[error("the token or its signature is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    #[error("the token has expired")]
    Expired,
    #[error("the token was issued in the future")]
    FromFuture,
    #[error("the key is no Ed25519 key")]
    Key,
}

/// An Ed25519 key that signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    /// The `kid` of tokens.
    pub id: String,
    seed: Zeroizing<[u8; 32]>,
}

impl SigningKey {
    /// Draws a key.
    pub fn generate() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rng().fill(seed.as_mut_slice());
        Self {
            id: fresh_id().simple().to_string(),
            seed,
        }
    }

    /// A key that was stored.
    ///
    /// # Errors
    /// When the seed does not have 32 bytes.
    pub fn from_seed(id: String, seed: &[u8]) -> Result<Self, TokenError> {
        let seed = seed.try_into().map_err(|_| TokenError::Key)?;
        Ok(Self {
            id,
            seed: Zeroizing::new(seed),
        })
    }

    /// The private part, for the vault.
    pub fn seed(&self) -> &[u8] {
        self.seed.as_slice()
    }

    pub(super) fn encoding(&self) -> EncodingKey {
        let der = Zeroizing::new([PKCS8_PREFIX.as_slice(), self.seed()].concat());
        EncodingKey::from_ed_der(&der)
    }

    /// The public part: 32 bytes.
    ///
    /// # Errors
    /// When the seed is no Ed25519 key; every 32 bytes are one.
    pub fn public(&self) -> Result<Vec<u8>, TokenError> {
        let jwk = Jwk::from_encoding_key(&self.encoding(), Algorithm::EdDSA).map_err(TokenError::Invalid)?;
        match jwk.algorithm {
            AlgorithmParameters::OctetKeyPair(pair) => {
                URL_SAFE_NO_PAD.decode(pair.x).map_err(|_| TokenError::Key)
            }
            _ => Err(TokenError::Key),
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whose tokens, for whom, for how long.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    pub issuer: String,
    pub audience: String,
    pub ttl: Duration,
}

impl TokenSettings {
    pub fn of(config: &AuthConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            ttl: Duration::from_secs(config.token_ttl_s),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Username,
    tenant: TenantId,
    role: schemas::events::admin::Role,
    /// The user's session version; a change of password or role ends older tokens for sensitive operations.
    sv: i64,
    /// The till that the user signed in at, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminal: Option<TerminalId>,
    /// Seconds since 1970, as numbers: a text is refused.
    iat: i64,
    exp: i64,
    jti: String,
}

/// A token that was just issued.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    pub token: String,
    pub expires_in_s: u64,
}

/// Issues tokens with its newest key.
pub struct TokenIssuer {
    settings: TokenSettings,
    keys: Vec<SigningKey>,
    signing: EncodingKey,
    kid: String,
    clock: SharedClock,
}

impl TokenIssuer {
    /// Keys in their stored order: the last one signs, the others still verify.
    ///
    /// # Errors
    /// When there is no key.
    pub fn new(
        settings: TokenSettings,
        keys: Vec<SigningKey>,
        clock: SharedClock,
    ) -> Result<Self, TokenError> {
        let newest = keys.last().ok_or(TokenError::UnknownKey)?;
        let (signing, kid) = (newest.encoding(), newest.id.clone());
        Ok(Self {
            settings,
            keys,
            signing,
            kid,
            clock,
        })
    }

    /// # Errors
    /// When signing fails.
    pub fn issue(&self, principal: &Principal) -> Result<IssuedToken, TokenError> {
        let now = self.clock.now().unix_timestamp();
        let ttl = i64::try_from(self.settings.ttl.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            sub: principal.username.clone(),
            tenant: principal.tenant.clone(),
            role: principal.role,
            sv: principal.session_version,
            terminal: principal.terminal.clone(),
            iat: now,
            exp: now.saturating_add(ttl),
            jti: fresh_id().simple().to_string(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.signing).map_err(TokenError::Invalid)?;
        Ok(IssuedToken {
            token,
            expires_in_s: self.settings.ttl.as_secs(),
        })
    }

    /// The public keys as a JWK set (RFC 7517), for `/.well-known/jwks.json`.
    ///
    /// # Errors
    /// When a key is no Ed25519 key.
    pub fn jwks(&self) -> Result<serde_json::Value, TokenError> {
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|key| {
                let x = URL_SAFE_NO_PAD.encode(key.public()?);
                Ok(serde_json::json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": x,
                }))
            })
            .collect::<Result<_, TokenError>>()?;
        Ok(serde_json::json!({ "keys": keys }))
    }

    /// A verifier of this issuer's tokens.
    ///
    /// # Errors
    /// When a key is no Ed25519 key.
    pub fn verifier(&self) -> Result<TokenVerifier, TokenError> {
        let keys = self
            .keys
            .iter()
            .map(|key| Ok((key.id.clone(), key.public()?)))
            .collect::<Result<_, TokenError>>()?;
        TokenVerifier::new(&self.settings, keys, Arc::clone(&self.clock))
    }
}

/// Verifies tokens, and remembers those that were good.
pub struct TokenVerifier {
    validation: Validation,
    keys: BTreeMap<String, DecodingKey>,
    clock: SharedClock,
    /// By the hash of the token.
    verified: BoundedCache<[u8; 32], Arc<Verified>>,
}

struct Verified {
    principal: Principal,
    issued_s: i64,
    expires_s: i64,
}

impl TokenVerifier {
    /// `keys` are pairs of `kid` and the 32 bytes of a public key.
    ///
    /// # Errors
    /// When a key does not have 32 bytes.
    pub fn new(
        settings: &TokenSettings,
        keys: Vec<(String, Vec<u8>)>,
        clock: SharedClock,
    ) -> Result<Self, TokenError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        // Time is checked below, with a clock that tests can turn.
        validation.validate_exp = false;
        let decoded = keys.into_iter().map(|(id, public)| {
            if public.len() == 32 {
                Ok((id, DecodingKey::from_ed_der(&public)))
            } else {
                Err(TokenError::Key)
            }
        });
        Ok(Self {
            validation,
            keys: decoded.collect::<Result<_, _>>()?,
            clock,
            verified: BoundedCache::new(CACHED_TOKENS, settings.ttl),
        })
    }

    /// Who the token speaks for.
    ///
    /// # Errors
    /// When it is malformed, signed with another key or algorithm, for somebody else, or out of its time.
    pub fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        if token.len() > MAX_TOKEN_CHARS {
            return Err(TokenError::TooLong);
        }
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let verified = match self.verified.get(&hash) {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.verify_signature(token)?);
                self.verified.insert(hash, Arc::clone(&verified));
                verified
            }
        };
        let now = self.clock.now().unix_timestamp();
        if now >= verified.expires_s {
            return Err(TokenError::Expired);
        }
        if now < verified.issued_s.saturating_sub(LEEWAY_S) {
            return Err(TokenError::FromFuture);
        }
        Ok(verified.principal.clone())
    }

    fn verify_signature(&self, token: &str) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(TokenError::Invalid)?;
        // Only `kid` is read of the header: a key that a token brings along (`jwk`, `jku`, `x5u`) proves nothing.
        let key = header
            .kid
            .and_then(|kid| self.keys.get(&kid))
            .ok_or(TokenError::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(TokenError::Invalid)?
            .claims;
        let principal = Principal {
            tenant: claims.tenant,
            username: claims.sub,
            role: claims.role,
            session_version: claims.sv,
            terminal: claims.terminal,
        };
        Ok(Verified {
            principal,
            issued_s: claims.iat,
            expires_s: claims.exp,
        })
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
