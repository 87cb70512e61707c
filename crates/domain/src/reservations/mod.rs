//! Goods that are kept for somebody until a sale takes them, somebody releases them, or their time is over.
//!
//! One file per command; `reservation` is the state, `hand_over` how a sale takes what was kept. The state machine is
//! drawn in `docs/domain/reservations.md`. Not here: who notices that the time is over (`processes`).

mod confirm_reservation;
mod create_reservation;
mod expire_reservation;
mod hand_over;
mod release_reservation;
mod reservation;

pub use confirm_reservation::ConfirmReservation;
pub use create_reservation::{CreateReservation, MAX_EXPIRY_S, ReservationLineRequest};
pub use expire_reservation::ExpireReservation;
pub use release_reservation::ReleaseReservation;
pub use reservation::{Reservation, Status};

pub(crate) use hand_over::hand_over;

#[cfg(test)]
pub(crate) mod tests;
