//! What stock costs (INV-2, docs/domain/stock.md), in whole minor units.
//!
//! Not here: quantities. Rules: some of the pieces on hand have a known cost, and together they are worth a total.
//! What comes in with a cost adds to both; what is received without one has none; what comes back or is found is worth
//! the average, or the last average known, or nothing known. What leaves takes pieces with a known cost first; what stays keeps its share of the total, rounded
//! down. Goods that fill what was sold before they came leave no value behind.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Row, get};

/// In minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Pieces with a known cost.
    pieces: i64,
    /// Of those pieces together.
    total: i64,
    /// Of one piece; the last one known while there are no such pieces.
    average: Option<i64>,
}

impl Cost {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            pieces: get(row, "costed_quantity"),
            total: get(row, "total_cost_minor"),
            average: row.get("average_cost_minor").and_then(Value::as_i64),
        }
    }

    pub(super) fn store(self, row: &mut Row) {
        row.insert("costed_quantity", json!(self.pieces));
        row.insert("total_cost_minor", json!(self.total));
        row.insert("average_cost_minor", json!(self.average));
    }

    /// After `delta` units came or left, with `before` on hand; `own` is how many of those that come have a cost, and
    /// what they cost together. None when a figure leaves its range.
    pub(super) fn moved(self, before: i64, delta: i64, own: Option<(i64, i64)>) -> Option<Self> {
        if delta < 0 {
            let staying = (i128::from(self.pieces) + i128::from(delta)).max(0);
            let total = if staying == 0 {
                0
            } else {
                i128::from(self.total) * staying / i128::from(self.pieces)
            };
            return self.with(staying, total);
        }
        let (come, value) = own
            .map(|(pieces, value)| (i128::from(pieces), i128::from(value)))
            .or_else(|| self.worth(delta))
            .unwrap_or((0, 0));
        if come == 0 {
            return Some(self);
        }
        let on_hand = i128::from(before) + i128::from(delta);
        let kept = come.min(on_hand).max(0);
        if kept == 0 {
            // Nothing with a cost is there, so theirs is the last one known.
            return Some(Self {
                average: Some(nearest(value, come)?),
                ..self
            });
        }
        self.with(
            i128::from(self.pieces) + kept,
            i128::from(self.total) + value * kept / come,
        )
    }

    /// The row of the ledger between two balances; none when nothing changed and nothing was absorbed.
    fn step(self, after: Self, absorbed: i64) -> Option<Row> {
        let (pieces, value) = (after.pieces - self.pieces, after.total - self.total);
        (pieces != 0 || value != 0 || absorbed != 0).then(|| {
            Row::from([
                ("costed_delta", json!(pieces)),
                ("value_delta_minor", json!(value)),
                ("absorbed_minor", json!(absorbed)),
                ("costed_quantity", json!(after.pieces)),
                ("value_minor", json!(after.total)),
            ])
        })
    }

    /// What comes in with `delta` units and does not stay, since as much had been sold before it came.
    fn absorbed(self, after: Self, delta: i64, own: Option<(i64, i64)>) -> Option<i64> {
        if delta <= 0 {
            return Some(0);
        }
        let come = own
            .map(|(_, value)| i128::from(value))
            .or_else(|| self.worth(delta).map(|(_, value)| value));
        let stays = i128::from(after.total) - i128::from(self.total);
        i64::try_from(come.unwrap_or(0) - stays).ok()
    }

    /// After a correction of what the goods cost.
    pub(super) fn corrected(self, delta: i64) -> Option<Self> {
        self.with(
            i128::from(self.pieces),
            i128::from(self.total) + i128::from(delta),
        )
    }

    /// Pieces and value of so many units that bring no cost of their own.
    fn worth(self, units: i64) -> Option<(i128, i128)> {
        let units = i128::from(units);
        let average = i128::from(self.average?);
        if self.pieces == 0 {
            return Some((units, units * average));
        }
        let value = nearest(i128::from(self.total) * units, i128::from(self.pieces))?;
        Some((units, i128::from(value)))
    }

    fn with(self, pieces: i128, total: i128) -> Option<Self> {
        Some(Self {
            pieces: i64::try_from(pieces).ok()?,
            total: i64::try_from(total).ok()?,
            average: if pieces == 0 {
                self.average
            } else {
                Some(nearest(total, pieces)?)
            },
        })
    }
}

