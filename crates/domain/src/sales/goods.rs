//! Moves a sale's goods: out to the customer, and back again. Stock moves once per item, units one by one.
//!
//! Not here: the figures' own rules (`stock`) and what drafts keep (`keeping`).

use schemas::events::admin::StockPolicy;
use schemas::events::stock::ReturnCause;
use schemas::events::unit::{UnitReturned, UnitSold, UnitWrittenOff};
use schemas::{SaleId, StoreId};

use crate::stock::{Goods, Quantities, Shelf, check_not_in_repair, has_stock, unit_at_hand};
use crate::streams;
use crate::work::{Missing, Work};

/// Who keeps the goods of a draft.
pub(super) fn holder(sale_id: &SaleId) -> String {
    format!("sale/{sale_id}")
}

/// Takes the goods out of the store for a sale.
///
/// # Errors
/// Stock that is not there, and units that are elsewhere or kept for somebody else.
pub(super) fn issue(
    work: &mut Work<'_>,
    policy: StockPolicy,
    store: &StoreId,
    sale_id: &SaleId,
    goods: &[Goods],
) -> Result<(), Missing> {
    let mut sums = Quantities::default();
    for (index, goods) in goods
        .iter()
        .enumerate()
        .filter(|(_, goods)| has_stock(goods.kind))
    {
        if let Some(unit) = &goods.unit {
            unit_at_hand(work, unit, store, Some(&holder(sale_id)), index)?;
        }
        let sum = sums.add(&goods.sku, goods.quantity.get());
        let pointer = || format!("/lines/{index}/quantity");
        Shelf {
            store,
            sku: &goods.sku,
        }
        .check_available(work, (policy, goods.kind), sum, pointer)?;
    }
    for (sku, sum) in sums.iter() {
        let shelf = Shelf { store, sku };
        shelf.issue(work, shelf.quantity(sum)?, sale_id)?;
    }
    for (goods, unit) in goods
        .iter()
        .filter_map(|goods| Some((goods, goods.unit.as_ref()?)))
    {
        let (sku, store) = (goods.sku.clone(), store.clone());
        let sold = UnitSold {
            unit: unit.clone(),
            sku,
            store,
            sale_id: sale_id.clone(),
        };
        work.emit(streams::unit(unit), sold)?;
    }
    Ok(())
}

/// Goods that come back, and whether they go on the shelf again.
#[derive(Debug, Clone)]
pub(super) struct Returned {
    pub goods: Goods,
    pub restock: bool,
}

/// Takes goods back into a store. A unit that does not go on the shelf is written off at once: it is back, but it is
/// nobody's stock. That a unit was really sold is for the caller to check.
///
/// # Errors
/// A unit that a repair has; a figure that would leave its range.
pub(super) fn take_back(
    work: &mut Work<'_>,
    store: &StoreId,
    cause: &ReturnCause,
    returned: &[Returned],
) -> Result<(), Missing> {
    let mut sums = Quantities::default();
    for back in returned
        .iter()
        .filter(|back| back.restock && has_stock(back.goods.kind))
    {
        sums.add(&back.goods.sku, back.goods.quantity.get());
    }
    for (sku, sum) in sums.iter() {
        let shelf = Shelf { store, sku };
        shelf.take_back(work, shelf.quantity(sum)?, cause.clone())?;
    }
    for (line, back) in returned.iter().enumerate() {
        let Some(unit) = &back.goods.unit else { continue };
        check_not_in_repair(work, unit, line)?;
        let (unit, sku, store) = (unit.clone(), back.goods.sku.clone(), store.clone());
        let stream = streams::unit(&unit);
        if back.restock {
            work.emit(
                stream,
                UnitReturned {
                    unit,
                    sku,
                    store,
                    cause: cause.clone(),
                },
            )?;
        } else {
            let event = UnitReturned {
                unit: unit.clone(),
                sku: sku.clone(),
                store: store.clone(),
                cause: cause.clone(),
            };
            work.emit(stream.clone(), event)?;
            let cause = Some("returned and not put back on the shelf".to_owned());
            work.emit(
                stream,
                UnitWrittenOff {
                    unit,
                    sku,
                    store,
                    cause,
                },
            )?;
        }
    }
    Ok(())
}
