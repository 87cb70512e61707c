//! Promises an order's goods: they are kept for it from now on, by the rules by which a sale takes them.

use schemas::OrderId;
use schemas::Quantity;
use schemas::events::order::OrderConfirmed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::order::{document, load};
use super::{Order, Stage};
use crate::bounds::distinct;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::stock::{Goods, Kept, keep};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Keeps all goods of an open order in its store, which must be open, until they are delivered or it is cancelled.
/// Confirmed already, it stays so; a quote must be accepted first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfirmOrder {
    pub order_id: OrderId,
}

impl Decide for ConfirmOrder {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        match order.stage {
            Stage::Open => confirm(&mut work, ctx, id, &order)?,
            Stage::Confirmed => {}
            Stage::Quote | Stage::Cancelled | Stage::Expired => return Err(order.refusal(id).into()),
        }
        let status = work.order(id)?.status();
        let answer = json!({
            "order_id": id, "status": status, "total_minor": order.total_minor, "currency": order.currency,
        });
        Ok(work.finish(answer))
    }
}

fn confirm(work: &mut Work<'_>, ctx: &Ctx, id: &OrderId, order: &Order) -> Result<(), Missing> {
    let mut all = vec![streams::store(&order.store)];
    all.extend(order.customer_id.iter().map(streams::customer));
    all.extend(order.lines.iter().map(|line| streams::item(&line.sku)));
    all.extend(order.kept().streams());
    work.require(&distinct(all)?)?;
    work.open_store(&order.store)?;
    if let Some(customer) = &order.customer_id {
        work.customer(customer)?.check_may_buy(customer)?;
    }
    let mut goods = Vec::with_capacity(order.lines.len());
    for line in &order.lines {
        goods.push(Goods {
            sku: line.sku.clone(),
            unit: line.unit.clone(),
            quantity: Quantity::new(line.quantity).map_err(|_| Refusal::AmountOutOfRange {})?,
            kind: work.item(&line.sku)?.kind,
        });
    }
    let confirmed = OrderConfirmed {
        order_id: id.clone(),
        store: order.store.clone(),
    };
    work.emit(streams::order(id), confirmed)?;
    let policy = work.tenant(&ctx.tenant)?.stock_policy;
    keep(
        work,
        policy,
        &order.store,
        &document(id),
        &goods,
        &Kept::default(),
    )
}
