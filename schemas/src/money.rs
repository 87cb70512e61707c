//! Money as integers of minor units, never a float.
//!
//! Not here: formatting for people (that needs a language) and conversion between currencies (we do none).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::quantity::Quantity;

/// Largest magnitude of an amount: keeps every sum of a sale inside what JSON readers with doubles represent
/// exactly (2^53).
pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

/// A figure left the range that money may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("amount is outside ±1,000,000,000,000,000 minor units")]
pub struct MoneyError;

/// An amount in minor units (cents) of the currency that stands beside it. May be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Minor(i64);

impl Minor {
    pub const ZERO: Minor = Minor(0);

    pub const fn new(minor: i64) -> Result<Self, MoneyError> {
        if minor > MAX_MINOR || minor < -MAX_MINOR {
            Err(MoneyError)
        } else {
            Ok(Self(minor))
        }
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub fn plus(self, other: Minor) -> Result<Minor, MoneyError> {
        self.0.checked_add(other.0).ok_or(MoneyError).and_then(Minor::new)
    }

    pub fn minus(self, other: Minor) -> Result<Minor, MoneyError> {
        self.0.checked_sub(other.0).ok_or(MoneyError).and_then(Minor::new)
    }

    pub fn negated(self) -> Minor {
        Minor(-self.0)
    }

    pub fn times(self, quantity: Quantity) -> Result<Minor, MoneyError> {
        self.0
            .checked_mul(quantity.get())
            .ok_or(MoneyError)
            .and_then(Minor::new)
    }

    /// `self × numerator ÷ denominator`, rounded half away from zero: the fiscal rule.
    ///
    /// # Errors
    /// When the denominator is not positive or the result leaves the range.
    pub fn ratio(self, numerator: i64, denominator: i64) -> Result<Minor, MoneyError> {
        if denominator <= 0 {
            return Err(MoneyError);
        }
        let product = i128::from(self.0) * i128::from(numerator);
        let half = i128::from(denominator) / 2;
        let magnitude = (product.abs() + half) / i128::from(denominator);
        let signed = if product < 0 { -magnitude } else { magnitude };
        i64::try_from(signed).map_err(|_| MoneyError).and_then(Minor::new)
    }

    /// Sums amounts, refusing to leave the range.
    pub fn sum(amounts: impl IntoIterator<Item = Minor>) -> Result<Minor, MoneyError> {
        amounts.into_iter().try_fold(Minor::ZERO, Minor::plus)
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Minor::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An ISO 4217 currency, as its three letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, JsonSchema)]
pub struct Currency(#[schemars(with = "String")] iso_currency::Currency);

impl Currency {
    /// # Errors
    /// When the code is not in ISO 4217.
    pub fn new(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .map(Self)
            .ok_or(UnknownCurrency)
    }

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the minor unit: 2 for HNL, 0 for CLP, 3 for KWD.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

/// The text is no ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("currency must be an ISO 4217 code of three capital letters")]
pub struct UnknownCurrency;

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Currency::new(&code).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_rounds_half_away_from_zero() {
        let m = |v| Minor::new(v).unwrap();
        assert_eq!(m(5).ratio(1, 2).unwrap(), m(3));
        assert_eq!(m(-5).ratio(1, 2).unwrap(), m(-3));
        assert_eq!(m(10).ratio(150_000, 1_000_000).unwrap(), m(2));
        assert_eq!(m(1).ratio(1, 3).unwrap(), m(0));
    }

    #[test]
    fn an_amount_beyond_the_range_is_refused_and_never_wraps() {
        let max = Minor::new(MAX_MINOR).unwrap();
        assert_eq!(max.plus(Minor::new(1).unwrap()), Err(MoneyError));
        assert_eq!(max.times(Quantity::new(2).unwrap()), Err(MoneyError));
        assert!(serde_json::from_str::<Minor>("1000000000000001").is_err());
        assert!(serde_json::from_str::<Minor>("1.5").is_err());
    }

    #[test]
    fn currencies_know_their_decimals() {
        assert_eq!(Currency::new("HNL").unwrap().exponent(), 2);
        assert_eq!(Currency::new("CLP").unwrap().exponent(), 0);
        assert_eq!(Currency::new("KWD").unwrap().exponent(), 3);
        assert!(Currency::new("hnl").is_err());
    }
}
