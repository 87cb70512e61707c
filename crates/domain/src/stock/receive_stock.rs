//! Takes goods into a store, with their cost. A unit must not be anywhere else, nor with a customer.

use std::collections::HashSet;

use schemas::events::unit::UnitReceived;
use schemas::{Minor, Quantity, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

use super::custody::check_not_in_repair;
use super::levels::{answer, check_units, load};
use crate::bounds::{check_entries, check_not_negative, check_optional_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, StockRefusal};
use crate::stock::{Place, Shelf};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines and units of one receipt, together.
const MAX_RECEIPT: usize = 2_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveStock {
    pub store: StoreId,
    /// The supplier's document or whatever explains it; at most 200 characters.
    #[serde(default)]
    pub reference: Option<String>,
    pub lines: Vec<ReceiptLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptLine {
    pub sku: Sku,
    pub quantity: Quantity,
    /// Cost of one unit in minor units of the tenant's currency.
    #[serde(default)]
    pub unit_cost_minor: Option<Minor>,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    pub units: Vec<UnitId>,
}

impl Decide for ReceiveStock {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let entries = self.lines.iter().map(|line| 1 + line.units.len()).sum();
        check_entries("lines", entries, MAX_RECEIPT)?;
        check_optional_text("reference", self.reference.as_deref(), 200)?;
        load(
            &work,
            &self.store,
            self.lines.iter().map(|line| (&line.sku, line.units.as_slice())),
        )?;
        work.tenant(&ctx.tenant)?;
        work.open_store(&self.store)?;

        let mut seen = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            self.check(&work, line, index)?;
            let shelf = Shelf {
                store: &self.store,
                sku: &line.sku,
            };
            shelf.receive(
                &mut work,
                line.quantity,
                line.unit_cost_minor,
                self.reference.as_deref(),
            )?;
            for unit in &line.units {
                if !seen.insert(unit) {
                    return Err(Refusal::UnitRepeated {
                        unit: unit.clone(),
                        line: index,
                    }
                    .into());
                }
                check_may_come_in(&work, unit, &line.sku, index)?;
                let received = UnitReceived {
                    unit: unit.clone(),
                    sku: line.sku.clone(),
                    store: self.store.clone(),
                    cost_minor: line.unit_cost_minor,
                };
                work.emit(streams::unit(unit), received)?;
            }
        }
        let answer = answer(&work, &self.store, self.lines.iter().map(|line| &line.sku))?;
        Ok(work.finish(answer))
    }
}

impl ReceiveStock {
    fn check(&self, work: &Work<'_>, line: &ReceiptLine, index: usize) -> Result<(), Missing> {
        check_units(
            work.item(&line.sku)?.kind,
            &line.sku,
            line.quantity,
            &line.units,
            index,
        )?;
        check_not_negative(&format!("lines/{index}/unit_cost_minor"), line.unit_cost_minor)?;
        if let Some(cost) = line.unit_cost_minor {
            cost.times(line.quantity)?;
        }
        Ok(())
    }
}

/// A unit comes in when it was never seen, or was written off before, and no repair has it.
pub(crate) fn check_may_come_in(
    work: &Work<'_>,
    unit: &UnitId,
    sku: &Sku,
    line: usize,
) -> Result<(), Missing> {
    check_not_in_repair(work, unit, line)?;
    let Some(known) = work.known_unit(unit)? else {
        return Ok(());
    };
    let unit = unit.clone();
    match &known.place {
        Place::InStock { store } => Err(Refusal::UnitInStock {
            unit,
            store: store.clone(),
            line,
        }
        .into()),
        Place::Sold { sale_id } => Err(Refusal::UnitSold {
            unit,
            sale_id: sale_id.clone(),
            line,
        }
        .into()),
        Place::Away { document } => {
            let document = document.clone();
            Err(StockRefusal::UnitAway { unit, document, line }.into())
        }
        Place::WrittenOff if known.sku != *sku => {
            let (sku, unit_sku) = (sku.clone(), known.sku.clone());
            Err(Refusal::UnitOfOtherItem {
                unit,
                sku,
                unit_sku,
                line,
            }
            .into())
        }
        Place::WrittenOff => Ok(()),
    }
}
