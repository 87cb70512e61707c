//! Ends a reservation whose time is over. The platform asks for it (`processes::reservation_expiry`), or who cannot wait.

use schemas::ReservationId;
use schemas::events::reservation::ReservationExpired;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::Status;
use super::reservation::{let_go, load};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Gives a pending reservation's goods back once its time is over by the engine's clock; before that it is refused, and
/// so is a confirmed one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpireReservation {
    pub reservation_id: ReservationId,
}

impl Decide for ExpireReservation {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.reservation_id;
        let found = load(&work, id)?;
        work.tenant(&ctx.tenant)?;
        match found.status {
            Status::Pending if ctx.now < found.expires_at => {
                return Err(Refusal::ReservationNotDue {
                    reservation_id: id.clone(),
                    expires_at: found.expires_at.format(&Rfc3339).unwrap_or_default(),
                }
                .into());
            }
            Status::Pending => {
                let expired = ReservationExpired {
                    reservation_id: id.clone(),
                    store: found.store.clone(),
                    expires_at: found.expires_at,
                };
                work.emit(streams::reservation(id), expired)?;
                let_go(&mut work, id, &found)?;
            }
            Status::Expired => {}
            Status::Confirmed | Status::Fulfilled { .. } | Status::Released => {
                return Err(found.refusal(id).into());
            }
        }
        Ok(work.finish(json!({ "reservation_id": id, "status": "expired" })))
    }
}
