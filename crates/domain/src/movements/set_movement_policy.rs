//! Says from which size on a movement waits for somebody else. Without any limit nothing waits; movements that wait
//! already go on waiting. Setting what holds already changes nothing.

use schemas::Minor;
use schemas::events::movement::MovementPolicySet;
use schemas::money::MAX_MINOR;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::StockRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces both limits for all stores. A limit that is absent is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetMovementPolicy {
    /// More pieces than this wait; 0 or more.
    #[serde(default)]
    pub max_quantity: Option<i64>,
    /// Goods worth more than this wait; 0 or more minor units of the tenant's currency.
    #[serde(default)]
    pub max_value_minor: Option<Minor>,
}

impl Decide for SetMovementPolicy {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let limits = [
            ("max_quantity", self.max_quantity),
            ("max_value_minor", self.max_value_minor.map(Minor::get)),
        ];
        for (field, limit) in limits {
            if limit.is_some_and(|limit| !(0..=MAX_MINOR).contains(&limit)) {
                let field = field.to_owned();
                return Err(StockRefusal::MovementPolicyInvalid { field }.into());
            }
        }
        let set = MovementPolicySet {
            max_quantity: self.max_quantity,
            max_value_minor: self.max_value_minor,
        };
        if work.tenant(&ctx.tenant)?.movement_policy != set {
            work.emit(streams::tenant(), set)?;
        }
        Ok(work.finish(json!({
            "max_quantity": self.max_quantity, "max_value_minor": self.max_value_minor,
        })))
    }
}
