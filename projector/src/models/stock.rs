//! Stock of each item in each store: on hand, reserved, and what it cost (INV-2).
//!
//! Not here: single units (`units`), the movements one by one (`stock_movements`), and `available`, which queries
//! derive as on hand less reserved.

use schemas::Event;
use schemas::events::StockEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One item in one store. Amounts are in minor units of the tenant's currency.
    StockRow, StockKey {
        key { tenant: String, store: String, sku: String }
        on_hand: i64,
        reserved: i64,
        /// Moving average of one unit, rounded half away from zero; absent until a receipt names a cost.
        average_cost_minor: Option<i64>,
        /// What the goods on hand cost; 0 while none are.
        total_cost_minor: i64,
        last_position: i64,
        last_moved_at: OffsetDateTime,
    }
}

/// The item and store of a stock event, and how it changes what is on hand and reserved.
pub(super) struct Movement<'a> {
    pub store: &'a str,
    pub sku: &'a str,
    pub on_hand: i64,
    pub reserved: i64,
    pub unit_cost_minor: Option<i64>,
}

impl<'a> Movement<'a> {
    pub fn of(event: &'a StockEvent) -> Self {
        let movement = |store: &'a schemas::StoreId, sku: &'a schemas::Sku, on_hand, reserved| Movement {
            store: store.as_str(),
            sku: sku.as_str(),
            on_hand,
            reserved,
            unit_cost_minor: None,
        };
        match event {
            StockEvent::Received(e) => Movement {
                unit_cost_minor: e.unit_cost_minor.map(schemas::Minor::get),
                ..movement(&e.store, &e.sku, e.quantity.get(), 0)
            },
            StockEvent::Adjusted(e) => movement(&e.store, &e.sku, e.delta, 0),
            StockEvent::WrittenOff(e) => movement(&e.store, &e.sku, -e.quantity.get(), 0),
            StockEvent::Reserved(e) => movement(&e.store, &e.sku, 0, e.quantity.get()),
            StockEvent::Released(e) => movement(&e.store, &e.sku, 0, -e.quantity.get()),
            StockEvent::Issued(e) => movement(&e.store, &e.sku, -e.quantity.get(), 0),
            StockEvent::Returned(e) => movement(&e.store, &e.sku, e.quantity.get(), 0),
        }
    }
}

/// `numerator ÷ denominator`, rounded half away from zero; both are not negative here.
fn rounded(numerator: i128, denominator: i64) -> Result<i64, FoldError> {
    let denominator = i128::from(denominator);
    i64::try_from((numerator + denominator / 2) / denominator)
        .map_err(|_| FoldError::OutOfRange("average_cost_minor"))
}

fn cost_of(units: i64, unit_cost_minor: i64) -> Result<i64, FoldError> {
    units
        .checked_mul(unit_cost_minor)
        .ok_or(FoldError::OutOfRange("total_cost_minor"))
}

impl StockRow {
    /// Moves the average by what comes in; what leaves takes the average along. Goods that come in without a cost
    /// count at the average, and those that fill a negative stock leave no value behind.
    fn move_on_hand(&mut self, delta: i64, unit_cost_minor: Option<i64>) -> Result<(), FoldError> {
        let before = self.on_hand;
        add(&mut self.on_hand, delta, "on_hand")?;
        let after = self.on_hand;
        if after <= 0 {
            self.total_cost_minor = 0;
            self.average_cost_minor = unit_cost_minor.or(self.average_cost_minor);
            return Ok(());
        }
        if delta < 0 {
            let value = i128::from(self.total_cost_minor) * i128::from(after);
            self.total_cost_minor = rounded(value, before)?;
            return Ok(());
        }
        let Some(cost) = unit_cost_minor.or(self.average_cost_minor) else {
            return Ok(());
        };
        if before <= 0 || self.average_cost_minor.is_none() {
            self.total_cost_minor = cost_of(after, cost)?;
        } else {
            add(
                &mut self.total_cost_minor,
                cost_of(delta, cost)?,
                "total_cost_minor",
            )?;
        }
        self.average_cost_minor = Some(rounded(i128::from(self.total_cost_minor), after)?);
        Ok(())
    }
}

impl ReadModel for StockRow {
    const NAME: &'static str = "stock";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "create index rm_stock_sku on rm_stock (tenant, sku, store);";