/// The cost after a stock event, and the ledger's row about it; an event that states what goods cost is
/// held against the rules.
pub(super) fn after(
    cost: Cost,
    before: i64,
    delta: i64,
    fact: &Fact<'_>,
    findings: &mut Findings,
) -> Option<(Cost, Option<Row>)> {
    let said = |field: &str| fact.data.get(field).and_then(Value::as_i64);
    if let Some(correction) = said("delta_minor") {
        let corrected = cost.corrected(correction)?;
        let stated = (said("costed_quantity"), said("total_value_minor"));
        if stated != (Some(corrected.pieces), Some(corrected.total)) || corrected.total < 0 {
            wrong(fact, stated, corrected.pieces, corrected.total, findings);
        }
        return Some((corrected, cost.step(corrected, 0)));
    }
    let documented = said("costed_quantity").zip(said("value_minor"));
    let own = match (documented, said("unit_cost_minor")) {
        (Some(stated), _) => Some(stated),
        (None, Some(unit_cost)) => Some((delta, delta.checked_mul(unit_cost)?)),
        (None, None) if fact.event.event_type == "inventory.received" => Some((0, 0)),
        (None, None) => None,
    };
    let moved = cost.moved(before, delta, own)?;
    if let Some((pieces, value)) = documented.filter(|_| delta < 0) {
        let (gone, worth) = (cost.pieces - moved.pieces, cost.total - moved.total);
        if (pieces, value) != (gone, worth) {
            wrong(fact, (Some(pieces), Some(value)), gone, worth, findings);
        }
    }
    let absorbed = cost.absorbed(moved, delta, own)?;
    Some((moved, cost.step(moved, absorbed)))
}

fn wrong(
    fact: &Fact<'_>,
    stated: (Option<i64>, Option<i64>),
    pieces: i64,
    value: i64,
    findings: &mut Findings,
) {
    let position = fact.event.position;
    findings.error(
        "costs",
        format!("position {position} says {stated:?} (pieces, value), the rules say ({pieces}, {value})"),
    );
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
            let own = unit_cost.map(|unit_cost| (*delta, delta * unit_cost));
            cost = cost.moved(on_hand, *delta, own).unwrap();
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
        assert_eq!(after(&[(3, Some(33)), (-3, None), (1, None)]), (Some(33), 33));
        assert_eq!(after(&[(-4, None), (10, Some(50))]), (Some(50), 300));
        assert_eq!(after(&[(-4, None), (2, Some(50))]), (Some(50), 0));
    }

    #[test]
    fn goods_without_a_cost_have_none_until_an_average_is_known() {
        assert_eq!(after(&[(5, None)]), (None, 0));
        assert_eq!(after(&[(5, None), (5, Some(20))]), (Some(20), 100));
        let received = Cost::default().moved(0, 5, Some((5, 100))).unwrap();
        assert_eq!(received.moved(5, 5, Some((0, 0))), Some(received));
    }

    #[test]
    fn what_stays_is_rounded_down_and_the_last_piece_takes_the_rest() {
        let three = [(2, Some(5)), (1, Some(1))];
        assert_eq!(after(&three), (Some(4), 11));
        assert_eq!(after(&[three[0], three[1], (-1, None)]), (Some(4), 7));
        assert_eq!(after(&[three[0], three[1], (-2, None)]), (Some(3), 3));
        assert_eq!(after(&[three[0], three[1], (-3, None)]).1, 0);
    }

    #[test]
    fn a_correction_changes_the_value_and_no_piece() {
        let cost = Cost::default().moved(0, 3, Some((2, 10))).unwrap();
        let corrected = cost.corrected(-3).unwrap();
        assert_eq!(
            (corrected.pieces, corrected.total, corrected.average),
            (2, 7, Some(4))
        );
    }

    #[test]
    fn a_cost_out_of_range_is_noticed() {
        let cost = Cost::default().moved(0, 1, Some((1, i64::MAX))).unwrap();
        assert_eq!(cost.moved(1, 1, Some((1, 1))), None);
    }
}
