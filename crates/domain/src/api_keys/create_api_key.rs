//! Creates a key with its first secret. The secret was made by the caller; the log holds its keyed hash.

use schemas::ApiKeyId;
use schemas::events::api_key::{ApiKeyCreated, ApiKeySecret, ApiKeySettings};
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api_key::{audit, check_secret};
use super::settings;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::ApiKeyRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Creates a key that is accepted from now on; audited. Stores and workshop must exist, and there is at least one
/// scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateApiKey {
    pub api_key_id: ApiKeyId,
    pub settings: ApiKeySettings,
    /// The keyed hash of the secret, its name and its last four characters; never the secret.
    pub secret: ApiKeySecret,
}

impl Decide for CreateApiKey {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::api_key(&self.api_key_id);
        let watch = streams::security(self.api_key_id.as_str());
        work.require([&streams::tenant(), &stream, &watch])?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::ApiKey(None)) {
            let api_key_id = self.api_key_id.clone();
            return Err(ApiKeyRefusal::Exists { api_key_id }.into());
        }
        check_secret(&self.secret)?;
        let created = ApiKeyCreated {
            api_key_id: self.api_key_id.clone(),
            settings: settings::checked(&work, ctx, &self.settings, None)?,
            secret: self.secret.clone(),
        };
        work.emit(stream, created)?;
        audit(&mut work, &self.api_key_id, SecurityAction::ApiKeyCreated)?;
        Ok(work.finish(json!({ "api_key_id": self.api_key_id, "secret_id": self.secret.secret_id })))
    }
}
