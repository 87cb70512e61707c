//! Decides about goods that came beyond what was dispatched: the sending store sent them, or they are not accepted.
//!
//! What was sent leaves the sending store's shelf and enters the receiving store's in one decision, at what it cost there:
//! no goods and no value come out of nothing. Goods that nobody's books have are found goods, which are a movement with
//! rules of its own (INV-3), not a part of a transfer.

use schemas::events::transfer::{MovedTransferLine, SurplusDecision, TransferSurplusResolved};
use schemas::{Minor, Sku, TransferId};
use serde::{Deserialize, Serialize};

use super::Status;
use super::moved::{TransferGoods, check_shape, unit_streams};
use super::receive_transfer::close_if_settled;
use super::request_transfer::MAX_NOTE_CHARS;
use super::surplus::check_waiting;
use super::transfer::{Transfer, document};
use crate::bounds::{check_optional_text, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::stock::{MovedCost, Shelf, arrive_unit, dispatch_unit};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends the wait of a surplus. Goods that the sending store sent must be on its shelf and available there; for those
/// that are not accepted nothing moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolveSurplus {
    pub transfer_id: TransferId,
    pub decision: SurplusDecision,
    /// At most what waits of each line.
    pub lines: Vec<TransferGoods>,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ResolveSurplus {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.transfer_id;
        let stream = streams::transfer(id);
        check_shape(&self.lines)?;
        check_optional_text("note", self.note.as_deref(), MAX_NOTE_CHARS)?;
        work.require([&streams::tenant(), &stream])?;
        let found = work.transfer(id)?.clone();
        if found.status != Status::InTransit {
            return Err(found.refusal(id).into());
        }
        self.load(&work, &found)?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        let mut lines = Vec::with_capacity(self.lines.len());
        for (index, goods) in self.lines.iter().enumerate() {
            let sku = check_waiting(&found, goods, index)?;
            let cost = match self.decision {
                SurplusDecision::SentByOrigin => self.hand_over(&mut work, ctx, &found, (index, &sku))?,
                SurplusDecision::NotAccepted => MovedCost::default(),
            };
            lines.push(MovedTransferLine {
                line: goods.line,
                sku,
                quantity: goods.quantity,
                units: goods.units.clone(),
                costed_quantity: cost.quantity,
                value_minor: Minor::new(cost.value_minor)?,
            });
        }
        let resolved = TransferSurplusResolved {
            transfer_id: id.clone(),
            from: found.from,
            to: found.to,
            decision: self.decision,
            lines,
            note: self.note.clone(),
            currency,
        };
        work.emit(stream, resolved)?;
        close_if_settled(&mut work, id)?;
        let answer = work.transfer(id)?.standing(id);
        Ok(work.finish(answer))
    }
}

impl ResolveSurplus {
    fn load(&self, work: &Work<'_>, found: &Transfer) -> Result<(), Missing> {
        let shelves = self
            .lines
            .iter()
            .filter_map(|goods| found.requested_line(goods.line))
            .flat_map(|line| {
                [
                    streams::item(&line.sku),
                    streams::stock(&found.from, &line.sku),
                    streams::stock(&found.to, &line.sku),
                ]
            });
        let fixed = [
            streams::tenant(),
            streams::transfer(&self.transfer_id),
            streams::store(&found.from),
            streams::store(&found.to),
        ];
        let all = fixed.into_iter().chain(shelves).chain(unit_streams(&self.lines));
        work.require(&distinct(all)?)
    }

    /// Takes goods from the sending store's shelf to the receiving store's, by the same stock rules as a dispatch.
    fn hand_over(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        found: &Transfer,
        (index, sku): (usize, &Sku),
    ) -> Result<MovedCost, Missing> {
        let Some(goods) = self.lines.get(index) else {
            return Ok(MovedCost::default());
        };
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        let kind = work.item(sku)?.kind;
        let document = document(&self.transfer_id);
        let (from, to) = (&found.from, &found.to);
        let origin = Shelf { store: from, sku };
        let pointer = || format!("/lines/{index}/quantity");
        origin.check_available(work, (policy, kind), goods.quantity.get(), pointer)?;
        let cost = origin.dispatch(work, goods.quantity, &document)?;
        Shelf { store: to, sku }.arrive(work, goods.quantity, &document, cost)?;
        for unit in &goods.units {
            work.unit(unit, index)?.check_item(unit, sku, index)?;
            dispatch_unit(work, unit, from, None, &document, index)?;
            arrive_unit(work, unit, to, &document, index)?;
        }
        Ok(cost)
    }
}
