//! Adds a person to talk to at a supplier. Personal fields arrive sealed.

use schemas::events::supplier::SupplierContactAdded;
use schemas::{ContactId, Sealed, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::SupplierRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Persons of one supplier.
const MAX_CONTACTS: usize = 100;

/// Adds a contact under an id that no other contact of the supplier has; at most 100.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddSupplierContact {
    pub supplier_id: SupplierId,
    /// Absent: one is generated.
    #[serde(default)]
    pub contact_id: Option<ContactId>,
    /// What the person does there; at most 100 characters.
    #[serde(default)]
    pub role: Option<String>,
    pub name: Sealed,
    #[serde(default)]
    pub email: Option<Sealed>,
    #[serde(default)]
    pub phone: Option<Sealed>,
}

impl Decide for AddSupplierContact {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        check_optional_text("role", self.role.as_deref(), 100)?;
        let contact_id = ctx.given_or_fresh(self.contact_id.as_ref(), "contact");
        if supplier.contacts.contains(&contact_id) {
            return Err(SupplierRefusal::ContactExists { contact_id }.into());
        }
        if supplier.contacts.len() >= MAX_CONTACTS {
            let (supplier_id, max) = (id.clone(), MAX_CONTACTS);
            return Err(SupplierRefusal::TooManyContacts { supplier_id, max }.into());
        }
        let event = SupplierContactAdded {
            supplier_id: id.clone(),
            contact_id: contact_id.clone(),
            role: self.role.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
        };
        work.emit(stream, event)?;
        Ok(work.finish(json!({ "supplier_id": id, "contact_id": contact_id })))
    }
}
