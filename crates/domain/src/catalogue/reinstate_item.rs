//! Puts a discontinued item back on sale.

use schemas::Sku;
use schemas::events::catalogue::ItemReinstated;
use serde::{Deserialize, Serialize};

use super::fields;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lets a discontinued item be sold and bought again; one that is on sale stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReinstateItem {
    pub sku: Sku,
}

impl Decide for ReinstateItem {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::item(&self.sku);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.item(&self.sku)?.discontinued {
            work.emit(
                stream,
                ItemReinstated {
                    sku: self.sku.clone(),
                },
            )?;
        }
        Ok(work.finish(fields::answer(&self.sku)))
    }
}
