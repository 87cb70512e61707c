//! Stock of each item in each store: on hand, reserved, on its way there, and what it cost (INV-2).
//!
//! Not here: single units (`units`), the movements one by one (`stock_movements`), and `available`, which queries
//! derive as on hand less reserved.

use schemas::Event;
use schemas::events::transfer::MovedTransferLine;
use schemas::events::{StockEvent, TransferEvent};
use time::OffsetDateTime;

use super::shelf_value::ShelfValue;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One item in one store. Amounts are in minor units of the tenant's currency.
    StockRow, StockKey {
        key { tenant: String, store: String, sku: String }
        on_hand: i64,
        reserved: i64,
        /// On its way to this store: dispatched to it and not received, lost or back yet. In no store's stock.
        in_transit: i64,
        /// Average of one piece with a known cost, rounded half away from zero; while there is none the last one known,
        /// and absent before that.
        average_cost_minor: Option<i64>,
        /// Pieces on hand whose cost is known.
        costed_quantity: i64,
        /// What those pieces cost together.
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
            StockEvent::Dispatched(e) => movement(&e.store, &e.sku, -e.quantity.get(), 0),
            StockEvent::Arrived(e) => movement(&e.store, &e.sku, e.quantity.get(), 0),
            StockEvent::CostAdjusted(e) => movement(&e.store, &e.sku, 0, 0),
        }
    }
}

/// The store that goods are on their way to, which, and whether they set out (1) or are on their way no more (-1).
fn under_way(event: &TransferEvent) -> Option<(&str, &[MovedTransferLine], i64)> {
    match event {
        TransferEvent::Dispatched(e) => Some((e.to.as_str(), &e.lines, 1)),
        TransferEvent::Received(e) => Some((e.to.as_str(), &e.lines, -1)),
        TransferEvent::DifferenceResolved(e) => Some((e.to.as_str(), &e.lines, -1)),
        TransferEvent::Requested(_)
        | TransferEvent::SurplusResolved(_)
        | TransferEvent::Closed(_)
        | TransferEvent::Cancelled(_) => None,
    }
}

impl StockRow {
    fn new(key: &StockKey, fact: &Fact) -> Self {
        StockRow {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            sku: key.sku.clone(),
            on_hand: 0,
            reserved: 0,
            in_transit: 0,
            average_cost_minor: None,
            costed_quantity: 0,
            total_cost_minor: 0,
            last_position: 0,
            last_moved_at: fact.recorded_at,
        }
    }

    /// A transfer moves nothing here until the shelf's own event says so.
    fn expect(&mut self, event: &TransferEvent) -> Result<(), FoldError> {
        let Some((_, lines, sign)) = under_way(event) else {
            return Ok(());
        };
        for line in lines.iter().filter(|line| line.sku.as_str() == self.sku) {
            add(&mut self.in_transit, sign * line.quantity.get(), "in_transit")?;
        }
        Ok(())
    }

    pub(super) fn value(&self) -> ShelfValue {
        ShelfValue {
            quantity: self.costed_quantity,
            value_minor: self.total_cost_minor,
            average_minor: self.average_cost_minor,
        }
    }
}

impl ReadModel for StockRow {
    const NAME: &'static str = "stock";
    const VERSION: i32 = 3;
    const INDEXES: &'static str = "create index rm_stock_sku on rm_stock (tenant, sku, store);";

