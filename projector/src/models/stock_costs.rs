//! The ledger of what stock is worth: one row per movement that changes it, with the balance after (INV-2).
//!
//! A shelf's value is the sum of its rows here; the checker compares the two. Rows come from the folds of `stock`, which
//! know the balance. Not here: movements of goods without a known cost.

use schemas::Event;
use time::OffsetDateTime;

use super::stock::{StockKey, StockRow};
use super::stock_movements::reference;
use crate::fact::Fact;
use crate::journal::{Journal, Source};
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One step of one shelf's value. Amounts are in minor units of the tenant's currency.
    StockCostRow, StockCostKey {
        key { tenant: String, store: String, sku: String, position: i64 }
        /// The event's type without its module, such as `received`.
        kind: String,
        /// Pieces that came or left, with a known cost or not.
        quantity_delta: i64,
        /// Of those, pieces with a known cost that came to stay, or left.
        costed_delta: i64,
        value_delta_minor: i64,
        /// What came in for goods that had been sold before they came; it does not stay on the shelf.
        absorbed_minor: i64,
        /// Pieces with a known cost after this.
        costed_quantity: i64,
        /// What those cost together.
        value_minor: i64,
        /// As in `stock_movements`.
        reference: Option<String>,
        actor: String,
        recorded_at: OffsetDateTime,
    }
}

impl ReadModel for StockCostRow {
    const NAME: &'static str = "stock_costs";
    const VERSION: i32 = 1;
    const APPEND_ONLY: bool = true;

    /// None: its rows come from the journal.
    fn keys(_: &Fact) -> Vec<StockCostKey> {
        Vec::new()
    }

    fn fold(_: Option<Self>, _: &StockCostKey, fact: &Fact) -> Result<Self, FoldError> {
        Err(FoldError::foreign(fact))
    }
}

/// Keeps each step of a shelf's value.
#[derive(Debug)]
pub struct CostLedger;

impl Journal for CostLedger {
    type Of = StockRow;
    type Entry = StockCostRow;

    fn fold(
        row: Option<StockRow>,
        key: &StockKey,
        fact: &Fact,
        entries: &Source<StockCostRow>,
    ) -> Result<StockRow, FoldError> {
        // What is on its way is on no shelf, and costs it nothing.
        let Event::Stock(event) = &fact.event else {
            return StockRow::fold(row, key, fact);
        };
        let (before, on_hand) = row
            .as_ref()
            .map_or_else(Default::default, |row| (row.value(), row.on_hand));
        let (_, absorbed_minor) = before.after(event, on_hand)?;
        let row = StockRow::fold(row, key, fact)?;
        let costed_delta = row.costed_quantity - before.quantity;
        let value_delta_minor = row.total_cost_minor - before.value_minor;
        if costed_delta != 0 || value_delta_minor != 0 || absorbed_minor != 0 {
            entries.add(StockCostRow {
                tenant: key.tenant.clone(),
                store: key.store.clone(),
                sku: key.sku.clone(),
                position: fact.position,
                kind: fact
                    .event_type
                    .split('.')
                    .next_back()
                    .unwrap_or_default()
                    .to_owned(),
                quantity_delta: row.on_hand - on_hand,
                costed_delta,
                value_delta_minor,
                absorbed_minor,
                costed_quantity: row.costed_quantity,
                value_minor: row.total_cost_minor,
                reference: reference(event),
                actor: fact.actor().to_owned(),
                recorded_at: fact.recorded_at,
            });
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, fact};

    fn ledger(events: impl IntoIterator<Item = Event>) -> Vec<StockCostRow> {
        let entries = Source::default();
        let key = StockKey {
            tenant: "t1".to_owned(),
            store: "centro".to_owned(),
            sku: "A".to_owned(),
        };
        let mut row = None;
        for (position, event) in (1..).zip(events) {
            row = Some(CostLedger::fold(row, &key, &fact(position, event), &entries).unwrap());
        }
        entries.take()
    }

    fn received(quantity: i64, cost: Option<i64>) -> Event {
        event(
            "inventory.received",
            json!({"store": "centro", "sku": "A", "quantity": quantity, "unit_cost_minor": cost, "on_hand": 0}),
        )
    }

    fn issued(quantity: i64) -> Event {
        event(
            "inventory.issued",
            json!({"store": "centro", "sku": "A", "quantity": quantity, "sale_id": "s1", "on_hand": 0}),
        )
    }

    #[test]
    fn each_step_says_what_changed_and_what_it_came_to() {
        let rows = ledger([received(2, Some(5)), received(1, Some(1)), issued(1), issued(2)]);
        let steps: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.costed_delta,
                    row.value_delta_minor,
                    row.costed_quantity,
                    row.value_minor,
                )
            })
            .collect();
        assert_eq!(
            steps,
            [(2, 10, 2, 10), (1, 1, 3, 11), (-1, -4, 2, 7), (-2, -7, 0, 0)]
        );
        assert_eq!(rows[2].reference.as_deref(), Some("sale/s1"));
    }

    #[test]
    fn goods_that_fill_a_negative_stock_are_shown_as_absorbed() {
        let rows = ledger([issued(4), received(10, Some(50))]);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (
                rows[0].quantity_delta,
                rows[0].costed_delta,
                rows[0].value_delta_minor,
                rows[0].absorbed_minor
            ),
            (10, 6, 300, 200)
        );
    }

    #[test]
    fn goods_without_a_known_cost_leave_no_row() {
        assert_eq!(ledger([received(3, None), issued(1)]), []);
    }
}
