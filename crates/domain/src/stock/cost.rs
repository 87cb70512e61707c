//! What the goods on one shelf cost: a total value of so many pieces, to the minor unit (docs/domain/stock.md).
//!
//! Not here: how many pieces there are (`level`), and what they sell for.

use serde::{Deserialize, Serialize};

/// How many of the moved pieces have a known cost, and what they cost together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedCost {
    pub quantity: i64,
    /// In minor units of the tenant's currency.
    pub value_minor: i64,
}

/// The value of one shelf. Never negative; nothing when no piece there has a known cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShelfCost {
    /// Pieces on hand whose cost is known; never more than are on hand.
    pub quantity: i64,
    /// What those pieces cost together, in minor units of the tenant's currency.
    pub value_minor: i64,
    /// What one piece cost on average when the last of them left.
    pub last_unit_minor: Option<i64>,
}

impl ShelfCost {
    /// Average cost of one piece, rounded half away from zero.
    pub fn average_minor(&self) -> Option<i64> {
        (self.quantity > 0).then(|| rounded(i128::from(self.value_minor), self.quantity))
    }

    /// What `quantity` pieces take along when they leave: those with a known cost go first, and what stays is rounded
    /// down, so that the last piece takes the rest.
    pub fn leaving(&self, quantity: i64) -> MovedCost {
        let gone = quantity.clamp(0, self.quantity);
        let staying = share(self.value_minor, self.quantity - gone, self.quantity);
        MovedCost {
            quantity: gone,
            value_minor: self.value_minor - staying,
        }
    }

    /// What `quantity` pieces are worth that were here before, or should have been: the average, or the last one that was
    /// known.
    pub fn at_average(&self, quantity: i64) -> MovedCost {
        let value = if self.quantity > 0 {
            rounded(i128::from(self.value_minor) * i128::from(quantity), self.quantity)
        } else if let Some(last) = self.last_unit_minor {
            last.saturating_mul(quantity)
        } else {
            return MovedCost::default();
        };
        MovedCost {
            quantity,
            value_minor: value,
        }
    }

    pub(super) fn take(&mut self, gone: MovedCost) {
        let average = self.average_minor();
        self.quantity = self.quantity.saturating_sub(gone.quantity);
        self.value_minor = self.value_minor.saturating_sub(gone.value_minor);
        if self.quantity <= 0 {
            self.last_unit_minor = average.or(self.last_unit_minor);
        }
    }

    /// Pieces come in, of which at most `room` stay: the others had been sold before they came.
    pub(super) fn put(&mut self, come: MovedCost, room: i64) {
        let staying = come.quantity.min(room.max(0));
        if staying <= 0 {
            // Whoever comes in at no average yet is worth what these have cost.
            if come.quantity > 0 && self.quantity <= 0 {
                self.last_unit_minor = Some(rounded(i128::from(come.value_minor), come.quantity));
            }
            return;
        }
        self.quantity = self.quantity.saturating_add(staying);
        self.value_minor = self
            .value_minor
            .saturating_add(share(come.value_minor, staying, come.quantity));
    }

    pub(super) fn revalue(&mut self, delta_minor: i64) {
        self.value_minor = self.value_minor.saturating_add(delta_minor);
    }
}

/// `value × part ÷ whole`, rounded down; nothing of nothing.
pub(crate) fn share(value: i64, part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let share = i128::from(value) * i128::from(part) / i128::from(whole);
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// `value ÷ pieces`, rounded half away from zero; neither is negative, and there are pieces.
fn rounded(value: i128, pieces: i64) -> i64 {
    let pieces = i128::from(pieces);
    i64::try_from((value + pieces / 2) / pieces).unwrap_or(i64::MAX)
}
