//! What a draft keeps from other sales: stock by item, units one by one, under the draft's own name.
//!
//! Saving a draft again moves only the difference. Not here: the figures' own rules (`stock`).

use std::collections::HashSet;

use schemas::events::admin::StockPolicy;
use schemas::events::sale::DraftContent;
use schemas::events::unit::{UnitReleased, UnitReserved};
use schemas::{Quantity, SaleId, Sku, StoreId, UnitId};

use super::goods::holder;
use super::lines::Line;
use crate::bounds::distinct;
use crate::stock::{Quantities, Shelf, has_stock, unit_at_hand};
use crate::streams;
use crate::work::{Missing, Work};

/// What a draft may keep at this moment: its items' shelves and its units.
#[derive(Debug, Default)]
pub(super) struct Kept {
    store: Option<StoreId>,
    skus: Vec<Sku>,
    units: Vec<UnitId>,
}

impl Kept {
    /// Loads what a saved draft may keep.
    ///
    /// # Errors
    /// [`Missing::Streams`].
    pub fn load(work: &Work<'_>, draft: &DraftContent) -> Result<Self, Missing> {
        if !draft.hold_stock {
            return Ok(Self::default());
        }
        let units: Vec<UnitId> = draft.lines.iter().filter_map(|line| line.unit.clone()).collect();
        work.require(&distinct(units.iter().map(streams::unit))?)?;
        let mut seen = HashSet::new();
        let mut skus = Vec::new();
        for (index, line) in draft.lines.iter().enumerate() {
            let sku = match (&line.unit, &line.sku) {
                (Some(unit), _) => work.unit(unit, index)?.sku.clone(),
                (None, Some(sku)) => sku.clone(),
                (None, None) => continue,
            };
            if seen.insert(sku.clone()) {
                skus.push(sku);
            }
        }
        work.require(&distinct(
            skus.iter().map(|sku| streams::stock(&draft.store, sku)),
        )?)?;
        Ok(Self {
            store: Some(draft.store.clone()),
            skus,
            units,
        })
    }

    /// Gives back all that is kept beyond `wanted`.
    ///
    /// # Errors
    /// [`Missing::Streams`].
    pub fn release(&self, work: &mut Work<'_>, sale_id: &SaleId, wanted: &Wanted<'_>) -> Result<(), Missing> {
        let Some(store) = &self.store else { return Ok(()) };
        let holder = holder(sale_id);
        for sku in &self.skus {
            let wanted = if wanted.store == Some(store) {
                wanted.sums.get(sku)
            } else {
                0
            };
            let surplus = work.stock(store, sku)?.held_by(&holder).saturating_sub(wanted);
            if let Ok(surplus) = Quantity::new(surplus) {
                Shelf { store, sku }.release(work, surplus, &holder)?;
            }
        }
        for unit in &self.units {
            let Some(known) = work.known_unit(unit)? else {
                continue;
            };
            if known.holder.as_deref() == Some(holder.as_str()) && !wanted.units.contains(unit) {
                let (sku, store) = (known.sku.clone(), store.clone());
                let released = UnitReleased {
                    unit: unit.clone(),
                    sku,
                    store,
                    holder: holder.clone(),
                };
                work.emit(streams::unit(unit), released)?;
            }
        }
        Ok(())
    }
}

/// What a draft shall keep; nothing by default.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    store: Option<&'a StoreId>,
    sums: Quantities<'a>,
    units: HashSet<&'a UnitId>,
}

/// Keeps a draft's goods from other sales, beyond what it keeps already (`kept`), and gives back the rest.
///
/// # Errors
/// Stock that is not there, and units that are elsewhere or kept for somebody else.
pub(super) fn keep(
    work: &mut Work<'_>,
    policy: StockPolicy,
    store: &StoreId,
    sale_id: &SaleId,
    lines: &[Line],
    kept: &Kept,
) -> Result<(), Missing> {
    let holder = holder(sale_id);
    let mut wanted = Wanted {
        store: Some(store),
        ..Wanted::default()
    };
    for line in lines.iter().filter(|line| has_stock(line.goods.kind)) {
        wanted.sums.add(&line.goods.sku, line.goods.quantity.get());
        wanted.units.extend(&line.goods.unit);
    }
    kept.release(work, sale_id, &wanted)?;

    let mut sums = Quantities::default();
    for (index, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| has_stock(line.goods.kind))
    {
        let goods = &line.goods;
        let held = work.stock(store, &goods.sku)?.held_by(&holder);
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
        let more = sum.saturating_sub(work.stock(store, sku)?.held_by(&holder));
        if more > 0 {
            let shelf = Shelf { store, sku };
            shelf.reserve(work, shelf.quantity(more)?, &holder)?;
        }
    }
    for (index, line) in lines.iter().enumerate() {
        let Some(unit) = &line.goods.unit else { continue };
        let known = unit_at_hand(work, unit, store, Some(&holder), index)?;
        if known.holder.is_none() {
            let (sku, store) = (known.sku.clone(), store.clone());
            let reserved = UnitReserved {
                unit: unit.clone(),
                sku,
                store,
                holder: holder.clone(),
            };
            work.emit(streams::unit(unit), reserved)?;
        }
    }
    Ok(())
}
