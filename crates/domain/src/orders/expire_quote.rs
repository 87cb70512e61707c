//! Ends a quote whose time is over. The platform asks for it (`processes::quote_expiry`), nobody else.

use schemas::OrderId;
use schemas::events::order::OrderExpired;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::order::load;
use super::{Stage, Status};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::OrderRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a quote for good once its time is over by the engine's clock; before that it is refused, and so is one that was
/// accepted or cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpireQuote {
    pub order_id: OrderId,
}

impl Decide for ExpireQuote {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        match (order.stage, order.valid_until) {
            (Stage::Quote, Some(until)) if ctx.now < until => {
                let valid_until = until.format(&Rfc3339).unwrap_or_default();
                let order_id = id.clone();
                return Err(OrderRefusal::NotDue {
                    order_id,
                    valid_until,
                }
                .into());
            }
            (Stage::Quote, Some(valid_until)) => {
                let expired = OrderExpired {
                    order_id: id.clone(),
                    store: order.store.clone(),
                    valid_until,
                };
                work.emit(streams::order(id), expired)?;
            }
            (Stage::Expired, _) => {}
            (Stage::Cancelled, _) => return Err(order.refusal(id).into()),
            (Stage::Open | Stage::Confirmed | Stage::Quote, _) => {
                let order_id = id.clone();
                return Err(OrderRefusal::Accepted { order_id }.into());
            }
        }
        Ok(work.finish(json!({ "order_id": id, "status": Status::Expired })))
    }
}
