//! Ends the overlap of a rotation before its time: only the newest secret signs from here on.

use schemas::EndpointId;
use schemas::events::webhook::EndpointPreviousSecretEnded;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends the secret before the last rotation at once. Nothing happens where there is none or its time is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndPreviousSecret {
    pub endpoint_id: EndpointId,
}

impl Decide for EndPreviousSecret {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let until = work.endpoint(&self.endpoint_id)?.previous_secret_until;
        if until.is_some_and(|until| until > ctx.now) {
            work.emit(
                stream,
                EndpointPreviousSecretEnded {
                    endpoint_id: self.endpoint_id.clone(),
                },
            )?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
