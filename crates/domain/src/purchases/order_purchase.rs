//! Writes an order to a supplier, which must exist and be active; sends it in the same step when that is asked for.

use schemas::events::purchase::{PurchaseOrdered, PurchaseSent};
use schemas::events::settings::Series;
use schemas::{PurchaseId, StoreId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::content::{Asked, OrderLineRequest};
use super::purchase::document;
use crate::admin::next_number;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::PurchaseRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Writes an order at the costs given and today's taxes; nothing is owed or on any shelf before goods come. With `send`
/// it is with the supplier at once and cannot be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPurchase {
    /// Absent: one is generated.
    #[serde(default)]
    pub purchase_id: Option<PurchaseId>,
    /// Active.
    pub supplier_id: SupplierId,
    /// Where the goods are to arrive; open.
    pub store: StoreId,
    /// 1 to 2,000.
    pub lines: Vec<OrderLineRequest>,
    /// 0 to 100.
    pub tolerance_percent: i64,
    /// `2026-12-01`.
    #[serde(default)]
    pub expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
    /// Approve and send it at once.
    #[serde(default)]
    pub send: bool,
}

impl Decide for OrderPurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let purchase_id = ctx.given_or_fresh(self.purchase_id.as_ref(), "purchase");
        let asked = Asked {
            supplier_id: &self.supplier_id,
            store: &self.store,
            lines: &self.lines,
            tolerance_percent: self.tolerance_percent,
            expected_on: self.expected_on.as_deref(),
            note: self.note.as_deref(),
        };
        let reckoned = asked.reckon(&work, ctx, &purchase_id)?;
        let stream = streams::purchase(&purchase_id);
        if !matches!(work.state(&stream)?, State::Purchase(None)) {
            return Err(PurchaseRefusal::PurchaseExists { purchase_id }.into());
        }
        let number = next_number(&mut work, Series::Purchase, &document(&purchase_id))?;
        let (supplier_id, store) = (self.supplier_id.clone(), self.store.clone());
        let ordered = PurchaseOrdered {
            purchase_id: purchase_id.clone(),
            number,
            supplier_id: supplier_id.clone(),
            store: store.clone(),
            lines: reckoned.lines,
            tolerance_percent: self.tolerance_percent,
            expected_on: self.expected_on.clone(),
            note: self.note.clone(),
            net_minor: reckoned.net_minor,
            tax_minor: reckoned.tax_minor,
            total_minor: reckoned.total_minor,
            currency: reckoned.currency,
        };
        let mut answer = json!(ordered);
        work.emit(stream.clone(), ordered)?;
        if self.send {
            let sent = PurchaseSent {
                purchase_id: purchase_id.clone(),
                supplier_id,
                store,
            };
            work.emit(stream, sent)?;
        }
        let purchase = work.purchase(&purchase_id)?;
        answer["status"] = json!(purchase.status_word());
        answer["revision"] = json!(purchase.revision);
        Ok(work.finish(answer))
    }
}
