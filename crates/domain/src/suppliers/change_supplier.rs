//! Replaces what is known of a supplier. The same details again change nothing.

use schemas::SupplierId;
use schemas::events::supplier::{SupplierChanged, SupplierDetails};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::register_supplier::check_details;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces a supplier's details, of an inactive one, too. Orders that were written keep what they say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeSupplier {
    pub supplier_id: SupplierId,
    /// All of them; what is absent is cleared.
    pub details: SupplierDetails,
}

impl Decide for ChangeSupplier {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        check_details(&self.details)?;
        let (active, balance_minor) = (supplier.active, supplier.balance_minor);
        if supplier.details != self.details {
            let changed = SupplierChanged {
                supplier_id: id.clone(),
                details: self.details.clone(),
            };
            work.emit(stream, changed)?;
        }
        Ok(work.finish(json!({ "supplier_id": id, "active": active, "balance_minor": balance_minor })))
    }
}
