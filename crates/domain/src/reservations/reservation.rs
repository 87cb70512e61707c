//! One reservation: what it keeps, for whom, until when. Stream `reservation/<reservation_id>`.

use schemas::events::reservation::{ReservationEvent, ReservedLine};
use schemas::{CustomerId, ReservationId, SaleId, StoreId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::bounds::distinct;
use crate::refusal::Refusal;
use crate::state::State;
use crate::stock::{Kept, Wanted};
use crate::streams;
use crate::work::{Missing, Work};

/// What was asked for stands here for good; whether it is still kept says `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub store: StoreId,
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<ReservedLine>,
    /// When it ends unless it is confirmed; no matter once it is.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    pub status: Status,
}

/// What became of a reservation. Only a pending or confirmed one keeps goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Keeps its goods until it is confirmed, released or expires.
    Pending,
    /// Keeps its goods until a sale takes them or it is released.
    Confirmed,
    /// A sale took the goods.
    Fulfilled { sale_id: SaleId },
    /// Somebody gave it up.
    Released,
    /// Its time was over before anybody confirmed it.
    Expired,
}

impl Reservation {
    pub(crate) fn evolve(slot: &mut Option<Box<Reservation>>, event: &ReservationEvent) {
        let status = match event {
            ReservationEvent::Created(created) => {
                *slot = Some(Box::new(Reservation {
                    store: created.store.clone(),
                    customer_id: created.customer_id.clone(),
                    lines: created.lines.clone(),
                    expires_at: created.expires_at,
                    status: Status::Pending,
                }));
                return;
            }
            ReservationEvent::Confirmed(_) => Status::Confirmed,
            ReservationEvent::Fulfilled(fulfilled) => Status::Fulfilled {
                sale_id: fulfilled.sale_id.clone(),
            },
            ReservationEvent::Released(_) => Status::Released,
            ReservationEvent::Expired(_) => Status::Expired,
        };
        if let Some(reservation) = slot {
            reservation.status = status;
        }
    }

    /// The refusal for who wants something else than what it has come to.
    pub(super) fn refusal(&self, id: &ReservationId) -> Refusal {
        let reservation_id = id.clone();
        match &self.status {
            Status::Pending => Refusal::ReservationNotConfirmed { reservation_id },
            Status::Confirmed => Refusal::ReservationConfirmed { reservation_id },
            Status::Fulfilled { sale_id } => Refusal::ReservationFulfilled {
                reservation_id,
                sale_id: sale_id.clone(),
            },
            Status::Released => Refusal::ReservationReleased { reservation_id },
            Status::Expired => Refusal::ReservationExpired { reservation_id },
        }
    }

    /// The shelves and units that it keeps.
    pub(super) fn kept(&self) -> Kept {
        let units = self.lines.iter().filter_map(|line| line.unit.clone());
        Kept::new(
            self.store.clone(),
            self.lines.iter().map(|line| line.sku.clone()),
            units.collect(),
        )
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.lines.len() * (size_of::<ReservedLine>() + 64)
    }
}

/// Who keeps the goods of a reservation.
pub(super) fn holder(id: &ReservationId) -> String {
    format!("reservation/{id}")
}

/// Loads the tenant, the reservation and all that it keeps; gives the reservation.
///
/// # Errors
/// [`Missing::Streams`]; [`Refusal::ReservationNotFound`].
pub(super) fn load(work: &Work<'_>, id: &ReservationId) -> Result<Reservation, Missing> {
    let mut all = vec![streams::tenant(), streams::reservation(id)];
    work.require(&all)?;
    let found = work.reservation(id)?.clone();
    all.extend(found.kept().streams());
    work.require(&distinct(all)?)?;
    Ok(found)
}

/// Gives all the goods back to everybody. [`load`] has loaded them.
///
/// # Errors
/// A figure that would leave its range.
pub(super) fn let_go(work: &mut Work<'_>, id: &ReservationId, found: &Reservation) -> Result<(), Missing> {
    found.kept().release(work, &holder(id), &Wanted::default())
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::ReservationNotFound`].
    pub fn reservation(&self, id: &ReservationId) -> Result<&Reservation, Missing> {
        let State::Reservation(Some(found)) = self.state(&streams::reservation(id))? else {
            return Err(Refusal::ReservationNotFound {
                reservation_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }
}
