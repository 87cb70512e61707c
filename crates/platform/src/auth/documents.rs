//! Ed25519 signatures on documents that leave the shop, such as receipts: with keys of their own, so that no document is
//! ever a token.
//!
//! Not here: what is signed, and how it is shown.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};

use super::token::{SigningKey, TokenError};

/// A signature with the key that it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSignature {
    /// Which key, from 0, the oldest: keys are only added.
    pub key: u8,
    /// Base64url without padding, 64 bytes.
    pub signature: String,
}

struct Key {
    signing: EncodingKey,
    verifying: DecodingKey,
    public: String,
}

/// The keys of an installation's documents. Cheap to clone.
#[derive(Clone)]
pub struct DocumentKeys(Arc<[Key]>);

impl DocumentKeys {
    /// The keys, the oldest first; the newest one signs.
    ///
    /// # Errors
    /// When there is none, or one is no Ed25519 key.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, TokenError> {
        if keys.is_empty() || keys.len() > usize::from(u8::MAX) {
            return Err(TokenError::Key);
        }
        let key = |key: &SigningKey| {
            let public = URL_SAFE_NO_PAD.encode(key.public()?);
            Ok(Key {
                signing: key.encoding(),
                verifying: DecodingKey::from_ed_components(&public).map_err(TokenError::Invalid)?,
                public,
            })
        };
        Ok(Self(keys.iter().map(key).collect::<Result<_, TokenError>>()?))
    }

    /// Signs with the newest key. The same text under the same key has the same signature (RFC 8032).
    ///
    /// # Errors
    /// When the cryptography fails.
    pub fn sign(&self, text: &[u8]) -> Result<DocumentSignature, TokenError> {
        let newest = self.0.len() - 1;
        self.sign_with(u8::try_from(newest).map_err(|_| TokenError::Key)?, text)
    }

    /// Signs with the key of an earlier signature, to compare.
    ///
    /// # Errors
    /// When there is no such key, or the cryptography fails.
    pub fn sign_with(&self, key: u8, text: &[u8]) -> Result<DocumentSignature, TokenError> {
        let found = self.0.get(usize::from(key)).ok_or(TokenError::UnknownKey)?;
        let signature = crypto::sign(text, &found.signing, Algorithm::EdDSA).map_err(TokenError::Invalid)?;
        Ok(DocumentSignature { key, signature })
    }

    /// Whether the signature is of this text.
    pub fn verify(&self, text: &[u8], signature: &DocumentSignature) -> bool {
        self.0.get(usize::from(signature.key)).is_some_and(|key| {
            crypto::verify(&signature.signature, text, &key.verifying, Algorithm::EdDSA).unwrap_or(false)
        })
    }

    /// The public part of a key: base64url without padding, 32 bytes.
    pub fn public(&self, key: u8) -> Option<&str> {
        self.0.get(usize::from(key)).map(|key| key.public.as_str())
    }
}

impl std::fmt::Debug for DocumentKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DocumentKeys").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seeds: &[u8]) -> DocumentKeys {
        let key = |seed: &u8| SigningKey::from_seed(format!("document-{seed}"), &[*seed; 32]).unwrap();
        DocumentKeys::new(seeds.iter().map(key).collect()).unwrap()
    }

    #[test]
    fn a_signature_holds_for_its_text_alone_and_is_the_same_every_time() {
        let keys = keys(&[1]);
        let signature = keys.sign(b"total 100").unwrap();
        assert!(keys.verify(b"total 100", &signature));
        assert!(!keys.verify(b"total 900", &signature));
        assert_eq!(keys.sign(b"total 100").unwrap(), signature);
    }

    #[test]
    fn what_an_older_key_signed_stays_valid_and_a_strangers_key_is_none() {
        let before = keys(&[1]).sign(b"x").unwrap();
        let after = keys(&[1, 2]);
        assert!(after.verify(b"x", &before));
        assert_eq!(after.sign(b"x").unwrap().key, 1);
        assert!(!keys(&[3]).verify(b"x", &before));
        assert!(DocumentKeys::new(Vec::new()).is_err());
        assert!(after.public(2).is_none());
    }
}
