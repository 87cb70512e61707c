//! What came of transfers and what was decided about differences, document by document (TRD-3).
//!
//! Their lines are kept as text, since they are read with their transfer only.

use schemas::Event;
use schemas::events::TransferEvent;
use time::OffsetDateTime;

use super::transfers::id_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One document. Amounts are in minor units of the tenant's currency.
    TransferDocumentRow, TransferDocumentKey {
        key { tenant: String, transfer_id: String, event_position: i64 }
        /// `reception`, `difference` or `surplus`: goods came, or somebody decided about goods that did not come, or
        /// about goods that came beyond what was dispatched.
        kind: String,
        /// Of a reception.
        reception_id: Option<String>,
        /// Of the others: `lost`, `back_at_origin`, `sent_by_origin` or `not_accepted`.
        decision: Option<String>,
        /// The event's lines, as JSON.
        lines: String,
        /// Of a reception: what came beyond what was dispatched, as JSON.
        surplus: String,
        note: Option<String>,
        actor: String,
        recorded_at: OffsetDateTime,
    }
}

/// Whether an event is a document of its own.
fn is_document(event: &TransferEvent) -> bool {
    match event {
        TransferEvent::Received(_)
        | TransferEvent::DifferenceResolved(_)
        | TransferEvent::SurplusResolved(_) => true,
        TransferEvent::Requested(_)
        | TransferEvent::Dispatched(_)
        | TransferEvent::Closed(_)
        | TransferEvent::Cancelled(_) => false,
    }
}

/// A decision as the wire has it.
fn word(decision: &impl serde::Serialize) -> Result<String, FoldError> {
    document(decision).map(|text| text.trim_matches('"').to_owned())
}

impl ReadModel for TransferDocumentRow {
    const NAME: &'static str = "transfer_documents";
    const VERSION: i32 = 1;
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<TransferDocumentKey> {
        let Event::Transfer(event) = &fact.event else {
            return Vec::new();
        };
        if !is_document(event) {
            return Vec::new();
        }
        vec![TransferDocumentKey {
            tenant: fact.tenant.clone(),
            transfer_id: id_of(event).to_string(),
            event_position: fact.position,
        }]
    }

    fn fold(_: Option<Self>, key: &TransferDocumentKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Transfer(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let mut row = TransferDocumentRow {
            tenant: key.tenant.clone(),
            transfer_id: key.transfer_id.clone(),
            event_position: key.event_position,
            kind: String::new(),
            reception_id: None,
            decision: None,
            lines: String::new(),
            surplus: "[]".to_owned(),
            note: None,
            actor: fact.actor().to_owned(),
            recorded_at: fact.recorded_at,
        };
        let kind = match event {
            TransferEvent::Received(e) => {
                row.reception_id = Some(e.reception_id.to_string());
                row.lines = document(&e.lines)?;
                row.surplus = document(&e.surplus)?;
                "reception"
            }
            TransferEvent::DifferenceResolved(e) => {
                row.decision = Some(word(&e.decision)?);
                row.lines = document(&e.lines)?;
                row.note.clone_from(&e.note);
                "difference"
            }
            TransferEvent::SurplusResolved(e) => {
                row.decision = Some(word(&e.decision)?);
                row.lines = document(&e.lines)?;
                row.note.clone_from(&e.note);
                "surplus"
            }
            TransferEvent::Requested(_)
            | TransferEvent::Dispatched(_)
            | TransferEvent::Closed(_)
            | TransferEvent::Cancelled(_) => return Err(FoldError::foreign(fact)),
        };
        kind.clone_into(&mut row.kind);
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::transfers::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn receptions_and_decisions_are_told_in_the_order_of_the_log() {
        let rows = folded::<TransferDocumentRow>([
            samples::requested(),
            samples::dispatched(),
            samples::received(),
            samples::came_along(),
            samples::lost(),
            samples::sent_by_origin(),
            samples::closed(),
        ])
        .unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                let (reception, decision) = (row.reception_id.as_deref(), row.decision.as_deref());
                (row.event_position, row.kind.as_str(), reception.or(decision))
            })
            .collect();
        assert_eq!(
            told,
            [
                (3, "reception", Some("r1")),
                (4, "reception", Some("r2")),
                (5, "difference", Some("lost")),
                (6, "surplus", Some("sent_by_origin")),
            ]
        );
        assert!(rows[0].lines.contains("serial:1"));
        assert!(rows[1].surplus.contains("serial:2"));
        assert_eq!(
            (rows[2].note.as_deref(), rows[2].actor.as_str()),
            (Some("se cayó"), "ana")
        );
    }
}
