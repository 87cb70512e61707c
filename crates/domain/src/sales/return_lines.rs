//! What comes back and what it is worth: against the original sale, or at a price given.
//!
//! Not here: refunds (`return_goods`) and moving the goods (`goods`).

use std::collections::{HashMap, HashSet};

use schemas::events::catalogue::ItemKind;
use schemas::{Minor, Quantity, SaleId, StoreId, StreamName, UnitId};

use super::ReturnLineRequest;
use super::goods::Returned;
use super::lines::item_of;
use super::pricing::tax_and_total;
use super::sale::{Sold, SoldLine};
use crate::bounds::{check_not_negative, distinct};
use crate::context::Ctx;
use crate::refusal::{Amount, Refusal, ReturnRefusal};
use crate::stock::{Goods, Place};
use crate::streams;
use crate::work::{Missing, Work};

/// One line of a return with its sums.
#[derive(Debug, Clone)]
pub(super) struct Reckoned {
    pub returned: Returned,
    /// From 1.
    pub sale_line: Option<i64>,
    pub tax_minor: Minor,
    /// What the customer gets back, tax included.
    pub total_minor: Minor,
}

/// Loads the sale's own streams first, then what its lines or the request's lines name.
///
/// # Errors
/// [`Missing::Streams`]; a sale that is not completed; units that nobody knows.
pub(super) fn load(
    work: &Work<'_>,
    others: Vec<StreamName>,
    sale_id: Option<&SaleId>,
    store: &StoreId,
    requests: &[ReturnLineRequest],
) -> Result<(), Missing> {
    let mut seen = HashSet::new();
    for (line, request) in requests.iter().enumerate() {
        let Some(unit) = &request.unit else { continue };
        if request.quantity != Quantity::ONE {
            return Err(Refusal::UnitQuantity {
                unit: unit.clone(),
                line,
            }
            .into());
        }
        if !seen.insert(unit) {
            return Err(Refusal::UnitRepeated {
                unit: unit.clone(),
                line,
            }
            .into());
        }
    }
    let named = requests.iter().flat_map(|request| {
        let shelf = request
            .sku
            .iter()
            .flat_map(|sku| [streams::item(sku), streams::stock(store, sku)]);
        shelf.chain(request.unit.iter().map(streams::unit))
    });
    let mut all = distinct(others.into_iter().chain(named))?;
    work.require(&all)?;
    match sale_id {
        Some(id) => {
            let sold = work.sale(id)?.sold(id)?;
            all.extend(sold.customer_id.iter().map(streams::customer));
            let index = LineIndex::new(sold);
            for request in requests {
                if let Some((_, line)) = index.find(request) {
                    all.extend([streams::item(&line.sku), streams::stock(store, &line.sku)]);
                    all.extend(line.unit.iter().map(streams::unit));
                }
            }
        }
        None => {
            for (line, request) in requests.iter().enumerate() {
                let sku = item_of(work, request.unit.as_ref(), request.sku.as_ref(), line)?;
                all.extend([streams::item(&sku), streams::stock(store, &sku)]);
            }
        }
    }
    work.require(&distinct(all)?)
}

/// Finds a sale's lines by number or unit.
struct LineIndex<'a> {
    lines: &'a [SoldLine],
    by_unit: HashMap<&'a UnitId, usize>,
}

