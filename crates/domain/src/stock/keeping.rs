//! What somebody keeps from everybody else: stock by item, units one by one, under the holder's name.
//!
//! Drafts keep goods (`sale/<id>`), and so do reservations (`reservation/<id>`), by the same rules as a sale takes them.
//! Keeping again moves only the difference. Not here: the figures' own rules (`movement`).

use std::collections::HashSet;

use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::ItemKind;
use schemas::events::unit::{UnitReleased, UnitReserved};
use schemas::{Quantity, Sku, StoreId, StreamName, UnitId};

use super::movement::{Quantities, Shelf, has_stock, unit_at_hand};
use crate::streams;
use crate::work::{Missing, Work};

/// Goods that a command moves or keeps, whatever they cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goods {
    pub sku: Sku,
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
    pub kind: ItemKind,
}

/// What a holder may keep at this moment: its items' shelves and its units.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    store: Option<StoreId>,
    skus: Vec<Sku>,
    units: Vec<UnitId>,
}

impl Kept {
    /// What may be kept in `store`. Items may repeat.
    pub fn new(store: StoreId, skus: impl IntoIterator<Item = Sku>, units: Vec<UnitId>) -> Self {
        let mut seen = HashSet::new();
        let skus = skus.into_iter().filter(|sku| seen.insert(sku.clone())).collect();
        Self {
            store: Some(store),
            skus,
            units,
        }
    }

    /// All that [`Kept::release`] reads.
    pub fn streams(&self) -> Vec<StreamName> {
        let Some(store) = &self.store else {
            return Vec::new();
        };
        let shelves = self.skus.iter().map(|sku| streams::stock(store, sku));
        shelves.chain(self.units.iter().map(streams::unit)).collect()
    }

    /// Gives back all that `holder` keeps beyond `wanted`.
    ///
    /// # Errors
    /// [`Missing::Streams`].
    pub fn release(&self, work: &mut Work<'_>, holder: &str, wanted: &Wanted<'_>) -> Result<(), Missing> {
        let Some(store) = &self.store else { return Ok(()) };
        for sku in &self.skus {
            let wanted = if wanted.store == Some(store) {
                wanted.sums.get(sku)
            } else {
                0
            };
            let surplus = work.stock(store, sku)?.held_by(holder).saturating_sub(wanted);
            if let Ok(surplus) = Quantity::new(surplus) {
                Shelf { store, sku }.release(work, surplus, holder)?;
            }
        }
        for unit in &self.units {
            let Some(known) = work.known_unit(unit)? else {
                continue;
            };
            if known.holder.as_deref() == Some(holder) && !wanted.units.contains(unit) {
                let (sku, store) = (known.sku.clone(), store.clone());
                let released = UnitReleased {
                    unit: unit.clone(),
                    sku,
                    store,
                    holder: holder.to_owned(),
                };
                work.emit(streams::unit(unit), released)?;
            }
        }
        Ok(())
    }
}

/// What a holder shall keep; nothing by default.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    store: Option<&'a StoreId>,
    sums: Quantities<'a>,
    units: HashSet<&'a UnitId>,
}

/// Keeps goods for `holder`, beyond what it keeps already (`kept`), and gives back the rest.
///
/// # Errors
/// Stock that is not there, and units that are elsewhere or kept for somebody else.
pub(crate) fn keep(
    work: &mut Work<'_>,
    policy: StockPolicy,
    store: &StoreId,
    holder: &str,
    goods: &[Goods],
    kept: &Kept,
) -> Result<(), Missing> {
    let mut wanted = Wanted {
        store: Some(store),
        ..Wanted::default()
    };
    for goods in goods.iter().filter(|goods| has_stock(goods.kind)) {
        wanted.sums.add(&goods.sku, goods.quantity.get());
        wanted.units.extend(&goods.unit);
    }
    kept.release(work, holder, &wanted)?;

    let mut sums = Quantities::default();
    for (index, goods) in goods
        .iter()
        .enumerate()
        .filter(|(_, goods)| has_stock(goods.kind))
    {
        let held = work.stock(store, &goods.sku)?.held_by(holder);
        let more = sums.add(&goods.sku, goods.quantity.get()).saturating_sub(held);
        let pointer = || format!("/lines/{index}/quantity");
        if more > 0 {
            Shelf {
                store,
                sku: &goods.sku,
            }
            .check_available(work, (policy, goods.kind), more, pointer)?;
        }
    }
    for (sku, sum) in sums.iter() {
        let more = sum.saturating_sub(work.stock(store, sku)?.held_by(holder));
        if more > 0 {
            let shelf = Shelf { store, sku };
            shelf.reserve(work, shelf.quantity(more)?, holder)?;
        }
    }
    for (index, goods) in goods.iter().enumerate() {
        let Some(unit) = &goods.unit else { continue };
        let known = unit_at_hand(work, unit, store, Some(holder), index)?;
        if known.holder.is_none() {
            let (sku, store) = (known.sku.clone(), store.clone());
            let reserved = UnitReserved {
                unit: unit.clone(),
                sku,
                store,
                holder: holder.to_owned(),
            };
            work.emit(streams::unit(unit), reserved)?;
        }
    }
    Ok(())
}
