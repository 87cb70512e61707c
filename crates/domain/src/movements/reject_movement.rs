//! Somebody else than who asked says no: what was kept is free again. Saying it again changes nothing.

use schemas::MovementId;
use schemas::events::movement::MovementRejected;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::approve_movement::check_other;
use super::movement::{Status, let_go, load};
use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::StockRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a pending movement for good without moving anything, also when its store is closed by now. Never by who asked;
/// an approved movement is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectMovement {
    pub movement_id: MovementId,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for RejectMovement {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let found = load(&work, &self.movement_id)?;
        work.tenant(&ctx.tenant)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        let movement_id = self.movement_id.clone();
        match found.status {
            Status::Rejected => {}
            Status::Approved => return Err(StockRefusal::MovementApproved { movement_id }.into()),
            Status::Pending => {
                check_other(&found.requested_by, &self.movement_id, ctx)?;
                let_go(&mut work, &self.movement_id, &found)?;
                let rejected = MovementRejected {
                    movement_id,
                    kind: found.kind,
                    store: found.store.clone(),
                    rejected_by: ctx.actor_name().to_owned(),
                    note: self.note.clone(),
                };
                work.emit(streams::movement(&self.movement_id), rejected)?;
            }
        }
        Ok(work.finish(json!({ "movement_id": self.movement_id, "status": "rejected" })))
    }
}
