//! What is sold: articles, devices and services.
//!
//! One file per command; the item's state is in `item`, the rules for its fields in `fields`.

mod change_item;
mod create_item;
mod discontinue_item;
mod fields;
mod item;
mod put_item;
mod reinstate_item;
mod set_item_cost;

pub use change_item::ChangeItem;
pub use create_item::CreateItem;
pub use discontinue_item::DiscontinueItem;
pub use fields::normal_gtin;
pub use item::Item;
pub use put_item::{DetailsPatch, PutItem};
pub use reinstate_item::ReinstateItem;
pub use set_item_cost::SetItemCost;

#[cfg(test)]
mod tests;
