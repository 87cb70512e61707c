//! Who is it: access tokens (EdDSA), passwords (argon2id), and the keys of external systems.
//!
//! One algorithm is pinned; keys come from our own store by `kid`, never from a token's header. Deliberately absent:
//! users (the domain's), storage of keys (the vault's), and what a role may do (the route tables).

mod api_key;
mod api_key_fold;
mod api_key_gate;
mod api_key_limit;
mod api_key_log;
mod api_key_redact;
pub(crate) mod api_key_store;
mod documents;
mod integration_token;
mod keys;
mod password;
mod sessions;
mod sign_in;
mod throttle;
mod token;

pub use api_key::{ApiKeySecrets, Ended, KeyRef, KeyStanding};
pub use api_key_gate::{ApiKeys, KeyHolder, NotAdmitted};
pub use api_key_limit::{Limiter, NotNow, Quota, WINDOW_S};
pub use api_key_log::{Call, CallLog, CallRow, Writer};
pub use api_key_store::{
    Grant, KeyStore, KeyStoreError, PostgresKeys, ReadStream, StoreAnswer, stream_of as key_stream,
};
pub use documents::{DocumentKeys, DocumentSignature};
pub use integration_token::IntegrationTokens;
pub use keys::{KeysError, document_keys, signing_keys};
pub use password::{PASSWORD_MIN_CHARS, PasswordCosts, PasswordError, PasswordHasher};
pub use sessions::{Sessions, stream_of as user_stream};
pub use sign_in::{CountedAttempt, SignInLimits, SignInThrottle};
pub use throttle::{Throttle, ThrottleLimits};
pub use token::{IssuedToken, SigningKey, TokenError, TokenIssuer, TokenSettings, TokenVerifier};

#[cfg(test)]
mod api_key_tests;
