//! Gives a reservation's goods back to everybody, confirmed or not, even when its store is closed by now.

use schemas::ReservationId;
use schemas::events::reservation::ReservationReleased;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::reservation::{let_go, load};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Gives up a pending or confirmed reservation. Released already, it stays so; one that a sale took or that has expired
/// is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseReservation {
    pub reservation_id: ReservationId,
}

impl Decide for ReleaseReservation {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.reservation_id;
        let found = load(&work, id)?;
        work.tenant(&ctx.tenant)?;
        match found.status {
            Status::Pending | Status::Confirmed => {
                let released = ReservationReleased {
                    reservation_id: id.clone(),
                    store: found.store.clone(),
                };
                work.emit(streams::reservation(id), released)?;
                let_go(&mut work, id, &found)?;
            }
            Status::Released => {}
            Status::Fulfilled { .. } | Status::Expired => return Err(found.refusal(id).into()),
        }
        Ok(work.finish(json!({ "reservation_id": id, "status": "released" })))
    }
}
