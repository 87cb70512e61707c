//! Takes money for a customer's account. More than is owed becomes store credit.

use schemas::events::customer::CustomerPaymentReceived;
use schemas::events::sale::PaymentMethod;
use schemas::{CustomerId, Minor, PaymentId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_positive;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lowers a customer's balance by money that came in; blocked and archived customers may pay, too. An id that is among
/// the newest 200 payments is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceivePayment {
    pub customer_id: CustomerId,
    /// Absent: one is generated.
    #[serde(default)]
    pub payment_id: Option<PaymentId>,
    /// Positive.
    pub amount_minor: Minor,
    /// Cash, card or transfer.
    pub method: PaymentMethod,
}

impl Decide for ReceivePayment {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let customer = work.customer(&self.customer_id)?;
        check_positive("amount_minor", self.amount_minor)?;
        match self.method {
            PaymentMethod::Cash | PaymentMethod::Card | PaymentMethod::Transfer => {}
            PaymentMethod::Credit | PaymentMethod::StoreCredit | PaymentMethod::Exchange => {
                return Err(Refusal::PaymentMethodNotAllowed {}.into());
            }
        }
        let payment_id = ctx.given_or_fresh(self.payment_id.as_ref(), "payment");
        if customer.payments.contains(&payment_id) {
            return Err(Refusal::PaymentExists { payment_id }.into());
        }
        let balance_minor = customer.balance_minor.minus(self.amount_minor)?;
        let received = CustomerPaymentReceived {
            customer_id: self.customer_id.clone(),
            payment_id: payment_id.clone(),
            amount_minor: self.amount_minor,
            currency: customer.currency,
            method: self.method,
            balance_minor,
        };
        work.emit(stream, received)?;
        Ok(work.finish(json!({
            "customer_id": self.customer_id,
            "payment_id": payment_id,
            "balance_minor": balance_minor,
        })))
    }
}
