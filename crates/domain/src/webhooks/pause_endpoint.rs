//! Holds deliveries from here on. A disabled endpoint is not sent to anyway and stays as it is.

use schemas::EndpointId;
use schemas::events::webhook::EndpointPaused;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::EndpointStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Holds the deliveries of an active endpoint until somebody resumes it; none is lost meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PauseEndpoint {
    pub endpoint_id: EndpointId,
}

impl Decide for PauseEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.endpoint(&self.endpoint_id)?.status == EndpointStatus::Active {
            work.emit(
                stream,
                EndpointPaused {
                    endpoint_id: self.endpoint_id.clone(),
                },
            )?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
