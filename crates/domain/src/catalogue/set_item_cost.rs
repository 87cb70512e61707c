//! Says what one piece of an item usually costs to buy, or that nobody knows. The shelves' own averages stay as they
//! are. Saying what holds already changes nothing.

use schemas::events::catalogue::ItemCostSet;
use schemas::{Minor, Sku};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_not_negative;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Notes what one piece usually costs, without moving any shelf's value; of discontinued items, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetItemCost {
    pub sku: Sku,
    /// 0 or more minor units of the tenant's currency; absent clears it.
    #[serde(default)]
    pub cost_minor: Option<Minor>,
}

impl Decide for SetItemCost {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::item(&self.sku);
        work.require([&streams::tenant(), &stream])?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        check_not_negative("cost_minor", self.cost_minor)?;
        if work.item(&self.sku)?.cost_minor != self.cost_minor {
            let set = ItemCostSet {
                sku: self.sku.clone(),
                cost_minor: self.cost_minor,
                currency,
            };
            work.emit(stream, set)?;
        }
        Ok(work.finish(json!({ "sku": self.sku, "cost_minor": self.cost_minor })))
    }
}
