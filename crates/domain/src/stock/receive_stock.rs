//! Takes goods into a store, with their cost. A unit must not be anywhere else, nor with a customer. Much at once waits
//! for somebody else, where the tenant's policy says so.

use std::collections::HashSet;

use schemas::events::movement::{MovementKind, MovementLine};
use schemas::events::unit::UnitReceived;
use schemas::{Minor, Quantity, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

use super::custody::check_not_in_repair;
use super::levels::{answer, check_units, load};
use crate::bounds::{check_entries, check_not_negative, check_optional_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::movements::{Asked, must_wait, wait};
use crate::refusal::{Refusal, StockRefusal};
use crate::stock::{Place, Shelf};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines and units of one receipt, together.
const MAX_RECEIPT: usize = 2_000;

/// Takes goods into an open store without an order behind them. Beyond the tenant's limits nothing comes in yet: the
/// answer names a movement that somebody else approves (INV-3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveStock {
    pub store: StoreId,
    /// The supplier's document or whatever explains it; at most 200 characters.
    #[serde(default)]
    pub reference: Option<String>,
    /// At least one; lines and units together at most 2,000.
    pub lines: Vec<ReceiptLine>,
}

/// So many pieces of one item, and what each of them cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// Counted or serialised; services have no stock. Discontinued items may come in, too.
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
        self.load(&work, ctx)?;
        if let Some(asked) = must_wait(&work, ctx, || self.asked(&work))? {
            self.check_units(&work)?;
            let waiting = wait(&mut work, ctx, &asked, None)?;
            let mut answer = answer(&work, &self.store, self.lines.iter().map(|line| &line.sku))?;
            answer["movement_id"] = waiting["movement_id"].clone();
            answer["status"] = waiting["status"].clone();
            return Ok(work.finish(answer));
        }
        self.take_in(work)
    }
}

impl ReceiveStock {
    /// Takes the goods in without asking whether they must wait: for a caller that has asked line by line.
    ///
    /// # Errors
    /// As [`Decide::decide`].
    pub(crate) fn book(&self, work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        self.load(&work, ctx)?;
        self.take_in(work)
    }

    /// Loads what the lines speak of, and checks what can be wrong with them wherever their units are.
    fn load(&self, work: &Work<'_>, ctx: &Ctx) -> Result<(), Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let entries = self.lines.iter().map(|line| 1 + line.units.len()).sum();
        check_entries("lines", entries, MAX_RECEIPT)?;
        check_optional_text("reference", self.reference.as_deref(), 200)?;
        load(
            work,
            &self.store,
            self.lines.iter().map(|line| (&line.sku, line.units.as_slice())),
        )?;
        work.tenant(&ctx.tenant)?;
        work.open_store(&self.store)?;
        for (index, line) in self.lines.iter().enumerate() {
            check(work, line, index)?;
        }
        Ok(())
    }

    fn take_in(&self, mut work: Work<'_>) -> Result<Decision, Missing> {
        let mut seen = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
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
                check_first(&mut seen, unit, index)?;
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

    /// That every unit may come in, though none does yet.
    fn check_units(&self, work: &Work<'_>) -> Result<(), Missing> {
        let mut seen = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            for unit in &line.units {
                check_first(&mut seen, unit, index)?;
                check_may_come_in(work, unit, &line.sku, index)?;
            }
        }
        Ok(())
    }

    /// The same as a movement that is asked for.
    fn asked(&self, work: &Work<'_>) -> Result<Asked, Missing> {
        let mut lines = Vec::with_capacity(self.lines.len());
        for (number, line) in (1..).zip(&self.lines) {
            lines.push(MovementLine {
                line: number,
                sku: line.sku.clone(),
                item_name: work.item(&line.sku)?.name.clone(),
                quantity: line.quantity.get(),
                unit_cost_minor: line.unit_cost_minor,
                units: line.units.clone(),
                cause: None,
            });
        }
        Ok(Asked {
            kind: MovementKind::In,
            store: self.store.clone(),
            lines,
            comment: self.reference.clone(),
        })
    }
}

fn check(work: &Work<'_>, line: &ReceiptLine, index: usize) -> Result<(), Missing> {
    let kind = work.item(&line.sku)?.kind;
    check_units(kind, &line.sku, line.quantity, &line.units, index)?;
    check_not_negative(&format!("lines/{index}/unit_cost_minor"), line.unit_cost_minor)?;
    if let Some(cost) = line.unit_cost_minor {
        cost.times(line.quantity)?;
    }
    Ok(())
}

/// A receipt names a unit once.
fn check_first<'a>(seen: &mut HashSet<&'a UnitId>, unit: &'a UnitId, line: usize) -> Result<(), Refusal> {
    if seen.insert(unit) {
        return Ok(());
    }
    let unit = unit.clone();
    Err(Refusal::UnitRepeated { unit, line })
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