impl<'a> LineIndex<'a> {
    fn new(sold: &'a Sold) -> Self {
        let unit_of = |(index, line): (usize, &'a SoldLine)| Some((line.unit.as_ref()?, index));
        Self {
            lines: &sold.lines,
            by_unit: sold.lines.iter().enumerate().filter_map(unit_of).collect(),
        }
    }

    fn find(&self, request: &ReturnLineRequest) -> Option<(usize, &'a SoldLine)> {
        let index = match (request.sale_line, &request.unit) {
            (Some(number), _) => usize::try_from(number).ok()?.checked_sub(1)?,
            (None, Some(unit)) => *self.by_unit.get(unit)?,
            (None, None) => return None,
        };
        Some((index, self.lines.get(index)?))
    }
}

/// What came back of one line of the sale, this return included.
#[derive(Debug, Clone, Copy)]
struct Back {
    quantity: i64,
    tax: Minor,
    total: Minor,
}

/// Reckons against the original sale. A line's value is spread over its pieces so that what has come back so far is
/// always the rounded share of the whole; thus the last piece takes whatever is left.
///
/// # Errors
/// Lines that the sale does not have or that name a price, and more than was sold.
pub(super) fn of_sale(
    work: &Work<'_>,
    sale_id: &SaleId,
    requests: &[ReturnLineRequest],
) -> Result<Vec<Reckoned>, Missing> {
    let sold = work.sale(sale_id)?.sold(sale_id)?;
    let index = LineIndex::new(sold);
    let mut so_far: HashMap<usize, Back> = HashMap::new();
    let mut reckoned = Vec::with_capacity(requests.len());
    for (line, request) in requests.iter().enumerate() {
        let Some((place, sold_line)) = index.find(request) else {
            return Err(Refusal::ReturnLineUnknown {
                sale_id: sale_id.clone(),
                line,
            }
            .into());
        };
        let number = i64::try_from(place).map_or(i64::MAX, |place| place + 1);
        check_same_goods(work, sale_id, request, sold_line, (number, line))?;
        if request.unit_price_minor.is_some() {
            return Err(ReturnRefusal::PriceNotAllowed { line }.into());
        }
        let before = so_far.get(&place).copied().unwrap_or(Back {
            quantity: sold_line.returned_quantity,
            tax: sold_line.returned_tax_minor,
            total: sold_line.returned_total_minor,
        });
        let quantity = before.quantity.saturating_add(request.quantity.get());
        if quantity > sold_line.quantity {
            return Err(Refusal::ReturnExceedsSold {
                sku: sold_line.sku.clone(),
                returnable: sold_line.quantity - before.quantity,
                requested: request.quantity.get(),
                line,
            }
            .into());
        }
        let tax = sold_line.tax_minor.ratio(quantity, sold_line.quantity)?;
        let total = sold_line.total_minor.ratio(quantity, sold_line.quantity)?;
        so_far.insert(place, Back { quantity, tax, total });
        let goods = Goods {
            sku: sold_line.sku.clone(),
            unit: sold_line.unit.clone(),
            quantity: request.quantity,
            kind: work.item(&sold_line.sku)?.kind,
        };
        reckoned.push(Reckoned {
            returned: Returned {
                goods,
                restock: request.restock,
            },
            sale_line: Some(number),
            tax_minor: tax.minus(before.tax)?,
            total_minor: total.minus(before.total)?,
        });
    }
    Ok(reckoned)
}

fn check_same_goods(
    work: &Work<'_>,
    sale_id: &SaleId,
    request: &ReturnLineRequest,
    sold: &SoldLine,
    (sale_line, line): (i64, usize),
) -> Result<(), Missing> {
    let other_sku = request.sku.as_ref().is_some_and(|sku| *sku != sold.sku);
    let other_unit = request.unit.is_some() && request.unit != sold.unit;
    if other_sku || other_unit {
        return Err(Refusal::ReturnLineMismatch { sale_line, line }.into());
    }
    if let Some(unit) = &sold.unit
        && sold.returnable() > 0
        && work.unit(unit, line)?.place
            != (Place::Sold {
                sale_id: sale_id.clone(),
            })
    {
        return Err(Refusal::UnitNotSold {
            unit: unit.clone(),
            line,
        }
        .into());
    }
    Ok(())
}

/// Reckons at the prices given, with today's taxes. Serialised goods come back with their sale, which is always known.
///
/// # Errors
/// Lines without goods or price, prices above the catalogue's unless a manager decides, and serialised goods.
pub(super) fn without_sale(
    work: &Work<'_>,
    ctx: &Ctx,
    requests: &[ReturnLineRequest],
) -> Result<Vec<Reckoned>, Missing> {
    let tenant = work.tenant(&ctx.tenant)?;
    let mut reckoned = Vec::with_capacity(requests.len());
    for (line, request) in requests.iter().enumerate() {
        let sku = item_of(work, request.unit.as_ref(), request.sku.as_ref(), line)?;
        let item = work.item(&sku)?;
        if let Some(unit) = &request.unit {
            return Err(unit_without_sale(work, unit, line)?.into());
        }
        if item.kind == ItemKind::Serialised {
            let quantity = request.quantity.get();
            return Err(Refusal::UnitsRequired {
                sku,
                quantity,
                units: 0,
                line,
            }
            .into());
        }
        let price = price_given(request, line)?;
        if price > item.price_minor && !ctx.is_manager() {
            let show = |minor| Amount {
                minor,
                currency: tenant.currency,
            };
            let (price, ceiling) = (show(price), show(item.price_minor));
            return Err(ReturnRefusal::PriceTooHigh {
                sku,
                price,
                ceiling,
                line,
            }
            .into());
        }
        let net = price.times(request.quantity)?;
        let rate_ppm = tenant.rate_ppm(item.tax_code.as_ref())?;
        let (tax_minor, total_minor) = tax_and_total(net, rate_ppm, tenant.prices_include_tax)?;
        let goods = Goods {
            sku,
            unit: None,
            quantity: request.quantity,
            kind: item.kind,
        };
        let returned = Returned {
            goods,
            restock: request.restock,
        };
        reckoned.push(Reckoned {
            returned,
            sale_line: None,
            tax_minor,
            total_minor,
        });
    }
    Ok(reckoned)
}

/// Why a unit does not come back without a sale: it is with a customer, so that its sale is known and would be left as if
/// the customer still had it; or it is with nobody.
fn unit_without_sale(work: &Work<'_>, unit: &UnitId, line: usize) -> Result<Refusal, Missing> {
    let unit_id = unit.clone();
    Ok(match &work.unit(unit, line)?.place {
        Place::Sold { sale_id } => ReturnRefusal::SaleKnown {
            unit: unit_id,
            sale_id: sale_id.clone(),
            line,
        }
        .into(),
        Place::InStock { .. } | Place::WrittenOff | Place::Away { .. } => {
            Refusal::UnitNotSold { unit: unit_id, line }
        }
    })
}

fn price_given(request: &ReturnLineRequest, line: usize) -> Result<Minor, Refusal> {
    check_not_negative(
        &format!("lines/{line}/unit_price_minor"),
        request.unit_price_minor,
    )?;
    request
        .unit_price_minor
        .ok_or(Refusal::ReturnPriceRequired { line })
}
