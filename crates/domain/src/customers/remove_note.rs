//! Takes a note about a customer away.

use schemas::events::customer::CustomerNoteRemoved;
use schemas::{CustomerId, NoteId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::CustomerRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Removes a note that holds; what it said stays sealed in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoveCustomerNote {
    pub customer_id: CustomerId,
    pub note_id: NoteId,
}

/// Loads the customer; the note must hold.
///
/// # Errors
/// [`Missing::Streams`]; a customer or note that is not there.
pub(super) fn check_note(
    work: &Work<'_>,
    ctx: &Ctx,
    customer_id: &CustomerId,
    note_id: &NoteId,
) -> Result<(), Missing> {
    work.require([&streams::tenant(), &streams::customer(customer_id)])?;
    work.tenant(&ctx.tenant)?;
    if work.customer(customer_id)?.notes.contains(note_id) {
        return Ok(());
    }
    let note_id = note_id.clone();
    Err(CustomerRefusal::NoteNotFound { note_id }.into())
}

impl Decide for RemoveCustomerNote {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        check_note(&work, ctx, &self.customer_id, &self.note_id)?;
        let removed = CustomerNoteRemoved {
            customer_id: self.customer_id.clone(),
            note_id: self.note_id.clone(),
        };
        work.emit(streams::customer(&self.customer_id), removed)?;
        Ok(work.finish(json!({ "customer_id": self.customer_id, "note_id": self.note_id })))
    }
}
