//! Goods that came along with a transfer though nobody dispatched them, as long as nobody has decided about them.
//!
//! They belong to the sending store, whose books still have them; the receiving store has them in its hands and cannot
//! sell them. Not here: the decision (`resolve_surplus`).

use std::collections::{BTreeSet, HashMap};

use schemas::events::transfer::{MovedTransferLine, SurplusTransferLine};
use schemas::{Sku, UnitId};
use serde::{Deserialize, Serialize};

use super::moved::{MAX_MOVED, TransferGoods};
use super::transfer::Transfer;
use crate::bounds::check_entries;
use crate::refusal::{Refusal, TransferRefusal};
use crate::stock::{check_units, unit_at_hand};
use crate::work::{Missing, Work};

/// What of one line came beyond what was dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surplus {
    /// As it was asked for, from 1.
    pub line: i64,
    pub sku: Sku,
    pub quantity: i64,
    /// The units, for serialised goods.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<UnitId>,
}

impl Surplus {
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + 64 + self.units.len() * 96
    }
}

impl Transfer {
    pub(super) fn add_surplus(&mut self, lines: &[SurplusTransferLine]) {
        for more in lines {
            let quantity = more.quantity.get();
            if let Some(known) = self.surplus.iter_mut().find(|known| known.line == more.line) {
                known.quantity = known.quantity.saturating_add(quantity);
                known.units.extend(more.units.iter().cloned());
            } else {
                self.surplus.push(Surplus {
                    line: more.line,
                    sku: more.sku.clone(),
                    quantity,
                    units: more.units.iter().cloned().collect(),
                });
            }
        }
    }

    /// Goods about which somebody decided.
    pub(super) fn take_surplus(&mut self, lines: &[MovedTransferLine]) {
        for decided in lines {
            let Some(left) = self.surplus.iter_mut().find(|left| left.line == decided.line) else {
                continue;
            };
            left.quantity = left.quantity.saturating_sub(decided.quantity.get());
            left.units.retain(|unit| !decided.units.contains(unit));
        }
        self.surplus.retain(|left| left.quantity > 0);
    }
}

/// What comes beyond what was dispatched, with a reception of `received`. Nothing of its line may be left in transit after
/// it: those pieces are the ones that came. [`super::moved::check_shape`] has passed.
///
/// # Errors
/// [`TransferRefusal::LineUnknown`], [`TransferRefusal::SurplusBeforeRest`], [`Refusal::TooManyEntries`],
/// [`TransferRefusal::UnitTwiceInSurplus`], what [`check_units`] refuses, and what says where a unit is that the sending
/// store does not have.
pub(super) fn beyond(
    work: &Work<'_>,
    found: &Transfer,
    received: &[TransferGoods],
    surplus: &[TransferGoods],
) -> Result<Vec<SurplusTransferLine>, Missing> {
    let waiting: usize = found.surplus.iter().map(|known| 1 + known.units.len()).sum();
    let more: usize = surplus.iter().map(|goods| 1 + goods.units.len()).sum();
    check_entries("surplus", waiting.saturating_add(more), MAX_MOVED)?;
    let received: HashMap<i64, i64> = received
        .iter()
        .map(|goods| (goods.line, goods.quantity.get()))
        .collect();
    let mut lines = Vec::with_capacity(surplus.len());
    for (index, goods) in surplus.iter().enumerate() {
        let line = goods.line;
        let requested = found
            .requested_line(line)
            .ok_or(TransferRefusal::SurplusLineUnknown { line, index })?;
        let left = found.line_in_transit(line).map_or(0, |left| left.quantity);
        let in_transit = left - received.get(&line).copied().unwrap_or(0);
        if in_transit > 0 {
            return Err(TransferRefusal::SurplusBeforeRest {
                line,
                in_transit,
                index,
            }
            .into());
        }
        check_units(
            work.item(&requested.sku)?.kind,
            &requested.sku,
            goods.quantity,
            &goods.units,
            index,
        )?;
        for unit in &goods.units {
            if found.surplus.iter().any(|known| known.units.contains(unit)) {
                let unit = unit.clone();
                return Err(TransferRefusal::UnitTwiceInSurplus { unit, index }.into());
            }
            unit_at_hand(work, unit, &found.from, None, index)?.check_item(unit, &requested.sku, index)?;
        }
        lines.push(SurplusTransferLine {
            line,
            sku: requested.sku.clone(),
            quantity: goods.quantity,
            units: goods.units.clone(),
        });
    }
    Ok(lines)
}

/// Checks that these goods are a surplus that waits for a decision.
///
/// # Errors
/// [`TransferRefusal::NotInSurplus`], [`Refusal::UnitsRequired`], [`Refusal::UnitsUnexpected`],
/// [`TransferRefusal::UnitNotInSurplus`].
pub(super) fn check_waiting(found: &Transfer, goods: &TransferGoods, index: usize) -> Result<Sku, Refusal> {
    let (line, quantity, units) = (goods.line, goods.quantity.get(), goods.units.len());
    let waiting = found.surplus.iter().find(|known| known.line == line);
    let surplus = waiting.map_or(0, |known| known.quantity);
    let Some(waiting) = waiting.filter(|known| known.quantity >= quantity) else {
        return Err(TransferRefusal::NotInSurplus {
            line,
            quantity,
            surplus,
            index,
        }
        .into());
    };
    let sku = waiting.sku.clone();
    if waiting.units.is_empty() && units > 0 {
        return Err(Refusal::UnitsUnexpected { sku, line: index });
    }
    if !waiting.units.is_empty() && i64::try_from(units) != Ok(quantity) {
        return Err(Refusal::UnitsRequired {
            sku,
            quantity,
            units,
            line: index,
        });
    }
    if let Some(unit) = goods.units.iter().find(|unit| !waiting.units.contains(*unit)) {
        let unit = unit.clone();
        return Err(TransferRefusal::UnitNotInSurplus { unit, index }.into());
    }
    Ok(sku)
}
