//! A quarantined sale does not count: the money went back, or the till was wrong.

use schemas::QuarantineId;
use schemas::events::offline::OfflineSaleCancelled;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::QuarantineStatus;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a quarantined sale for good without completing it; no goods and no money move. Cancelled already, it stays so;
/// once accepted it is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelOfflineSale {
    pub quarantine_id: QuarantineId,
    /// What became of goods and money; 1 to 500 characters.
    pub note: String,
}

impl Decide for CancelOfflineSale {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.quarantine_id;
        let stream = streams::quarantine(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        check_text("note", &self.note, 500)?;
        let found = work.quarantine(id)?;
        let answer = json!({ "quarantine_id": id, "sale_id": found.sale.sale_id, "status": "cancelled" });
        if found.status != QuarantineStatus::Cancelled {
            found.check_open(id)?;
            let cancelled = OfflineSaleCancelled {
                quarantine_id: id.clone(),
                sale_id: found.sale.sale_id.clone(),
                store: found.sale.content.store.clone(),
                note: self.note.clone(),
            };
            work.emit(stream, cancelled)?;
        }
        Ok(work.finish(answer))
    }
}
