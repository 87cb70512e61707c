//! Takes an item out of sale; stock and history stay.

use schemas::Sku;
use schemas::events::catalogue::ItemDiscontinued;
use serde::{Deserialize, Serialize};

use super::fields;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Refuses an item in new sales, quotes, orders and purchases; goods of it may still be moved, counted and returned.
/// Discontinued already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscontinueItem {
    pub sku: Sku,
}

impl Decide for DiscontinueItem {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::item(&self.sku);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if !work.item(&self.sku)?.discontinued {
            work.emit(
                stream,
                ItemDiscontinued {
                    sku: self.sku.clone(),
                },
            )?;
        }
        Ok(work.finish(fields::answer(&self.sku)))
    }
}
