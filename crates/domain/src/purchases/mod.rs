//! Purchases from suppliers: order, partial receptions, invoices, later costs, goods that go back (TRD-2).
//!
//! One file per command; `purchase` is the state, `content` what an order is written or changed to,
//! `terms` the checks and sums that several commands share. What is owed
//! stands with the supplier (`suppliers`), what the goods are worth with the shelf (`stock`). Drawn in
//! docs/domain/purchases.md.

mod adjust_purchase_cost;
mod cancel_purchase;
mod change_purchase;
mod close_purchase;
mod content;
mod invoice_reception;
mod order_purchase;
mod purchase;
mod receive_purchase;
mod return_to_supplier;
mod send_purchase;
mod terms;

pub use adjust_purchase_cost::{AdjustPurchaseCost, CostLineRequest};
pub use cancel_purchase::CancelPurchase;
pub use change_purchase::ChangePurchase;
pub use close_purchase::ClosePurchase;
pub use content::OrderLineRequest;
pub use invoice_reception::InvoiceReception;
pub use order_purchase::OrderPurchase;
pub use purchase::{Line, Purchase, Reception, Status};
pub use receive_purchase::{ReceivePurchase, ReceptionLineRequest};
pub use return_to_supplier::{ReturnToSupplier, SupplierReturnLineRequest};
pub use send_purchase::SendPurchase;

#[cfg(test)]
pub(crate) mod tests;
