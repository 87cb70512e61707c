//! Keeps new orders from going to a supplier. What is under way goes on, and so does its account.

use schemas::SupplierId;
use schemas::events::supplier::SupplierDeactivated;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Refuses new orders to a supplier and the sending of written ones; goods that are on their way may still come.
/// Inactive already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeactivateSupplier {
    pub supplier_id: SupplierId,
}

impl Decide for DeactivateSupplier {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        let balance_minor = supplier.balance_minor;
        if supplier.active {
            let supplier_id = id.clone();
            work.emit(stream, SupplierDeactivated { supplier_id })?;
        }
        Ok(work.finish(json!({ "supplier_id": id, "active": false, "balance_minor": balance_minor })))
    }
}
