//! Approves an order and sends it to the supplier, which must still be active.

use schemas::PurchaseId;
use schemas::events::purchase::PurchaseSent;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::PurchaseRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Puts a written order before its supplier: from now on it cannot be changed, and goods may come. One that is sent
/// already stays as it is; a closed or cancelled one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendPurchase {
    pub purchase_id: PurchaseId,
}

impl Decide for SendPurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let purchase = work.purchase(id)?;
        let purchase_id = id.clone();
        match purchase.status {
            Status::Ordered => {
                let (supplier_id, store) = (purchase.supplier_id.clone(), purchase.store.clone());
                work.active_supplier(&supplier_id)?;
                let sent = PurchaseSent {
                    purchase_id,
                    supplier_id,
                    store,
                };
                work.emit(stream, sent)?;
            }
            Status::Sent => {}
            Status::Closed => return Err(PurchaseRefusal::PurchaseClosed { purchase_id }.into()),
            Status::Cancelled => return Err(PurchaseRefusal::PurchaseCancelled { purchase_id }.into()),
        }
        let status = work.purchase(id)?.status_word();
        Ok(work.finish(json!({ "purchase_id": id, "status": status })))
    }
}