    fn keys(fact: &Fact) -> Vec<StockKey> {
        let Event::Stock(event) = &fact.event else {
            return Vec::new();
        };
        let movement = Movement::of(event);
        vec![StockKey {
            tenant: fact.tenant.clone(),
            store: movement.store.to_owned(),
            sku: movement.sku.to_owned(),
        }]
    }

    fn fold(row: Option<Self>, key: &StockKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Stock(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let movement = Movement::of(event);
        let mut row = row.unwrap_or_else(|| StockRow {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            sku: key.sku.clone(),
            on_hand: 0,
            reserved: 0,
            average_cost_minor: None,
            total_cost_minor: 0,
            last_position: 0,
            last_moved_at: fact.recorded_at,
        });
        if movement.on_hand != 0 {
            row.move_on_hand(movement.on_hand, movement.unit_cost_minor)?;
        }
        add(&mut row.reserved, movement.reserved, "reserved")?;
        row.last_position = fact.position;
        row.last_moved_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    fn received(quantity: i64, cost: Option<i64>) -> Event {
        event(
            "inventory.received",
            json!({"store": "centro", "sku": "A", "quantity": quantity, "unit_cost_minor": cost, "on_hand": 999}),
        )
    }

    fn issued(quantity: i64) -> Event {
        event(
            "inventory.issued",
            json!({"store": "centro", "sku": "A", "quantity": quantity, "sale_id": "s1", "on_hand": 999}),
        )
    }

    #[test]
    fn stock_is_the_sum_of_movements_and_never_the_figure_that_an_event_states() {
        let rows = folded::<StockRow>([
            received(10, None),
            issued(3),
            event(
                "inventory.adjusted",
                json!({"store": "centro", "sku": "A", "delta": -2, "on_hand": 999}),
            ),
            event(
                "inventory.written_off",
                json!({"store": "centro", "sku": "A", "quantity": 1, "on_hand": 999}),
            ),
            event(
                "inventory.returned",
                json!({"store": "centro", "sku": "A", "quantity": 2, "on_hand": 999,
                       "cause": {"kind": "void", "sale_id": "s1"}}),
            ),
        ])
        .unwrap();
        assert_eq!(rows[0].on_hand, 6);
        assert_eq!(rows[0].last_position, 5);
    }

    #[test]
    fn a_reservation_changes_what_is_reserved_and_not_what_is_on_hand() {
        let held = json!({"store": "centro", "sku": "A", "quantity": 4, "holder": "sale/s1", "reserved": 99});
        let rows =
            folded::<StockRow>([received(10, None), event("inventory.reserved", held.clone())]).unwrap();
        assert_eq!((rows[0].on_hand, rows[0].reserved), (10, 4));
        let rows = folded::<StockRow>([
            received(10, None),
            event("inventory.reserved", held.clone()),
            event("inventory.released", held),
        ])
        .unwrap();
        assert_eq!((rows[0].on_hand, rows[0].reserved), (10, 0));
    }

    #[test]
    fn the_average_moves_with_receipts_and_stays_with_issues() {
        let rows = folded::<StockRow>([received(10, Some(100)), received(10, Some(200)), issued(5)]).unwrap();
        assert_eq!(rows[0].average_cost_minor, Some(150));
        assert_eq!(rows[0].total_cost_minor, 15 * 150);
    }

    #[test]
    fn an_empty_shelf_is_worth_nothing_and_remembers_its_average() {
        let rows = folded::<StockRow>([received(3, Some(33)), issued(1), issued(1), issued(1)]).unwrap();
        assert_eq!(
            (rows[0].total_cost_minor, rows[0].average_cost_minor),
            (0, Some(33))
        );
    }

    #[test]
    fn goods_that_fill_a_negative_stock_leave_no_value_behind() {
        let rows = folded::<StockRow>([issued(4), received(10, Some(50))]).unwrap();
        assert_eq!((rows[0].on_hand, rows[0].total_cost_minor), (6, 300));
    }

    #[test]
    fn goods_without_a_cost_count_at_the_first_cost_that_becomes_known() {
        let rows = folded::<StockRow>([received(5, None), received(5, Some(20))]).unwrap();
        assert_eq!(
            (rows[0].total_cost_minor, rows[0].average_cost_minor),
            (200, Some(20))
        );
    }
}
