//! From what a till asks for to goods with prices: finds each line's item, also by its IMEI or serial number.
//!
//! Not here: sums (`pricing`) and moving the goods (`goods`).

use std::collections::HashSet;

use schemas::events::catalogue::ItemKind;
use schemas::events::sale::{Discount, DraftLine};
use schemas::{Minor, Quantity, Sku, StoreId, StreamName, TaxCode, UnitId};

use crate::admin::Tenant;
use crate::bounds::{MAX_LINES, check_entries, check_not_negative, distinct};
use crate::refusal::Refusal;
use crate::stock::Goods;
use crate::streams;
use crate::work::{Missing, Work};

/// One line with all that its sum needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub goods: Goods,
    pub name: String,
    pub unit_price_minor: Minor,
    pub discount: Option<Discount>,
    pub tax_code: Option<TaxCode>,
    pub tax_rate_ppm: i64,
}

/// Loads all that the lines touch, beside `others`, and says which item each line means. An item that only a unit
/// names is known once the unit is loaded, so that such a command is asked twice.
///
/// # Errors
/// [`Missing::Streams`]; and what is wrong with a line in itself.
pub(crate) fn load(
    work: &Work<'_>,
    others: Vec<StreamName>,
    store: &StoreId,
    lines: &[DraftLine],
) -> Result<Vec<Sku>, Missing> {
    check_entries("lines", lines.len(), MAX_LINES)?;
    check_each(lines)?;
    let named = lines.iter().flat_map(|line| {
        let shelf = line
            .sku
            .iter()
            .flat_map(|sku| [streams::item(sku), streams::stock(store, sku)]);
        shelf.chain(line.unit.iter().map(streams::unit))
    });
    let mut streams = distinct(others.into_iter().chain(named))?;
    work.require(&streams)?;

    let skus = lines
        .iter()
        .enumerate()
        .map(|(index, line)| item_of(work, line.unit.as_ref(), line.sku.as_ref(), index))
        .collect::<Result<Vec<Sku>, Missing>>()?;
    streams.extend(
        skus.iter()
            .flat_map(|sku| [streams::item(sku), streams::stock(store, sku)]),
    );
    work.require(&distinct(streams)?)?;
    Ok(skus)
}

fn check_each(lines: &[DraftLine]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for (line, request) in lines.iter().enumerate() {
        check_not_negative(
            &format!("lines/{line}/unit_price_minor"),
            request.unit_price_minor,
        )?;
        match &request.unit {
            None if request.sku.is_none() => return Err(Refusal::LineWithoutGoods { line }),
            None => {}
            Some(unit) if request.quantity != Quantity::ONE => {
                return Err(Refusal::UnitQuantity {
                    unit: unit.clone(),
                    line,
                });
            }
            Some(unit) if !seen.insert(unit) => {
                return Err(Refusal::UnitRepeated {
                    unit: unit.clone(),
                    line,
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The item that a line means by its unit, its SKU, or both.
///
/// # Errors
/// [`Refusal::LineWithoutGoods`], [`Refusal::UnitNotFound`], [`Refusal::UnitOfOtherItem`].
pub(super) fn item_of(
    work: &Work<'_>,
    unit: Option<&UnitId>,
    sku: Option<&Sku>,
    line: usize,
) -> Result<Sku, Missing> {
    match (unit, sku) {
        (Some(unit), sku) => {
            let known = work.unit(unit, line)?;
            if let Some(sku) = sku {
                known.check_item(unit, sku, line)?;
            }
            Ok(known.sku.clone())
        }
        (None, Some(sku)) => Ok(sku.clone()),
        (None, None) => Err(Refusal::LineWithoutGoods { line }.into()),
    }
}

/// Puts prices, names and taxes to the lines; each item must be on sale.
///
/// # Errors
/// Items that do not exist or are discontinued; serialised items without their unit; unknown tax codes.
pub(crate) fn resolve(
    work: &Work<'_>,
    tenant: &Tenant,
    requests: &[DraftLine],
    skus: Vec<Sku>,
) -> Result<Vec<Line>, Missing> {
    let lines = resolve_offered(work, tenant, requests, skus)?;
    for (index, line) in lines.iter().enumerate() {
        if line.goods.kind == ItemKind::Serialised && line.goods.unit.is_none() {
            return Err(Refusal::UnitsRequired {
                sku: line.goods.sku.clone(),
                quantity: line.goods.quantity.get(),
                units: 0,
                line: index,
            }
            .into());
        }
    }
    Ok(lines)
}

/// As [`resolve`], but serialised goods need not name their units: which ones they will be is said when they leave.
///
/// # Errors
/// Items that do not exist or are discontinued; unknown tax codes.
pub(crate) fn resolve_offered(
    work: &Work<'_>,
    tenant: &Tenant,
    requests: &[DraftLine],
    skus: Vec<Sku>,
) -> Result<Vec<Line>, Missing> {
    let resolve_one = |(request, sku): (&DraftLine, Sku)| {
        let item = work.sellable_item(&sku)?;
        Ok(Line {
            name: item.name.clone(),
            unit_price_minor: request.unit_price_minor.unwrap_or(item.price_minor),
            discount: request.discount,
            tax_code: item.tax_code.clone(),
            tax_rate_ppm: tenant.rate_ppm(item.tax_code.as_ref())?,
            goods: Goods {
                sku,
                unit: request.unit.clone(),
                quantity: request.quantity,
                kind: item.kind,
            },
        })
    };
    requests.iter().zip(skus).map(resolve_one).collect()
}
