//! The signing keys of this installation.
//!
//! Not here: how keys are sealed, and keys for other purposes (both the vault's).

use super::documents::DocumentKeys;
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

/// What keys for documents are called: these never sign tokens.
const DOCUMENT_KEYS: &str = "document-";

/// The keys of tokens, the oldest first; draws the first one when there is none.
///
/// # Errors
/// When the vault cannot be reached or a key is damaged.
pub async fn signing_keys(vault: &Vault) -> Result<Vec<SigningKey>, KeysError> {
    keys_of(vault, FIRST_KEY, |id| !id.starts_with(DOCUMENT_KEYS)).await
}

/// The keys that sign receipts, the oldest first; draws the first one when there is none.
///
/// # Errors
/// When the vault cannot be reached or a key is damaged.
pub async fn document_keys(vault: &Vault) -> Result<DocumentKeys, KeysError> {
    let first = format!("{DOCUMENT_KEYS}{FIRST_KEY}");
    let keys = keys_of(vault, &first, |id| id.starts_with(DOCUMENT_KEYS)).await?;
    Ok(DocumentKeys::new(keys)?)
}

async fn keys_of(vault: &Vault, first: &str, is_one: fn(&str) -> bool) -> Result<Vec<SigningKey>, KeysError> {
    let mut stored = vault.signing_keys().await?;
    if !stored.iter().any(|key| is_one(&key.id)) {
        let drawn = SigningKey::generate();
        vault
            .put_signing_key(first, drawn.seed(), &drawn.public()?)
            .await?;
        stored = vault.signing_keys().await?;
    }
    Ok(stored
        .into_iter()
        .filter(|key| is_one(&key.id))
        .map(|key| SigningKey::from_seed(key.id, &key.private))
        .collect::<Result<_, _>>()?)
}
