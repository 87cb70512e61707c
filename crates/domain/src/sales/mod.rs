//! Sales at the till: whole or as drafts, voids, returns.
//!
//! One file per command; `sale` is the state, `lines` finds goods and prices, `pricing` and `payments` do the sums,
//! `goods` moves stock and units.

mod complete_draft;
mod complete_sale;
mod discard_draft;
mod return_goods;
mod sale;
mod save_draft;
mod void_sale;

pub use complete_draft::CompleteDraft;
pub use complete_sale::{CompleteSale, PaymentRequest};
pub use discard_draft::DiscardDraft;
pub use return_goods::{ReturnGoods, ReturnLineRequest};
pub use sale::{GoodsReturn, Sale, Sold, SoldLine};
pub use save_draft::SaveDraft;
pub use schemas::events::sale::DraftLine as LineRequest;
pub use void_sale::VoidSale;
