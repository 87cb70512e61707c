//! Calls a transfer off before anything was dispatched.

use schemas::TransferId;
use schemas::events::transfer::TransferCancelled;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a transfer that was only requested. Cancelled already, it stays so; once goods were dispatched it is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelTransfer {
    pub transfer_id: TransferId,
}

impl Decide for CancelTransfer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.transfer_id;
        let stream = streams::transfer(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.transfer(id)?;
        match found.status {
            Status::Requested => {
                let cancelled = TransferCancelled {
                    transfer_id: id.clone(),
                    from: found.from.clone(),
                    to: found.to.clone(),
                };
                work.emit(stream, cancelled)?;
            }
            Status::Cancelled => {}
            Status::InTransit | Status::Closed => return Err(found.refusal(id).into()),
        }
        Ok(work.finish(json!({ "transfer_id": id, "status": "cancelled" })))
    }
}
