//! Counted quantities: whole, positive, bounded.
//!
//! Not here: signed stock differences, which are plain `i64` bounded by [`MAX_QUANTITY`] where they appear.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Largest quantity of one line or one stock level.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// The figure is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("quantity must be a whole number from 1 to 1,000,000,000")]
pub struct QuantityError;

/// A whole number of units, from 1 to [`MAX_QUANTITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    pub const ONE: Quantity = Quantity(1);

    pub const fn new(units: i64) -> Result<Self, QuantityError> {
        if units < 1 || units > MAX_QUANTITY {
            Err(QuantityError)
        } else {
            Ok(Self(units))
        }
    }

    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Quantity::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
