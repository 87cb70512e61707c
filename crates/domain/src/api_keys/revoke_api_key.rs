//! Revokes a key for good: its secrets end, and its id stays taken.

use schemas::ApiKeyId;
use schemas::events::api_key::ApiKeyRevoked;
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ApiKeyStatus;
use super::api_key::audit;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a key and its secrets for ever; audited. Revoked already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevokeApiKey {
    pub api_key_id: ApiKeyId,
}

impl Decide for RevokeApiKey {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::api_key(&self.api_key_id);
        let watch = streams::security(self.api_key_id.as_str());
        work.require([&streams::tenant(), &stream, &watch])?;
        work.tenant(&ctx.tenant)?;
        if work.any_api_key(&self.api_key_id)?.status != ApiKeyStatus::Revoked {
            let api_key_id = self.api_key_id.clone();
            work.emit(stream, ApiKeyRevoked { api_key_id })?;
            audit(&mut work, &self.api_key_id, SecurityAction::ApiKeyRevoked)?;
        }
        Ok(work.finish(json!({ "api_key_id": self.api_key_id })))
    }
}
