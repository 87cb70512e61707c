//! Writes an order anew that the supplier does not have yet. Who changes it names the revision that they saw, so that
//! nobody's change is lost unseen; its number stays. What had been given up of its lines goes with them.

use schemas::events::purchase::PurchaseChanged;
use schemas::{PurchaseId, StoreId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Purchase;
use super::content::{Asked, OrderLineRequest, Reckoned};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::PurchaseRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces all that an order says, also supplier and store, before it is sent. Costs and taxes are reckoned anew at
/// today's rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangePurchase {
    pub purchase_id: PurchaseId,
    /// The revision that this replaces. A change that asks for what is there already is done, whatever it says here.
    pub expected_revision: i64,
    /// Active.
    pub supplier_id: SupplierId,
    /// Where the goods are to arrive; open.
    pub store: StoreId,
    /// 1 to 2,000: all lines, also those that stay.
    pub lines: Vec<OrderLineRequest>,
    /// 0 to 100.
    pub tolerance_percent: i64,
    /// `2026-12-01`.
    #[serde(default)]
    pub expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ChangePurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        work.purchase(id)?.check_changeable(id)?;
        let asked = Asked {
            supplier_id: &self.supplier_id,
            store: &self.store,
            lines: &self.lines,
            tolerance_percent: self.tolerance_percent,
            expected_on: self.expected_on.as_deref(),
            note: self.note.as_deref(),
        };
        let reckoned = asked.reckon(&work, ctx, id)?;
        let purchase = work.purchase(id)?;
        let changed = self.event(purchase, reckoned);
        if !says_already(purchase, &changed) {
            self.check_revision(purchase)?;
            work.emit(stream, changed)?;
        }
        let purchase = work.purchase(id)?;
        let mut answer = json!(purchase.written);
        answer["status"] = json!(purchase.status_word());
        answer["revision"] = json!(purchase.revision);
        Ok(work.finish(answer))
    }
}

impl ChangePurchase {
    fn event(&self, purchase: &Purchase, reckoned: Reckoned) -> PurchaseChanged {
        PurchaseChanged {
            purchase_id: self.purchase_id.clone(),
            revision: purchase.revision.saturating_add(1),
            supplier_id: self.supplier_id.clone(),
            store: self.store.clone(),
            lines_before: i64::try_from(purchase.lines.len()).unwrap_or(i64::MAX),
            lines: reckoned.lines,
            tolerance_percent: self.tolerance_percent,
            expected_on: self.expected_on.clone(),
            note: self.note.clone(),
            net_minor: reckoned.net_minor,
            tax_minor: reckoned.tax_minor,
            total_minor: reckoned.total_minor,
            currency: reckoned.currency,
        }
    }

    fn check_revision(&self, purchase: &Purchase) -> Result<(), PurchaseRefusal> {
        if self.expected_revision == purchase.revision {
            return Ok(());
        }
        Err(PurchaseRefusal::RevisionStale {
            purchase_id: self.purchase_id.clone(),
            revision: purchase.revision,
            expected: self.expected_revision,
        })
    }
}

/// Whether the order says so already, to the last word, and nothing of it was given up.
fn says_already(purchase: &Purchase, changed: &PurchaseChanged) -> bool {
    let is_whole = purchase.lines.iter().all(|line| line.cancelled == 0);
    let is_same = purchase.written.as_ref().is_some_and(|written| {
        written.supplier_id == changed.supplier_id
            && written.store == changed.store
            && written.lines == changed.lines
            && written.tolerance_percent == changed.tolerance_percent
            && written.expected_on == changed.expected_on
            && written.note == changed.note
            && written.currency == changed.currency
    });
    is_whole && is_same
}
