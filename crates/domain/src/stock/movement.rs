//! Movements that commands of several modules make: the one place where a stock figure may change.
//!
//! Not here: why goods move (sales, returns, receipts), and which physical units they are.

use std::collections::HashMap;

use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::ItemKind;
use schemas::events::stock::{
    ReturnCause, StockAdjusted, StockIssued, StockReceived, StockReleased, StockReserved, StockReturned,
    StockWrittenOff,
};
use schemas::quantity::MAX_QUANTITY;
use schemas::{Minor, Quantity, SaleId, Sku, StoreId, UnitId};

use crate::refusal::{Refusal, StockRefusal};
use crate::stock::{Place, Unit};
use crate::streams;
use crate::work::{Missing, Work};

/// Drafts and reservations that one shelf may be kept for at a time.
const MAX_HOLDERS: usize = 4_096;

/// One item's shelf in one store, for as long as a command moves goods there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub store: &'a StoreId,
    pub sku: &'a Sku,
}

impl Shelf<'_> {
    pub(super) fn level(&self, on_hand: i64, delta: i64) -> Result<i64, Refusal> {
        on_hand
            .checked_add(delta)
            .filter(|level| (-MAX_QUANTITY..=MAX_QUANTITY).contains(level))
            .ok_or_else(|| Refusal::StockLevelOutOfRange {
                store: self.store.clone(),
                sku: self.sku.clone(),
            })
    }

    /// A sum as one movement's quantity.
    ///
    /// # Errors
    /// [`Refusal::StockLevelOutOfRange`]: more than any shelf can hold.
    pub fn quantity(&self, sum: i64) -> Result<Quantity, Refusal> {
        let (store, sku) = (self.store.clone(), self.sku.clone());
        Quantity::new(sum).map_err(|_| Refusal::StockLevelOutOfRange { store, sku })
    }

    /// Refuses to take `quantity` when less is available and the shelf may not fall below zero. Serialised items
    /// never may: each of their units is a thing that one can point at.
    ///
    /// # Errors
    /// [`Refusal::StockInsufficient`] with `pointer`.
    pub fn check_available(
        &self,
        work: &Work<'_>,
        (policy, kind): (StockPolicy, ItemKind),
        quantity: i64,
        pointer: impl FnOnce() -> String,
    ) -> Result<(), Missing> {
        let available = work.stock(self.store, self.sku)?.available();
        if available >= quantity || (policy == StockPolicy::AllowNegative && kind == ItemKind::Counted) {
            return Ok(());
        }
        let (store, sku) = (self.store.clone(), self.sku.clone());
        let pointer = pointer();
        Err(Refusal::StockInsufficient {
            store,
            sku,
            available,
            requested: quantity,
            pointer,
        }
        .into())
    }

    /// Brings goods in at what each piece cost; without a known cost they add no value. Naming their units is the
    /// caller's part.
    ///
    /// # Errors
    /// [`Refusal::StockLevelOutOfRange`], [`Refusal::AmountOutOfRange`] when the shelf's value cannot be,
    /// [`Missing::Streams`].
    pub fn receive(
        &self,
        work: &mut Work<'_>,
        quantity: Quantity,
        unit_cost_minor: Option<Minor>,
        reference: Option<&str>,
    ) -> Result<(), Missing> {
        let on_hand = self.level(work.stock(self.store, self.sku)?.on_hand, quantity.get())?;
        let received = StockReceived {
            store: self.store.clone(),
            sku: self.sku.clone(),
            quantity,
            unit_cost_minor,
            reference: reference.map(str::to_owned),
            on_hand,
        };
        work.emit(streams::stock(self.store, self.sku), received)?;
        self.settle(work)
    }

    /// Changes the figure by a signed difference: what is found comes in at the average cost, what is missing takes its
    /// share along. Availability is the caller's check ([`Shelf::check_available`]).
    ///
    /// # Errors
    /// As [`Shelf::receive`].
    pub fn adjust(&self, work: &mut Work<'_>, delta: i64, comment: Option<&str>) -> Result<(), Missing> {
        let on_hand = self.level(work.stock(self.store, self.sku)?.on_hand, delta)?;
        let adjusted = StockAdjusted {
            store: self.store.clone(),
            sku: self.sku.clone(),
            delta,
            comment: comment.map(str::to_owned),
            on_hand,
        };
        work.emit(streams::stock(self.store, self.sku), adjusted)?;
        self.settle(work)
    }

    /// Takes goods off the books with their share of the value. Availability is the caller's check.
    ///
    /// # Errors
    /// As [`Shelf::receive`].
    pub fn write_off(
        &self,
        work: &mut Work<'_>,
        quantity: Quantity,
        cause: Option<&str>,
    ) -> Result<(), Missing> {
        let on_hand = self.level(work.stock(self.store, self.sku)?.on_hand, -quantity.get())?;
        let written_off = StockWrittenOff {
            store: self.store.clone(),
            sku: self.sku.clone(),
            quantity,
            cause: cause.map(str::to_owned),
            on_hand,
        };
        work.emit(streams::stock(self.store, self.sku), written_off)?;
        self.settle(work)
    }

    /// Takes goods out for a sale, with their share of the value. Availability is the caller's check, and so are the
    /// units.
    ///
    /// # Errors
    /// As [`Shelf::receive`].
    pub fn issue(&self, work: &mut Work<'_>, quantity: Quantity, sale_id: &SaleId) -> Result<(), Missing> {
        let on_hand = self.level(work.stock(self.store, self.sku)?.on_hand, -quantity.get())?;
        let (store, sku) = (self.store.clone(), self.sku.clone());
        let issued = StockIssued {
            store,
            sku,
            quantity,
            sale_id: sale_id.clone(),
            on_hand,
        };
        work.emit(streams::stock(self.store, self.sku), issued)?;
        self.settle(work)
    }

    /// Puts goods back on the shelf that a sale had taken, valued at the average that the shelf has now.
    ///
    /// # Errors
    /// As [`Shelf::receive`].
    pub fn take_back(
        &self,
        work: &mut Work<'_>,
        quantity: Quantity,
        cause: ReturnCause,
    ) -> Result<(), Missing> {
        let on_hand = self.level(work.stock(self.store, self.sku)?.on_hand, quantity.get())?;
        let (store, sku) = (self.store.clone(), self.sku.clone());
        work.emit(
            streams::stock(self.store, self.sku),
            StockReturned {
                store,
                sku,
                quantity,
                cause,
                on_hand,
            },
        )?;
        self.settle(work)
    }

    /// Keeps goods for `holder`.
    ///
    /// # Errors
    /// [`Refusal::TooManyHolders`]: the shelf's state lists each of them.
    pub fn reserve(&self, work: &mut Work<'_>, quantity: Quantity, holder: &str) -> Result<(), Missing> {
        let holders = &work.stock(self.store, self.sku)?.holders;
        if holders.len() >= MAX_HOLDERS && !holders.contains_key(holder) {
            let (store, sku, max) = (self.store.clone(), self.sku.clone(), MAX_HOLDERS);
            return Err(Refusal::TooManyHolders { store, sku, max }.into());
        }
        let reserved = self.level(work.stock(self.store, self.sku)?.reserved, quantity.get())?;
        let (store, sku) = (self.store.clone(), self.sku.clone());
        let event = StockReserved {
            store,
            sku,
            quantity,
            holder: holder.to_owned(),
            reserved,
        };
        work.emit(streams::stock(self.store, self.sku), event)
    }

    /// Gives kept goods back to everybody; on hand stays. That `holder` keeps so many is the caller's check.
    ///
    /// # Errors
    /// [`Missing::Streams`]; [`Refusal::StockLevelOutOfRange`] for a figure that cannot be.
    pub fn release(&self, work: &mut Work<'_>, quantity: Quantity, holder: &str) -> Result<(), Missing> {
        let reserved = self.level(work.stock(self.store, self.sku)?.reserved, -quantity.get())?;
        let (store, sku) = (self.store.clone(), self.sku.clone());
        let event = StockReleased {
            store,
            sku,
            quantity,
            holder: holder.to_owned(),
            reserved,
        };
        work.emit(streams::stock(self.store, self.sku), event)
    }
}

