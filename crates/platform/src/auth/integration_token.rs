//! Tokens of pull connectors (API-3): 256 random bits with a prefix that scanners of leaked secrets recognise.
//!
//! Only a keyed hash is ever stored, so that a stolen database neither holds a token nor lets one be tried out: the key
//! comes from the key-encryption key. Not here: whose token it is, and how long it lives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every token begins with.
pub const PREFIX: &str = "trastienda_it_";
/// Bytes of randomness.
const TOKEN_BYTES: usize = 32;
/// Characters of a whole token.
const TOKEN_CHARS: usize = PREFIX.len() + 43;

/// Makes tokens and their hashes; the same for all processes with the same key-encryption key.
#[derive(Clone)]
pub struct IntegrationTokens([u8; 32]);

impl IntegrationTokens {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A fresh token.
    pub fn draw() -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0_u8; TOKEN_BYTES]);
        rand::rng().fill(bytes.as_mut_slice());
        Self::of_bytes(&bytes)
    }

    /// The token that these bytes are, for those who derive it instead of drawing it.
    pub fn of_bytes(bytes: &[u8; TOKEN_BYTES]) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether the text can be a token at all; anything else needs no look at the database.
    pub fn is_token(text: &str) -> bool {
        text.len() == TOKEN_CHARS && text.starts_with(PREFIX) && text.bytes().all(|b| b.is_ascii_graphic())
    }

    /// What is stored of a token.
    pub fn hash(&self, token: &str) -> [u8; 32] {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Compares two hashes in constant time.
    pub fn is_same(one: &[u8; 32], other: &[u8]) -> bool {
        one.as_slice().ct_eq(other).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_each_one_is_another() {
        let (one, other) = (IntegrationTokens::draw(), IntegrationTokens::draw());
        assert_ne!(*one, *other);
        assert!(IntegrationTokens::is_token(&one) && one.starts_with("trastienda_it_"));
        let cut = &one[..one.len() - 1];
        for wrong in [
            "",
            "trastienda_it_",
            cut,
            &one.replace("trastienda", "tr\u{e1}stienda"),
        ] {
            assert!(!IntegrationTokens::is_token(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_hash_depends_on_the_key_and_compares_whole() {
        let token = IntegrationTokens::draw();
        let (mine, theirs) = (IntegrationTokens::new([1; 32]), IntegrationTokens::new([2; 32]));
        let hash = mine.hash(&token);
        assert!(IntegrationTokens::is_same(&mine.hash(&token), &hash));
        assert!(!IntegrationTokens::is_same(&theirs.hash(&token), &hash));
        assert!(!IntegrationTokens::is_same(&hash, &hash[..31]));
    }
}
