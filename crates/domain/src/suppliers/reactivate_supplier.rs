//! Lets a supplier be ordered from again.

use schemas::SupplierId;
use schemas::events::supplier::SupplierReactivated;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Allows orders to a supplier again; an active one stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReactivateSupplier {
    pub supplier_id: SupplierId,
}

impl Decide for ReactivateSupplier {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.supplier_id;
        let stream = streams::supplier(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let supplier = work.supplier(id)?;
        let balance_minor = supplier.balance_minor;
        if !supplier.active {
            let supplier_id = id.clone();
            work.emit(stream, SupplierReactivated { supplier_id })?;
        }
        Ok(work.finish(json!({ "supplier_id": id, "active": true, "balance_minor": balance_minor })))
    }
}
