//! Asks for deliveries to be sent again (WHK-4); every request is a new one.
//!
//! Not here: which deliveries there are, and the sending (the dispatcher's).

use schemas::EndpointId;
use schemas::events::webhook::{EndpointReplayRequested, ReplaySelection};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::EndpointStatus;
use super::settings::check_number;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Deliveries a second that a replay may ask for.
const MAX_RATE_PER_S: i64 = 1_000;

/// Has deliveries of an active or paused endpoint sent again, no faster than `rate_per_s`. A disabled one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayDeliveries {
    pub endpoint_id: EndpointId,
    /// One delivery, those that were given up, or all from a time or position on.
    pub select: ReplaySelection,
    /// Deliveries a second, at most; 1 to 1,000.
    pub rate_per_s: i64,
}

impl Decide for ReplayDeliveries {
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
        check_number("rate_per_s", self.rate_per_s, 1, MAX_RATE_PER_S)?;
        match self.select {
            ReplaySelection::Delivery { sequence } => check_number("select/sequence", sequence, 1, i64::MAX)?,
            ReplaySelection::FromPosition { position } => {
                check_number("select/position", position, 0, i64::MAX)?;
            }
            ReplaySelection::Dead | ReplaySelection::Since { .. } => {}
        }
        let requested = EndpointReplayRequested {
            endpoint_id: self.endpoint_id.clone(),
            select: self.select,
            rate_per_s: self.rate_per_s,
        };
        work.emit(stream, requested)?;
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
