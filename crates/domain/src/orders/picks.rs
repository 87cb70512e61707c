//! Which lines of an order a command is about: each of them once, and which units go or come with them.

use std::collections::HashSet;

use schemas::events::catalogue::ItemKind;
use schemas::{OrderId, StreamName, UnitId};

use super::{Order, OrderLine};
use crate::bounds::distinct;
use crate::refusal::{OrderRefusal, Refusal};
use crate::streams;
use crate::work::{Missing, Work};

/// One line that a command picked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pick<'a> {
    /// Of the order, from 1.
    pub number: i64,
    pub line: &'a OrderLine,
    pub quantity: i64,
    pub units: Vec<UnitId>,
}

/// Finds the lines that a request names by their numbers.
///
/// # Errors
/// [`OrderRefusal::LineUnknown`], [`OrderRefusal::LineRepeated`], [`Refusal::UnitRepeated`].
pub(super) fn named<'a>(
    id: &OrderId,
    order: &'a Order,
    requests: impl Iterator<Item = (i64, i64, &'a [UnitId])>,
) -> Result<Vec<Pick<'a>>, Refusal> {
    let (mut numbers, mut units_seen) = (HashSet::new(), HashSet::new());
    let mut picks = Vec::new();
    for (line, (number, quantity, units)) in requests.enumerate() {
        let index = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let Some(found) = index.and_then(|index| order.lines.get(index)) else {
            let order_id = id.clone();
            return Err(OrderRefusal::LineUnknown {
                order_id,
                number,
                line,
            }
            .into());
        };
        if !numbers.insert(number) {
            return Err(OrderRefusal::LineRepeated { number, line }.into());
        }
        for unit in units {
            if !units_seen.insert(unit) {
                let unit = unit.clone();
                return Err(Refusal::UnitRepeated { unit, line });
            }
        }
        picks.push(Pick {
            number,
            line: found,
            quantity,
            units: units.to_vec(),
        });
    }
    Ok(picks)
}

/// All lines of which something is left.
pub(super) fn rest<'a>(order: &'a Order, left: fn(&OrderLine) -> i64) -> Vec<Pick<'a>> {
    let pick = |(number, line): (i64, &'a OrderLine)| Pick {
        number,
        line,
        quantity: left(line),
        units: line.unit.iter().cloned().collect(),
    };
    let picks = (1..).zip(&order.lines).map(pick);
    picks.filter(|pick| pick.quantity > 0).collect()
}

/// Loads what the picked goods touch: the store, items, shelves, units, and whose order it is; and one stream more.
///
/// # Errors
/// [`Missing::Streams`], [`Refusal::TooManyStreams`].
pub(super) fn load_goods(
    work: &Work<'_>,
    order: &Order,
    picks: &[Pick<'_>],
    other: Option<StreamName>,
) -> Result<(), Missing> {
    let mut all: Vec<StreamName> = vec![streams::store(&order.store)];
    all.extend(order.customer_id.iter().map(streams::customer));
    all.extend(other);
    for pick in picks {
        let sku = &pick.line.sku;
        all.extend([streams::item(sku), streams::stock(&order.store, sku)]);
        all.extend(pick.units.iter().map(streams::unit));
    }
    work.require(&distinct(all)?)
}

impl Pick<'_> {
    /// Serialised goods move with as many units named as pieces, and with the unit that was ordered when one was;
    /// others without. `line` counts the request's lines from 0.
    ///
    /// # Errors
    /// [`Refusal::UnitsRequired`], [`Refusal::UnitsUnexpected`], [`Refusal::UnitOfOtherItem`],
    /// [`OrderRefusal::OtherUnit`].
    pub fn check_units(&self, work: &Work<'_>, kind: ItemKind, line: usize) -> Result<(), Missing> {
        let sku = self.line.sku.clone();
        match kind {
            ItemKind::Counted | ItemKind::Service if self.units.is_empty() => return Ok(()),
            ItemKind::Counted | ItemKind::Service => {
                return Err(Refusal::UnitsUnexpected { sku, line }.into());
            }
            ItemKind::Serialised => {}
        }
        if i64::try_from(self.units.len()) != Ok(self.quantity) {
            return Err(Refusal::UnitsRequired {
                sku,
                quantity: self.quantity,
                units: self.units.len(),
                line,
            }
            .into());
        }
        for unit in &self.units {
            work.unit(unit, line)?.check_item(unit, &sku, line)?;
            if let Some(ordered) = &self.line.unit
                && ordered != unit
            {
                let (unit, ordered) = (unit.clone(), ordered.clone());
                return Err(OrderRefusal::OtherUnit { unit, ordered, line }.into());
            }
        }
        Ok(())
    }
}
