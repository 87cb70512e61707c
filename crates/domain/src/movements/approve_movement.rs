//! Somebody else than who asked says yes: the goods move in the same append. Saying it again changes nothing.

use schemas::MovementId;
use schemas::events::movement::MovementApproved;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::apply::Doing;
use super::movement::{Status, let_go, load};
use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::StockRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lets a pending movement happen now, at an open store: the goods move as if asked for at this moment and are refused
/// for what is wrong with them now. Never by who asked; a rejected movement is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApproveMovement {
    pub movement_id: MovementId,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ApproveMovement {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let found = load(&work, &self.movement_id)?;
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        check_optional_text("note", self.note.as_deref(), 500)?;
        let movement_id = self.movement_id.clone();
        match found.status {
            Status::Approved => {}
            Status::Rejected => return Err(StockRefusal::MovementRejected { movement_id }.into()),
            Status::Pending => {
                check_other(&found.requested_by, &self.movement_id, ctx)?;
                work.open_store(&found.store)?;
                let_go(&mut work, &self.movement_id, &found)?;
                let doing = Doing {
                    movement_id: &self.movement_id,
                    kind: found.kind,
                    store: &found.store,
                    lines: &found.lines,
                    comment: found.comment.as_deref(),
                };
                doing.apply(&mut work, policy)?;
                let approved = MovementApproved {
                    movement_id,
                    kind: found.kind,
                    store: found.store.clone(),
                    automatic: false,
                    approved_by: ctx.actor_name().to_owned(),
                    note: self.note.clone(),
                };
                work.emit(streams::movement(&self.movement_id), approved)?;
            }
        }
        Ok(work.finish(json!({ "movement_id": self.movement_id, "status": "approved" })))
    }
}

/// Nobody decides what they asked for themselves.
///
/// # Errors
/// [`StockRefusal::MovementOwn`].
pub(super) fn check_other(
    requested_by: &str,
    movement_id: &MovementId,
    ctx: &Ctx,
) -> Result<(), StockRefusal> {
    if requested_by == ctx.actor_name() {
        let (movement_id, username) = (movement_id.clone(), requested_by.to_owned());
        return Err(StockRefusal::MovementOwn {
            movement_id,
            username,
        });
    }
    Ok(())
}
