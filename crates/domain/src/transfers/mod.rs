//! Goods on their way between two stores: request, dispatch, receptions, and what became of the rest
//! and of a surplus.
//!
//! One file per command; `transfer` is the state, `moved` how a line's goods and their cost are parted. The state
//! machine is drawn in `docs/domain/transfers.md`. Not here: the shelves' figures (`stock::movement`).

mod cancel_transfer;
mod dispatch_transfer;
mod moved;
mod receive_transfer;
mod request_transfer;
mod resolve_difference;
mod resolve_surplus;
mod surplus;
mod transfer;

pub use cancel_transfer::CancelTransfer;
pub use dispatch_transfer::DispatchTransfer;
pub use moved::TransferGoods;
pub use receive_transfer::ReceiveTransfer;
pub use request_transfer::{RequestTransfer, TransferLineRequest};
pub use resolve_difference::ResolveDifference;
pub use resolve_surplus::ResolveSurplus;
pub use surplus::Surplus;
pub use transfer::{InTransit, Status, Transfer};

#[cfg(test)]
pub(crate) mod tests;
