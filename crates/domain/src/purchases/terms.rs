//! Checks and sums that the commands of this module share: dates, lots, taxes, and lines of a request that name the
//! order's lines.

use std::collections::HashSet;

use schemas::events::purchase::Lot;
use schemas::{Minor, PurchaseId, Quantity};
use time::Date;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::purchase::{Line, Purchase};
use crate::refusal::{PurchaseRefusal, Refusal};

/// Lines of one order or document, and entries (lines, units and lots) of one document.
pub(super) const MAX_ENTRIES: usize = 2_000;
/// Characters of the supplier's invoice number.
pub(super) const MAX_INVOICE_CHARS: usize = 100;
/// Parts in a whole.
const PPM: i64 = 1_000_000;
const DAY: &[FormatItem<'static>] = format_description!("[year]-[month]-[day]");

/// A day as people write it: `2026-12-01`.
///
/// # Errors
/// [`PurchaseRefusal::DayInvalid`] naming `field`.
pub(super) fn check_day(field: impl FnOnce() -> String, day: Option<&str>) -> Result<Option<Date>, Refusal> {
    let Some(day) = day else { return Ok(None) };
    let parsed = Some(day)
        .filter(|day| day.len() == 10)
        .and_then(|day| Date::parse(day, DAY).ok());
    match parsed {
        Some(date) => Ok(Some(date)),
        None => Err(PurchaseRefusal::DayInvalid { field: field() }.into()),
    }
}

/// Lots together are no more than the line, and none expires before it was made.
///
/// # Errors
/// [`PurchaseRefusal::LotsExceedLine`], [`PurchaseRefusal::LotExpiresEarly`], [`PurchaseRefusal::DayInvalid`].
pub(super) fn check_lots(lots: &[Lot], quantity: Quantity, line: usize) -> Result<(), Refusal> {
    let mut sum: i64 = 0;
    for (index, lot) in lots.iter().enumerate() {
        sum = sum.saturating_add(lot.quantity.get());
        let field = |name: &str| format!("lines/{line}/lots/{index}/{name}");
        let made = check_day(|| field("made_on"), lot.made_on.as_deref())?;
        let expires = check_day(|| field("expires_on"), lot.expires_on.as_deref())?;
        if matches!((made, expires), (Some(made), Some(expires)) if expires < made) {
            return Err(PurchaseRefusal::LotExpiresEarly { line, lot: index }.into());
        }
    }
    if sum > quantity.get() {
        let quantity = quantity.get();
        return Err(PurchaseRefusal::LotsExceedLine { line, quantity, sum }.into());
    }
    Ok(())
}

/// The tax on an amount, rounded half away from zero.
///
/// # Errors
/// [`Refusal::AmountOutOfRange`].
pub(super) fn tax_on(net: Minor, rate_ppm: i64) -> Result<Minor, Refusal> {
    Ok(net.ratio(rate_ppm, PPM)?)
}

/// The order's line that the request's line (from 0) names.
///
/// # Errors
/// [`PurchaseRefusal::PurchaseLineNotFound`].
pub(super) fn ordered_line<'p>(
    purchase: &'p Purchase,
    id: &PurchaseId,
    number: i64,
    line: usize,
) -> Result<&'p Line, Refusal> {
    purchase.line(number).ok_or_else(|| {
        let purchase_id = id.clone();
        PurchaseRefusal::PurchaseLineNotFound {
            purchase_id,
            number,
            line,
        }
        .into()
    })
}

/// Each of the order's lines is named once at most.
///
/// # Errors
/// [`PurchaseRefusal::PurchaseLineRepeated`].
pub(super) fn check_once<K: std::hash::Hash + Eq>(
    named: impl IntoIterator<Item = (i64, K)>,
) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for (line, (number, key)) in named.into_iter().enumerate() {
        if !seen.insert((number, key)) {
            return Err(PurchaseRefusal::PurchaseLineRepeated { number, line }.into());
        }
    }
    Ok(())
}
