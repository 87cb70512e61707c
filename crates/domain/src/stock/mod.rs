//! Stock by store and item, and units one by one.
//!
//! One file per command; `level` is one item's stock in one store, `unit` one physical unit, `movement` holds the
//! rules that sales, returns and drafts share with the commands here, `documents` how transfers, purchases, repairs and
//! orders move goods, `keeping` what drafts and reservations hold back, `levels` what only these commands share, `cost`
//! what goods cost, `custody` which repair has a device, `threshold` when somebody is to be told.

mod adjust_stock;
mod cost;
mod custody;
mod documents;
mod keeping;
mod level;
mod levels;
mod movement;
mod receive_stock;
mod set_threshold;
mod threshold;
mod unit;
mod write_off_stock;

pub use adjust_stock::AdjustStock;
pub(crate) use cost::share;
pub use cost::{MovedCost, ShelfCost};
pub use custody::Custody;
pub use level::Stock;
pub use receive_stock::{ReceiptLine, ReceiveStock};
pub use set_threshold::SetThreshold;
pub use threshold::Threshold;
pub use unit::{Place, Unit};
pub use write_off_stock::{WriteOffLine, WriteOffStock};

pub(crate) use custody::{check_not_in_repair, end_custody, take_custody};
pub(crate) use documents::{arrive_unit, dispatch_unit, end_unit};
pub(crate) use keeping::{Goods, Kept, Wanted, keep};
pub(crate) use levels::check_units;
pub(crate) use movement::{Quantities, Shelf, has_stock, unit_at_hand};
pub(crate) use receive_stock::check_may_come_in;

#[cfg(test)]
mod tests;
