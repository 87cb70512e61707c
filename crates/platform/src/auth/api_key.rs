//! Keys of external systems (API-2): how a secret looks, what is stored of it, and whether a key accepts it now.
//!
//! A secret is `sk_live_` and 256 random bits. Only a keyed hash is stored, as for pull connectors' tokens. What a key
//! may do is folded from its own stream of the log, so a revoked key is refused from the moment that its revocation is
//! durable. Not here: looking keys up (`api_key_gate`), and counting their requests (`api_key_limit`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use schemas::events::api_key::{ApiKeyEvent, ApiKeySecret, ApiKeySettings};
use schemas::{ApiKeyId, TenantId, Version};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::integration_token::IntegrationTokens;
use crate::clock;

/// What every secret begins with.
pub const PREFIX: &str = "sk_live_";
/// Bytes of randomness.
const SECRET_BYTES: usize = 32;
/// Characters of a whole secret.
const SECRET_CHARS: usize = PREFIX.len() + 43;
/// Characters by which people recognise a secret.
const ENDING_CHARS: usize = 4;

/// Makes secrets and their hashes; the same for all processes with the same key-encryption key.
#[derive(Clone)]
pub struct ApiKeySecrets(IntegrationTokens);

impl ApiKeySecrets {
    /// `key` is for these hashes alone.
    pub fn new(key: [u8; 32]) -> Self {
        Self(IntegrationTokens::new(key))
    }

    /// A fresh secret, and what the log gets to know of it.
    pub fn draw(&self) -> (Zeroizing<String>, ApiKeySecret) {
        let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
        rand::rng().fill(bytes.as_mut_slice());
        // Fresh at each attempt: a repetition must not claim the secret that the first one showed.
        self.of_bytes(&bytes, &clock::fresh_id().simple().to_string())
    }

    /// The secret that these bytes are, for those who derive it instead of drawing it.
    pub fn of_bytes(&self, bytes: &[u8; SECRET_BYTES], secret_id: &str) -> (Zeroizing<String>, ApiKeySecret) {
        let secret = Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)));
        let known = ApiKeySecret {
            secret_id: secret_id.to_owned(),
            secret_hash: hex::encode(self.hash(&secret)),
            ending: secret[SECRET_CHARS - ENDING_CHARS..].to_owned(),
        };
        (secret, known)
    }

    /// Whether the text can be a secret at all; anything else needs no look at the database.
    pub fn is_secret(text: &str) -> bool {
        text.len() == SECRET_CHARS && text.starts_with(PREFIX) && text.bytes().all(|b| b.is_ascii_graphic())
    }

    /// What is stored of a secret.
    pub fn hash(&self, secret: &str) -> [u8; 32] {
        self.0.hash(secret)
    }
}

/// A key of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyRef {
    pub tenant: TenantId,
    pub api_key_id: ApiKeyId,
}

/// What holds of a key, as of a version of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    pub settings: ApiKeySettings,
    /// Neither deactivated nor revoked.
    pub is_active: bool,
    /// Hashes with when they end.
    secrets: Vec<(Vec<u8>, Option<OffsetDateTime>)>,
    pub version: Version,
}

impl KeyStanding {
    /// Moves on by one event of the key's stream.
    pub fn evolve(slot: &mut Option<KeyStanding>, event: &ApiKeyEvent, version: Version) {
        if let ApiKeyEvent::Created(created) = event {
            *slot = Some(KeyStanding {
                settings: created.settings.clone(),
                is_active: true,
                secrets: vec![(hash_of(&created.secret), None)],
                version,
            });
        }
        let Some(standing) = slot else { return };
        standing.version = version;
        match event {
            ApiKeyEvent::Created(_) => {}
            ApiKeyEvent::Changed(changed) => standing.settings.clone_from(&changed.settings),
            ApiKeyEvent::Rotated(rotated) => {
                let previous = standing.secrets.pop();
                standing.secrets = previous
                    .map(|(hash, _)| (hash, Some(rotated.previous_expires_at)))
                    .into_iter()
                    .chain([(hash_of(&rotated.secret), None)])
                    .collect();
            }
            ApiKeyEvent::Deactivated(_) => standing.is_active = false,
            ApiKeyEvent::Activated(_) => standing.is_active = true,
            ApiKeyEvent::Revoked(_) => {
                standing.is_active = false;
                standing.secrets.clear();
            }
        }
    }

    /// Whether the key accepts the secret with this hash. Hashes are compared in constant time.
    ///
    /// # Errors
    /// What ended it.
    pub fn accept(&self, hash: &[u8; 32], now: OffsetDateTime) -> Result<(), Ended> {
        let is_live = self
            .secrets
            .iter()
            .filter(|(_, ends)| ends.is_none_or(|ends| ends > now))
            .fold(false, |found, (stored, _)| {
                found | IntegrationTokens::is_same(hash, stored)
            });
        if self.secrets.is_empty() {
            Err(Ended::Revoked)
        } else if !self.is_active {
            Err(Ended::Inactive)
        } else if self.settings.expires_at.is_some_and(|at| at <= now) {
            Err(Ended::Expired)
        } else if !is_live {
            Err(Ended::Replaced)
        } else {
            Ok(())
        }
    }
}

