//! What the commands of this module share: which streams their lines need, how units and quantities must agree, and
//! their answer.

use std::collections::HashSet;

use schemas::events::catalogue::ItemKind;
use schemas::{Quantity, Sku, StoreId, UnitId};
use serde_json::{Value, json};

use crate::bounds::distinct;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Missing, Work};

/// Asks at once for the tenant, the store, and each line's item, shelf and units.
///
/// # Errors
/// [`Missing::Streams`], or [`Refusal::TooManyStreams`].
pub(super) fn load<'a>(
    work: &Work<'_>,
    store: &StoreId,
    lines: impl Iterator<Item = (&'a Sku, &'a [UnitId])>,
) -> Result<(), Missing> {
    let of_lines = lines.flat_map(|(sku, units)| {
        let shelf = [streams::item(sku), streams::stock(store, sku)];
        shelf.into_iter().chain(units.iter().map(streams::unit))
    });
    let all = distinct(
        [streams::tenant(), streams::store(store)]
            .into_iter()
            .chain(of_lines),
    )?;
    work.require(&all)
}

/// Serialised goods move with their units named, counted goods without, services not at all.
///
/// # Errors
/// [`Refusal::UnitsRequired`], [`Refusal::UnitsUnexpected`], [`Refusal::StockOfService`].
pub(crate) fn check_units(
    kind: ItemKind,
    sku: &Sku,
    quantity: Quantity,
    units: &[UnitId],
    line: usize,
) -> Result<(), Refusal> {
    let sku = sku.clone();
    match kind {
        ItemKind::Service => Err(Refusal::StockOfService { sku }),
        ItemKind::Counted if !units.is_empty() => Err(Refusal::UnitsUnexpected { sku, line }),
        ItemKind::Serialised if i64::try_from(units.len()) != Ok(quantity.get()) => {
            Err(Refusal::UnitsRequired {
                sku,
                quantity: quantity.get(),
                units: units.len(),
                line,
            })
        }
        ItemKind::Counted | ItemKind::Serialised => Ok(()),
    }
}

/// Each item that moved, once, with what is on hand now.
///
/// # Errors
/// [`Missing::Streams`], though all of them have been read before.
pub(super) fn answer<'a>(
    work: &Work<'_>,
    store: &StoreId,
    skus: impl Iterator<Item = &'a Sku>,
) -> Result<Value, Missing> {
    let mut seen = HashSet::new();
    let mut lines = Vec::new();
    for sku in skus.filter(|sku| seen.insert(*sku)) {
        lines.push(json!({ "sku": sku, "on_hand": work.stock(store, sku)?.on_hand }));
    }
    Ok(json!({ "store": store, "lines": lines }))
}
