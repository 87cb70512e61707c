//! Says what is wrong with a device, and whether the warranty pays. The same again changes nothing; until there is a
//! quote, a better diagnosis replaces it.

use schemas::events::repair::{RepairDiagnosed, Workshop};
use schemas::{RepairId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::RepairRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Records the fault that was found, before there is a quote. Work that the warranty pays may be diagnosed anew,
/// which interrupts it. Only a device that was under warranty at the intake may be covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiagnoseRepair {
    pub repair_id: RepairId,
    /// At most 2,000 characters.
    pub diagnosis: String,
    /// Whether the warranty covers this fault. Absent: whenever one held at the intake.
    #[serde(default)]
    pub covered: Option<bool>,
    /// The workshop that says so, when it is not the shop: of a device that is elsewhere it knows nothing, and who pays
    /// stays what the shop decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workshop: Option<SupplierId>,
}

impl Decide for DiagnoseRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        if let Some(supplier_id) = self.workshop.clone()
            && found.workshop != Some(Workshop::Supplier { supplier_id })
        {
            let repair_id = id.clone();
            return Err(RepairRefusal::RepairNotFound { repair_id }.into());
        }
        // What the warranty was to pay may turn out on the workbench to be no case for it.
        let is_surprise = found.status == Status::InProgress && found.covered && self.workshop.is_none();
        if !matches!(found.status, Status::Received | Status::Diagnosed) && !is_surprise {
            return Err(found.refusal(id));
        }
        check_text("diagnosis", &self.diagnosis, 2_000)?;
        let covered = match (self.covered, &self.workshop) {
            (None, Some(_)) if found.status == Status::Diagnosed => found.covered,
            (wanted, _) => wanted.unwrap_or(found.under_warranty),
        };
        if covered && !found.under_warranty {
            let repair_id = id.clone();
            return Err(RepairRefusal::NotUnderWarranty { repair_id }.into());
        }
        let is_same = found.diagnosis.as_deref() == Some(self.diagnosis.as_str()) && found.covered == covered;
        if !is_same || is_surprise {
            let diagnosed = RepairDiagnosed {
                repair_id: id.clone(),
                store: found.store.clone(),
                diagnosis: self.diagnosis.clone(),
                covered,
                sla: found.clock(Status::Diagnosed, ctx.now),
            };
            work.emit(stream, diagnosed)?;
        }
        Ok(work.finish(json!({ "repair_id": id, "status": "diagnosed", "covered": covered })))
    }
}
