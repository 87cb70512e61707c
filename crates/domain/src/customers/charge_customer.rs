//! Charges a customer's account by hand, within the terms of credit.

use schemas::events::customer::{CustomerCharged, LedgerCause};
use schemas::{ChargeId, CustomerId, Minor};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::{check_optional_text, check_positive};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::CustomerRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Adds a debt that no sale, order or repair explains. Refused for blocked and archived customers and beyond the
/// credit's limit; an id that is among the newest 200 charges is refused, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargeCustomer {
    pub customer_id: CustomerId,
    /// Absent: one is generated.
    #[serde(default)]
    pub charge_id: Option<ChargeId>,
    /// Positive, in minor units of the tenant's currency.
    pub amount_minor: Minor,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ChargeCustomer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let customer = work.customer(&self.customer_id)?;
        check_positive("amount_minor", self.amount_minor)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        let charge_id = ctx.given_or_fresh(self.charge_id.as_ref(), "charge");
        if customer.charges.contains(&charge_id) {
            return Err(CustomerRefusal::ChargeExists { charge_id }.into());
        }
        customer.check_credit(&self.customer_id, self.amount_minor)?;
        let balance_minor = customer.balance_minor.plus(self.amount_minor)?;
        let charged = CustomerCharged {
            customer_id: self.customer_id.clone(),
            charge_id: Some(charge_id.clone()),
            amount_minor: self.amount_minor,
            currency: customer.currency,
            cause: LedgerCause::Manual {
                note: self.note.clone(),
            },
            balance_minor,
        };
        work.emit(stream, charged)?;
        Ok(work.finish(json!({
            "customer_id": self.customer_id,
            "charge_id": charge_id,
            "balance_minor": balance_minor,
        })))
    }
}
