//! Gives up what was ordered and has not come: of some lines, or of all. An order of which nothing came is over then.

use schemas::events::purchase::{CancelledLine, PurchaseCancelled};
use schemas::{Minor, PurchaseId, Quantity};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::purchase::Purchase;
use super::terms::{MAX_ENTRIES, check_once, ordered_line};
use crate::bounds::check_entries;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{PurchaseRefusal, Refusal};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Gives up what is outstanding of an order, sent or not; what came stays, and the tolerance of these lines ends. A
/// closed purchase is refused; where nothing is outstanding nothing changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelPurchase {
    pub purchase_id: PurchaseId,
    /// The order's lines whose rest is given up, at most 2,000; absent: of all lines.
    #[serde(default)]
    pub lines: Option<Vec<i64>>,
}

impl Decide for CancelPurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let purchase = work.purchase(id)?;
        if purchase.status == Status::Closed {
            let purchase_id = id.clone();
            return Err(PurchaseRefusal::PurchaseClosed { purchase_id }.into());
        }
        let lines = self.given_up(purchase)?;
        if !lines.is_empty() {
            let cancelled = PurchaseCancelled {
                purchase_id: id.clone(),
                supplier_id: purchase.supplier_id.clone(),
                store: purchase.store.clone(),
                net_minor: Minor::sum(lines.iter().map(|line| line.net_minor))?,
                currency: purchase.currency,
                lines,
            };
            work.emit(stream, cancelled)?;
        }
        let status = work.purchase(id)?.status_word();
        Ok(work.finish(json!({ "purchase_id": id, "status": status })))
    }
}

impl CancelPurchase {
    fn given_up(&self, purchase: &Purchase) -> Result<Vec<CancelledLine>, Refusal> {
        let numbers: Vec<i64> = match &self.lines {
            Some(numbers) => {
                check_entries("lines", numbers.len(), MAX_ENTRIES)?;
                check_once(numbers.iter().map(|number| (*number, ())))?;
                numbers.clone()
            }
            None => (1..).take(purchase.lines.len()).collect(),
        };
        let mut lines = Vec::new();
        for (index, number) in numbers.into_iter().enumerate() {
            let line = ordered_line(purchase, &self.purchase_id, number, index)?;
            if let Ok(quantity) = Quantity::new(line.outstanding()) {
                lines.push(CancelledLine {
                    line: number,
                    sku: line.sku.clone(),
                    quantity,
                    net_minor: line.unit_cost_minor.times(quantity)?,
                });
            }
        }
        Ok(lines)
    }
}
