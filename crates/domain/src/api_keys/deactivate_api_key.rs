//! Refuses a key from here on, until it is activated again.

use schemas::ApiKeyId;
use schemas::events::api_key::ApiKeyDeactivated;
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ApiKeyStatus;
use super::api_key::audit;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Stops a key for a while; its secrets and their ends stay. Audited; inactive already, it stays so, and a revoked key
/// is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeactivateApiKey {
    pub api_key_id: ApiKeyId,
}

impl Decide for DeactivateApiKey {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::api_key(&self.api_key_id);
        let watch = streams::security(self.api_key_id.as_str());
        work.require([&streams::tenant(), &stream, &watch])?;
        work.tenant(&ctx.tenant)?;
        if work.api_key(&self.api_key_id)?.status != ApiKeyStatus::Inactive {
            let api_key_id = self.api_key_id.clone();
            work.emit(stream, ApiKeyDeactivated { api_key_id })?;
            audit(&mut work, &self.api_key_id, SecurityAction::ApiKeyDeactivated)?;
        }
        Ok(work.finish(json!({ "api_key_id": self.api_key_id })))
    }
}
