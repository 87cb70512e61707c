//! Makes a reservation last until a sale takes it or somebody releases it.
//!
//! What decides is the state, not the clock: until the expiry itself is in the log the goods are still kept, so a
//! confirm that comes late and yet before it is good for the customer and harms nobody (docs/adr/0012).

use schemas::ReservationId;
use schemas::events::reservation::ReservationConfirmed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Takes the end off a pending reservation, so that it no longer expires. Confirmed already, it stays so; fulfilled,
/// released or expired, it is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfirmReservation {
    pub reservation_id: ReservationId,
}

impl Decide for ConfirmReservation {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.reservation_id;
        let stream = streams::reservation(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.reservation(id)?;
        match found.status {
            Status::Pending => {
                let confirmed = ReservationConfirmed {
                    reservation_id: id.clone(),
                    store: found.store.clone(),
                };
                work.emit(stream, confirmed)?;
            }
            Status::Confirmed => {}
            Status::Fulfilled { .. } | Status::Released | Status::Expired => {
                return Err(found.refusal(id).into());
            }
        }
        Ok(work.finish(json!({ "reservation_id": id, "status": "confirmed" })))
    }
}
