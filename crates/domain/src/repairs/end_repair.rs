//! Ends a repair without a delivery: the device goes back as it is. What is kept for it goes back to everybody; parts
//! that were taken and not given back were used up. Saying it again changes nothing.
//!
//! Not here: what is charged all the same (`fee`).

use schemas::events::customer::LedgerCause;
use schemas::events::repair::{RepairCancelled, RepairReturnedUnrepaired};
use schemas::events::sale::DraftLine;
use schemas::{Minor, RepairId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::fee;
use super::parts::{let_go, load_kept};
use super::repair::Repair;
use crate::bounds::{check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::customers;
use crate::sales::PaymentRequest;
use crate::stock::end_custody;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// It cannot or shall not be repaired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnUnrepaired {
    pub repair_id: RepairId,
    /// At most 500 characters.
    pub cause: String,
    /// What the customer pays all the same: services, such as a diagnosis; at most 20. Never when the warranty pays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fee: Vec<DraftLine>,
    /// At most 50; they come to the fee's total, and only cash gives change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<PaymentRequest>,
}

impl Decide for ReturnUnrepaired {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let found = load_kept(&work, ctx, id)?;
        check_text("cause", &self.cause, 500)?;
        let mut answer = json!({ "repair_id": id, "status": "returned_unrepaired" });
        match found.status {
            Status::ReturnedUnrepaired => {}
            Status::Diagnosed
            | Status::Quoted
            | Status::Approved
            | Status::Declined
            | Status::InProgress
            | Status::WaitingForParts => {
                found.check_here(id)?;
                let charged = fee::reckon(&work, ctx, &found, (&self.fee, &self.payments))?;
                let (fee, on_account) = charged.map_or((None, Minor::ZERO), |charged| {
                    (Some(charged.fee), charged.on_account)
                });
                if let Some(fee) = &fee {
                    answer["currency"] = json!(fee.currency);
                    answer["total_minor"] = json!(fee.total_minor);
                    answer["tax_minor"] = json!(fee.tax_minor);
                    answer["change_minor"] = json!(fee.change_minor);
                }
                let returned = RepairReturnedUnrepaired {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    cause: self.cause.clone(),
                    fee,
                    sla: found.clock(Status::ReturnedUnrepaired, ctx.now),
                };
                work.emit(streams::repair(id), returned)?;
                let repair_id = id.clone();
                let cause = LedgerCause::Repair { repair_id };
                customers::charge(&mut work, &found.customer_id, on_account, cause)?;
                hand_back(&mut work, id, &found)?;
            }
            Status::Received | Status::Ready | Status::Delivered | Status::Cancelled => {
                return Err(found.refusal(id));
            }
        }
        Ok(work.finish(answer))
    }
}

/// Before any work was done: taken in by mistake, or the customer thought better of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelRepair {
    pub repair_id: RepairId,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for CancelRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let found = load_kept(&work, ctx, id)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        match found.status {
            Status::Cancelled => {}
            Status::Received | Status::Diagnosed | Status::Quoted | Status::Approved
                if found.parts.is_empty() =>
            {
                let cancelled = RepairCancelled {
                    repair_id: id.clone(),
                    store: found.store.clone(),
                    note: self.note.clone(),
                    sla: found.clock(Status::Cancelled, ctx.now),
                };
                found.check_here(id)?;
                work.emit(streams::repair(id), cancelled)?;
                hand_back(&mut work, id, &found)?;
            }
            Status::Received
            | Status::Diagnosed
            | Status::Quoted
            | Status::Approved
            | Status::Declined
            | Status::InProgress
            | Status::WaitingForParts
            | Status::Ready
            | Status::Delivered
            | Status::ReturnedUnrepaired => return Err(found.refusal(id)),
        }
        Ok(work.finish(json!({ "repair_id": id, "status": "cancelled" })))
    }
}

fn hand_back(work: &mut Work<'_>, id: &RepairId, found: &Repair) -> Result<(), Missing> {
    let_go(work, id, found)?;
    end_custody(work, &found.unit, id, None)
}
