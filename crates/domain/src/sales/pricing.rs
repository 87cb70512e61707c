//! The sums of a sale: discounts, their spread over lines, taxes. Integers only; no line's rounding gets lost.
//!
//! Pure arithmetic. Not here: where prices and rates come from (`lines`), and payments (`payments`).

use schemas::events::sale::{Discount, SaleLine};
use schemas::{Currency, Minor};

use super::lines::Line;
use crate::refusal::{Amount, Refusal};

/// Parts in a whole.
const PPM: i64 = 1_000_000;

/// How a tenant reckons.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub currency: Currency,
    pub prices_include_tax: bool,
}

/// A sale's lines and sums; the lines' sums are the sale's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Priced {
    pub lines: Vec<SaleLine>,
    pub gross_minor: Minor,
    pub discount_minor: Minor,
    pub tax_minor: Minor,
    pub total_minor: Minor,
}

/// # Errors
/// [`Refusal::DiscountInvalid`], [`Refusal::DiscountTooHigh`], [`Refusal::AmountOutOfRange`].
pub(crate) fn price(lines: Vec<Line>, discount: Option<Discount>, terms: Terms) -> Result<Priced, Refusal> {
    let mut gross = Vec::with_capacity(lines.len());
    let mut left = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let line_gross = line.unit_price_minor.times(line.goods.quantity)?;
        let own = discount_on(line_gross, line.discount, terms.currency, || {
            format!("/lines/{index}/discount")
        })?;
        gross.push(line_gross);
        left.push(line_gross.minus(own)?);
    }
    let base = Minor::sum(left.iter().copied())?;
    let of_sale = discount_on(base, discount, terms.currency, || "/discount".to_owned())?;
    let shares = spread(of_sale, &left, base)?;

    let mut priced = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let net = left[index].minus(shares[index])?;
        let (tax_minor, total_minor) = tax_and_total(net, line.tax_rate_ppm, terms.prices_include_tax)?;
        priced.push(SaleLine {
            line: i64::try_from(index).map_or(i64::MAX, |index| index + 1),
            sku: line.goods.sku,
            unit: line.goods.unit,
            name: line.name,
            quantity: line.goods.quantity,
            unit_price_minor: line.unit_price_minor,
            gross_minor: gross[index],
            discount_minor: gross[index].minus(net)?,
            tax_code: line.tax_code,
            tax_rate_ppm: line.tax_rate_ppm,
            tax_minor,
            total_minor,
        });
    }
    Ok(Priced {
        gross_minor: Minor::sum(gross)?,
        discount_minor: Minor::sum(priced.iter().map(|line| line.discount_minor))?,
        tax_minor: Minor::sum(priced.iter().map(|line| line.tax_minor))?,
        total_minor: Minor::sum(priced.iter().map(|line| line.total_minor))?,
        lines: priced,
    })
}

/// Checks a discount in itself, before it is known what it applies to.
///
/// # Errors
/// [`Refusal::DiscountInvalid`].
pub(crate) fn check_discount(
    discount: Option<Discount>,
    pointer: impl FnOnce() -> String,
) -> Result<(), Refusal> {
    let good = match discount {
        None => true,
        Some(Discount::Share { rate_ppm }) => (0..=PPM).contains(&rate_ppm),
        Some(Discount::Amount { amount_minor }) => !amount_minor.is_negative(),
    };
    if good {
        Ok(())
    } else {
        Err(Refusal::DiscountInvalid { pointer: pointer() })
    }
}

fn discount_on(
    gross: Minor,
    discount: Option<Discount>,
    currency: Currency,
    pointer: impl Fn() -> String,
) -> Result<Minor, Refusal> {
    check_discount(discount, &pointer)?;
    let amount = match discount {
        None => Minor::ZERO,
        Some(Discount::Share { rate_ppm }) => gross.ratio(rate_ppm, PPM)?,
        Some(Discount::Amount { amount_minor }) => amount_minor,
    };
    if amount > gross {
        let show = |minor| Amount { minor, currency };
        let (discount, gross) = (show(amount), show(gross));
        return Err(Refusal::DiscountTooHigh {
            pointer: pointer(),
            discount,
            gross,
        });
    }
    Ok(amount)
}

/// Spreads an amount over parts in proportion, by largest remainder (the earlier line wins a tie): the shares add up
/// to the amount, and none exceeds its part as long as the amount does not exceed `whole`, the sum of the parts.
fn spread(amount: Minor, parts: &[Minor], whole: Minor) -> Result<Vec<Minor>, Refusal> {
    if amount.is_zero() || whole.is_zero() {
        return Ok(vec![Minor::ZERO; parts.len()]);
    }
    let denominator = i128::from(whole.get());
    let mut shares = Vec::with_capacity(parts.len());
    let mut remainders = Vec::with_capacity(parts.len());
    let mut left = i128::from(amount.get());
    for (index, part) in parts.iter().enumerate() {
        let product = i128::from(amount.get()) * i128::from(part.get());
        let share = product / denominator;
        left -= share;
        shares.push(share);
        remainders.push((std::cmp::Reverse(product % denominator), index));
    }
    remainders.sort_unstable();
    for (_, index) in remainders {
        if left == 0 {
            break;
        }
        shares[index] += 1;
        left -= 1;
    }
    let minor = |share| i64::try_from(share).ok().and_then(|share| Minor::new(share).ok());
    shares
        .into_iter()
        .map(|share| minor(share).ok_or(Refusal::AmountOutOfRange {}))
        .collect()
}

/// Tax in or on a net amount, and what the customer pays; rounded half away from zero, line by line.
///
/// # Errors
/// [`Refusal::AmountOutOfRange`].
pub(super) fn tax_and_total(
    net: Minor,
    rate_ppm: i64,
    prices_include_tax: bool,
) -> Result<(Minor, Minor), Refusal> {
    if prices_include_tax {
        Ok((net.ratio(rate_ppm, PPM.saturating_add(rate_ppm))?, net))
    } else {
        let tax = net.ratio(rate_ppm, PPM)?;
        Ok((tax, net.plus(tax)?))
    }
}
