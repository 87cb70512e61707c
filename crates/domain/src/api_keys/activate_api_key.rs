//! Accepts a deactivated key again.

use schemas::ApiKeyId;
use schemas::events::api_key::ApiKeyActivated;
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ApiKeyStatus;
use super::api_key::audit;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lets a key that was deactivated be used again, with the secrets that it still has; audited. An active key stays as
/// it is, a revoked one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivateApiKey {
    pub api_key_id: ApiKeyId,
}

impl Decide for ActivateApiKey {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::api_key(&self.api_key_id);
        let watch = streams::security(self.api_key_id.as_str());
        work.require([&streams::tenant(), &stream, &watch])?;
        work.tenant(&ctx.tenant)?;
        if work.api_key(&self.api_key_id)?.status != ApiKeyStatus::Active {
            let api_key_id = self.api_key_id.clone();
            work.emit(stream, ApiKeyActivated { api_key_id })?;
            audit(&mut work, &self.api_key_id, SecurityAction::ApiKeyActivated)?;
        }
        Ok(work.finish(json!({ "api_key_id": self.api_key_id })))
    }
}
