//! Moves the goods of a movement, line by line, so that two lines of one item see each other.

use schemas::events::admin::StockPolicy;
use schemas::events::movement::{MovementKind, MovementLine};
use schemas::events::unit::{UnitReceived, UnitWrittenOff};
use schemas::{MovementId, Quantity, StoreId, UnitId};

use super::movement::holder;
use crate::refusal::StockRefusal;
use crate::stock::{Shelf, check_may_come_in, unit_at_hand};
use crate::streams;
use crate::work::{Missing, Work};

/// A movement that is done now.
#[derive(Debug)]
pub(super) struct Doing<'a> {
    pub movement_id: &'a MovementId,
    pub kind: MovementKind,
    pub store: &'a StoreId,
    pub lines: &'a [MovementLine],
    pub comment: Option<&'a str>,
}

impl Doing<'_> {
    /// # Errors
    /// Goods that are not there (any more), units that are elsewhere, figures out of range.
    pub fn apply(&self, work: &mut Work<'_>, policy: StockPolicy) -> Result<(), Missing> {
        for (index, line) in self.lines.iter().enumerate() {
            let shelf = Shelf {
                store: self.store,
                sku: &line.sku,
            };
            match self.kind {
                MovementKind::In => self.come_in(work, &shelf, line, index)?,
                MovementKind::Adjustment => self.adjust(work, &shelf, policy, (line, index))?,
                MovementKind::Out | MovementKind::WriteOff => {
                    self.leave(work, &shelf, policy, (line, index))?;
                }
            }
        }
        Ok(())
    }

    fn come_in(
        &self,
        work: &mut Work<'_>,
        shelf: &Shelf<'_>,
        line: &MovementLine,
        index: usize,
    ) -> Result<(), Missing> {
        for unit in &line.units {
            check_may_come_in(work, unit, &line.sku, index)?;
        }
        let document = holder(self.movement_id);
        shelf.receive(
            work,
            pieces(line, index)?,
            line.unit_cost_minor,
            Some(document.as_str()),
        )?;
        for unit in &line.units {
            let received = UnitReceived {
                unit: unit.clone(),
                sku: line.sku.clone(),
                store: self.store.clone(),
                cost_minor: line.unit_cost_minor,
            };
            work.emit(streams::unit(unit), received)?;
        }
        Ok(())
    }

    fn adjust(
        &self,
        work: &mut Work<'_>,
        shelf: &Shelf<'_>,
        policy: StockPolicy,
        (line, index): (&MovementLine, usize),
    ) -> Result<(), Missing> {
        if line.quantity < 0 {
            let kind = work.item(&line.sku)?.kind;
            let leaving = line.quantity.saturating_neg();
            shelf.check_available(work, (policy, kind), leaving, || pointer(index))?;
        }
        shelf.adjust(work, line.quantity, self.comment)
    }

    fn leave(
        &self,
        work: &mut Work<'_>,
        shelf: &Shelf<'_>,
        policy: StockPolicy,
        (line, index): (&MovementLine, usize),
    ) -> Result<(), Missing> {
        for unit in &line.units {
            check_unit(work, self.store, line, unit, (None, index))?;
        }
        let kind = work.item(&line.sku)?.kind;
        shelf.check_available(work, (policy, kind), line.quantity, || pointer(index))?;
        let cause = line.cause.as_deref().or(self.comment);
        if self.kind == MovementKind::WriteOff {
            shelf.write_off(work, pieces(line, index)?, cause)?;
        } else {
            shelf.dispatch(work, pieces(line, index)?, &holder(self.movement_id))?;
        }
        for unit in &line.units {
            let written_off = UnitWrittenOff {
                unit: unit.clone(),
                sku: line.sku.clone(),
                store: self.store.clone(),
                cause: cause.map(str::to_owned),
            };
            work.emit(streams::unit(unit), written_off)?;
        }
        Ok(())
    }
}

/// A unit that this line may take out of the store.
///
/// # Errors
/// As [`unit_at_hand`], and `unit.other_item`.
pub(super) fn check_unit(
    work: &Work<'_>,
    store: &StoreId,
    line: &MovementLine,
    unit: &UnitId,
    (holder, index): (Option<&str>, usize),
) -> Result<(), Missing> {
    let found = unit_at_hand(work, unit, store, holder, index)?;
    Ok(found.check_item(unit, &line.sku, index)?)
}

/// Where a line of a movement says how many.
pub(super) fn pointer(index: usize) -> String {
    format!("/lines/{index}/quantity")
}

/// How many pieces of a line come or go.
///
/// # Errors
/// [`StockRefusal::MovementQuantityInvalid`].
pub(super) fn pieces(line: &MovementLine, index: usize) -> Result<Quantity, StockRefusal> {
    Quantity::new(line.quantity).map_err(|_| StockRefusal::MovementQuantityInvalid { line: index })
}
