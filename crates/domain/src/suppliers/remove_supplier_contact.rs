//! Takes a person off a supplier's contacts. What was sealed stays in the log until the person's key is destroyed.

use schemas::events::supplier::SupplierContactRemoved;
use schemas::{ContactId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::SupplierRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Removes a contact that there is; its id is free again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoveSupplierContact {
    pub supplier_id: SupplierId,
    pub contact_id: ContactId,
}

impl Decide for RemoveSupplierContact {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let contact_id = self.contact_id.clone();
        if !work.supplier(id)?.contacts.contains(&contact_id) {
            return Err(SupplierRefusal::ContactNotFound { contact_id }.into());
        }
        let supplier_id = id.clone();
        work.emit(
            stream,
            SupplierContactRemoved {
                supplier_id,
                contact_id,
            },
        )?;
        Ok(work.finish(json!({ "supplier_id": id, "contact_id": self.contact_id })))
    }
}
