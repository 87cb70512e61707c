//! How a movement is asked for: what it comes to, whether it must wait, and what it keeps while it does.
//!
//! Adjustments, write-offs and receipts ask the same way when they are large. Not here: how goods move (`apply`).

use schemas::events::admin::StockPolicy;
use schemas::events::movement::{MovementCreated, MovementKind, MovementLine, MovementPolicySet};
use schemas::{Minor, MovementId, StoreId};
use serde_json::{Value, json};

use super::apply::{check_unit, pointer};
use super::movement::{goods_of, holder, leaves};
use crate::context::Ctx;
use crate::refusal::StockRefusal;
use crate::state::State;
use crate::stock::{Kept, Quantities, Shelf, Stock, keep};
use crate::streams;
use crate::work::{Missing, Work};

/// A movement as somebody asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub kind: MovementKind,
    pub store: StoreId,
    pub lines: Vec<MovementLine>,
    pub comment: Option<String>,
}

/// What a movement comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub quantity: i64,
    pub value_minor: Minor,
}

impl Asked {
    /// Pieces without their sign; value at cost where it is known, else at the price they sell for.
    ///
    /// # Errors
    /// [`Missing::Streams`]; a value that is no amount of money.
    pub(super) fn size(&self, work: &Work<'_>) -> Result<Size, Missing> {
        let (mut quantity, mut value_minor) = (0_i64, Minor::ZERO);
        for line in &self.lines {
            let pieces = line.quantity.saturating_abs();
            quantity = quantity.saturating_add(pieces);
            let of_line = match line.unit_cost_minor {
                Some(unit_cost) => pieces.saturating_mul(unit_cost.get()),
                None => {
                    let price = work.item(&line.sku)?.price_minor;
                    value_of(work.stock(&self.store, &line.sku)?, price, pieces)
                }
            };
            value_minor = value_minor.plus(Minor::new(of_line)?)?;
        }
        Ok(Size {
            quantity,
            value_minor,
        })
    }

    pub(super) fn created(
        &self,
        movement_id: &MovementId,
        size: Size,
        needs_approval: bool,
        ctx: &Ctx,
    ) -> MovementCreated {
        MovementCreated {
            movement_id: movement_id.clone(),
            kind: self.kind,
            store: self.store.clone(),
            lines: self.lines.clone(),
            quantity: size.quantity,
            value_minor: size.value_minor,
            needs_approval,
            requested_by: ctx.actor_name().to_owned(),
            comment: self.comment.clone(),
        }
    }
}

/// What pieces of a shelf come to: at its average cost where that is known, else at their price.
fn value_of(stock: &Stock, price: Minor, pieces: i64) -> i64 {
    let cost = stock.cost.at_average(pieces);
    if cost.quantity > 0 {
        cost.value_minor
    } else {
        pieces.saturating_mul(price.get())
    }
}

/// Whether a difference of one item would wait for somebody else, as things stand; for whoever shows what would happen.
pub fn would_wait(
    policy: &MovementPolicySet,
    stock: &Stock,
    price: Minor,
    (difference, unit_cost): (i64, Option<Minor>),
) -> bool {
    let quantity = difference.saturating_abs();
    let value = unit_cost.map_or_else(
        || value_of(stock, price, quantity),
        |cost| quantity.saturating_mul(cost.get()),
    );
    // What is worth more than money can say is refused when it is asked for.
    Minor::new(value).is_ok_and(|value_minor| {
        is_beyond(
            policy,
            Size {
                quantity,
                value_minor,
            },
        )
    })
}

fn is_beyond(policy: &MovementPolicySet, size: Size) -> bool {
    policy.max_quantity.is_some_and(|max| size.quantity > max)
        || policy.max_value_minor.is_some_and(|max| size.value_minor > max)
}

/// Whether the tenant's policy wants somebody else to decide this movement. Reads nothing when there is no policy.
///
/// # Errors
/// As [`Asked::size`].
pub(crate) fn must_wait(
    work: &Work<'_>,
    ctx: &Ctx,
    asked: impl FnOnce() -> Result<Asked, Missing>,
) -> Result<Option<Asked>, Missing> {
    let policy = &work.tenant(&ctx.tenant)?.movement_policy;
    if policy.max_quantity.is_none() && policy.max_value_minor.is_none() {
        return Ok(None);
    }
    let asked = asked()?;
    Ok(is_beyond(policy, asked.size(work)?).then_some(asked))
}

/// Lets a movement wait: says so, and keeps the goods that shall leave. The lines have been checked as if they were done
/// now. Gives the answer's fields.
///
/// # Errors
/// [`StockRefusal::MovementExists`]; goods that are not there.
pub(crate) fn wait(
    work: &mut Work<'_>,
    ctx: &Ctx,
    asked: &Asked,
    movement_id: Option<&MovementId>,
) -> Result<Value, Missing> {
    let movement_id = ctx.given_or_fresh(movement_id, "movement");
    let stream = streams::movement(&movement_id);
    if !matches!(work.state(&stream)?, State::Movement(None)) {
        return Err(StockRefusal::MovementExists { movement_id }.into());
    }
    let policy = work.tenant(&ctx.tenant)?.stock_policy;
    check_goods(work, asked, policy)?;
    let created = asked.created(&movement_id, asked.size(work)?, true, ctx);
    work.emit(stream, created)?;
    let goods = goods_of(asked.kind, &asked.lines);
    keep(
        work,
        policy,
        &asked.store,
        &holder(&movement_id),
        &goods,
        &Kept::default(),
    )?;
    Ok(json!({ "movement_id": movement_id, "status": "pending_approval", "store": asked.store }))
}

/// That the goods which shall leave are there, all lines of an item together; with the lines' own numbers.
fn check_goods(work: &Work<'_>, asked: &Asked, policy: StockPolicy) -> Result<(), Missing> {
    let mut sums = Quantities::default();
    for (index, line) in asked.lines.iter().enumerate() {
        if !leaves(asked.kind, line.quantity) {
            continue;
        }
        for unit in &line.units {
            check_unit(work, &asked.store, line, unit, (None, index))?;
        }
        let sum = sums.add(&line.sku, line.quantity.saturating_abs());
        let shelf = Shelf {
            store: &asked.store,
            sku: &line.sku,
        };
        let kind = work.item(&line.sku)?.kind;
        shelf.check_available(work, (policy, kind), sum, || pointer(index))?;
    }
    Ok(())
}
