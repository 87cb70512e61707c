//! Standard Webhooks on the receiving side: `webhook-signature` over `id.timestamp.body`, written from the convention.
//!
//! Not shared with the dispatcher that signs: the two check each other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// How far a delivery's timestamp may be from our clock, in seconds.
pub const TOLERANCE_S: i64 = 300;

/// Signatures looked at in one header: a rotation needs two.
const MAX_SIGNATURES: usize = 16;

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("a webhook header is missing or malformed")]
    Headers,
    #[error("the timestamp is more than five minutes off")]
    Timestamp,
    #[error("no signature matches")]
    Signature,
}

/// A secret is `whsec_` and the base64 of 24 to 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ followed by base64 of 24 to 64 bytes")]
pub struct InvalidSecret;

/// A signing secret, as the platform shows it once.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// # Errors
    /// [`InvalidSecret`].
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let key = STANDARD
            .decode(text.strip_prefix("whsec_").ok_or(InvalidSecret)?)
            .map_err(|_| InvalidSecret)?;
        if (24..=64).contains(&key.len()) {
            Ok(Self(key))
        } else {
            Err(InvalidSecret)
        }
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }

    /// Checks one delivery against our clock (`now_s`, Unix seconds).
    ///
    /// # Errors
    /// [`Unverified`] says what is wrong.
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signatures: &str,
        body: &[u8],
        now_s: i64,
    ) -> Result<(), Unverified> {
        if id.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Unverified::Headers);
        }
        let sent_s: i64 = timestamp.parse().map_err(|_| Unverified::Headers)?;
        if now_s.abs_diff(sent_s) > TOLERANCE_S.unsigned_abs() {
            return Err(Unverified::Timestamp);
        }
        let expected = self.mac(id, timestamp, body).finalize().into_bytes();
        // Every candidate is compared, so that the time says nothing about which one matched.
        let mut matched = Choice::from(0);
        for signature in signatures.split(' ').take(MAX_SIGNATURES) {
            let Some(encoded) = signature.strip_prefix("v1,") else {
                continue;
            };
            let Ok(given) = STANDARD.decode(encoded) else {
                continue;
            };
            matched |= given.ct_eq(&expected[..]);
        }
        if bool::from(matched) {
            Ok(())
        } else {
            Err(Unverified::Signature)
        }
    }

    #[cfg(test)]
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        format!(
            "v1,{}",
            STANDARD.encode(self.mac(id, timestamp, body).finalize().into_bytes())
        )
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the convention's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const AT: &str = "1614265330";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn check(signatures: &str, body: &[u8], now_s: i64) -> Result<(), Unverified> {
        Secret::parse(SECRET)
            .unwrap()
            .verify(ID, AT, signatures, body, now_s)
    }

    #[test]
    fn the_conventions_own_example_verifies() {
        assert_eq!(check(SIGNATURE, BODY, 1_614_265_330), Ok(()));
    }

    #[test]
    fn one_changed_byte_is_refused() {
        assert_eq!(
            check(SIGNATURE, br#"{"test": 2432232315}"#, 1_614_265_330),
            Err(Unverified::Signature)
        );
        let other = Secret::parse(SECRET)
            .unwrap()
            .verify("msg_other", AT, SIGNATURE, BODY, 1_614_265_330);
        assert_eq!(other, Err(Unverified::Signature));
    }

    #[test]
    fn any_of_several_signatures_is_enough() {
        let header = format!("v1a,AAAA v1,AAAA= not-a-signature {SIGNATURE}");
        assert_eq!(check(&header, BODY, 1_614_265_330), Ok(()));
        assert_eq!(check("v1a,AAAA", BODY, 1_614_265_330), Err(Unverified::Signature));
        assert_eq!(check("", BODY, 1_614_265_330), Err(Unverified::Signature));
    }

    #[test]
    fn a_delivery_from_six_minutes_ago_is_refused() {
        assert_eq!(check(SIGNATURE, BODY, 1_614_265_330 + 300), Ok(()));
        assert_eq!(
            check(SIGNATURE, BODY, 1_614_265_330 + 301),
            Err(Unverified::Timestamp)
        );
        assert_eq!(
            check(SIGNATURE, BODY, 1_614_265_330 - 301),
            Err(Unverified::Timestamp)
        );
    }

    #[test]
    fn a_malformed_timestamp_or_secret_is_refused() {
        let secret = Secret::parse(SECRET).unwrap();
        assert_eq!(
            secret.verify(ID, "-5", SIGNATURE, BODY, 0),
            Err(Unverified::Headers)
        );
        assert_eq!(
            secret.verify(ID, "", SIGNATURE, BODY, 0),
            Err(Unverified::Headers)
        );
        assert!(Secret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_err());
        assert!(Secret::parse("whsec_c2hvcnQ=").is_err());
    }
}
