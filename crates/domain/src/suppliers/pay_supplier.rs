//! Pays a supplier. More than we owe becomes an advance: the balance falls below zero.

use schemas::events::sale::PaymentMethod;
use schemas::events::supplier::SupplierPaid;
use schemas::{Minor, PaymentId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::{check_optional_text, check_positive};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lowers what we owe by money that went out, to an inactive supplier, too. An id that is among the newest 200 payments
/// is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaySupplier {
    pub supplier_id: SupplierId,
    /// Absent: one is generated.
    #[serde(default)]
    pub payment_id: Option<PaymentId>,
    /// Positive.
    pub amount_minor: Minor,
    /// Cash, card or transfer.
    pub method: PaymentMethod,
    /// The bank's or the receipt's; at most 200 characters, never a card number.
    #[serde(default)]
    pub reference: Option<String>,
}

impl Decide for PaySupplier {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        check_positive("amount_minor", self.amount_minor)?;
        check_optional_text("reference", self.reference.as_deref(), 200)?;
        let is_money = matches!(
            self.method,
            PaymentMethod::Cash | PaymentMethod::Card | PaymentMethod::Transfer
        );
        if !is_money {
            return Err(Refusal::PaymentMethodNotAllowed {}.into());
        }
        let payment_id = ctx.given_or_fresh(self.payment_id.as_ref(), "payment");
        if supplier.payments.contains(&payment_id) {
            return Err(Refusal::PaymentExists { payment_id }.into());
        }
        let balance_minor = supplier.balance_minor.minus(self.amount_minor)?;
        let paid = SupplierPaid {
            supplier_id: id.clone(),
            payment_id: payment_id.clone(),
            amount_minor: self.amount_minor,
            currency: supplier.currency,
            method: self.method,
            reference: self.reference.clone(),
            balance_minor,
        };
        work.emit(stream, paid)?;
        Ok(work.finish(json!({
            "supplier_id": id,
            "payment_id": payment_id,
            "balance_minor": balance_minor,
        })))
    }
}
