//! Says below which figure of an item in a store somebody shall be told, or that nobody shall. Saying what holds already
//! changes nothing.

use schemas::events::alert::{ThresholdCleared, ThresholdSet};
use schemas::quantity::MAX_QUANTITY;
use schemas::{Sku, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::movement::{Shelf, has_stock};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, StockRefusal};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Sets or clears the minimum of one shelf in an open store; services have none. A shelf that is below a new minimum
/// raises its alert at once, and one that is not any more ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetThreshold {
    pub store: StoreId,
    pub sku: Sku,
    /// 1 to 1,000,000,000 pieces on hand; absent clears the threshold.
    #[serde(default)]
    pub minimum: Option<i64>,
}

impl Decide for SetThreshold {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::stock(&self.store, &self.sku);
        work.require([
            &streams::tenant(),
            &streams::store(&self.store),
            &streams::item(&self.sku),
            &stream,
        ])?;
        work.tenant(&ctx.tenant)?;
        work.open_store(&self.store)?;
        let (store, sku) = (self.store.clone(), self.sku.clone());
        if !has_stock(work.item(&self.sku)?.kind) {
            return Err(Refusal::StockOfService { sku }.into());
        }
        let threshold = &work.stock(&self.store, &self.sku)?.threshold;
        match self.minimum {
            Some(minimum) if !(1..=MAX_QUANTITY).contains(&minimum) => {
                return Err(StockRefusal::ThresholdInvalid { minimum }.into());
            }
            Some(minimum) if threshold.minimum != Some(minimum) => {
                work.emit(stream, ThresholdSet { store, sku, minimum })?;
            }
            None if threshold.minimum.is_some() => {
                let alert_id = threshold.alert_id.clone();
                work.emit(stream, ThresholdCleared { store, sku, alert_id })?;
            }
            Some(_) | None => {}
        }
        let shelf = Shelf {
            store: &self.store,
            sku: &self.sku,
        };
        shelf.settle(&mut work)?;
        let stock = work.stock(&self.store, &self.sku)?;
        let answer = json!({
            "store": self.store, "sku": self.sku, "minimum": self.minimum, "on_hand": stock.on_hand,
            "is_below": stock.threshold.alert_id.is_some(),
        });
        Ok(work.finish(answer))
    }
}
