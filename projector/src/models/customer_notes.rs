//! Notes about customers (CRM-1). The text stays sealed here, as the other personal fields do.
//!
//! A note that was removed keeps its row without its text, so that it is known that there was one.

use schemas::Event;
use schemas::events::CustomerEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One note.
    CustomerNoteRow, CustomerNoteKey {
        key { tenant: String, customer_id: String, note_id: String }
        /// Absent once it was removed.
        text_sealed: Option<String>,
        removed: bool,
        /// Who wrote it first.
        author: String,
        added_at: OffsetDateTime,
        changed_at: OffsetDateTime,
        /// Position of the event that added it: lists are in this order.
        added_position: i64,
        last_position: i64,
    }
}

impl ReadModel for CustomerNoteRow {
    const NAME: &'static str = "customer_notes";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "create index rm_customer_notes_order on rm_customer_notes
        (tenant, customer_id, added_position) where not removed;";

    fn keys(fact: &Fact) -> Vec<CustomerNoteKey> {
        let Event::Customer(event) = &fact.event else {
            return Vec::new();
        };
        let (customer_id, note_id) = match event {
            CustomerEvent::NoteAdded(e) => (&e.customer_id, &e.note_id),
            CustomerEvent::NoteCorrected(e) => (&e.customer_id, &e.note_id),
            CustomerEvent::NoteRemoved(e) => (&e.customer_id, &e.note_id),
            _ => return Vec::new(),
        };
        vec![CustomerNoteKey {
            tenant: fact.tenant.clone(),
            customer_id: customer_id.to_string(),
            note_id: note_id.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &CustomerNoteKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Customer(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let CustomerEvent::NoteAdded(e) = event {
            // Also under the id of a note that was removed: it is another note.
            return Ok(CustomerNoteRow {
                tenant: key.tenant.clone(),
                customer_id: key.customer_id.clone(),
                note_id: key.note_id.clone(),
                text_sealed: Some(e.text.sealed.clone()),
                removed: false,
                author: fact.actor().to_owned(),
                added_at: fact.recorded_at,
                changed_at: fact.recorded_at,
                added_position: fact.position,
                last_position: fact.position,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            CustomerEvent::NoteCorrected(e) => row.text_sealed = Some(e.text.sealed.clone()),
            CustomerEvent::NoteRemoved(_) => {
                row.text_sealed = None;
                row.removed = true;
            }
            _ => return Err(FoldError::foreign(fact)),
        }
        row.changed_at = fact.recorded_at;
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    fn note(kind: &str, text: &str) -> Event {
        let data = json!({"customer_id": "c1", "note_id": "n1", "text": {"sealed": text}});
        event(&format!("customer.note_{kind}"), data)
    }

    #[test]
    fn a_note_says_what_it_was_corrected_to_and_a_removed_one_says_nothing() {
        let text = |events: Vec<Event>| {
            let row = folded::<CustomerNoteRow>(events).unwrap().remove(0);
            (row.text_sealed, row.removed)
        };
        let added = || vec![note("added", "v1.a")];
        assert_eq!(text(added()), (Some("v1.a".to_owned()), false));
        let corrected = [added(), vec![note("corrected", "v1.b")]].concat();
        assert_eq!(text(corrected.clone()), (Some("v1.b".to_owned()), false));
        let removed = [corrected, vec![note("removed", "")]].concat();
        assert_eq!(text(removed), (None, true));
    }

    #[test]
    fn what_was_never_written_cannot_be_corrected() {
        assert!(folded::<CustomerNoteRow>([note("corrected", "v1.b")]).is_err());
    }
}
