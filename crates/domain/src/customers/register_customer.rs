//! Registers a customer with terms of credit. Personal fields arrive sealed.

use schemas::events::customer::{CreditTerms, CustomerKind, CustomerRegistered};
use schemas::{CustomerId, Minor, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::change_credit::check_terms;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Opens an account with a balance of zero in the tenant's currency, under an id that no customer ever had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterCustomer {
    pub customer_id: CustomerId,
    pub kind: CustomerKind,
    pub credit: CreditTerms,
    pub name: Sealed,
    #[serde(default)]
    pub tax_id: Option<Sealed>,
    #[serde(default)]
    pub email: Option<Sealed>,
    #[serde(default)]
    pub phone: Option<Sealed>,
    #[serde(default)]
    pub address: Option<Sealed>,
}

impl Decide for RegisterCustomer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        if !matches!(work.state(&stream)?, State::Customer(None)) {
            return Err(Refusal::CustomerExists {
                customer_id: self.customer_id.clone(),
            }
            .into());
        }
        check_terms(self.credit)?;
        let registered = CustomerRegistered {
            customer_id: self.customer_id.clone(),
            kind: self.kind,
            credit: self.credit,
            currency,
            name: self.name.clone(),
            tax_id: self.tax_id.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            address: self.address.clone(),
        };
        work.emit(stream, registered)?;
        Ok(work.finish(json!({ "customer_id": self.customer_id, "balance_minor": Minor::ZERO })))
    }
}
