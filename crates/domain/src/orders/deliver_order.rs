//! Delivers goods of a confirmed order, all of what is left or a part: they leave the store, and what was kept for them
//! is not kept any more. The same delivery sent again adds nothing.

use schemas::events::order::{DeliveredLine, OrderDelivered};
use schemas::{Minor, OrderDeliveryId, OrderId, Quantity, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::order::{Handed, document, load};
use super::picks::{Pick, load_goods, named, rest};
use super::{MAX_DOCUMENTS, Order, OrderLine, Stage};
use crate::bounds::{self, MAX_LINES, check_entries};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{OrderRefusal, Refusal};
use crate::stock::{MovedCost, Shelf, dispatch_unit, has_stock};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Hands goods of a confirmed order over at its store, which must be open; nothing is charged before they are invoiced.
/// Never more than is left to deliver. An id that is known with other goods is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliverOrder {
    pub order_id: OrderId,
    /// Absent: one is generated.
    #[serde(default)]
    pub delivery_id: Option<OrderDeliveryId>,
    /// At most 1,000 lines with at most 1,000 units together. None: all that is left; serialised goods that were ordered
    /// without their units need lines.
    #[serde(default)]
    pub lines: Vec<DeliveryLineRequest>,
    /// When it happened; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

/// What is handed over of one line of the order; each line once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryLineRequest {
    /// Of the order, from 1.
    pub line: i64,
    /// Pieces.
    pub quantity: Quantity,
    /// For serialised goods: as many as `quantity`.
    #[serde(default)]
    pub units: Vec<UnitId>,
}

impl Decide for DeliverOrder {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        check_entries("lines", self.lines.len(), MAX_LINES)?;
        let units = self.lines.iter().map(|line| line.units.len()).sum();
        check_entries("units", units, MAX_LINES)?;
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        let delivery_id = self.delivery_id(ctx);
        if let Some(before) = order.deliveries.get(&delivery_id) {
            if !self.lines.is_empty() && self.handed() != before.lines {
                return Err(OrderRefusal::DeliveryExists { delivery_id }.into());
            }
            let answer = answer(&work, id, &delivery_id)?;
            return Ok(work.finish(answer));
        }
        if order.stage != Stage::Confirmed {
            return Err(order.refusal(id).into());
        }
        if order.deliveries.len() >= MAX_DOCUMENTS {
            let (order_id, max) = (id.clone(), MAX_DOCUMENTS);
            return Err(OrderRefusal::TooManyDocuments { order_id, max }.into());
        }
        let picks = if self.lines.is_empty() {
            rest(&order, OrderLine::undelivered)
        } else {
            let requests = self.lines.iter();
            named(
                id,
                &order,
                requests.map(|line| (line.line, line.quantity.get(), &line.units[..])),
            )?
        };
        if picks.is_empty() {
            let order_id = id.clone();
            return Err(OrderRefusal::Delivered { order_id }.into());
        }
        load_goods(&work, &order, &picks, None)?;
        work.open_store(&order.store)?;
        let occurred_at = bounds::occurred_at(self.occurred_at, ctx)?;
        let mut lines = Vec::with_capacity(picks.len());
        for (index, pick) in picks.iter().enumerate() {
            lines.push(hand_over(&mut work, ctx, (id, &order), pick, index)?);
        }
        let delivered = OrderDelivered {
            order_id: id.clone(),
            delivery_id: delivery_id.clone(),
            store: order.store.clone(),
            customer_id: order.customer_id.clone(),
            lines,
            occurred_at,
        };
        work.emit(streams::order(id), delivered)?;
        let answer = answer(&work, id, &delivery_id)?;
        Ok(work.finish(answer))
    }
}

impl DeliverOrder {
    fn delivery_id(&self, ctx: &Ctx) -> OrderDeliveryId {
        ctx.given_or_fresh(self.delivery_id.as_ref(), "delivery")
    }

    fn handed(&self) -> Vec<Handed> {
        let handed = |line: &DeliveryLineRequest| Handed {
            line: line.line,
            quantity: line.quantity.get(),
            units: line.units.clone(),
        };
        self.lines.iter().map(handed).collect()
    }
}

fn answer(work: &Work<'_>, id: &OrderId, delivery_id: &OrderDeliveryId) -> Result<Value, Missing> {
    let status = work.order(id)?.status();
    Ok(json!({ "order_id": id, "status": status, "delivery_id": delivery_id }))
}

/// A unit that another line of the order names is kept for that line, until it is delivered.
fn check_not_kept(id: &OrderId, order: &Order, pick: &Pick<'_>, line: usize) -> Result<(), Refusal> {
    let others = (1..).zip(&order.lines);
    let others = others.filter(|(number, other)| *number != pick.number && other.undelivered() > 0);
    let kept: Vec<_> = others.filter_map(|(_, other)| other.unit.as_ref()).collect();
    match pick.units.iter().find(|unit| kept.contains(unit)) {
        Some(unit) => Err(Refusal::UnitReserved {
            unit: unit.clone(),
            holder: document(id),
            line,
        }),
        None => Ok(()),
    }
}

/// Takes one line's goods out of the store. What is kept for the order is used first.
fn hand_over(
    work: &mut Work<'_>,
    ctx: &Ctx,
    (id, order): (&OrderId, &Order),
    pick: &Pick<'_>,
    line: usize,
) -> Result<DeliveredLine, Missing> {
    let left = pick.line.undelivered();
    if pick.quantity > left {
        return Err(OrderRefusal::DeliveryExceeds {
            sku: pick.line.sku.clone(),
            left,
            requested: pick.quantity,
            line,
        }
        .into());
    }
    let quantity = Quantity::new(pick.quantity).map_err(|_| Refusal::AmountOutOfRange {})?;
    let (store, sku) = (&order.store, &pick.line.sku);
    let kind = work.item(sku)?.kind;
    pick.check_units(work, kind, line)?;
    check_not_kept(id, order, pick, line)?;
    let mut cost = MovedCost::default();
    if has_stock(kind) {
        let (shelf, document) = (Shelf { store, sku }, document(id));
        let kept = work.stock(store, sku)?.held_by(&document).min(pick.quantity);
        if let Ok(kept) = Quantity::new(kept) {
            shelf.release(work, kept, &document)?;
        }
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        let pointer = || format!("/lines/{line}/quantity");
        shelf.check_available(work, (policy, kind), pick.quantity, pointer)?;
        cost = shelf.dispatch(work, quantity, &document)?;
        for unit in &pick.units {
            dispatch_unit(work, unit, store, Some(&document), &document, line)?;
        }
    }
    Ok(DeliveredLine {
        line: pick.number,
        sku: sku.clone(),
        quantity,
        units: pick.units.clone(),
        costed_quantity: cost.quantity,
        value_minor: Minor::new(cost.value_minor)?,
    })
}
