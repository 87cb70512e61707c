//! Sends again to an endpoint that was paused or disabled.

use schemas::EndpointId;
use schemas::events::webhook::EndpointResumed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::EndpointStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Makes a paused or disabled endpoint active; one that is stays as it is, and a deleted one is not found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeEndpoint {
    pub endpoint_id: EndpointId,
}

impl Decide for ResumeEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.endpoint(&self.endpoint_id)?.status != EndpointStatus::Active {
            work.emit(
                stream,
                EndpointResumed {
                    endpoint_id: self.endpoint_id.clone(),
                },
            )?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
