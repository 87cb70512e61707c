//! Unit prices with more decimals than the currency has, without floats.

/// A price in millionths of the currency's unit, as written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(i64);

/// A text that is no decimal number with at most six decimals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no price")]
pub struct InvalidPrice(pub String);

const MILLIONTHS: i64 = 1_000_000;
/// Of GBP, the file's currency: two decimals.
const MILLIONTHS_PER_MINOR: i128 = 10_000;

impl Price {
    /// # Errors
    /// [`InvalidPrice`].
    pub fn parse(text: &str) -> Result<Self, InvalidPrice> {
        let invalid = || InvalidPrice(text.to_owned());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 6 || !is_digits(whole) || !is_digits(fraction) {
            return Err(invalid());
        }
        let whole: i64 = whole.parse().map_err(|_| invalid())?;
        let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| invalid())?;
        let price = whole
            .checked_mul(MILLIONTHS)
            .and_then(|price| price.checked_add(fraction))
            .ok_or_else(invalid)?;
        Ok(Self(if negative { -price } else { price }))
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// `quantity × price` in millionths: exact.
    pub fn exact(self, quantity: i64) -> i128 {
        i128::from(self.0) * i128::from(quantity)
    }

    /// `quantity × price` in minor units, rounded half away from zero.
    pub fn amount_minor(self, quantity: i64) -> i64 {
        round_to_minor(self.exact(quantity))
    }

    /// The unit price in minor units, rounded half away from zero.
    pub fn unit_minor(self) -> i64 {
        self.amount_minor(1)
    }
}

/// Millionths to minor units, half away from zero.
pub fn round_to_minor(millionths: i128) -> i64 {
    let magnitude = (millionths.abs() + MILLIONTHS_PER_MINOR / 2) / MILLIONTHS_PER_MINOR;
    let rounded = if millionths < 0 { -magnitude } else { magnitude };
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_without_a_float() {
        assert_eq!(Price::parse("2.55").unwrap().unit_minor(), 255);
        assert_eq!(Price::parse("0").unwrap().unit_minor(), 0);
        assert_eq!(Price::parse("13541.33").unwrap().amount_minor(-1), -1_354_133);
        assert_eq!(Price::parse("-11062.06").unwrap().unit_minor(), -1_106_206);
        for text in ["", ".5", "1e3", "1,5", "0.1234567", "NaN", "99999999999999999999"] {
            assert!(Price::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_amount_is_rounded_half_away_from_zero() {
        let price = Price::parse("0.005").unwrap();
        assert_eq!(
            (
                price.amount_minor(1),
                price.amount_minor(-1),
                price.amount_minor(3)
            ),
            (1, -1, 2)
        );
        assert_eq!(Price::parse("0.0049").unwrap().amount_minor(1), 0);
    }
}
