//! Changes a key's settings, from here on. What is absent stays; the same again changes nothing.

use schemas::events::api_key::{ApiKeyChanged, ApiKeySettings, ApiScope};
use schemas::events::catalogue::double_option;
use schemas::events::security::SecurityAction;
use schemas::{ApiKeyId, StoreId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::api_key::audit;
use super::settings;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// New values for a key's settings; absent fields stay. Bounds are those of a new key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// What the key is for, 1 to 100 characters.
    #[serde(default)]
    pub system: Option<String>,
    /// All of them.
    #[serde(default)]
    pub scopes: Option<Vec<ApiScope>>,
    /// All of them; none means every store.
    #[serde(default)]
    pub stores: Option<Vec<StoreId>>,
    /// Absent leaves it, `null` clears it.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub workshop: Option<Option<SupplierId>>,
    /// 1 to [`super::MAX_REQUESTS_PER_HOUR`].
    #[serde(default)]
    pub requests_per_hour: Option<i64>,
    /// Absent leaves it, `null` clears it.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Moment>>,
}

/// A time as RFC 3339 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(#[serde(with = "time::serde::rfc3339")] pub OffsetDateTime);

/// Changes what a key that is not revoked may do; audited. The change is merged here, so that of two at once neither
/// undoes the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeApiKey {
    pub api_key_id: ApiKeyId,
    pub settings: SettingsChange,
}

impl SettingsChange {
    fn over(&self, before: &ApiKeySettings) -> ApiKeySettings {
        let expires_at = self.expires_at.map(|at| at.map(|Moment(at)| at));
        ApiKeySettings {
            name: self.name.clone().unwrap_or_else(|| before.name.clone()),
            system: self.system.clone().unwrap_or_else(|| before.system.clone()),
            scopes: self.scopes.clone().unwrap_or_else(|| before.scopes.clone()),
            stores: self.stores.clone().unwrap_or_else(|| before.stores.clone()),
            workshop: self.workshop.clone().unwrap_or_else(|| before.workshop.clone()),
            requests_per_hour: self.requests_per_hour.unwrap_or(before.requests_per_hour),
            expires_at: expires_at.unwrap_or(before.expires_at),
        }
    }
}

impl Decide for ChangeApiKey {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::api_key(&self.api_key_id);
        let watch = streams::security(self.api_key_id.as_str());
        work.require([&streams::tenant(), &stream, &watch])?;
        work.tenant(&ctx.tenant)?;
        let before = work.api_key(&self.api_key_id)?.settings.clone();
        let after = settings::checked(&work, ctx, &self.settings.over(&before), Some(&before))?;
        if after != before {
            let changed = ApiKeyChanged {
                api_key_id: self.api_key_id.clone(),
                settings: after,
            };
            work.emit(stream, changed)?;
            // What a key may do is a matter of rights, whatever it was that changed.
            audit(&mut work, &self.api_key_id, SecurityAction::ApiKeyChanged)?;
        }
        Ok(work.finish(json!({ "api_key_id": self.api_key_id })))
    }
}