/// Why a key that is known is not accepted. For its own organisation's records; whoever holds it is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Expired,
    Inactive,
    Revoked,
    /// The secret is one that was rotated away.
    Replaced,
}

impl Ended {
    /// As the record of calls and security events name it.
    pub fn code(self) -> &'static str {
        match self {
            Ended::Expired => "api_key.expired",
            Ended::Inactive => "api_key.inactive",
            Ended::Revoked => "api_key.revoked",
            Ended::Replaced => "api_key.replaced",
        }
    }
}

/// A hash that is no hex matches nothing.
fn hash_of(secret: &ApiKeySecret) -> Vec<u8> {
    hex::decode(&secret.secret_hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use schemas::events::api_key::{
        ApiKeyCreated, ApiKeyDeactivated, ApiKeyRevoked, ApiKeyRotated, ApiScope,
    };
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 18:00 UTC);
    const LATER: OffsetDateTime = datetime!(2026-11-23 18:00 UTC);

    fn id() -> ApiKeyId {
        ApiKeyId::new("key-1").unwrap()
    }

    fn created(secret: ApiKeySecret, expires_at: Option<OffsetDateTime>) -> ApiKeyEvent {
        let settings = ApiKeySettings {
            name: "Mercado".to_owned(),
            system: "Mercado".to_owned(),
            scopes: vec![ApiScope::ReadStock],
            stores: Vec::new(),
            workshop: None,
            requests_per_hour: 1_000,
            expires_at,
        };
        ApiKeyCreated {
            api_key_id: id(),
            settings,
            secret,
        }
        .into()
    }

    fn standing(events: &[ApiKeyEvent]) -> KeyStanding {
        let mut slot = None;
        for (index, event) in events.iter().enumerate() {
            KeyStanding::evolve(&mut slot, event, Version(i64::try_from(index).unwrap() + 1));
        }
        slot.unwrap()
    }

    #[test]
    fn a_secret_is_recognised_and_each_one_is_another() {
        let secrets = ApiKeySecrets::new([1; 32]);
        let ((one, known), (other, _)) = (secrets.draw(), secrets.draw());
        assert_ne!(*one, *other);
        assert!(ApiKeySecrets::is_secret(&one) && one.starts_with("sk_live_"));
        assert!(one.ends_with(&known.ending) && known.ending.len() == 4);
        for wrong in ["", "sk_live_abc123def456", &one[..one.len() - 1]] {
            assert!(!ApiKeySecrets::is_secret(wrong), "{wrong}");
        }
        let elsewhere = ApiKeySecrets::new([2; 32]);
        assert_ne!(secrets.hash(&one), elsewhere.hash(&one));
    }

    #[test]
    fn during_the_overlap_both_secrets_are_accepted_and_then_the_new_one() {
        let secrets = ApiKeySecrets::new([1; 32]);
        let ((old, old_known), (new, new_known)) = (secrets.draw(), secrets.draw());
        let rotated = ApiKeyRotated {
            api_key_id: id(),
            secret: new_known,
            previous_expires_at: LATER,
        };
        let key = standing(&[created(old_known, None), rotated.into()]);
        let (old, new) = (secrets.hash(&old), secrets.hash(&new));
        assert_eq!((key.accept(&old, NOW), key.accept(&new, NOW)), (Ok(()), Ok(())));
        assert_eq!(key.accept(&old, LATER), Err(Ended::Replaced));
        assert_eq!(key.accept(&new, LATER), Ok(()));
        assert_eq!(key.version, Version(2));
    }

    #[test]
    fn an_expired_an_inactive_and_a_revoked_key_accept_nothing() {
        let secrets = ApiKeySecrets::new([1; 32]);
        let (secret, known) = secrets.draw();
        let hash = secrets.hash(&secret);
        let judged = |events: &[ApiKeyEvent]| standing(events).accept(&hash, NOW);
        assert_eq!(judged(&[created(known.clone(), Some(NOW))]), Err(Ended::Expired));
        let off = ApiKeyDeactivated { api_key_id: id() };
        let off = [created(known.clone(), None), off.into()];
        assert_eq!(judged(&off), Err(Ended::Inactive));
        let end = ApiKeyRevoked { api_key_id: id() };
        let end = [created(known.clone(), None), end.into()];
        assert_eq!(judged(&end), Err(Ended::Revoked));
        assert_eq!(judged(&[created(known, None)]), Ok(()));
    }
}
