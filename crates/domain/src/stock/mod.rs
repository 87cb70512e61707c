//! Stock by store and item, and units one by one.
//!
//! One file per command; `level` is one item's stock in one store, `unit` one physical unit, `movement` holds the
//! rules that sales, returns and drafts share with the commands here, `keeping` what drafts and reservations hold back,
//! `levels` what only these commands share.

mod adjust_stock;
mod keeping;
mod level;
mod levels;
mod movement;
mod receive_stock;
mod unit;
mod write_off_stock;

pub use adjust_stock::AdjustStock;
pub use level::Stock;
pub use receive_stock::{ReceiptLine, ReceiveStock};
pub use unit::{Place, Unit};
pub use write_off_stock::{WriteOffLine, WriteOffStock};

pub(crate) use keeping::{Goods, Kept, Wanted, keep};
pub(crate) use movement::{Quantities, Shelf, has_stock, unit_at_hand};

#[cfg(test)]
mod tests;
