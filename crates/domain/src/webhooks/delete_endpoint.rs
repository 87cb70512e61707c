//! Deletes an endpoint for good; its id stays taken.

use schemas::EndpointId;
use schemas::events::webhook::EndpointDeleted;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::EndpointStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends deliveries to an endpoint for ever, in whatever state. Deleted already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeleteEndpoint {
    pub endpoint_id: EndpointId,
}

impl Decide for DeleteEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.any_endpoint(&self.endpoint_id)?.status != EndpointStatus::Deleted {
            work.emit(
                stream,
                EndpointDeleted {
                    endpoint_id: self.endpoint_id.clone(),
                },
            )?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
