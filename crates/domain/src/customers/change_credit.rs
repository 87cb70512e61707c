//! Changes how far a customer may owe. A debt above the new limit stays; it only keeps more from being added.

use schemas::CustomerId;
use schemas::events::customer::{CreditTerms, CustomerCreditChanged};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces a customer's terms of credit. The terms that hold already change nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeCredit {
    pub customer_id: CustomerId,
    pub credit: CreditTerms,
}

/// # Errors
/// [`Refusal::CreditLimitNegative`].
pub(super) fn check_terms(credit: CreditTerms) -> Result<(), Refusal> {
    match credit {
        CreditTerms::Limited { limit_minor } if limit_minor.is_negative() => {
            Err(Refusal::CreditLimitNegative {})
        }
        CreditTerms::None | CreditTerms::Limited { .. } | CreditTerms::Unlimited => Ok(()),
    }
}

impl Decide for ChangeCredit {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        check_terms(self.credit)?;
        let customer = work.customer(&self.customer_id)?;
        let balance_minor = customer.balance_minor;
        if customer.credit != self.credit {
            let customer_id = self.customer_id.clone();
            work.emit(
                stream,
                CustomerCreditChanged {
                    customer_id,
                    credit: self.credit,
                    currency,
                },
            )?;
        }
        Ok(work.finish(json!({ "customer_id": self.customer_id, "balance_minor": balance_minor })))
    }
}
