//! Parts a line's goods, with their units and their cost, from what is in transit.

use std::collections::HashSet;

use schemas::events::transfer::MovedTransferLine;
use schemas::{Minor, Quantity, StreamName, TransferId, UnitId};
use serde::{Deserialize, Serialize};

use super::transfer::{InTransit, Transfer};
use crate::bounds::check_entries;
use crate::refusal::{Refusal, TransferRefusal};
use crate::stock::{MovedCost, ShelfCost};
use crate::streams;
use crate::work::Missing;

/// Lines and units of one dispatch, reception or decision, together.
pub(super) const MAX_MOVED: usize = 2_000;

/// Goods of one line that leave, arrive, or are decided about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferGoods {
    /// The line's number in the request, from 1.
    pub line: i64,
    pub quantity: Quantity,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    pub units: Vec<UnitId>,
}

/// Bounded, and each line and each unit once.
///
/// # Errors
/// [`Refusal::LinesMissing`], [`Refusal::TooManyEntries`], [`TransferRefusal::LineRepeated`], [`Refusal::UnitRepeated`].
pub(super) fn check_shape(goods: &[TransferGoods]) -> Result<(), Refusal> {
    if goods.is_empty() {
        return Err(Refusal::LinesMissing {});
    }
    let entries = goods.iter().map(|goods| 1 + goods.units.len()).sum();
    check_entries("lines", entries, MAX_MOVED)?;
    let (mut lines, mut units) = (HashSet::new(), HashSet::new());
    for (index, goods) in goods.iter().enumerate() {
        if !lines.insert(goods.line) {
            return Err(TransferRefusal::LineRepeated {
                line: goods.line,
                index,
            }
            .into());
        }
        if let Some(unit) = goods.units.iter().find(|unit| !units.insert(*unit)) {
            let unit = unit.clone();
            return Err(Refusal::UnitRepeated { unit, line: index });
        }
    }
    Ok(())
}

/// The units that these goods name.
pub(super) fn unit_streams(goods: &[TransferGoods]) -> impl Iterator<Item = StreamName> {
    goods
        .iter()
        .flat_map(|goods| goods.units.iter().map(streams::unit))
}

/// Parts these goods from what is in transit, with their share of its cost. [`check_shape`] has passed.
///
/// # Errors
/// [`TransferRefusal::LineNotInTransit`], [`TransferRefusal::ExceedsDispatched`],
/// [`TransferRefusal::UnitNotInTransit`], [`Refusal::UnitsRequired`], [`Refusal::UnitsUnexpected`].
pub(super) fn part(
    found: &Transfer,
    id: &TransferId,
    goods: &[TransferGoods],
) -> Result<Vec<MovedTransferLine>, Missing> {
    let part_one = |(index, goods): (usize, &TransferGoods)| {
        let left = found.line_in_transit(goods.line).ok_or_else(|| {
            let (transfer_id, line) = (id.clone(), goods.line);
            Missing::from(TransferRefusal::LineNotInTransit {
                transfer_id,
                line,
                index,
            })
        })?;
        check_goods(left, goods, index)?;
        let cost = part_cost(left.cost, goods.quantity.get());
        Ok(MovedTransferLine {
            line: goods.line,
            sku: left.sku.clone(),
            quantity: goods.quantity,
            units: goods.units.clone(),
            costed_quantity: cost.quantity,
            value_minor: Minor::new(cost.value_minor)?,
        })
    };
    goods.iter().enumerate().map(part_one).collect()
}

fn check_goods(left: &InTransit, goods: &TransferGoods, index: usize) -> Result<(), Refusal> {
    let (quantity, units) = (goods.quantity.get(), goods.units.len());
    if quantity > left.quantity {
        let (line, in_transit) = (goods.line, left.quantity);
        return Err(TransferRefusal::ExceedsDispatched {
            line,
            quantity,
            in_transit,
            index,
        }
        .into());
    }
    let sku = left.sku.clone();
    if left.units.is_empty() && units > 0 {
        return Err(Refusal::UnitsUnexpected { sku, line: index });
    }
    if !left.units.is_empty() && i64::try_from(units) != Ok(quantity) {
        return Err(Refusal::UnitsRequired {
            sku,
            quantity,
            units,
            line: index,
        });
    }
    if let Some(unit) = goods.units.iter().find(|unit| !left.units.contains(*unit)) {
        let unit = unit.clone();
        return Err(TransferRefusal::UnitNotInTransit { unit, index }.into());
    }
    Ok(())
}

/// The share of `quantity` pieces, by the shelf's rule: those with a known cost first, what stays is rounded down, and
/// the last piece takes the rest.
fn part_cost(cost: MovedCost, quantity: i64) -> MovedCost {
    let MovedCost {
        quantity: costed,
        value_minor,
    } = cost;
    let in_transit = ShelfCost {
        quantity: costed,
        value_minor,
        last_unit_minor: None,
    };
    in_transit.leaving(quantity)
}

/// What one moved line carries along.
pub(super) fn cost_of(moved: &MovedTransferLine) -> MovedCost {
    MovedCost {
        quantity: moved.costed_quantity,
        value_minor: moved.value_minor.get(),
    }
}
