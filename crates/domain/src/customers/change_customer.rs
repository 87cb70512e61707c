//! Changes what is known about a customer: kind, name, contact. Personal fields arrive sealed; what stays as it is does
//! not appear.
//!
//! A field that is sealed again cannot be told from a new one, so each given personal field is a change.

use schemas::events::catalogue::double_option;
use schemas::events::customer::{CustomerChanged, CustomerKind};
use schemas::{CustomerId, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes the fields that are given; absent ones stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeCustomer {
    pub customer_id: CustomerId,
    #[serde(default)]
    pub kind: Option<CustomerKind>,
    #[serde(default)]
    pub name: Option<Sealed>,
    /// Absent leaves it, `null` clears it; so it is with the following ones.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<Option<Sealed>>,
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<Sealed>>,
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub phone: Option<Option<Sealed>>,
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub address: Option<Option<Sealed>>,
}

impl Decide for ChangeCustomer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let customer = work.customer(&self.customer_id)?;
        let balance_minor = customer.balance_minor;
        let changed = CustomerChanged {
            customer_id: self.customer_id.clone(),
            kind: self.kind.filter(|kind| *kind != customer.kind),
            name: self.name.clone(),
            tax_id: self.tax_id.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            address: self.address.clone(),
        };
        let contact = [&self.tax_id, &self.email, &self.phone, &self.address];
        if changed.kind.is_some() || changed.name.is_some() || contact.iter().any(|field| field.is_some()) {
            work.emit(stream, changed)?;
        }
        Ok(work.finish(json!({ "customer_id": self.customer_id, "balance_minor": balance_minor })))
    }
}
