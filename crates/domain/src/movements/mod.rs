//! Movements of stock that are asked for: done at once when they are small, and decided by somebody else when the
//! tenant's policy says so (INV-3, docs/domain/stock.md).
//!
//! One file per command; `movement` is one movement, `request` how one is asked for, `apply` how its goods move. Not here:
//! the figures' own rules (`crate::stock`).

mod apply;
mod approve_movement;
mod create_movement;
mod movement;
mod reject_movement;
mod request;
mod set_movement_policy;

pub use approve_movement::ApproveMovement;
pub use create_movement::{CreateMovement, MovementLineRequest};
pub use movement::{Movement, Status};
pub use reject_movement::RejectMovement;
pub use request::would_wait;
pub use set_movement_policy::SetMovementPolicy;

pub(crate) use request::{Asked, must_wait, wait};

#[cfg(test)]
mod tests;
