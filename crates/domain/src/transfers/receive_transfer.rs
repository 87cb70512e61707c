//! Goods arrive at the receiving store: all of them, or a part, or more than was dispatched. The same reception again adds
//! nothing.

use schemas::events::transfer::{TransferClosed, TransferReceived};
use schemas::{Quantity, ReceptionId, StoreId, TransferId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Status;
use super::moved::{TransferGoods, check_shape, cost_of, part, unit_streams};
use super::surplus::beyond;
use super::transfer::{Transfer, document};
use crate::bounds::distinct;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, TransferRefusal};
use crate::stock::{Shelf, arrive_unit};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Receptions of one transfer.
const MAX_RECEPTIONS: usize = 200;

/// Puts what arrived of a dispatched transfer on the receiving store's shelves, even when that store is closed by now.
/// The transfer closes once nothing is in transit and no surplus waits. A reception id that is known adds nothing,
/// whatever its lines say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveTransfer {
    pub transfer_id: TransferId,
    /// Absent: one is generated, and nothing guards against sending the same reception twice but the idempotency key.
    #[serde(default)]
    pub reception_id: Option<ReceptionId>,
    /// What is really there. Absent: all that is in transit.
    #[serde(default)]
    pub lines: Option<Vec<TransferGoods>>,
    /// What is there beyond what was dispatched, of lines of which nothing is left in transit after this reception. It is
    /// noted, and on no shelf of the receiving store until somebody decides about it.
    #[serde(default)]
    pub surplus: Vec<TransferGoods>,
}

impl Decide for ReceiveTransfer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.transfer_id;
        let stream = streams::transfer(id);
        self.check_goods()?;
        work.require([&streams::tenant(), &stream])?;
        let found = work.transfer(id)?.clone();
        let reception_id = self.id(ctx);
        if found.receptions.contains(&reception_id) {
            return Ok(work.finish(answer(id, &reception_id, &found)));
        }
        if found.status != Status::InTransit {
            return Err(found.refusal(id).into());
        }
        if found.receptions.len() >= MAX_RECEPTIONS {
            let (transfer_id, max) = (id.clone(), MAX_RECEPTIONS);
            return Err(TransferRefusal::TooManyReceptions { transfer_id, max }.into());
        }
        let goods = self.lines.clone().unwrap_or_else(|| all_of(&found));
        if goods.is_empty() && self.surplus.is_empty() {
            return Err(found.refusal(id).into());
        }
        self.load(&work, &found, &goods)?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        // A store that closed meanwhile still takes in what was on its way.
        work.store(&found.to)?;
        let moved = part(&found, id, &goods)?;
        let surplus = beyond(&work, &found, &goods, &self.surplus)?;
        let received = TransferReceived {
            transfer_id: id.clone(),
            reception_id: reception_id.clone(),
            from: found.from.clone(),
            to: found.to.clone(),
            lines: moved,
            surplus,
            currency,
        };
        arrive(&mut work, id, &found.to, &received.lines)?;
        work.emit(stream, received)?;
        close_if_settled(&mut work, id)?;
        let answer = answer(id, &reception_id, work.transfer(id)?);
        Ok(work.finish(answer))
    }
}

impl ReceiveTransfer {
    fn id(&self, ctx: &Ctx) -> ReceptionId {
        ctx.given_or_fresh(self.reception_id.as_ref(), "reception")
    }

    /// What arrived may be nothing if there is a surplus.
    fn check_goods(&self) -> Result<(), Refusal> {
        match &self.lines {
            Some(lines) if !lines.is_empty() || self.surplus.is_empty() => check_shape(lines)?,
            Some(_) | None => {}
        }
        if self.surplus.is_empty() {
            return Ok(());
        }
        check_shape(&self.surplus)
    }

    fn load(&self, work: &Work<'_>, found: &Transfer, goods: &[TransferGoods]) -> Result<(), Missing> {
        let all: Vec<TransferGoods> = goods.iter().chain(&self.surplus).cloned().collect();
        load(work, &self.transfer_id, found, &found.to, &all)
    }
}

fn answer(id: &TransferId, reception_id: &ReceptionId, transfer: &Transfer) -> Value {
    let mut answer = transfer.standing(id);
    answer["reception_id"] = json!(reception_id);
    answer
}

/// All that is in transit.
fn all_of(found: &Transfer) -> Vec<TransferGoods> {
    let goods = |left: &super::InTransit| {
        let quantity = Quantity::new(left.quantity).ok()?;
        let units = left.units.iter().cloned().collect();
        Some(TransferGoods {
            line: left.line,
            quantity,
            units,
        })
    };
    found.in_transit.iter().filter_map(goods).collect()
}

/// Asks at once for what moving these goods into `store` reads.
///
/// # Errors
/// [`Missing::Streams`], or too many of them.
pub(super) fn load(
    work: &Work<'_>,
    id: &TransferId,
    found: &Transfer,
    store: &StoreId,
    goods: &[TransferGoods],
) -> Result<(), Missing> {
    let shelves = goods
        .iter()
        .filter_map(|goods| found.requested_line(goods.line))
        .flat_map(|line| [streams::item(&line.sku), streams::stock(store, &line.sku)]);
    let fixed = [streams::tenant(), streams::transfer(id), streams::store(store)];
    let all = fixed.into_iter().chain(shelves).chain(unit_streams(goods));
    work.require(&distinct(all)?)
}

/// Puts moved goods on a store's shelves, with their cost.
///
/// # Errors
/// A figure that would leave its range.
pub(super) fn arrive(
    work: &mut Work<'_>,
    id: &TransferId,
    store: &StoreId,
    lines: &[schemas::events::transfer::MovedTransferLine],
) -> Result<(), Missing> {
    let document = document(id);
    for (index, line) in lines.iter().enumerate() {
        let shelf = Shelf {
            store,
            sku: &line.sku,
        };
        shelf.arrive(work, line.quantity, &document, cost_of(line))?;
        for unit in &line.units {
            arrive_unit(work, unit, store, &document, index)?;
        }
    }
    Ok(())
}

/// Closes the transfer once nothing of it is in transit and no surplus waits.
///
/// # Errors
/// [`Missing::Streams`], though it has been read before.
pub(super) fn close_if_settled(work: &mut Work<'_>, id: &TransferId) -> Result<(), Missing> {
    let transfer = work.transfer(id)?;
    if !transfer.is_settled() {
        return Ok(());
    }
    let closed = TransferClosed {
        transfer_id: id.clone(),
        from: transfer.from.clone(),
        to: transfer.to.clone(),
        complete: !transfer.incomplete,
    };
    work.emit(streams::transfer(id), closed)
}
