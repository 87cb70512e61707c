//! Gives a key a new secret; the one before it is accepted for a while longer, so that nothing stands still.

use schemas::ApiKeyId;
use schemas::events::api_key::{ApiKeyRotated, ApiKeySecret};
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::Duration;

use super::api_key::{audit, check_secret};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::ApiKeyRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Longest time that two secrets live side by side: seven days.
pub const MAX_OVERLAP_S: i64 = 604_800;

/// Makes another secret the newest; audited. At most two live, so the one before the present one ends at once. The
/// newest secret again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RotateApiKey {
    pub api_key_id: ApiKeyId,
    /// The keyed hash of the new secret, its name and its last four characters; never the secret.
    pub secret: ApiKeySecret,
    /// How long the present secret is accepted from now on; 0 ends it at once.
    pub overlap_s: i64,
}

impl Decide for RotateApiKey {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::api_key(&self.api_key_id);
        let watch = streams::security(self.api_key_id.as_str());
        work.require([&streams::tenant(), &stream, &watch])?;
        work.tenant(&ctx.tenant)?;
        let key = work.api_key(&self.api_key_id)?;
        if !(0..=MAX_OVERLAP_S).contains(&self.overlap_s) {
            return Err(ApiKeyRefusal::OverlapInvalid {
                overlap_s: self.overlap_s,
                max_s: MAX_OVERLAP_S,
            }
            .into());
        }
        check_secret(&self.secret)?;
        let is_newest = key.secrets.last().is_some_and(|live| live.secret == self.secret);
        if !is_newest {
            let rotated = ApiKeyRotated {
                api_key_id: self.api_key_id.clone(),
                secret: self.secret.clone(),
                previous_expires_at: ctx.now + Duration::seconds(self.overlap_s),
            };
            work.emit(stream, rotated)?;
            audit(&mut work, &self.api_key_id, SecurityAction::ApiKeyRotated)?;
        }
        Ok(work.finish(json!({ "api_key_id": self.api_key_id, "secret_id": self.secret.secret_id })))
    }
}
