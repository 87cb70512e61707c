//! Tests of tokens.

use std::sync::Mutex;

use schemas::events::admin::Role;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::*;
use crate::clock::Clock;

struct Hands(Mutex<i64>);

impl Clock for Hands {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(*self.0.lock().unwrap()).unwrap()
    }
}

const NOW: i64 = 1_800_000_000;

fn clock() -> Arc<Hands> {
    Arc::new(Hands(Mutex::new(NOW)))
}

fn settings() -> TokenSettings {
    TokenSettings {
        issuer: "us".into(),
        audience: "them".into(),
        ttl: Duration::from_secs(900),
    }
}

fn principal() -> Principal {
    Principal {
        tenant: TenantId::new("t1").unwrap(),
        username: Username::new("ana").unwrap(),
        role: Role::Cashier,
        session_version: 3,
        terminal: None,
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed("k1".into(), &[9; 32]).unwrap()
}

fn issuer(clock: Arc<Hands>) -> TokenIssuer {
    TokenIssuer::new(settings(), vec![key()], clock).unwrap()
}

/// A token with the given header and claims, signed by our key.
fn forged(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key().encoding(), Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "JWT", "kid": "k1" })
}

fn claims() -> Value {
    json!({
        "iss": "us", "aud": "them", "sub": "ana", "tenant": "t1", "role": "cashier", "sv": 3,
        "iat": NOW, "exp": NOW + 900, "jti": "x",
    })
}

fn verdict(token: &str) -> Result<Principal, TokenError> {
    issuer(clock()).verifier().unwrap().verify(token)
}

#[test]
fn a_token_says_who_it_was_issued_for() {
    let issuer = issuer(clock());
    let token = issuer.issue(&principal()).unwrap();
    assert_eq!(token.expires_in_s, 900);
    let verifier = issuer.verifier().unwrap();
    assert_eq!(verifier.verify(&token.token).unwrap(), principal());
    assert_eq!(
        verifier.verify(&token.token).unwrap(),
        principal(),
        "again, from the cache"
    );
}

#[test]
fn a_token_ends_with_its_time_also_in_the_cache() {
    let clock = clock();
    let issuer = issuer(Arc::clone(&clock));
    let token = issuer.issue(&principal()).unwrap().token;
    let verifier = issuer.verifier().unwrap();
    verifier.verify(&token).unwrap();
    *clock.0.lock().unwrap() += 899;
    verifier.verify(&token).unwrap();
    *clock.0.lock().unwrap() += 1;
    assert!(matches!(verifier.verify(&token), Err(TokenError::Expired)));
}

#[test]
fn our_own_forgery_is_accepted_so_that_the_refusals_below_mean_something() {
    assert_eq!(verdict(&forged(&header(), &claims())).unwrap(), principal());
}

#[test]
fn every_claim_is_required_and_typed() {
    for claim in ["iss", "aud", "sub", "tenant", "role", "sv", "iat", "exp", "jti"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(claim);
        assert!(verdict(&forged(&header(), &claims)).is_err(), "{claim}");
    }
    for (claim, value) in [
        ("exp", json!((NOW + 900).to_string())),
        ("exp", json!(NOW - 1)),
        ("iat", json!(NOW + 600)),
        ("iss", json!("others")),
        ("aud", json!("others")),
        ("role", json!("root")),
        ("tenant", json!("../t2")),
    ] {
        let mut claims = claims();
        claims[claim] = value;
        assert!(verdict(&forged(&header(), &claims)).is_err(), "{claim}");
    }
}

#[test]
fn a_token_names_the_till_that_it_was_issued_at_and_no_other_text() {
    let at_a_till = Principal {
        terminal: Some(TerminalId::new("caja-1").unwrap()),
        ..principal()
    };
    let issuer = issuer(clock());
    let token = issuer.issue(&at_a_till).unwrap().token;
    assert_eq!(issuer.verifier().unwrap().verify(&token).unwrap(), at_a_till);
    let mut claims = claims();
    claims["terminal"] = json!("caja-1");
    assert_eq!(verdict(&forged(&header(), &claims)).unwrap(), at_a_till);
    for value in [json!(""), json!("caja 1"), json!(7), json!(["caja-1"])] {
        claims["terminal"] = value;
        assert!(verdict(&forged(&header(), &claims)).is_err(), "{claims}");
    }
}

#[test]
fn only_our_algorithm_and_our_keys_count() {
    let stranger = SigningKey::from_seed("k1".into(), &[8; 32]).unwrap();
    let other = TokenIssuer::new(settings(), vec![stranger], clock()).unwrap();
    assert!(verdict(&other.issue(&principal()).unwrap().token).is_err());
    for (field, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("kid", json!("k2")),
        ("kid", Value::Null),
    ] {
        let mut header = header();
        header[field] = value;
        assert!(verdict(&forged(&header, &claims())).is_err(), "{header}");
    }
    // The public key as an HMAC secret: the classic confusion of algorithms.
    let confused = jsonwebtoken::encode(
        &Header {
            kid: Some("k1".into()),
            ..Header::new(Algorithm::HS256)
        },
        &claims(),
        &EncodingKey::from_secret(&key().public().unwrap()),
    );
    assert!(verdict(&confused.unwrap()).is_err());
}

#[test]
fn a_key_that_the_token_brings_along_is_ignored() {
    let stranger = SigningKey::from_seed("k9".into(), &[8; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(stranger.public().unwrap());
    let header = Header {
        kid: Some("k1".into()),
        jku: Some("https://evil.example/jwks.json".into()),
        jwk: serde_json::from_value(json!({ "kty": "OKP", "crv": "Ed25519", "x": x })).unwrap(),
        ..Header::new(Algorithm::EdDSA)
    };
    let token = jsonwebtoken::encode(&header, &claims(), &stranger.encoding()).unwrap();
    assert!(verdict(&token).is_err());
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let token = issuer(clock()).issue(&principal()).unwrap().token;
    let verifier = issuer(clock()).verifier().unwrap();
    for at in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(
            changed == token || verifier.verify(&changed).is_err(),
            "byte {at}"
        );
    }
    assert!(matches!(
        verifier.verify(&"x".repeat(5000)),
        Err(TokenError::TooLong)
    ));
}

#[test]
fn the_key_set_shows_public_parts_only() {
    let jwks = issuer(clock()).jwks().unwrap();
    assert_eq!(jwks["keys"][0]["kid"], "k1");
    assert_eq!(jwks["keys"][0]["crv"], "Ed25519");
    assert!(jwks["keys"][0].get("d").is_none());
    // RFC 8032, test 1, so that seeds and public keys belong together.
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let public = SigningKey::from_seed("t".into(), &seed)
        .unwrap()
        .public()
        .unwrap();
    assert_eq!(
        hex::encode(public),
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    );
}

#[test]
fn an_older_key_still_verifies_after_a_new_one_signs() {
    let old = issuer(clock()).issue(&principal()).unwrap().token;
    let rotated = TokenIssuer::new(settings(), vec![key(), SigningKey::generate()], clock()).unwrap();
    let verifier = rotated.verifier().unwrap();
    verifier.verify(&old).unwrap();
    verifier
        .verify(&rotated.issue(&principal()).unwrap().token)
        .unwrap();
}
