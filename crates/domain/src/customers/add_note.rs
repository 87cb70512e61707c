//! Writes something down about a customer. The text arrives sealed: it speaks of a person.

use schemas::events::customer::CustomerNoteAdded;
use schemas::{CustomerId, NoteId, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::CustomerRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Notes that may hold about one customer at a time: their ids are part of the customer's state.
pub const MAX_NOTES: usize = 200;

/// Adds a note under an id that no other note of the customer has. Blocked and archived customers may have notes, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddCustomerNote {
    pub customer_id: CustomerId,
    /// Absent: one is generated.
    #[serde(default)]
    pub note_id: Option<NoteId>,
    /// Sealed under the customer's key.
    pub text: Sealed,
}

impl Decide for AddCustomerNote {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::customer(&self.customer_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let customer = work.customer(&self.customer_id)?;
        let note_id = ctx.given_or_fresh(self.note_id.as_ref(), "note");
        if customer.notes.contains(&note_id) {
            return Err(CustomerRefusal::NoteExists { note_id }.into());
        }
        if customer.notes.len() >= MAX_NOTES {
            let (customer_id, max) = (self.customer_id.clone(), MAX_NOTES);
            return Err(CustomerRefusal::TooManyNotes { customer_id, max }.into());
        }
        let added = CustomerNoteAdded {
            customer_id: self.customer_id.clone(),
            note_id: note_id.clone(),
            text: self.text.clone(),
        };
        work.emit(stream, added)?;
        Ok(work.finish(json!({ "customer_id": self.customer_id, "note_id": note_id })))
    }
}
