//! Ends a purchase of which nothing is outstanding. Later costs and returns are still possible.

use schemas::PurchaseId;
use schemas::events::purchase::PurchaseClosed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::PurchaseRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Says that nothing more comes of a purchase that was sent. Refused while pieces are outstanding, and before it is
/// sent; closing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosePurchase {
    pub purchase_id: PurchaseId,
}

impl Decide for ClosePurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let purchase = work.purchase(id)?;
        if purchase.status != Status::Closed {
            purchase.check_receivable(id)?;
            let outstanding = purchase.outstanding();
            let purchase_id = id.clone();
            if outstanding > 0 {
                return Err(PurchaseRefusal::PurchaseOutstanding {
                    purchase_id,
                    outstanding,
                }
                .into());
            }
            let closed = PurchaseClosed {
                purchase_id,
                supplier_id: purchase.supplier_id.clone(),
                store: purchase.store.clone(),
            };
            work.emit(stream, closed)?;
        }
        Ok(work.finish(json!({ "purchase_id": id, "status": "closed" })))
    }
}
