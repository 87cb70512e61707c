//! Saves a sale that is not finished: a new draft, or new content for an open one. It may keep its goods.

use schemas::SaleId;
use schemas::events::sale::{DraftContent, SaleDraftChanged, SaleDrafted};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::checkout;
use super::goods::holder;
use super::keeping::kept_by;
use super::lines::resolve;
use super::pricing::check_discount;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::stock::{Goods, Kept, Wanted, keep};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Keeps a sale that is not finished for later, new or written anew as a whole. Store, till, customer, items and
/// discounts are checked as for a sale; with `hold_stock` its goods are kept from other sales until it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaveDraft {
    /// Absent: a new draft under a generated id.
    #[serde(default)]
    pub sale_id: Option<SaleId>,
    /// Replaces all that the draft had.
    pub draft: DraftContent,
}

impl Decide for SaveDraft {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let sale_id = ctx.given_or_fresh(self.sale_id.as_ref(), "sale");
        let stream = streams::sale(&sale_id);
        let draft = &self.draft;
        let skus = checkout::open(&work, ctx, &sale_id, draft, None)?;
        let answer = json!({ "sale_id": sale_id });
        let is_new = matches!(work.state(&stream)?, State::Sale(None));
        let kept = if is_new {
            Kept::default()
        } else {
            let open = work.sale(&sale_id)?.open_draft(&sale_id)?;
            if open == draft {
                return Ok(work.finish(answer));
            }
            kept_by(&work, open)?
        };
        self.check_discounts()?;
        let tenant = work.tenant(&ctx.tenant)?;
        let policy = tenant.stock_policy;
        let lines = resolve(&work, tenant, &draft.lines, skus)?;
        if is_new {
            work.emit(
                stream,
                SaleDrafted {
                    sale_id: sale_id.clone(),
                    draft: draft.clone(),
                },
            )?;
        } else {
            work.emit(
                stream,
                SaleDraftChanged {
                    sale_id: sale_id.clone(),
                    draft: draft.clone(),
                },
            )?;
        }
        if draft.hold_stock {
            let goods: Vec<Goods> = lines.into_iter().map(|line| line.goods).collect();
            keep(&mut work, policy, &draft.store, &holder(&sale_id), &goods, &kept)?;
        } else {
            kept.release(&mut work, &holder(&sale_id), &Wanted::default())?;
        }
        Ok(work.finish(answer))
    }
}

impl SaveDraft {
    fn check_discounts(&self) -> Result<(), Refusal> {
        check_discount(self.draft.discount, || "/discount".to_owned())?;
        for (index, line) in self.draft.lines.iter().enumerate() {
            check_discount(line.discount, || format!("/lines/{index}/discount"))?;
        }
        Ok(())
    }
}
