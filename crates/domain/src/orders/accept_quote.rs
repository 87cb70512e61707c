//! The customer accepts a quote: it becomes an order at the quoted prices. Not after its time, by the engine's clock.

use schemas::events::order::OrderAccepted;
use schemas::{CustomerId, OrderId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Stage;
use super::order::load;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::OrderRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Turns a quote that still holds into an open order. One that is an order already stays as it is; cancelled or
/// expired, it is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AcceptQuote {
    pub order_id: OrderId,
    /// Whose order it becomes; needed only for a quote that names nobody and is to be invoiced on credit.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
}

impl Decide for AcceptQuote {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        // Whose it is, is said with the acceptance and not after it.
        let customer_id = match order.stage {
            Stage::Quote => order.customer_id.clone().or_else(|| self.customer_id.clone()),
            Stage::Open | Stage::Confirmed | Stage::Cancelled | Stage::Expired => order.customer_id.clone(),
        };
        if let Some(given) = &self.customer_id
            && customer_id.as_ref() != Some(given)
        {
            let (order_id, customer_id) = (id.clone(), given.clone());
            return Err(OrderRefusal::OtherCustomer {
                order_id,
                customer_id,
            }
            .into());
        }
        match order.stage {
            Stage::Quote if order.valid_until.is_some_and(|until| ctx.now >= until) => {
                let order_id = id.clone();
                return Err(OrderRefusal::QuoteExpired { order_id }.into());
            }
            Stage::Quote => {
                let streams: Vec<_> = customer_id.iter().map(streams::customer).collect();
                work.require(&streams)?;
                if let Some(customer) = &customer_id {
                    work.customer(customer)?.check_may_buy(customer)?;
                }
                let accepted = OrderAccepted {
                    order_id: id.clone(),
                    store: order.store.clone(),
                    customer_id,
                };
                work.emit(streams::order(id), accepted)?;
            }
            Stage::Open | Stage::Confirmed => {}
            Stage::Cancelled | Stage::Expired => return Err(order.refusal(id).into()),
        }
        let status = work.order(id)?.status();
        let answer = json!({
            "order_id": id, "status": status, "total_minor": order.total_minor, "currency": order.currency,
        });
        Ok(work.finish(answer))
    }
}