    fn keys(fact: &Fact) -> Vec<StockKey> {
        let key = |store: &str, sku: &str| StockKey {
            tenant: fact.tenant.clone(),
            store: store.to_owned(),
            sku: sku.to_owned(),
        };
        match &fact.event {
            Event::Stock(event) => {
                let movement = Movement::of(event);
                vec![key(movement.store, movement.sku)]
            }
            Event::Transfer(event) => match under_way(event) {
                Some((to, lines, _)) => lines.iter().map(|line| key(to, line.sku.as_str())).collect(),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn fold(row: Option<Self>, key: &StockKey, fact: &Fact) -> Result<Self, FoldError> {
        let mut row = row.unwrap_or_else(|| StockRow::new(key, fact));
        let event = match &fact.event {
            Event::Stock(event) => event,
            Event::Transfer(event) => {
                row.expect(event)?;
                row.last_position = fact.position;
                return Ok(row);
            }
            _ => return Err(FoldError::foreign(fact)),
        };
        let movement = Movement::of(event);
        let (value, _) = row.value().after(event, row.on_hand)?;
        row.costed_quantity = value.quantity;
        row.total_cost_minor = value.value_minor;
        row.average_cost_minor = value.average_minor;
        add(&mut row.on_hand, movement.on_hand, "on_hand")?;
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
    fn goods_on_their_way_belong_to_neither_store_until_they_arrive_are_lost_or_go_back() {
        use super::super::transfers::samples;

        let rows = folded::<StockRow>([samples::dispatched()]).unwrap();
        let under_way: Vec<_> = rows
            .iter()
            .map(|row| (row.sku.as_str(), row.on_hand, row.in_transit))
            .collect();
        assert_eq!(under_way.iter().map(|(.., pieces)| pieces).sum::<i64>(), 5);
        assert!(under_way.iter().all(|(_, on_hand, _)| *on_hand == 0));
        let rows = folded::<StockRow>([samples::dispatched(), samples::received(), samples::lost()]).unwrap();
        assert!(rows.iter().all(|row| row.in_transit == 0 && row.on_hand == 0));
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
    fn goods_that_are_received_without_a_cost_have_none_and_those_found_are_worth_the_average() {
        let rows = folded::<StockRow>([received(5, None), received(5, Some(20))]).unwrap();
        assert_eq!(
            (
                rows[0].costed_quantity,
                rows[0].total_cost_minor,
                rows[0].average_cost_minor
            ),
            (5, 100, Some(20))
        );
        let rows = folded::<StockRow>([received(5, Some(20)), received(5, None)]).unwrap();
        assert_eq!((rows[0].costed_quantity, rows[0].total_cost_minor), (5, 100));
        let found = event(
            "inventory.adjusted",
            json!({"store": "centro", "sku": "A", "delta": 5, "on_hand": 10}),
        );
        let rows = folded::<StockRow>([received(5, Some(20)), found]).unwrap();
        assert_eq!((rows[0].costed_quantity, rows[0].total_cost_minor), (10, 200));
    }

    #[test]
    fn what_stays_is_rounded_down_and_the_last_piece_takes_the_rest() {
        let life = [
            received(2, Some(5)),
            received(1, Some(1)),
            issued(1),
            issued(1),
            issued(1),
        ];
        let worth: Vec<i64> = (2..=life.len())
            .map(|end| folded::<StockRow>(life[..end].to_vec()).unwrap()[0].total_cost_minor)
            .collect();
        assert_eq!(worth, [11, 7, 3, 0]);
    }

    #[test]
    fn documents_move_goods_with_exactly_their_cost() {
        let dispatched = event(
            "inventory.dispatched",
            json!({"store": "centro", "sku": "A", "quantity": 2, "document": "transfer/t", "costed_quantity": 2,
                   "value_minor": 8, "on_hand": 1}),
        );
        let arrived = event(
            "inventory.arrived",
            json!({"store": "centro", "sku": "A", "quantity": 3, "document": "transfer/t", "costed_quantity": 2,
                   "value_minor": 8, "on_hand": 4}),
        );
        let corrected = event(
            "inventory.cost_adjusted",
            json!({"store": "centro", "sku": "A", "delta_minor": -2, "document": "purchase/p", "costed_quantity": 3,
                   "total_value_minor": 9}),
        );
        let rows = folded::<StockRow>([
            received(2, Some(5)),
            received(1, Some(1)),
            dispatched,
            arrived,
            corrected,
        ])
        .unwrap();
        assert_eq!((rows[0].on_hand, rows[0].costed_quantity), (4, 3));
        assert_eq!(
            (rows[0].total_cost_minor, rows[0].average_cost_minor),
            (9, Some(3))
        );
    }
}
