//! Replaces all that is known of a supplier's contact. Personal fields arrive sealed, freshly each time, so that the
//! same text again is an event again.

use schemas::events::supplier::SupplierContactChanged;
use schemas::{ContactId, Sealed, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::SupplierRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces a contact that there is, field by field: what is absent is cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeSupplierContact {
    pub supplier_id: SupplierId,
    pub contact_id: ContactId,
    /// What the person does there; at most 100 characters.
    #[serde(default)]
    pub role: Option<String>,
    pub name: Sealed,
    #[serde(default)]
    pub email: Option<Sealed>,
    #[serde(default)]
    pub phone: Option<Sealed>,
}

impl Decide for ChangeSupplierContact {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        check_optional_text("role", self.role.as_deref(), 100)?;
        let contact_id = self.contact_id.clone();
        if !supplier.contacts.contains(&contact_id) {
            return Err(SupplierRefusal::ContactNotFound { contact_id }.into());
        }
        let event = SupplierContactChanged {
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
