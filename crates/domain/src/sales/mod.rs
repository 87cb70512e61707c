//! Sales at the till: whole or as drafts, voids, returns, exchanges.
//!
//! One file per command; `sale` is the state, `checkout` what both ways to complete a sale share, `lines` finds goods
//! and prices, `pricing` and `payments` do the sums, `goods` moves stock and units, `keeping` what drafts hold back.

mod checkout;
mod complete_draft;
mod complete_sale;
mod discard_draft;
mod exchange_goods;
mod goods;
mod keeping;
mod lines;
mod payments;
mod pricing;
mod return_goods;
mod return_lines;
mod sale;
mod save_draft;
mod void_sale;

pub use complete_draft::CompleteDraft;
pub use complete_sale::{CompleteSale, PaymentRequest};
pub use discard_draft::DiscardDraft;
pub use exchange_goods::{ExchangeGoods, MAX_EXCHANGE_LINES};
pub use return_goods::{ReturnGoods, ReturnLineRequest};
pub use sale::{GoodsReturn, Sale, Sold, SoldLine};
pub use save_draft::SaveDraft;
pub use schemas::events::sale::DraftLine as LineRequest;
pub use void_sale::VoidSale;

pub(crate) use lines::{load as load_lines, resolve as resolve_lines, resolve_offered};
pub use payments::Money;
pub(crate) use payments::{MAX_PAYMENTS, check_reference, on_account, refunds_for, settle, to_account};
pub(crate) use pricing::{Terms, price};

#[cfg(test)]
mod tests;
