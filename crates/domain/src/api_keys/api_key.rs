//! One key: its settings, its secrets' hashes, and whether it is accepted. Stream `api_key/<id>`.

use schemas::ApiKeyId;
use schemas::events::api_key::{ApiKeyEvent, ApiKeySecret, ApiKeySettings};
use schemas::events::security::{SecurityAction, SecurityAudit, SecurityOutcome};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::refusal::{ApiKeyRefusal, Refusal};
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// A key as the rules know it; who uses it proves one of its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub settings: ApiKeySettings,
    pub status: ApiKeyStatus,
    /// The newest last; at most two.
    pub secrets: Vec<LiveSecret>,
}

/// Whether requests with this key are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyStatus {
    /// Accepted until its settings' end, if they name one.
    Active,
    /// Not accepted until it is activated again.
    Inactive,
    /// For good; its id stays taken.
    Revoked,
}

/// A secret that is accepted, at least until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSecret {
    pub secret: ApiKeySecret,
    /// None for the newest.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

impl ApiKey {
    pub(crate) fn evolve(slot: &mut Option<Box<ApiKey>>, event: &ApiKeyEvent) {
        if let ApiKeyEvent::Created(created) = event {
            *slot = Some(Box::new(ApiKey {
                settings: created.settings.clone(),
                status: ApiKeyStatus::Active,
                secrets: vec![LiveSecret::newest(&created.secret)],
            }));
            return;
        }
        let Some(key) = slot else { return };
        match event {
            ApiKeyEvent::Changed(changed) => key.settings.clone_from(&changed.settings),
            ApiKeyEvent::Rotated(rotated) => {
                let previous = key.secrets.pop().map(|live| LiveSecret {
                    expires_at: Some(rotated.previous_expires_at),
                    ..live
                });
                key.secrets = previous
                    .into_iter()
                    .chain([LiveSecret::newest(&rotated.secret)])
                    .collect();
            }
            ApiKeyEvent::Deactivated(_) => key.status = ApiKeyStatus::Inactive,
            ApiKeyEvent::Activated(_) => key.status = ApiKeyStatus::Active,
            ApiKeyEvent::Revoked(_) => {
                key.status = ApiKeyStatus::Revoked;
                key.secrets.clear();
            }
            ApiKeyEvent::Created(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let stores: usize = self
            .settings
            .stores
            .iter()
            .map(|store| store.as_str().len() + 24)
            .sum();
        let secrets: usize = self
            .secrets
            .iter()
            .map(|live| live.secret.secret_id.len() + live.secret.secret_hash.len() + size_of::<LiveSecret>())
            .sum();
        size_of::<Self>() + self.settings.name.len() + self.settings.system.len() + stores + secrets
    }
}

impl LiveSecret {
    fn newest(secret: &ApiKeySecret) -> Self {
        Self {
            secret: secret.clone(),
            expires_at: None,
        }
    }
}

/// Checks what the caller computed of a fresh secret, so that nothing else gets into the log in its place.
///
/// # Errors
/// [`Refusal::TextInvalid`].
pub(super) fn check_secret(secret: &ApiKeySecret) -> Result<(), Refusal> {
    let invalid = |field: &str, max_chars| {
        Err(Refusal::TextInvalid {
            field: field.to_owned(),
            max_chars,
        })
    };
    let is_name = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let is_hex = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = &secret.secret_id;
    if id.is_empty() || id.len() > 64 || !is_name(id) {
        return invalid("secret/secret_id", 64);
    }
    if secret.secret_hash.len() != 64 || !is_hex(&secret.secret_hash) {
        return invalid("secret/secret_hash", 64);
    }
    if secret.ending.len() != 4 || !is_name(&secret.ending) {
        return invalid("secret/ending", 4);
    }
    Ok(())
}

/// Says who watches that a key was made, changed over or ended; beside the event that did it.
///
/// # Errors
/// [`Missing::Streams`] when the key's security stream is not loaded.
pub(super) fn audit(work: &mut Work<'_>, id: &ApiKeyId, action: SecurityAction) -> Result<(), Missing> {
    let audit = SecurityAudit {
        action,
        outcome: SecurityOutcome::Success,
        subject: id.as_str().to_owned(),
        detail: None,
        operation: None,
        times: None,
    };
    work.emit(streams::security(id.as_str()), audit)
}

impl Work<'_> {
    /// A key that was created, also when it is revoked.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`ApiKeyRefusal::NotFound`].
    pub fn any_api_key(&self, id: &ApiKeyId) -> Result<&ApiKey, Missing> {
        let State::ApiKey(Some(found)) = self.state(&streams::api_key(id))? else {
            return Err(ApiKeyRefusal::NotFound {
                api_key_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }

    /// A key that may be changed.
    ///
    /// # Errors
    /// As [`Work::any_api_key`]; [`ApiKeyRefusal::Revoked`].
    pub fn api_key(&self, id: &ApiKeyId) -> Result<&ApiKey, Missing> {
        let found = self.any_api_key(id)?;
        match found.status {
            ApiKeyStatus::Revoked => Err(ApiKeyRefusal::Revoked {
                api_key_id: id.clone(),
            }
            .into()),
            ApiKeyStatus::Active | ApiKeyStatus::Inactive => Ok(found),
        }
    }
}
