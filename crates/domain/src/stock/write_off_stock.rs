//! Takes lost, broken or stolen goods off the books. Much at once waits for somebody else, where the tenant's policy says
//! so.

use std::collections::HashSet;

use schemas::events::admin::StockPolicy;
use schemas::events::movement::{MovementKind, MovementLine};
use schemas::events::unit::UnitWrittenOff;
use schemas::{Quantity, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

use super::levels::{answer, check_units, load};
use crate::bounds::{check_entries, check_optional_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::movements::{Asked, must_wait, wait};
use crate::refusal::Refusal;
use crate::stock::{Shelf, unit_at_hand};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines and units of one write-off, together.
const MAX_WRITE_OFF: usize = 2_000;

/// Takes goods of an open store off the books for good; units must be there and kept for nobody. Beyond the tenant's
/// limits the goods are only kept until somebody else approves the movement that the answer names (INV-3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteOffStock {
    pub store: StoreId,
    /// At least one; lines and units together at most 2,000.
    pub lines: Vec<WriteOffLine>,
}

/// So many pieces of one item that are gone, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteOffLine {
    pub sku: Sku,
    pub quantity: Quantity,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// What happened, in words; at most 500 characters.
    #[serde(default)]
    pub cause: Option<String>,
}

impl Decide for WriteOffStock {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        check_entries(
            "lines",
            self.lines.iter().map(|line| 1 + line.units.len()).sum(),
            MAX_WRITE_OFF,
        )?;
        load(
            &work,
            &self.store,
            self.lines.iter().map(|line| (&line.sku, line.units.as_slice())),
        )?;
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        work.open_store(&self.store)?;
        self.check(&work)?;
        if let Some(asked) = must_wait(&work, ctx, || self.asked(&work))? {
            let waiting = wait(&mut work, ctx, &asked, None)?;
            let mut answer = answer(&work, &self.store, self.lines.iter().map(|line| &line.sku))?;
            answer["movement_id"] = waiting["movement_id"].clone();
            answer["status"] = waiting["status"].clone();
            return Ok(work.finish(answer));
        }
        for (index, line) in self.lines.iter().enumerate() {
            self.write_off(&mut work, policy, line, index)?;
        }
        let answer = answer(&work, &self.store, self.lines.iter().map(|line| &line.sku))?;
        Ok(work.finish(answer))
    }
}

impl WriteOffStock {
    /// What can be wrong with lines wherever the goods are.
    fn check(&self, work: &Work<'_>) -> Result<(), Missing> {
        let mut seen = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            if let Some(unit) = line.units.iter().find(|unit| !seen.insert(*unit)) {
                return Err(Refusal::UnitRepeated {
                    unit: unit.clone(),
                    line: index,
                }
                .into());
            }
            let kind = work.item(&line.sku)?.kind;
            check_units(kind, &line.sku, line.quantity, &line.units, index)?;
            check_optional_text(&format!("lines/{index}/cause"), line.cause.as_deref(), 500)?;
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
                unit_cost_minor: None,
                units: line.units.clone(),
                cause: line.cause.clone(),
            });
        }
        Ok(Asked {
            kind: MovementKind::WriteOff,
            store: self.store.clone(),
            lines,
            comment: None,
        })
    }

    fn write_off(
        &self,
        work: &mut Work<'_>,
        policy: StockPolicy,
        line: &WriteOffLine,
        index: usize,
    ) -> Result<(), Missing> {
        let kind = work.item(&line.sku)?.kind;
        for unit in &line.units {
            unit_at_hand(work, unit, &self.store, None, index)?.check_item(unit, &line.sku, index)?;
        }
        let shelf = Shelf {
            store: &self.store,
            sku: &line.sku,
        };
        let pointer = || format!("/lines/{index}/quantity");
        shelf.check_available(work, (policy, kind), line.quantity.get(), pointer)?;
        shelf.write_off(work, line.quantity, line.cause.as_deref())?;
        for unit in &line.units {
            let written_off = UnitWrittenOff {
                unit: unit.clone(),
                sku: line.sku.clone(),
                store: self.store.clone(),
                cause: line.cause.clone(),
            };
            work.emit(streams::unit(unit), written_off)?;
        }
        Ok(())
    }
}
