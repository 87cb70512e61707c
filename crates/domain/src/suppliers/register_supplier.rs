//! Registers a supplier, which must exist before anything is bought from it.

use schemas::events::supplier::{SupplierDetails, SupplierRegistered};
use schemas::{Minor, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::{check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, SupplierRefusal};
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ten years.
const MAX_PAYMENT_DAYS: i64 = 3_650;

/// Opens an account with a balance of zero in the tenant's currency, for an active supplier under a new id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterSupplier {
    /// Absent: one is generated.
    #[serde(default)]
    pub supplier_id: Option<SupplierId>,
    pub details: SupplierDetails,
}

/// # Errors
/// A text or term that is out of bounds.
pub(super) fn check_details(details: &SupplierDetails) -> Result<(), Refusal> {
    check_text("name", &details.name, 200)?;
    check_optional_text("tax_id", details.tax_id.as_deref(), 50)?;
    check_optional_text("note", details.note.as_deref(), 1_000)?;
    match details.payment_days {
        Some(days) if !(0..=MAX_PAYMENT_DAYS).contains(&days) => {
            let max = MAX_PAYMENT_DAYS;
            Err(SupplierRefusal::PaymentDaysInvalid { days, max }.into())
        }
        Some(_) | None => Ok(()),
    }
}

impl Decide for RegisterSupplier {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let supplier_id = ctx.given_or_fresh(self.supplier_id.as_ref(), "supplier");
        let stream = streams::supplier(&supplier_id);
        work.require([&streams::tenant(), &stream])?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        if !matches!(work.state(&stream)?, State::Supplier(None)) {
            return Err(SupplierRefusal::SupplierExists { supplier_id }.into());
        }
        check_details(&self.details)?;
        let registered = SupplierRegistered {
            supplier_id: supplier_id.clone(),
            details: self.details.clone(),
            currency,
        };
        work.emit(stream, registered)?;
        Ok(work.finish(json!({ "supplier_id": supplier_id, "active": true, "balance_minor": Minor::ZERO })))
    }
}
