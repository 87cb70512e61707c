//! Signatures as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, scheme `v1`.
//!
//! Deliberately absent: Ed25519 (`v1a`), and where secrets come from (the vault).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// In front of a secret's base64.
const SECRET_PREFIX: &str = "whsec_";

/// A signing secret, ready for use. Its `Debug` says nothing.
#[derive(Clone)]
pub struct SigningSecret {
    key: Hmac<Sha256>,
    /// Keyed with the secret's text as subscribers have it.
    text: Hmac<Sha256>,
}

/// The stored secret is not one.
#[derive(Debug, thiserror::Error)]
#[error("the signing secret is not base64 after whsec_")]
pub struct MalformedSecret;

impl SigningSecret {
    /// From the vault: the raw key, or the text `whsec_…` as the subscriber has it.
    ///
    /// # Errors
    /// When the text after `whsec_` is not base64.
    pub fn new(stored: &[u8]) -> Result<Self, MalformedSecret> {
        let encoded = std::str::from_utf8(stored)
            .ok()
            .and_then(|text| text.strip_prefix(SECRET_PREFIX));
        let key = match encoded {
            Some(text) => STANDARD.decode(text).map_err(|_| MalformedSecret)?,
            None => stored.to_vec(),
        };
        let text = match encoded {
            Some(_) => stored.to_vec(),
            None => format!("{SECRET_PREFIX}{}", STANDARD.encode(stored)).into_bytes(),
        };
        let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).map_err(|_| MalformedSecret);
        Ok(Self {
            key: keyed(&key)?,
            text: keyed(&text)?,
        })
    }

    /// The value of an endpoint's legacy header: HMAC-SHA256 of the body alone, in hex, under the secret's text.
    pub fn sign_body(&self, body: &[u8]) -> String {
        let mut mac = self.text.clone();
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    /// The value of `webhook-signature`. `timestamp_s` is the attempt's, in Unix seconds.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac = self.key.clone();
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature` under several secrets: a list separated by spaces, as the convention says.
pub fn sign_all(secrets: &[&SigningSecret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| secret.sign(id, timestamp_s, body))
        .collect();
    signatures.join(" ")
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// The value of `webhook-id`: the same at every attempt, another for every endpoint.
pub fn webhook_id(endpoint_id: &str, event_id: Uuid) -> String {
    format!("msg_{}", delivery_uuid(endpoint_id, event_id).simple())
}

/// UUID version 5 of the endpoint's id within the event's.
fn delivery_uuid(endpoint_id: &str, event_id: Uuid) -> Uuid {
    Uuid::new_v5(&event_id, endpoint_id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the convention's own text and reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn the_reference_vector_of_standard_webhooks_holds() {
        let secret = SigningSecret::new(SECRET.as_bytes()).unwrap();
        let signature = secret.sign(ID, 1_614_265_330, BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_makers_library_accepts_a_signature_and_refuses_one_with_a_changed_byte() {
        let secret = SigningSecret::new(SECRET.as_bytes()).unwrap();
        let now = time::UtcDateTime::now().unix_timestamp();
        let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
        let mut headers = poem::http::HeaderMap::new();
        headers.insert("webhook-id", ID.parse().unwrap());
        headers.insert("webhook-timestamp", now.to_string().parse().unwrap());
        headers.insert("webhook-signature", secret.sign(ID, now, BODY).parse().unwrap());
        assert!(verifier.verify(BODY, &headers).is_ok());
        assert!(verifier.verify(br#"{"test": 2432232315}"#, &headers).is_err());
    }

    #[test]
    fn during_an_overlap_the_makers_library_accepts_with_the_old_and_with_the_new_secret_and_no_third() {
        let new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let secrets = [new, SECRET].map(|text| SigningSecret::new(text.as_bytes()).unwrap());
        let now = time::UtcDateTime::now().unix_timestamp();
        let signature = sign_all(&[&secrets[0], &secrets[1]], ID, now, BODY);
        let mut headers = poem::http::HeaderMap::new();
        headers.insert("webhook-id", ID.parse().unwrap());
        headers.insert("webhook-timestamp", now.to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        let accepts = |secret| {
            standardwebhooks::Webhook::new(secret)
                .unwrap()
                .verify(BODY, &headers)
                .is_ok()
        };
        assert!(accepts(SECRET) && accepts(new));
        assert!(!accepts("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    }

    #[test]
    fn raw_bytes_and_their_text_form_are_one_secret() {
        let raw = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
        let one = SigningSecret::new(SECRET.as_bytes()).unwrap().sign(ID, 1, BODY);
        assert_eq!(SigningSecret::new(&raw).unwrap().sign(ID, 1, BODY), one);
        assert!(SigningSecret::new(b"whsec_*").is_err());
    }

    #[test]
    fn the_legacy_signature_is_what_openssl_makes_of_the_body_with_the_secrets_text() {
        // printf '{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
        let expected = "80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c";
        let raw = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
        for stored in [SECRET.as_bytes(), &raw] {
            assert_eq!(SigningSecret::new(stored).unwrap().sign_body(BODY), expected);
        }
    }

    #[test]
    fn a_delivery_keeps_its_id_and_two_endpoints_have_two() {
        let event = Uuid::from_u128(7);
        assert_eq!(webhook_id("e1", event), webhook_id("e1", event));
        assert_ne!(webhook_id("e1", event), webhook_id("e2", event));
        assert_eq!(webhook_id("e1", event).len(), 4 + 32);
    }
}
