//! The signing keys of this installation.
//!
//! Not here: how keys are sealed, and keys for other purposes (both the vault's).

use super::token::{SigningKey, TokenError};
use crate::vault::{Vault, VaultError};

/// The id of an installation's first key. Two processes that start together agree on one, since it can be taken once.
const FIRST_KEY: &str = "1";

/// Why there are no signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("the signing keys cannot be read")]
    Vault(#[from] VaultError),
    #[error("a signing key is damaged")]
    Token(#[from] TokenError),
}

/// The stored keys, the oldest first; draws the first one when there is none.
///
/// # Errors
/// When the vault cannot be reached or a key is damaged.
pub async fn signing_keys(vault: &Vault) -> Result<Vec<SigningKey>, KeysError> {
    let mut stored = vault.signing_keys().await?;
    if stored.is_empty() {
        let drawn = SigningKey::generate();
        vault
            .put_signing_key(FIRST_KEY, drawn.seed(), &drawn.public()?)
            .await?;
        stored = vault.signing_keys().await?;
    }
    Ok(stored
        .into_iter()
        .map(|key| SigningKey::from_seed(key.id, &key.private))
        .collect::<Result<_, _>>()?)
}
