//! Every change of stock, one row each, never changed again.
//!
//! Not here: the figure after a movement; sums of these rows must equal `stock`, and the checker compares them.

use schemas::Event;
use schemas::events::StockEvent;
use schemas::events::stock::ReturnCause;
use time::OffsetDateTime;

use super::stock::Movement;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One movement of one item in one store.
    StockMovementRow, StockMovementKey {
        key { tenant: String, position: i64, store: String, sku: String }
        /// The event's type without its module, such as `received`.
        kind: String,
        on_hand_delta: i64,
        reserved_delta: i64,
        unit_cost_minor: Option<i64>,
        /// What it rests on: `sale/<id>`, `return/<id>`, another document such as `transfer/<id>`, or words.
        reference: Option<String>,
        actor: String,
        /// The units that moved with it have the same.
        command_id: String,
        recorded_at: OffsetDateTime,
    }
}

pub(super) fn reference(event: &StockEvent) -> Option<String> {
    match event {
        StockEvent::Received(e) => e.reference.clone(),
        StockEvent::Adjusted(e) => e.comment.clone(),
        StockEvent::WrittenOff(e) => e.cause.clone(),
        StockEvent::Reserved(e) => Some(e.holder.clone()),
        StockEvent::Released(e) => Some(e.holder.clone()),
        StockEvent::Issued(e) => Some(format!("sale/{}", e.sale_id)),
        StockEvent::Returned(e) => Some(match &e.cause {
            ReturnCause::Void { sale_id } => format!("sale/{sale_id}"),
            ReturnCause::Return { return_id, .. } => format!("return/{return_id}"),
        }),
        StockEvent::Dispatched(e) => Some(e.document.clone()),
        StockEvent::Arrived(e) => Some(e.document.clone()),
        StockEvent::CostAdjusted(e) => Some(e.document.clone()),
    }
}

impl ReadModel for StockMovementRow {
    const NAME: &'static str = "stock_movements";
    const VERSION: i32 = 2;
    // Of an item, of a document, of the kinds that are rare, and of a while; the key has the newest of all.
    const INDEXES: &'static str = "
        create index rm_stock_movements_sku on rm_stock_movements (tenant, sku, position);
        create index rm_stock_movements_reference on rm_stock_movements (tenant, reference, position)
          where reference is not null;
        create index rm_stock_movements_kind on rm_stock_movements (tenant, kind, position)
          where kind not in ('issued', 'reserved', 'released');
        create index rm_stock_movements_time on rm_stock_movements using brin (recorded_at);";
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<StockMovementKey> {
        let Event::Stock(event) = &fact.event else {
            return Vec::new();
        };
        let movement = Movement::of(event);
        vec![StockMovementKey {
            tenant: fact.tenant.clone(),
            position: fact.position,
            store: movement.store.to_owned(),
            sku: movement.sku.to_owned(),
        }]
    }

    fn fold(_: Option<Self>, key: &StockMovementKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Stock(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let movement = Movement::of(event);
        Ok(StockMovementRow {
            tenant: key.tenant.clone(),
            position: key.position,
            store: key.store.clone(),
            sku: key.sku.clone(),
            kind: fact
                .event_type
                .split('.')
                .next_back()
                .unwrap_or_default()
                .to_owned(),
            on_hand_delta: movement.on_hand,
            reserved_delta: movement.reserved,
            unit_cost_minor: movement.unit_cost_minor,
            reference: reference(event),
            actor: fact.actor().to_owned(),
            command_id: fact.meta.command_id.clone(),
            recorded_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn each_movement_says_what_it_rests_on() {
        let rows = folded::<StockMovementRow>([
            event(
                "inventory.received",
                json!({"store": "c", "sku": "A", "quantity": 5, "reference": "F-1", "on_hand": 5}),
            ),
            event(
                "inventory.issued",
                json!({"store": "c", "sku": "A", "quantity": 2, "sale_id": "s1", "on_hand": 3}),
            ),
        ])
        .unwrap();
        assert_eq!(
            (
                rows[0].kind.as_str(),
                rows[0].on_hand_delta,
                rows[0].reference.as_deref()
            ),
            ("received", 5, Some("F-1"))
        );
        assert_eq!(
            (
                rows[1].kind.as_str(),
                rows[1].on_hand_delta,
                rows[1].reference.as_deref()
            ),
            ("issued", -2, Some("sale/s1"))
        );
        assert_eq!(rows[1].actor, "ana");
    }
}
