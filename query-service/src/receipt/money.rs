//! Amounts as people read them in the shop's country.

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

#[cfg(test)]
mod tests {
    use super::*;

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
