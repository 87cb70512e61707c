//! Charges a customer's account by hand, within the terms of credit.

use schemas::events::customer::LedgerCause;
use schemas::{CustomerId, Minor};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::customer::charge;
use crate::bounds::{check_optional_text, check_positive};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargeCustomer {
    pub customer_id: CustomerId,
    /// Positive.
    pub amount_minor: Minor,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ChargeCustomer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        work.require([&streams::tenant(), &streams::customer(&self.customer_id)])?;
        work.tenant(&ctx.tenant)?;
        let customer = work.customer(&self.customer_id)?;
        check_positive("amount_minor", self.amount_minor)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        customer.check_credit(&self.customer_id, self.amount_minor)?;
        let cause = LedgerCause::Manual {
            note: self.note.clone(),
        };
        charge(&mut work, &self.customer_id, self.amount_minor, cause)?;
        let balance_minor = work.customer(&self.customer_id)?.balance_minor;
        Ok(work.finish(json!({ "customer_id": self.customer_id, "balance_minor": balance_minor })))
    }
}
