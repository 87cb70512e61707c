//! Asks for a test delivery; every request is a new one.

use schemas::EndpointId;
use schemas::events::webhook::EndpointTestRequested;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::EndpointStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Has one delivery sent that stands for no event. A disabled endpoint is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestEndpoint {
    pub endpoint_id: EndpointId,
}

impl Decide for TestEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.endpoint(&self.endpoint_id)?.status == EndpointStatus::Disabled {
            return Err(Refusal::EndpointDisabled {
                endpoint_id: self.endpoint_id.clone(),
            }
            .into());
        }
        work.emit(
            stream,
            EndpointTestRequested {
                endpoint_id: self.endpoint_id.clone(),
            },
        )?;
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
