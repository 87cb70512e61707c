//! Movements that were asked for: what they come to, and whether they wait, are done or were turned down (INV-3).
//!
//! Not here: their lines (`movement_request_lines`), and what the goods did (`stock_movements`).

use schemas::Event;
use schemas::MovementId;
use schemas::events::MovementEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One movement. Amounts are in minor units of the tenant's currency.
    MovementRequestRow, MovementRequestKey {
        key { tenant: String, movement_id: String }
        /// `in`, `out`, `adjustment` or `write_off`.
        kind: String,
        store: String,
        /// `pending_approval`, `approved` or `rejected`.
        status: String,
        /// Pieces in all, without their sign.
        quantity: i64,
        value_minor: i64,
        needs_approval: bool,
        comment: Option<String>,
        requested_by: String,
        /// Who said yes or no; absent while it waits, and when nobody had to.
        decided_by: Option<String>,
        note: Option<String>,
        requested_at: OffsetDateTime,
        decided_at: Option<OffsetDateTime>,
        /// Lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

fn id_of(event: &MovementEvent) -> &MovementId {
    match event {
        MovementEvent::Created(e) => &e.movement_id,
        MovementEvent::Approved(e) => &e.movement_id,
        MovementEvent::Rejected(e) => &e.movement_id,
    }
}

impl ReadModel for MovementRequestRow {
    const NAME: &'static str = "movement_requests";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "
        create index rm_movement_requests_order on rm_movement_requests (tenant, created_position);
        create index rm_movement_requests_waiting on rm_movement_requests (tenant, created_position)
          where status = 'pending_approval';";

    fn keys(fact: &Fact) -> Vec<MovementRequestKey> {
        let Event::Movement(event) = &fact.event else {
            return Vec::new();
        };
        vec![MovementRequestKey {
            tenant: fact.tenant.clone(),
            movement_id: id_of(event).to_string(),
        }]
    }

    fn opens(fact: &Fact) -> bool {
        matches!(fact.event, Event::Movement(MovementEvent::Created(_)))
    }

    fn fold(row: Option<Self>, key: &MovementRequestKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Movement(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let MovementEvent::Created(e) = event {
            return Ok(MovementRequestRow {
                tenant: key.tenant.clone(),
                movement_id: key.movement_id.clone(),
                kind: e.kind.as_str().to_owned(),
                store: e.store.to_string(),
                status: "pending_approval".to_owned(),
                quantity: e.quantity,
                value_minor: e.value_minor.get(),
                needs_approval: e.needs_approval,
                comment: e.comment.clone(),
                requested_by: e.requested_by.clone(),
                decided_by: None,
                note: None,
                requested_at: fact.recorded_at,
                decided_at: None,
                created_position: fact.position,
                last_position: fact.position,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            MovementEvent::Created(_) => {}
            MovementEvent::Approved(e) => {
                row.status = "approved".to_owned();
                row.decided_by = (!e.automatic).then(|| e.approved_by.clone());
                row.note.clone_from(&e.note);
            }
            MovementEvent::Rejected(e) => {
                row.status = "rejected".to_owned();
                row.decided_by = Some(e.rejected_by.clone());
                row.note.clone_from(&e.note);
            }
        }
        row.decided_at = Some(fact.recorded_at);
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    pub fn created() -> Event {
        event(
            "inventory.movement_created",
            json!({"movement_id": "m-1", "kind": "write_off", "store": "c", "quantity": 3, "value_minor": 900,
                   "needs_approval": true, "requested_by": "ana", "lines": [
                     {"line": 1, "sku": "A", "item_name": "Cable", "quantity": 2, "cause": "roto"},
                     {"line": 2, "sku": "P", "item_name": "Phone", "quantity": 1, "units": ["serial:1"]}]}),
        )
    }

    #[test]
    fn a_movement_waits_until_somebody_decides() {
        let row = folded::<MovementRequestRow>([created()]).unwrap().remove(0);
        assert_eq!((row.status.as_str(), row.decided_by), ("pending_approval", None));
        let done = json!({"movement_id": "m-1", "kind": "write_off", "store": "c", "automatic": false,
                          "approved_by": "marta"});
        let done = event("inventory.movement_approved", done);
        let row = folded::<MovementRequestRow>([created(), done]).unwrap().remove(0);
        assert_eq!(
            (row.status.as_str(), row.decided_by.as_deref()),
            ("approved", Some("marta"))
        );
    }

    #[test]
    fn a_movement_that_nobody_had_to_decide_names_nobody() {
        let done = json!({"movement_id": "m-1", "kind": "write_off", "store": "c", "automatic": true,
                          "approved_by": "ana"});
        let done = event("inventory.movement_approved", done);
        let row = folded::<MovementRequestRow>([created(), done]).unwrap().remove(0);
        assert_eq!((row.status.as_str(), row.decided_by), ("approved", None));
    }
}
