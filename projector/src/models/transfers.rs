//! Transfers between stores: where they stand and what they carry (TRD-3).
//!
//! Not here: their lines (`transfer_lines`), what came and what was decided (`transfer_documents`), and the shelves' figures (`stock`).

use schemas::Event;
use schemas::TransferId;
use schemas::events::TransferEvent;
use schemas::events::transfer::{DifferenceDecision, MovedTransferLine};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One transfer. Amounts are in minor units of the tenant's currency.
    TransferRow, TransferKey {
        key { tenant: String, transfer_id: String }
        /// The tenant's own number for it, where it numbers transfers.
        number: Option<String>,
        from_store: String,
        to_store: String,
        /// `requested`, `in_transit`, `closed` or `cancelled`.
        status: String,
        /// Pieces that are in neither store.
        in_transit: i64,
        /// What those of them with a known cost cost together.
        in_transit_value_minor: i64,
        /// Whether goods were decided to be lost or back at their origin.
        incomplete: bool,
        /// Pieces that came beyond what was dispatched, as long as nobody has decided about them.
        surplus: i64,
        /// Pieces that were decided to be lost, and what they had cost.
        lost: i64,
        lost_value_minor: i64,
        note: Option<String>,
        /// Who asked for it.
        actor: String,
        requested_at: OffsetDateTime,
        dispatched_at: Option<OffsetDateTime>,
        changed_at: OffsetDateTime,
        /// Position of the event that made it: lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

pub(super) fn id_of(event: &TransferEvent) -> &TransferId {
    match event {
        TransferEvent::Requested(e) => &e.transfer_id,
        TransferEvent::Dispatched(e) => &e.transfer_id,
        TransferEvent::Received(e) => &e.transfer_id,
        TransferEvent::DifferenceResolved(e) => &e.transfer_id,
        TransferEvent::SurplusResolved(e) => &e.transfer_id,
        TransferEvent::Closed(e) => &e.transfer_id,
        TransferEvent::Cancelled(e) => &e.transfer_id,
    }
}

/// Pieces and their value.
fn sums(lines: &[MovedTransferLine]) -> (i64, i64) {
    lines.iter().fold((0, 0), |(pieces, value): (i64, i64), line| {
        (
            pieces.saturating_add(line.quantity.get()),
            value.saturating_add(line.value_minor.get()),
        )
    })
}

impl ReadModel for TransferRow {
    const NAME: &'static str = "transfers";
    const VERSION: i32 = 3;
    const INDEXES: &'static str = "
        create index rm_transfers_order on rm_transfers (tenant, created_position);
        create index rm_transfers_open on rm_transfers (tenant, created_position)
          where status in ('requested', 'in_transit');
        create index rm_transfers_number on rm_transfers (tenant, number) where number is not null;
        create index rm_transfers_surplus on rm_transfers (tenant, created_position) where surplus > 0;";

    fn keys(fact: &Fact) -> Vec<TransferKey> {
        let Event::Transfer(event) = &fact.event else {
            return Vec::new();
        };
        vec![TransferKey {
            tenant: fact.tenant.clone(),
            transfer_id: id_of(event).to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &TransferKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Transfer(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let TransferEvent::Requested(requested) = event {
            return Ok(TransferRow {
                tenant: key.tenant.clone(),
                transfer_id: key.transfer_id.clone(),
                number: requested.number.clone(),
                from_store: requested.from.to_string(),
                to_store: requested.to.to_string(),
                status: "requested".to_owned(),
                in_transit: 0,
                in_transit_value_minor: 0,
                incomplete: false,
                surplus: 0,
                lost: 0,
                lost_value_minor: 0,
                note: requested.note.clone(),
                actor: fact.actor().to_owned(),
                requested_at: fact.recorded_at,
                dispatched_at: None,
                changed_at: fact.recorded_at,
                created_position: fact.position,
                last_position: fact.position,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            TransferEvent::Requested(_) => {}
            TransferEvent::Dispatched(dispatched) => {
                (row.in_transit, row.in_transit_value_minor) = sums(&dispatched.lines);
                row.dispatched_at = Some(fact.recorded_at);
                "in_transit".clone_into(&mut row.status);
            }
            TransferEvent::Received(received) => {
                row.take(&received.lines);
                let more: i64 = received.surplus.iter().map(|line| line.quantity.get()).sum();
                row.surplus = row.surplus.saturating_add(more);
            }
            TransferEvent::SurplusResolved(resolved) => {
                row.surplus = row.surplus.saturating_sub(sums(&resolved.lines).0);
            }
            TransferEvent::DifferenceResolved(resolved) => {
                row.take(&resolved.lines);
                row.incomplete = true;
                if resolved.decision == DifferenceDecision::Lost {
                    let (pieces, value) = sums(&resolved.lines);
                    row.lost = row.lost.saturating_add(pieces);
                    row.lost_value_minor = row.lost_value_minor.saturating_add(value);
                }
            }
            TransferEvent::Closed(_) => "closed".clone_into(&mut row.status),
            TransferEvent::Cancelled(_) => "cancelled".clone_into(&mut row.status),
        }
        row.changed_at = fact.recorded_at;
        row.last_position = fact.position;
        Ok(row)
    }
}

impl TransferRow {
    fn take(&mut self, lines: &[MovedTransferLine]) {
        let (pieces, value) = sums(lines);
        self.in_transit = self.in_transit.saturating_sub(pieces);
        self.in_transit_value_minor = self.in_transit_value_minor.saturating_sub(value);
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Five cables and two phones are asked for; four cables and a phone are sent.

    use serde_json::{Value, json};

    use super::*;
    use crate::fact::given::event;

    fn of(kind: &str, more: &Value) -> Event {
        let mut body = json!({"transfer_id": "t1", "from": "centro", "to": "norte", "currency": "HNL"});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        event(&format!("transfer_order.{kind}"), body)
    }

    pub fn requested() -> Event {
        of(
            "requested",
            &json!({"lines": [{"line": 1, "sku": "A", "quantity": 5}, {"line": 2, "sku": "P", "quantity": 2}]}),
        )
    }

    fn cables(pieces: i64, value: i64) -> Value {
        json!({"line": 1, "sku": "A", "quantity": pieces, "costed_quantity": pieces, "value_minor": value})
    }

    fn phone() -> Value {
        json!({"line": 2, "sku": "P", "quantity": 1, "units": ["serial:1"], "costed_quantity": 0, "value_minor": 0})
    }

    pub fn dispatched() -> Event {
        of("dispatched", &json!({"lines": [cables(4, 400), phone()]}))
    }

    pub fn received() -> Event {
        of(
            "received",
            &json!({"reception_id": "r1", "lines": [cables(3, 300), phone()]}),
        )
    }

    pub fn lost() -> Event {
        of(
            "difference_resolved",
            &json!({"decision": "lost", "lines": [cables(1, 100)], "note": "se cayó"}),
        )
    }

    /// The other phone that was asked for came, too, and nobody had said so.
    pub fn came_along() -> Event {
        of(
            "received",
            &json!({"reception_id": "r2", "lines": [],
                    "surplus": [{"line": 2, "sku": "P", "quantity": 1, "units": ["serial:2"]}]}),
        )
    }

    pub fn sent_by_origin() -> Event {
        of(
            "surplus_resolved",
            &json!({"decision": "sent_by_origin", "lines": [
                {"line": 2, "sku": "P", "quantity": 1, "units": ["serial:2"], "costed_quantity": 1, "value_minor": 50}]}),
        )
    }

    pub fn closed() -> Event {
        of("closed", &json!({"complete": false}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn a_transfer_says_what_is_on_its_way_and_what_was_lost() {
        let mut events = vec![samples::requested(), samples::dispatched()];
        let sent = folded::<TransferRow>(events.clone()).unwrap();
        assert_eq!(
            (
                sent[0].status.as_str(),
                sent[0].in_transit,
                sent[0].in_transit_value_minor
            ),
            ("in_transit", 5, 400)
        );
        events.extend([samples::received(), samples::lost(), samples::closed()]);
        let ended = folded::<TransferRow>(events).unwrap();
        let row = &ended[0];
        assert_eq!(
            (row.status.as_str(), row.in_transit, row.in_transit_value_minor),
            ("closed", 0, 0)
        );
        assert_eq!((row.incomplete, row.lost, row.lost_value_minor), (true, 1, 100));
    }

    #[test]
    fn a_surplus_is_shown_until_it_is_decided_and_is_never_in_transit() {
        let mut events = vec![
            samples::requested(),
            samples::dispatched(),
            samples::received(),
            samples::came_along(),
        ];
        let figures = |row: &TransferRow| (row.surplus, row.in_transit, row.in_transit_value_minor);
        assert_eq!(
            figures(&folded::<TransferRow>(events.clone()).unwrap()[0]),
            (1, 1, 100)
        );
        events.push(samples::sent_by_origin());
        assert_eq!(figures(&folded::<TransferRow>(events).unwrap()[0]), (0, 1, 100));
    }

    #[test]
    fn what_was_never_asked_for_cannot_be_dispatched() {
        assert!(folded::<TransferRow>([samples::dispatched()]).is_err());
    }
}
