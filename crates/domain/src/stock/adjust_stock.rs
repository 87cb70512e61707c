//! Corrects a counted item's figure by a difference, as after a stock-take. A large one waits for somebody else, where
//! the tenant's policy says so.

use schemas::events::catalogue::ItemKind;
use schemas::events::movement::{MovementKind, MovementLine};
use schemas::quantity::MAX_QUANTITY;
use schemas::{Sku, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::movements::{Asked, must_wait, wait};
use crate::refusal::Refusal;
use crate::stock::Shelf;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Sets right what a count found: adds `delta` pieces to a counted item's shelf in an open store. Never serialised
/// items, whose units come and go one by one. Beyond the tenant's limits nothing moves yet: the answer names a movement
/// that somebody else approves (INV-3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdjustStock {
    pub store: StoreId,
    /// A counted item; discontinued ones, too.
    pub sku: Sku,
    /// Not 0; bounded by ±1,000,000,000.
    pub delta: i64,
    /// At most 500 characters.
    #[serde(default)]
    pub comment: Option<String>,
}

impl Decide for AdjustStock {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let shelf_stream = streams::stock(&self.store, &self.sku);
        let item_stream = streams::item(&self.sku);
        work.require([
            &streams::tenant(),
            &streams::store(&self.store),
            &item_stream,
            &shelf_stream,
        ])?;
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        work.open_store(&self.store)?;
        let kind = work.item(&self.sku)?.kind;
        match kind {
            ItemKind::Counted => {}
            ItemKind::Serialised => {
                return Err(Refusal::StockNotCounted {
                    sku: self.sku.clone(),
                }
                .into());
            }
            ItemKind::Service => {
                return Err(Refusal::StockOfService {
                    sku: self.sku.clone(),
                }
                .into());
            }
        }
        if self.delta == 0 || !(-MAX_QUANTITY..=MAX_QUANTITY).contains(&self.delta) {
            return Err(Refusal::StockDeltaInvalid { delta: self.delta }.into());
        }
        check_optional_text("comment", self.comment.as_deref(), 500)?;
        let shelf = Shelf {
            store: &self.store,
            sku: &self.sku,
        };
        if self.delta < 0 {
            shelf.check_available(&work, (policy, kind), -self.delta, || "/delta".to_owned())?;
        }
        if let Some(asked) = must_wait(&work, ctx, || self.asked(&work))? {
            let mut answer = wait(&mut work, ctx, &asked, None)?;
            answer["sku"] = json!(self.sku);
            answer["on_hand"] = json!(work.stock(&self.store, &self.sku)?.on_hand);
            return Ok(work.finish(answer));
        }
        shelf.adjust(&mut work, self.delta, self.comment.as_deref())?;
        let on_hand = work.stock(&self.store, &self.sku)?.on_hand;
        Ok(work.finish(json!({ "store": self.store, "sku": self.sku, "on_hand": on_hand })))
    }
}

impl AdjustStock {
    /// The same as a movement that is asked for.
    fn asked(&self, work: &Work<'_>) -> Result<Asked, Missing> {
        Ok(Asked {
            kind: MovementKind::Adjustment,
            store: self.store.clone(),
            lines: vec![MovementLine {
                line: 1,
                sku: self.sku.clone(),
                item_name: work.item(&self.sku)?.name.clone(),
                quantity: self.delta,
                unit_cost_minor: None,
                units: Vec::new(),
                cause: None,
            }],
            comment: self.comment.clone(),
        })
    }
}
