//! Who is it: access tokens (EdDSA) and passwords (argon2id).
//!
//! One algorithm is pinned; keys come from our own store by `kid`, never from a token's header. Deliberately absent:
//! users (the domain's), storage of keys (the vault's), and what a role may do (the route tables).

mod integration_token;
mod keys;
mod password;
mod sign_in;
mod throttle;
mod token;

pub use integration_token::IntegrationTokens;
pub use keys::{KeysError, signing_keys};
pub use password::{PasswordCosts, PasswordError, PasswordHasher};
pub use sign_in::{CountedAttempt, SignInLimits, SignInThrottle};
pub use throttle::{Throttle, ThrottleLimits};
pub use token::{IssuedToken, SigningKey, TokenError, TokenIssuer, TokenSettings, TokenVerifier};
