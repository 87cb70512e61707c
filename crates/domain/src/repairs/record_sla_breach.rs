//! Records that a repair's target is missed, once. The platform asks for it (`processes::repair_sla`), nobody else.

use schemas::RepairId;
use schemas::events::repair::RepairSlaBreached;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::RepairRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Notes that a running clock has passed its target by the engine's time. Refused while the clock rests or time is
/// left; noted already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordSlaBreach {
    pub repair_id: RepairId,
}

impl Decide for RecordSlaBreach {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        let answer = json!({ "repair_id": id });
        if found.sla_breached {
            return Ok(work.finish(answer));
        }
        let repair_id = id.clone();
        let Some(due_at) = found.sla.due_at else {
            return Err(RepairRefusal::SlaResting { repair_id }.into());
        };
        if ctx.now < due_at {
            let due_at = due_at.format(&Rfc3339).unwrap_or_default();
            return Err(RepairRefusal::SlaNotDue { repair_id, due_at }.into());
        }
        let breached = RepairSlaBreached {
            repair_id,
            store: found.store.clone(),
            priority: found.priority,
            target_s: found.sla_target_s,
            due_at,
        };
        work.emit(stream, breached)?;
        Ok(work.finish(answer))
    }
}
