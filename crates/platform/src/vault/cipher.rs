//! AES-256-GCM with a random nonce in front and associated data from length-prefixed parts.
//! Random 96-bit nonces are safe for 2³² messages per key (NIST SP 800-38D, 8.3); a person or a tenant stays far below.

use std::sync::Arc;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 12;
pub(super) const KEY_BYTES: usize = 32;

/// A ciphertext that does not belong where it stands (another tenant's, person's or field's), or was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not belong here or was damaged")]
pub struct Unreadable;

/// A key in memory, wiped when the last holder lets go; never shown.
#[derive(Clone)]
pub(super) struct Key(Arc<Zeroizing<[u8; KEY_BYTES]>>);

impl Key {
    pub(super) fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut bytes[..]);
        Self(Arc::new(bytes))
    }

    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(Arc::new(Zeroizing::new(bytes.try_into().ok()?))))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Nonce and ciphertext. `place` says where the result belongs; only the same place opens it.
    pub(super) fn seal(&self, place: &[&[u8]], plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce[..]);
        let aad = associated_data(place);
        let ciphertext = self
            .cipher()
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: plaintext,
                    aad: &aad,
                },
            )
            .expect("AES-GCM fails only beyond 64 GiB, and plaintexts are bounded");
        [nonce.as_slice(), &ciphertext].concat()
    }

    pub(super) fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Unreadable)?;
        let aad = associated_data(place);
        self.cipher()
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| Unreadable)
    }

    /// Opens a wrapped key.
    pub(super) fn unwrap_key(&self, place: &[&[u8]], wrapped: &[u8]) -> Result<Self, Unreadable> {
        Self::from_slice(&self.open(place, wrapped)?).ok_or(Unreadable)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.bytes().into())
    }
}

/// Each part behind its length, so that no two lists of parts give the same bytes.
fn associated_data(parts: &[&[u8]]) -> Vec<u8> {
    let mut data = b"trastienda vault 1".to_vec();
    for part in parts {
        data.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let key = Key::generate();
        let sealed = key.seal(&[b"ab", b"c"], b"Ana");
        assert_eq!(&*key.open(&[b"ab", b"c"], &sealed).unwrap(), b"Ana");
        assert_eq!(key.open(&[b"a", b"bc"], &sealed), Err(Unreadable));
        assert_eq!(key.open(&[b"abc"], &sealed), Err(Unreadable));
        assert_eq!(Key::generate().open(&[b"ab", b"c"], &sealed), Err(Unreadable));
    }

    #[test]
    fn no_damaged_byte_goes_unnoticed() {
        let key = Key::generate();
        let sealed = key.seal(&[], b"x");
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert_eq!(key.open(&[], &damaged), Err(Unreadable));
            assert_eq!(key.open(&[], &sealed[..place]), Err(Unreadable));
        }
    }

    #[test]
    fn the_same_text_never_looks_the_same_twice() {
        let key = Key::generate();
        assert_ne!(key.seal(&[], b"x"), key.seal(&[], b"x"));
    }
}
