//! Sends a device to a workshop and takes it back. The repair's state stays what it is: a workshop diagnoses, repairs or
//! waits as the shop does.
//!
//! Not here: what a workshop may see (docs/domain/repairs.md).

use schemas::RepairId;
use schemas::events::repair::{RepairBackFromWorkshop, RepairSentToWorkshop, Workshop};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::RepairRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Gives a device that is received, diagnosed, approved or being worked on to a supplier's workshop or a user. One
/// that is there already stays there; one that is with somebody else must come back first. The target's clock goes
/// on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendToWorkshop {
    pub repair_id: RepairId,
    pub workshop: Workshop,
    /// At most 1,000 characters; the workshop reads them.
    #[serde(default)]
    pub instructions: Option<String>,
}

impl Decide for SendToWorkshop {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        let who = match &self.workshop {
            Workshop::Supplier { supplier_id } => streams::supplier(supplier_id),
            Workshop::User { username } => streams::user(username),
        };
        work.require([&streams::tenant(), &stream, &who])?;
        work.tenant(&ctx.tenant)?;
        match &self.workshop {
            Workshop::Supplier { supplier_id } => drop(work.supplier(supplier_id)?),
            Workshop::User { username } => drop(work.user(username)?),
        }
        check_optional_text("instructions", self.instructions.as_deref(), 1_000)?;
        let found = work.repair(id)?;
        match found.status {
            Status::Received | Status::Diagnosed | Status::Approved | Status::InProgress => {}
            Status::Quoted
            | Status::Declined
            | Status::WaitingForParts
            | Status::Ready
            | Status::Delivered
            | Status::ReturnedUnrepaired
            | Status::Cancelled => return Err(found.refusal(id)),
        }
        match &found.workshop {
            Some(other) if *other != self.workshop => {
                let repair_id = id.clone();
                return Err(RepairRefusal::AtWorkshop { repair_id }.into());
            }
            Some(_) => {}
            None => {
                let sent = RepairSentToWorkshop {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    workshop: self.workshop.clone(),
                    instructions: self.instructions.clone(),
                };
                work.emit(stream, sent)?;
            }
        }
        Ok(work.finish(json!({ "repair_id": id, "workshop": self.workshop })))
    }
}

/// Has the device back from wherever it was sent, in any status; refused when it was not away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeFromWorkshop {
    pub repair_id: RepairId,
}

impl Decide for TakeFromWorkshop {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        let Some(workshop) = found.workshop.clone() else {
            let repair_id = id.clone();
            return Err(RepairRefusal::NotAtWorkshop { repair_id }.into());
        };
        let back = RepairBackFromWorkshop {
            repair_id: id.clone(),
            store: found.store.clone(),
            workshop,
        };
        work.emit(stream, back)?;
        Ok(work.finish(json!({ "repair_id": id })))
    }
}
