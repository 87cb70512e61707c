//! The work itself: begun, resting until parts come, resumed, done. Each step again changes nothing.

use schemas::RepairId;
use schemas::events::repair::{RepairReady, RepairResumed, RepairStarted, RepairWaitingForParts};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::parts::{let_go, load_kept};
use crate::bounds::{check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Begins: after the customer's approval, or after the diagnosis when the warranty pays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartRepair {
    pub repair_id: RepairId,
}

impl Decide for StartRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        match (found.status, found.covered) {
            (Status::InProgress, _) => {}
            (Status::Approved, _) | (Status::Diagnosed, true) => {
                let started = RepairStarted {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    sla: found.clock(Status::InProgress, ctx.now),
                };
                work.emit(stream, started)?;
            }
            (_, _) => return Err(found.refusal(id)),
        }
        Ok(work.finish(json!({ "repair_id": id, "status": "in_progress" })))
    }
}

/// Interrupts work that is under way; the target's clock rests until it is resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitForParts {
    pub repair_id: RepairId,
    /// Which parts; at most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for WaitForParts {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        match found.status {
            Status::WaitingForParts => {}
            Status::InProgress => {
                let waiting = RepairWaitingForParts {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    note: self.note.clone(),
                    sla: found.clock(Status::WaitingForParts, ctx.now),
                };
                work.emit(stream, waiting)?;
            }
            Status::Received
            | Status::Diagnosed
            | Status::Quoted
            | Status::Approved
            | Status::Declined
            | Status::Ready
            | Status::Delivered
            | Status::ReturnedUnrepaired
            | Status::Cancelled => return Err(found.refusal(id)),
        }
        Ok(work.finish(json!({ "repair_id": id, "status": "waiting_for_parts" })))
    }
}

/// Goes on: the parts are there, or what was ready is not right after all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeRepair {
    pub repair_id: RepairId,
}

impl Decide for ResumeRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        match found.status {
            Status::InProgress => {}
            Status::WaitingForParts | Status::Ready => {
                let resumed = RepairResumed {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    sla: found.clock(Status::InProgress, ctx.now),
                };
                work.emit(stream, resumed)?;
            }
            Status::Received
            | Status::Diagnosed
            | Status::Quoted
            | Status::Approved
            | Status::Declined
            | Status::Delivered
            | Status::ReturnedUnrepaired
            | Status::Cancelled => return Err(found.refusal(id)),
        }
        Ok(work.finish(json!({ "repair_id": id, "status": "in_progress" })))
    }
}

/// The device works again. What is still kept for the repair goes back to everybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinishRepair {
    pub repair_id: RepairId,
    /// At most 2,000 characters.
    pub work_done: String,
}

impl Decide for FinishRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let found = load_kept(&work, ctx, id)?;
        check_text("work_done", &self.work_done, 2_000)?;
        match found.status {
            Status::Ready => {}
            Status::InProgress => {
                found.check_here(id)?;
                let ready = RepairReady {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    work_done: self.work_done.clone(),
                    sla: found.clock(Status::Ready, ctx.now),
                };
                work.emit(streams::repair(id), ready)?;
                let_go(&mut work, id, &found)?;
            }
            Status::Received
            | Status::Diagnosed
            | Status::Quoted
            | Status::Approved
            | Status::Declined
            | Status::WaitingForParts
            | Status::Delivered
            | Status::ReturnedUnrepaired
            | Status::Cancelled => return Err(found.refusal(id)),
        }
        Ok(work.finish(json!({ "repair_id": id, "status": "ready" })))
    }
}
