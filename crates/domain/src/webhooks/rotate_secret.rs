//! Replaces an endpoint's signing secret; the one before it stays valid for an overlap, and the one before that ends.
//!
//! The secret was made by the caller; the log holds its fingerprint.

use schemas::EndpointId;
use schemas::events::webhook::EndpointSecretRotated;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::Duration;

use super::settings::check_number;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Longest time that two secrets are valid: a week.
const MAX_OVERLAP_S: i64 = 604_800;

/// Signs with a new secret from now on, beside the present one while the overlap lasts. Each request is a rotation, the
/// same secret again included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RotateSecret {
    pub endpoint_id: EndpointId,
    /// Names the new signing secret in the vault.
    pub secret_id: String,
    /// SHA-256 of the new secret, in hex.
    pub secret_fingerprint: String,
    /// How long the secret before stays valid; 0 to 604,800.
    pub overlap_s: i64,
}

impl Decide for RotateSecret {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        work.endpoint(&self.endpoint_id)?;
        check_text("secret_id", &self.secret_id, 200)?;
        check_text("secret_fingerprint", &self.secret_fingerprint, 200)?;
        check_number("overlap_s", self.overlap_s, 0, MAX_OVERLAP_S)?;
        let rotated = EndpointSecretRotated {
            endpoint_id: self.endpoint_id.clone(),
            secret_id: self.secret_id.clone(),
            secret_fingerprint: self.secret_fingerprint.clone(),
            previous_until: ctx.now + Duration::seconds(self.overlap_s),
        };
        work.emit(stream, rotated)?;
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id, "secret_id": self.secret_id })))
    }
}
