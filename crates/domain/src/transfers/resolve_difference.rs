//! Decides what became of goods that were dispatched and did not arrive: lost, or back where they came from.
//!
//! That they turn up after all is another reception, as long as nothing was decided.

use schemas::events::transfer::{DifferenceDecision, MovedTransferLine, TransferDifferenceResolved};
use schemas::{StoreId, TransferId};
use serde::{Deserialize, Serialize};

use super::Status;
use super::moved::{TransferGoods, check_shape, part};
use super::receive_transfer::{arrive, close_if_settled, load};
use super::request_transfer::MAX_NOTE_CHARS;
use super::transfer::document;
use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::stock::end_unit;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends the transit of goods that never arrived: lost ones are nobody's and units are written off, others go back on
/// the sending store's shelf with their cost, even when it is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolveDifference {
    pub transfer_id: TransferId,
    pub decision: DifferenceDecision,
    /// At most what is in transit of each line.
    pub lines: Vec<TransferGoods>,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ResolveDifference {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.transfer_id;
        let stream = streams::transfer(id);
        check_shape(&self.lines)?;
        check_optional_text("note", self.note.as_deref(), MAX_NOTE_CHARS)?;
        work.require([&streams::tenant(), &stream])?;
        let found = work.transfer(id)?.clone();
        if found.status != Status::InTransit {
            return Err(found.refusal(id).into());
        }
        load(&work, id, &found, &found.from, &self.lines)?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        work.store(&found.from)?;
        let lines = part(&found, id, &self.lines)?;
        match self.decision {
            DifferenceDecision::BackAtOrigin => arrive(&mut work, id, &found.from, &lines)?,
            DifferenceDecision::Lost => end_units(&mut work, id, &found.from, &lines)?,
        }
        let resolved = TransferDifferenceResolved {
            transfer_id: id.clone(),
            from: found.from,
            to: found.to,
            decision: self.decision,
            lines,
            note: self.note.clone(),
            currency,
        };
        work.emit(stream, resolved)?;
        close_if_settled(&mut work, id)?;
        let answer = work.transfer(id)?.standing(id);
        Ok(work.finish(answer))
    }
}

/// Takes the units that are lost off the books.
fn end_units(
    work: &mut Work<'_>,
    id: &TransferId,
    store: &StoreId,
    lines: &[MovedTransferLine],
) -> Result<(), Missing> {
    let document = document(id);
    for (index, line) in lines.iter().enumerate() {
        for unit in &line.units {
            end_unit(work, unit, store, &document, Some("lost in transit"), index)?;
        }
    }
    Ok(())
}
