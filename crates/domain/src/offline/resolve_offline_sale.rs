//! Somebody decides about a quarantined sale: it is completed after all, or another cause is left.

use schemas::QuarantineId;
use schemas::events::offline::{
    OfflinePayment, OfflineSaleAccepted, OfflineSaleAmended, QuarantineCause, QuarantineKind, Resolution,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::attempt::{Attempt, attempt, number_of, take_over};
use crate::admin::put_number;
use crate::bounds::check_entries;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{OfflineRefusal, Refusal};
use crate::sales::{MAX_PAYMENTS, check_reference};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Puts one thing of a quarantined sale right, or lets it pass, and tries to complete the sale. Only what fits its
/// present cause is allowed. If another cause is in the way, that is answered and the sale waits on; a mere retry that
/// changes nothing is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolveOfflineSale {
    pub quarantine_id: QuarantineId,
    pub resolution: Resolution,
}

impl Decide for ResolveOfflineSale {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.quarantine_id;
        let stream = streams::quarantine(id);
        work.require([&streams::tenant(), &stream])?;
        let mut found = work.quarantine(id)?.clone();
        found.check_open(id)?;
        check_fits(&found.cause, &self.resolution)?;
        if let Resolution::ReplaceUnit { line, .. }
        | Resolution::ReplaceItem { line, .. }
        | Resolution::CorrectQuantity { line, .. } = &self.resolution
            && found.line(*line).is_none()
        {
            return Err(OfflineRefusal::LineUnknown { line: *line }.into());
        }
        if let Resolution::CorrectPayments { payments } = &self.resolution {
            check_payments(payments)?;
        }
        let unit_dropped = found.drops_unit(&work, &self.resolution)?;
        found.apply(&self.resolution, unit_dropped);
        let (sale_id, store) = (found.sale.sale_id.clone(), found.sale.content.store.clone());
        let customer = found.sale.content.customer_id.as_ref().map(streams::customer);
        work.require(customer.as_ref())?;
        work.tenant(&ctx.tenant)?;
        match attempt(&work, ctx, &found.sale, &found.cashier, found.leniency)? {
            Attempt::Completes(decision) => {
                let mut answer = json!({ "quarantine_id": id, "sale_id": sale_id, "status": "accepted" });
                put_number(&mut answer, number_of(&decision));
                take_over(&mut work, decision)?;
                let accepted = OfflineSaleAccepted {
                    quarantine_id: id.clone(),
                    sale_id: sale_id.clone(),
                    store,
                    resolution: self.resolution.clone(),
                    unit_dropped,
                };
                work.emit(stream, accepted)?;
                Ok(work.finish(answer))
            }
            Attempt::Blocked(cause) if self.resolution == Resolution::Retry && cause == found.cause => {
                let (quarantine_id, cause) = (id.clone(), cause.code);
                Err(OfflineRefusal::StillBlocked { quarantine_id, cause }.into())
            }
            Attempt::Blocked(cause) => {
                let answer = json!({ "quarantine_id": id, "sale_id": sale_id, "status": "quarantined",
                                     "kind": cause.kind, "code": cause.code, "line": cause.line });
                let amended = OfflineSaleAmended {
                    quarantine_id: id.clone(),
                    sale_id,
                    store,
                    resolution: self.resolution.clone(),
                    unit_dropped,
                    cause,
                };
                work.emit(stream, amended)?;
                Ok(work.finish(answer))
            }
        }
    }
}

/// What the decision's event may keep; whether they come to the total is for the sale's own rules.
fn check_payments(payments: &[OfflinePayment]) -> Result<(), Refusal> {
    check_entries("resolution/payments", payments.len(), MAX_PAYMENTS)?;
    for (index, payment) in payments.iter().enumerate() {
        check_reference(index, payment.reference.as_deref())?;
    }
    Ok(())
}

/// Each kind has its own way out, so that nobody lets pass what nobody asked about.
fn check_fits(cause: &QuarantineCause, resolution: &Resolution) -> Result<(), OfflineRefusal> {
    let fits = match resolution {
        Resolution::Retry => true,
        Resolution::ReplaceUnit { .. } => {
            matches!(
                cause.kind,
                QuarantineKind::SerialSoldTwice | QuarantineKind::UnknownItem
            ) || is_about_goods(cause)
        }
        Resolution::ReplaceItem { .. } => cause.kind == QuarantineKind::UnknownItem || is_about_goods(cause),
        Resolution::AcceptNegativeStock => cause.kind == QuarantineKind::InsufficientStock,
        Resolution::AcceptOverLimit => cause.kind == QuarantineKind::CreditExceeded,
        Resolution::AcceptPrices => cause.kind == QuarantineKind::PriceChanged,
        Resolution::CorrectQuantity { .. } => {
            matches!(
                cause.code.as_str(),
                "quarantine.quantity_invalid" | "unit.quantity_not_one" | "amount.out_of_range"
            )
        }
        Resolution::CorrectCustomer { .. } => {
            cause.code == "quarantine.customer_unreadable" || cause.code.starts_with("customer.")
        }
        Resolution::CorrectPayments { .. } => {
            let code = cause.code.as_str();
            let is_amount = matches!(code, "amount.not_positive" | "credit.store_credit_insufficient");
            is_amount || code.starts_with("payment.") || cause.kind == QuarantineKind::PriceChanged
        }
        Resolution::CorrectTime { .. } => cause.code.starts_with("time."),
    };
    if fits {
        Ok(())
    } else {
        let kind = cause.kind.as_str().to_owned();
        Err(OfflineRefusal::ResolutionMismatch { kind })
    }
}

/// Whether a line was refused for what it says of its item or unit, though each of them may be known.
fn is_about_goods(cause: &QuarantineCause) -> bool {
    matches!(
        cause.code.as_str(),
        "unit.required" | "unit.other_item" | "unit.repeated" | "sale.line_without_goods"
    )
}
