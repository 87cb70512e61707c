//! Says whether stock may fall below zero. Setting the policy that holds already changes nothing.

use schemas::events::admin::{StockPolicy, StockPolicyChanged};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Says for all stores whether counted items may be sold below zero. Serialised ones never may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetStockPolicy {
    pub stock_policy: StockPolicy,
}

impl Decide for SetStockPolicy {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if work.tenant(&ctx.tenant)?.stock_policy != self.stock_policy {
            work.emit(
                streams::tenant(),
                StockPolicyChanged {
                    stock_policy: self.stock_policy,
                },
            )?;
        }
        Ok(work.finish(json!({ "stock_policy": self.stock_policy })))
    }
}