/// Whether a kind of item has a stock figure at all.
pub(crate) fn has_stock(kind: ItemKind) -> bool {
    match kind {
        ItemKind::Counted | ItemKind::Serialised => true,
        ItemKind::Service => false,
    }
}

/// A unit that is in this store and that nobody else keeps; `holder` is who asks. `line` counts from 0.
///
/// # Errors
/// The refusal that says where the unit is, or who keeps it.
pub(crate) fn unit_at_hand<'w>(
    work: &'w Work<'_>,
    unit: &UnitId,
    store: &StoreId,
    holder: Option<&str>,
    line: usize,
) -> Result<&'w Unit, Missing> {
    let found = work.unit(unit, line)?;
    let unit = unit.clone();
    match &found.place {
        Place::Sold { sale_id } => Err(Refusal::UnitSold {
            unit,
            sale_id: sale_id.clone(),
            line,
        }
        .into()),
        Place::WrittenOff => Err(Refusal::UnitWrittenOff { unit, line }.into()),
        Place::Away { document } => {
            let document = document.clone();
            Err(StockRefusal::UnitAway { unit, document, line }.into())
        }
        Place::InStock { store: found_in } if found_in != store => {
            let (store, found_in) = (store.clone(), found_in.clone());
            Err(Refusal::UnitElsewhere {
                unit,
                store,
                found_in,
                line,
            }
            .into())
        }
        Place::InStock { .. } => match &found.holder {
            Some(keeper) if Some(keeper.as_str()) != holder => Err(Refusal::UnitReserved {
                unit,
                holder: keeper.clone(),
                line,
            }
            .into()),
            Some(_) | None => Ok(found),
        },
    }
}

/// Adds up quantities per item, in the order in which items first appear.
#[derive(Debug, Default)]
pub(crate) struct Quantities<'a> {
    places: HashMap<&'a Sku, usize>,
    sums: Vec<(&'a Sku, i64)>,
}

impl<'a> Quantities<'a> {
    /// Adds to an item's sum and gives the sum so far. Bounded lines of bounded quantities cannot overflow.
    pub fn add(&mut self, sku: &'a Sku, quantity: i64) -> i64 {
        let place = *self.places.entry(sku).or_insert(self.sums.len());
        if place == self.sums.len() {
            self.sums.push((sku, 0));
        }
        let sum = &mut self.sums[place].1;
        *sum = sum.saturating_add(quantity);
        *sum
    }

    /// An item's sum so far; 0 for one that never appeared.
    pub fn get(&self, sku: &Sku) -> i64 {
        self.places.get(sku).map_or(0, |place| self.sums[*place].1)
    }

    /// Each item once with its sum.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Sku, i64)> + '_ {
        self.sums.iter().copied()
    }
}
