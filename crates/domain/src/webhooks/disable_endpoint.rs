//! Stops sending because the receiver is gone (410). The dispatcher's command, not a person's.

use schemas::EndpointId;
use schemas::events::webhook::EndpointDisabled;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::EndpointStatus;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends deliveries until somebody resumes the endpoint; one that is paused is disabled, too. Disabled already, it keeps
/// its first cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisableEndpoint {
    pub endpoint_id: EndpointId,
    /// In words; at most 500 characters.
    pub cause: String,
}

impl Decide for DisableEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let status = work.endpoint(&self.endpoint_id)?.status;
        check_text("cause", &self.cause, 500)?;
        if status != EndpointStatus::Disabled {
            work.emit(
                stream,
                EndpointDisabled {
                    endpoint_id: self.endpoint_id.clone(),
                    cause: self.cause.clone(),
                },
            )?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
