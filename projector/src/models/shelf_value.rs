//! What the goods on one shelf are worth, moved by stock events (docs/domain/stock.md): so many pieces with a known
//! cost, and what those cost together.
//!
//! Not a table: `stock` keeps the result, and `stock_costs` each step.

use schemas::events::StockEvent;

use crate::row::FoldError;

/// The value of one shelf, in minor units of the tenant's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ShelfValue {
    /// Pieces on hand whose cost is known.
    pub quantity: i64,
    /// What they cost together.
    pub value_minor: i64,
    /// Of one piece, rounded half away from zero; the last one known while no piece has a cost.
    pub average_minor: Option<i64>,
}

/// Pieces with a known cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Costed {
    quantity: i64,
    value_minor: i64,
}

fn rounded_down(value: i64, part: i64, whole: i64) -> Result<i64, FoldError> {
    if whole <= 0 {
        return Ok(0);
    }
    let share = i128::from(value) * i128::from(part) / i128::from(whole);
    i64::try_from(share).map_err(|_| FoldError::OutOfRange("total_cost_minor"))
}

/// `value ÷ pieces`, rounded half away from zero; both are positive or nothing.
fn nearest(value: i128, pieces: i64) -> Result<i64, FoldError> {
    let pieces = i128::from(pieces);
    i64::try_from((value + pieces / 2) / pieces).map_err(|_| FoldError::OutOfRange("average_cost_minor"))
}

fn times(quantity: i64, unit_minor: i64) -> Result<i64, FoldError> {
    quantity
        .checked_mul(unit_minor)
        .ok_or(FoldError::OutOfRange("total_cost_minor"))
}

impl ShelfValue {
    /// The value after an event, and what came in with it for goods that had been sold before they came; `on_hand` is
    /// the shelf's figure before it.
    ///
    /// # Errors
    /// When a figure leaves its range.
    pub fn after(self, event: &StockEvent, on_hand: i64) -> Result<(Self, i64), FoldError> {
        match event {
            StockEvent::Received(e) => {
                let quantity = e.quantity.get();
                let cost = match e.unit_cost_minor {
                    Some(unit_cost) => Costed {
                        quantity,
                        value_minor: times(quantity, unit_cost.get())?,
                    },
                    None => Costed::default(),
                };
                self.with(cost, quantity, on_hand)
            }
            StockEvent::Adjusted(e) if e.delta > 0 => self.with(self.at_average(e.delta)?, e.delta, on_hand),
            StockEvent::Adjusted(e) => self.without(e.delta.saturating_neg()),
            StockEvent::WrittenOff(e) => self.without(e.quantity.get()),
            StockEvent::Issued(e) => self.without(e.quantity.get()),
            StockEvent::Dispatched(e) => self.without(e.quantity.get()),
            StockEvent::Returned(e) => {
                let quantity = e.quantity.get();
                self.with(self.at_average(quantity)?, quantity, on_hand)
            }
            StockEvent::Arrived(e) => {
                let cost = Costed {
                    quantity: e.costed_quantity,
                    value_minor: e.value_minor.get(),
                };
                self.with(cost, e.quantity.get(), on_hand)
            }
            StockEvent::CostAdjusted(e) => {
                let value_minor = self.value_minor.checked_add(e.delta_minor.get());
                let value_minor = value_minor.ok_or(FoldError::OutOfRange("total_cost_minor"))?;
                Ok((Self { value_minor, ..self }.averaged()?, 0))
            }
            StockEvent::Reserved(_) | StockEvent::Released(_) => Ok((self, 0)),
        }
    }

    /// What pieces are worth that were here before, or should have been.
    fn at_average(self, quantity: i64) -> Result<Costed, FoldError> {
        let value_minor = match self.average_minor {
            None => return Ok(Costed::default()),
            Some(_) if self.quantity > 0 => {
                nearest(i128::from(self.value_minor) * i128::from(quantity), self.quantity)?
            }
            Some(last) => times(quantity, last)?,
        };
        Ok(Costed {
            quantity,
            value_minor,
        })
    }

    /// Goods come in; those that fill what was sold before they came leave no value behind.
    fn with(self, cost: Costed, quantity: i64, on_hand: i64) -> Result<(Self, i64), FoldError> {
        let room = on_hand.saturating_add(quantity).clamp(0, quantity);
        let staying = cost.quantity.min(room);
        if staying <= 0 {
            let average_minor = match cost.quantity {
                1.. if self.quantity <= 0 => Some(nearest(i128::from(cost.value_minor), cost.quantity)?),
                _ => self.average_minor,
            };
            let after = Self {
                average_minor,
                ..self
            };
            return Ok((after, cost.value_minor));
        }
        let value = rounded_down(cost.value_minor, staying, cost.quantity)?;
        let value_minor = self.value_minor.checked_add(value);
        let after = Self {
            quantity: self.quantity + staying,
            value_minor: value_minor.ok_or(FoldError::OutOfRange("total_cost_minor"))?,
            ..self
        };
        Ok((after.averaged()?, cost.value_minor - value))
    }

    /// Goods leave, those with a known cost first; what stays is rounded down.
    fn without(self, quantity: i64) -> Result<(Self, i64), FoldError> {
        let left = self.quantity - quantity.min(self.quantity);
        let after = Self {
            quantity: left,
            value_minor: rounded_down(self.value_minor, left, self.quantity)?,
            ..self
        };
        Ok((after.averaged()?, 0))
    }

    /// With the average of what is there; the last one stays while nothing with a cost is.
    fn averaged(self) -> Result<Self, FoldError> {
        if self.quantity <= 0 {
            return Ok(self);
        }
        let average_minor = Some(nearest(i128::from(self.value_minor), self.quantity)?);
        Ok(Self {
            average_minor,
            ..self
        })
    }
}
