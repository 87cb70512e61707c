//! Ends a quote or an order before it is delivered in full; what is kept for it is free again, even when its store is
//! closed by now. What was delivered stays with the customer and is invoiced or returned as before.

use schemas::OrderId;
use schemas::events::order::OrderCancelled;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::order::{document, load};
use super::{OrderLine, Stage};
use crate::bounds::distinct;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::OrderRefusal;
use crate::stock::Wanted;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a quote or order for good. Refused when everything was delivered, and for a quote that has expired; cancelled
/// already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelOrder {
    pub order_id: OrderId,
}

impl Decide for CancelOrder {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        let kept = match order.stage {
            Stage::Quote | Stage::Open => None,
            Stage::Confirmed if order.lines.iter().all(|line| OrderLine::undelivered(line) == 0) => {
                let order_id = id.clone();
                return Err(OrderRefusal::Delivered { order_id }.into());
            }
            Stage::Confirmed => Some(order.kept()),
            Stage::Cancelled => {
                return Ok(work.finish(json!({ "order_id": id, "status": order.status() })));
            }
            Stage::Expired => return Err(order.refusal(id).into()),
        };
        if let Some(kept) = &kept {
            work.require(&distinct(kept.streams())?)?;
        }
        let cancelled = OrderCancelled {
            order_id: id.clone(),
            store: order.store.clone(),
        };
        work.emit(streams::order(id), cancelled)?;
        if let Some(kept) = &kept {
            kept.release(&mut work, &document(id), &Wanted::default())?;
        }
        let status = work.order(id)?.status();
        Ok(work.finish(json!({ "order_id": id, "status": status })))
    }
}
