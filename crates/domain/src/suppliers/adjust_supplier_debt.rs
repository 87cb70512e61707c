//! Puts the account with a supplier right by a difference: a balance from before, a discount granted later, an error.

use schemas::events::supplier::SupplierDebtAdjusted;
use schemas::{DebtAdjustmentId, Minor, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::SupplierRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes what we owe without a purchase or payment behind it; the balance may fall below zero. An id that is among
/// the newest 200 adjustments is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdjustSupplierDebt {
    pub supplier_id: SupplierId,
    /// Absent: one is generated.
    #[serde(default)]
    pub adjustment_id: Option<DebtAdjustmentId>,
    /// Not 0: what is added to what we owe.
    pub delta_minor: Minor,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for AdjustSupplierDebt {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        if self.delta_minor.is_zero() {
            return Err(SupplierRefusal::DebtDeltaZero {}.into());
        }
        check_optional_text("note", self.note.as_deref(), 500)?;
        let adjustment_id = ctx.given_or_fresh(self.adjustment_id.as_ref(), "debt adjustment");
        if supplier.adjustments.contains(&adjustment_id) {
            return Err(SupplierRefusal::DebtAdjustmentExists { adjustment_id }.into());
        }
        let balance_minor = supplier.balance_minor.plus(self.delta_minor)?;
        let adjusted = SupplierDebtAdjusted {
            supplier_id: id.clone(),
            adjustment_id: Some(adjustment_id.clone()),
            delta_minor: self.delta_minor,
            currency: supplier.currency,
            note: self.note.clone(),
            balance_minor,
        };
        work.emit(stream, adjusted)?;
        Ok(work.finish(json!({
            "supplier_id": id,
            "adjustment_id": adjustment_id,
            "balance_minor": balance_minor,
        })))
    }
}
