//! The goods leave the sending store: from here on they are in transit, in neither store's stock.

use std::collections::HashSet;

use schemas::events::transfer::{MovedTransferLine, TransferDispatched};
use schemas::{Minor, TransferId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Status;
use super::moved::{TransferGoods, check_shape, unit_streams};
use super::transfer::{Transfer, document};
use crate::bounds::distinct;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, TransferRefusal};
use crate::stock::{Shelf, check_units, dispatch_unit};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Sends goods of a requested transfer off, once and from an open store; what is left out of it is never sent. They
/// take their cost along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DispatchTransfer {
    pub transfer_id: TransferId,
    /// What is really sent: of each line at most what was asked for. Lines that are left out are not sent at all.
    pub lines: Vec<TransferGoods>,
}

impl Decide for DispatchTransfer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.transfer_id;
        let stream = streams::transfer(id);
        check_shape(&self.lines)?;
        work.require([&streams::tenant(), &stream])?;
        let found = work.transfer(id)?.clone();
        if found.status != Status::Requested {
            return Err(found.refusal(id).into());
        }
        self.load(&work, &found)?;
        let tenant = work.tenant(&ctx.tenant)?;
        let (policy, currency) = (tenant.stock_policy, tenant.currency);
        work.open_store(&found.from)?;
        let document = document(id);
        let mut moved = Vec::with_capacity(self.lines.len());
        for (index, goods) in self.lines.iter().enumerate() {
            let sku = self.requested(&found, goods, index)?;
            let kind = work.item(sku)?.kind;
            check_units(kind, sku, goods.quantity, &goods.units, index)?;
            let shelf = Shelf {
                store: &found.from,
                sku,
            };
            let pointer = || format!("/lines/{index}/quantity");
            shelf.check_available(&work, (policy, kind), goods.quantity.get(), pointer)?;
            let cost = shelf.dispatch(&mut work, goods.quantity, &document)?;
            for unit in &goods.units {
                work.unit(unit, index)?.check_item(unit, sku, index)?;
                dispatch_unit(&mut work, unit, &found.from, None, &document, index)?;
            }
            moved.push(MovedTransferLine {
                line: goods.line,
                sku: sku.clone(),
                quantity: goods.quantity,
                units: goods.units.clone(),
                costed_quantity: cost.quantity,
                value_minor: Minor::new(cost.value_minor)?,
            });
        }
        let dispatched = TransferDispatched {
            transfer_id: id.clone(),
            from: found.from,
            to: found.to,
            lines: moved,
            currency,
        };
        // Whoever dispatches at a till is not told what goods cost.
        let line = |moved: &MovedTransferLine| json!({ "line": moved.line, "sku": moved.sku, "quantity": moved.quantity, "units": moved.units });
        let lines: Vec<Value> = dispatched.lines.iter().map(line).collect();
        let answer = json!({ "transfer_id": id, "status": "in_transit", "lines": lines });
        work.emit(stream, dispatched)?;
        Ok(work.finish(answer))
    }
}

impl DispatchTransfer {
    fn load(&self, work: &Work<'_>, found: &Transfer) -> Result<(), Missing> {
        let named: HashSet<i64> = self.lines.iter().map(|goods| goods.line).collect();
        let shelves = found
            .requested
            .iter()
            .filter(|requested| named.contains(&requested.line))
            .flat_map(|line| [streams::item(&line.sku), streams::stock(&found.from, &line.sku)]);
        let fixed = [
            streams::tenant(),
            streams::transfer(&self.transfer_id),
            streams::store(&found.from),
        ];
        let all = fixed.into_iter().chain(shelves).chain(unit_streams(&self.lines));
        work.require(&distinct(all)?)
    }

    fn requested<'t>(
        &self,
        found: &'t Transfer,
        goods: &TransferGoods,
        index: usize,
    ) -> Result<&'t schemas::Sku, Refusal> {
        let line = goods.line;
        let requested = found
            .requested_line(line)
            .ok_or_else(|| TransferRefusal::LineUnknown {
                transfer_id: self.transfer_id.clone(),
                line,
                index,
            })?;
        let (quantity, asked) = (goods.quantity.get(), requested.quantity.get());
        if quantity > asked {
            return Err(TransferRefusal::ExceedsRequested {
                line,
                quantity,
                requested: asked,
                index,
            }
            .into());
        }
        Ok(&requested.sku)
    }
}
