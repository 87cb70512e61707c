//! The demo's keys of external systems: one per tenant, so that the external API can be tried at once.
//!
//! Derived like the passwords, so that no secret need be stored. Deliberately absent: changing a key that is there, since
//! whoever rotated, limited or revoked it meant it.

use anyhow::Context;
use command_service::engine::Engine;
use command_service::routes::KeyDesk;
use domain::api_keys::{ApiKeyStatus, CreateApiKey, DEFAULT_REQUESTS_PER_HOUR};
use domain::{State, streams};
use hmac::{Hmac, KeyInit, Mac};
use platform::auth::{ApiKeySecrets, KeyRef};
use schemas::ApiKeyId;
use schemas::events::api_key::{ApiKeySettings, ApiScope};
use schemas::ids::TenantId;
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Keys that administrators create have a hyphen and 32 hexadecimal digits, so that this one is nobody's.
const ID: &str = "key-demo";
const NAME: &str = "Mercado en línea (demo)";
/// What the five paths of the external API need.
const SCOPES: [ApiScope; 5] = [
    ApiScope::ReadArticles,
    ApiScope::WriteArticles,
    ApiScope::ReadStock,
    ApiScope::WriteMovements,
    ApiScope::ReadReports,
];

/// A key as `demo.json` names it.
#[derive(Debug, Clone, Serialize)]
pub struct DemoApiKey {
    pub name: String,
    /// For `Authorization: ApiKey`.
    pub key: String,
    /// What it may do, as the API names scopes.
    pub scopes: Vec<&'static str>,
}

/// The tenant's key to be, and its secret.
pub struct Plan {
    pub command: CreateApiKey,
    secret: Zeroizing<String>,
}

impl Plan {
    /// Derives the tenant's secret from the demo's `key`: the same at every start.
    pub fn new(key: &[u8; 32], tenant: &TenantId, secrets: &ApiKeySecrets) -> anyhow::Result<Self> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(b"demo api key\0");
        mac.update(tenant.as_str().as_bytes());
        let bytes = Zeroizing::new(mac.finalize().into_bytes().into());
        let (secret, known) = secrets.of_bytes(&bytes, "demo");
        let command = CreateApiKey {
            api_key_id: ApiKeyId::new(ID)?,
            settings: ApiKeySettings {
                name: NAME.to_owned(),
                system: NAME.to_owned(),
                scopes: SCOPES.to_vec(),
                stores: Vec::new(),
                workshop: None,
                requests_per_hour: DEFAULT_REQUESTS_PER_HOUR,
                expires_at: None,
            },
            secret: known,
        };
        Ok(Self { command, secret })
    }

    /// Notes whose secret it is, as the administration does before the log hears of it.
    pub async fn enrol(&self, desk: &KeyDesk, tenant: &TenantId) -> anyhow::Result<()> {
        let key = KeyRef {
            tenant: tenant.clone(),
            api_key_id: self.command.api_key_id.clone(),
        };
        let hash = desk.secrets.hash(&self.secret);
        let noted = desk.store.enrol(&hash, &key).await;
        noted.context("the demo's key cannot be noted")
    }

    /// What `demo.json` says: nothing when the key is not accepted any more, and what it may do now.
    pub async fn shown(&self, engine: &Engine, tenant: &TenantId) -> anyhow::Result<Option<DemoApiKey>> {
        let stream = streams::api_key(&self.command.api_key_id);
        let State::ApiKey(Some(found)) = engine.peek(tenant, &stream).await? else {
            return Ok(None);
        };
        let is_newest = found
            .secrets
            .last()
            .is_some_and(|live| live.secret == self.command.secret);
        let is_accepted = found.status == ApiKeyStatus::Active && is_newest;
        Ok(is_accepted.then(|| DemoApiKey {
            name: found.settings.name.clone(),
            key: self.secret.to_string(),
            scopes: found.settings.scopes.iter().map(|scope| scope.as_str()).collect(),
        }))
    }
}
