//! What stock costs: the moving average of INV-2, in whole minor units.
//!
//! Not here: quantities. Rules: a receipt's cost moves the average; goods without a cost come in at the average; what
//! leaves takes its share along and the average stays; nothing on hand is worth nothing; goods that fill a negative
//! stock leave no value behind; goods that had no cost get the first one that becomes known.

use serde_json::json;

use super::{Row, get};

/// In minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Of one unit; absent until some receipt names a cost.
    average: Option<i64>,
    /// Of all that is on hand.
    total: i64,
}

impl Cost {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            average: row.get("average_cost_minor").and_then(serde_json::Value::as_i64),
            total: get(row, "total_cost_minor"),
        }
    }

    pub(super) fn store(self, row: &mut Row) {
        row.insert("average_cost_minor", json!(self.average));
        row.insert("total_cost_minor", json!(self.total));
    }

    /// After `delta` units came or left, with `before` on hand. None when a figure leaves its range.
    pub(super) fn moved(self, before: i64, delta: i64, unit_cost: Option<i64>) -> Option<Self> {
        if delta == 0 {
            return Some(self);
        }
        let after = before.checked_add(delta)?;
        let price = unit_cost.or(self.average);
        if after <= 0 {
            return Some(Self {
                average: price,
                total: 0,
            });
        }
        let (before, delta, after) = (i128::from(before), i128::from(delta), i128::from(after));
        let total = i128::from(self.total);
        if delta < 0 {
            return Some(Self {
                total: nearest(total * after, before)?,
                ..self
            });
        }
        let Some(price) = price else {
            return Some(self);
        };
        let has_value = before > 0 && self.average.is_some();
        let total = if has_value {
            total + delta * i128::from(price)
        } else {
            after * i128::from(price)
        };
        Some(Self {
            average: Some(nearest(total, after)?),
            total: i64::try_from(total).ok()?,
        })
    }
}

/// The nearest whole number; a half goes up. Neither is negative.
fn nearest(numerator: i128, denominator: i128) -> Option<i64> {
    i64::try_from((2 * numerator + denominator) / (2 * denominator)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Average and total after these movements of units and unit cost.
    fn after(movements: &[(i64, Option<i64>)]) -> (Option<i64>, i64) {
        let (mut cost, mut on_hand) = (Cost::default(), 0);
        for (delta, unit_cost) in movements {
            cost = cost.moved(on_hand, *delta, *unit_cost).unwrap();
            on_hand += delta;
        }
        (cost.average, cost.total)
    }

    #[test]
    fn receipts_move_the_average_and_issues_take_it_along() {
        assert_eq!(
            after(&[(10, Some(100)), (10, Some(200)), (-5, None)]),
            (Some(150), 2_250)
        );
        assert_eq!(after(&[(1, Some(1)), (1, Some(2))]), (Some(2), 3));
        assert_eq!(after(&[(3, Some(100)), (2, None)]), (Some(100), 500));
    }

    #[test]
    fn an_empty_or_negative_shelf_is_worth_nothing_and_remembers_its_average() {
        assert_eq!(after(&[(3, Some(33)), (-3, None)]), (Some(33), 0));
        assert_eq!(after(&[(-4, None), (10, Some(50))]), (Some(50), 300));
        assert_eq!(after(&[(-4, None), (2, Some(50))]), (Some(50), 0));
    }

    #[test]
    fn goods_without_a_cost_get_the_first_one_that_becomes_known() {
        assert_eq!(after(&[(5, None)]), (None, 0));
        assert_eq!(after(&[(5, None), (5, Some(20))]), (Some(20), 200));
    }

    #[test]
    fn a_cost_out_of_range_is_noticed() {
        assert_eq!(Cost::default().moved(0, i64::MAX, Some(2)), None);
    }
}
