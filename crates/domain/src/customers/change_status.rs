//! Blocks a customer, lets them buy on credit again, or files them away. A customer with an open balance cannot be
//! archived: nobody would look for it.

use schemas::CustomerId;
use schemas::events::customer::{CustomerStatus, CustomerStatusChanged};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Amount, CustomerRefusal};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Takes a customer from any status to any other; the same status again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeCustomerStatus {
    pub customer_id: CustomerId,
    pub status: CustomerStatus,
}

impl Decide for ChangeCustomerStatus {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let customer = work.customer(&self.customer_id)?;
        let (customer_id, status) = (self.customer_id.clone(), self.status);
        let balance_minor = customer.balance_minor;
        if status == CustomerStatus::Archived && !balance_minor.is_zero() {
            let balance = Amount {
                minor: balance_minor,
                currency: customer.currency,
            };
            return Err(CustomerRefusal::BalanceOpen { customer_id, balance }.into());
        }
        if status != customer.status {
            work.emit(stream, CustomerStatusChanged { customer_id, status })?;
        }
        let answer =
            json!({ "customer_id": self.customer_id, "status": status, "balance_minor": balance_minor });
        Ok(work.finish(answer))
    }
}
