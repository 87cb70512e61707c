//! Keys of external systems (API-2): what each may do, and which secrets open it.
//!
//! One file per command; `api_key` is the state, `settings` what may be set. Not here: the secrets (only their keyed
//! hashes come this far), and counting requests, which no decision needs.

mod activate_api_key;
mod api_key;
mod change_api_key;
mod create_api_key;
mod deactivate_api_key;
mod revoke_api_key;
mod rotate_api_key;
mod settings;

pub use activate_api_key::ActivateApiKey;
pub use api_key::{ApiKey, ApiKeyStatus, LiveSecret};
pub use change_api_key::{ChangeApiKey, Moment, SettingsChange};
pub use create_api_key::CreateApiKey;
pub use deactivate_api_key::DeactivateApiKey;
pub use revoke_api_key::RevokeApiKey;
pub use rotate_api_key::{MAX_OVERLAP_S, RotateApiKey};
pub use settings::{DEFAULT_REQUESTS_PER_HOUR, MAX_REQUESTS_PER_HOUR};

#[cfg(test)]
mod tests;
