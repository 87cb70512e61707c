//! How documents move goods: out of one shelf and into another with exactly what they cost (docs/domain/stock.md).
//!
//! A transfer, a purchase's return, a repair's parts and an order's delivery all move goods this way; each unit that is
//! away belongs to the document that has it. Not here: the documents, and whether goods are available.

use schemas::events::stock::{StockArrived, StockCostAdjusted, StockDispatched};
use schemas::events::unit::{UnitArrived, UnitDispatched, UnitWrittenOff};
use schemas::{Minor, Quantity, Sku, StoreId, UnitId};

use super::cost::MovedCost;
use super::custody::check_not_in_repair;
use super::movement::{Shelf, unit_at_hand};
use crate::refusal::{Refusal, StockRefusal};
use crate::stock::Place;
use crate::streams;
use crate::work::{Missing, Work};

impl Shelf<'_> {
    /// Takes goods out for a document; answers what they cost. Availability is the caller's check
    /// ([`Shelf::check_available`]).
    ///
    /// # Errors
    /// [`Refusal::StockLevelOutOfRange`], [`Missing::Streams`].
    pub fn dispatch(
        &self,
        work: &mut Work<'_>,
        quantity: Quantity,
        document: &str,
    ) -> Result<MovedCost, Missing> {
        let stock = work.stock(self.store, self.sku)?;
        let on_hand = self.level(stock.on_hand, -quantity.get())?;
        let cost = stock.cost.leaving(quantity.get());
        let dispatched = StockDispatched {
            store: self.store.clone(),
            sku: self.sku.clone(),
            quantity,
            document: document.to_owned(),
            costed_quantity: cost.quantity,
            value_minor: Minor::new(cost.value_minor)?,
            on_hand,
        };
        work.emit(streams::stock(self.store, self.sku), dispatched)?;
        self.settle(work)?;
        Ok(cost)
    }

    /// Brings goods in by a document, with the cost that they carry.
    ///
    /// # Errors
    /// [`Refusal::StockLevelOutOfRange`], [`Refusal::AmountOutOfRange`] when the shelf's value or the cost itself cannot
    /// be, [`Missing::Streams`].
    pub fn arrive(
        &self,
        work: &mut Work<'_>,
        quantity: Quantity,
        document: &str,
        cost: MovedCost,
    ) -> Result<(), Missing> {
        if !(0..=quantity.get()).contains(&cost.quantity) || cost.value_minor < 0 {
            return Err(Refusal::AmountOutOfRange {}.into());
        }
        let on_hand = self.level(work.stock(self.store, self.sku)?.on_hand, quantity.get())?;
        let arrived = StockArrived {
            store: self.store.clone(),
            sku: self.sku.clone(),
            quantity,
            document: document.to_owned(),
            costed_quantity: cost.quantity,
            value_minor: Minor::new(cost.value_minor)?,
            on_hand,
        };
        work.emit(streams::stock(self.store, self.sku), arrived)?;
        self.settle(work)
    }

    /// Changes what the goods on the shelf cost together; the goods stay. A difference of 0 changes nothing.
    ///
    /// # Errors
    /// [`StockRefusal::NothingCosted`] when no piece there has a cost that could change,
    /// [`StockRefusal::ValueBelowZero`], [`Refusal::AmountOutOfRange`], [`Missing::Streams`].
    pub fn adjust_cost(
        &self,
        work: &mut Work<'_>,
        delta_minor: Minor,
        document: &str,
    ) -> Result<(), Missing> {
        if delta_minor.is_zero() {
            return Ok(());
        }
        let (store, sku) = (self.store.clone(), self.sku.clone());
        let cost = work.stock(self.store, self.sku)?.cost;
        if cost.quantity <= 0 {
            return Err(StockRefusal::NothingCosted { store, sku }.into());
        }
        let total_value_minor = Minor::new(cost.value_minor)?.plus(delta_minor)?;
        if total_value_minor.is_negative() {
            let value_minor = cost.value_minor;
            return Err(StockRefusal::ValueBelowZero {
                store,
                sku,
                value_minor,
            }
            .into());
        }
        let adjusted = StockCostAdjusted {
            store,
            sku,
            delta_minor,
            document: document.to_owned(),
            costed_quantity: cost.quantity,
            total_value_minor,
        };
        work.emit(streams::stock(self.store, self.sku), adjusted)
    }
}

/// Takes a unit out of a store for a document; `holder` is who asks, `line` counts from 0. Its shelf moves with
/// [`Shelf::dispatch`].
///
/// # Errors
/// As [`unit_at_hand`].
pub(crate) fn dispatch_unit(
    work: &mut Work<'_>,
    unit: &UnitId,
    store: &StoreId,
    holder: Option<&str>,
    document: &str,
    line: usize,
) -> Result<(), Missing> {
    let sku = unit_at_hand(work, unit, store, holder, line)?.sku.clone();
    let dispatched = UnitDispatched {
        unit: unit.clone(),
        sku,
        store: store.clone(),
        document: document.to_owned(),
    };
    work.emit(streams::unit(unit), dispatched)
}

/// Brings a unit in by the document that has it. Its shelf moves with [`Shelf::arrive`].
///
/// # Errors
/// [`StockRefusal::UnitNotAway`] when this document does not have it, [`StockRefusal::UnitInRepair`],
/// [`Refusal::UnitNotFound`].
pub(crate) fn arrive_unit(
    work: &mut Work<'_>,
    unit: &UnitId,
    store: &StoreId,
    document: &str,
    line: usize,
) -> Result<(), Missing> {
    let sku = away_with(work, unit, document, line)?;
    let arrived = UnitArrived {
        unit: unit.clone(),
        sku,
        store: store.clone(),
        document: document.to_owned(),
    };
    work.emit(streams::unit(unit), arrived)
}

/// Takes a unit off the books that a document has: lost on the way. `store` is the one that it left.
///
/// # Errors
/// As [`arrive_unit`].
pub(crate) fn end_unit(
    work: &mut Work<'_>,
    unit: &UnitId,
    store: &StoreId,
    document: &str,
    cause: Option<&str>,
    line: usize,
) -> Result<(), Missing> {
    let sku = away_with(work, unit, document, line)?;
    let written_off = UnitWrittenOff {
        unit: unit.clone(),
        sku,
        store: store.clone(),
        cause: cause.map(str::to_owned),
    };
    work.emit(streams::unit(unit), written_off)
}

/// The item of a unit that `document` has.
fn away_with(work: &Work<'_>, unit: &UnitId, document: &str, line: usize) -> Result<Sku, Missing> {
    let found = work.unit(unit, line)?;
    let is_there = matches!(&found.place, Place::Away { document: keeper } if keeper == document);
    if is_there {
        check_not_in_repair(work, unit, line)?;
        return Ok(found.sku.clone());
    }
    let (unit, document) = (unit.clone(), document.to_owned());
    Err(StockRefusal::UnitNotAway { unit, document, line }.into())
}
