//! Creates a webhook endpoint. Its secret was made by the caller; the log holds its fingerprint.

use schemas::EndpointId;
use schemas::events::webhook::{EndpointCreated, EndpointSettings, StartFrom};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{filters, settings};
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Creates an endpoint that is sent to from the given place of the log on. An id that was ever taken is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateEndpoint {
    pub endpoint_id: EndpointId,
    pub settings: EndpointSettings,
    /// From now on, or from a position of the log, 0 or later.
    pub start: StartFrom,
    /// Names the signing secret in the vault.
    pub secret_id: String,
    /// SHA-256 of the secret, in hex.
    pub secret_fingerprint: String,
}

impl Decide for CreateEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::Endpoint(None)) {
            return Err(Refusal::EndpointExists {
                endpoint_id: self.endpoint_id.clone(),
            }
            .into());
        }
        settings::check(&self.settings)?;
        filters::check_known(&self.settings.event_types)?;
        filters::check_who(ctx, filters::reach_reserved(&self.settings.event_types))?;
        check_text("secret_id", &self.secret_id, 200)?;
        check_text("secret_fingerprint", &self.secret_fingerprint, 200)?;
        match self.start {
            StartFrom::Position { position } if position < 0 => {
                return Err(Refusal::EndpointStartInvalid { position }.into());
            }
            StartFrom::Position { .. } | StartFrom::Now => {}
        }
        let created = EndpointCreated {
            endpoint_id: self.endpoint_id.clone(),
            settings: self.settings.clone(),
            start: self.start,
            secret_id: self.secret_id.clone(),
            secret_fingerprint: self.secret_fingerprint.clone(),
        };
        work.emit(stream, created)?;
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id, "secret_id": self.secret_id })))
    }
}
