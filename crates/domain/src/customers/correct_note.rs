//! Replaces what a note about a customer says. The text arrives sealed.

use schemas::events::customer::CustomerNoteCorrected;
use schemas::{CustomerId, NoteId, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::remove_note::check_note;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Gives a note that holds another text; what it said before stays sealed in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrectCustomerNote {
    pub customer_id: CustomerId,
    pub note_id: NoteId,
    pub text: Sealed,
}

impl Decide for CorrectCustomerNote {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        check_note(&work, ctx, &self.customer_id, &self.note_id)?;
        let corrected = CustomerNoteCorrected {
            customer_id: self.customer_id.clone(),
            note_id: self.note_id.clone(),
            text: self.text.clone(),
        };
        work.emit(streams::customer(&self.customer_id), corrected)?;
        Ok(work.finish(json!({ "customer_id": self.customer_id, "note_id": self.note_id })))
    }
}
