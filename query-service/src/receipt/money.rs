//! Amounts as people read them in the shop's country, and how a sale's amounts belong together.

use schemas::Currency;

/// Countries that write thousands with a point and decimals with a comma. CLDR 47, by currency.
const POINT_GROUPS: &[&str] = &["ARS", "BRL", "CLP", "COP", "EUR", "PYG", "UYU", "VES"];

/// An amount with its currency's decimals, thousands in groups, without the currency's name.
pub fn shown(minor: i64, currency: Currency) -> String {
    let exponent = usize::try_from(currency.exponent()).unwrap_or(0);
    let (group, point) = if POINT_GROUPS.contains(&currency.to_string().as_str()) {
        ('.', ',')
    } else {
        (',', '.')
    };
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, rest) = digits.split_at(digits.len() - exponent);
    let mut text = String::new();
    if minor < 0 {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if exponent > 0 {
        text.push(point);
        text.push_str(rest);
    }
    text
}

/// Whether a sale's tax came on top of its prices: then gross, less discount, and tax make the total. Else tax is in them.
/// The sale itself tells, so that no setting of the tenant's is asked.
pub fn tax_is_added(gross_minor: i64, discount_minor: i64, tax_minor: i64, total_minor: i64) -> bool {
    let net = gross_minor.saturating_sub(discount_minor);
    tax_minor != 0 && net.saturating_add(tax_minor) == total_minor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_is_added_where_only_with_it_the_total_is_reached() {
        assert!(tax_is_added(100, 10, 14, 104));
        assert!(!tax_is_added(100, 10, 12, 90));
        assert!(!tax_is_added(100, 10, 0, 90));
    }

    #[test]
    fn amounts_have_their_currencys_decimals_and_their_countrys_marks() {
        let text = |minor, code| shown(minor, Currency::new(code).unwrap());
        assert_eq!(text(123_456_789, "HNL"), "1,234,567.89");
        assert_eq!(text(-5, "HNL"), "-0.05");
        assert_eq!(text(1_250_500, "CLP"), "1.250.500");
        assert_eq!(text(999, "CLP"), "999");
        assert_eq!(text(100_000, "GBP"), "1,000.00");
        assert_eq!(text(0, "EUR"), "0,00");
        assert_eq!(text(i64::MIN, "KWD"), "-9,223,372,036,854,775.808");
    }
}
