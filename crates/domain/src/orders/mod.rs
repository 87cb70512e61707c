//! Sales orders: a quote or an order, delivered in parts, invoiced for what was delivered (TRD-1).
//!
//! One file per command; `order` is the state with its lines (`order_line`), `content` what is offered and at which prices, `picks` which of the
//! order's lines a command is about. The state machine is drawn in `docs/domain/orders.md`. Not here: who notices that a
//! quote's time is over (`processes`).

mod accept_quote;
mod cancel_order;
mod change_order;
mod confirm_order;
mod content;
mod create_order;
mod deliver_order;
mod expire_quote;
mod invoice_order;
mod order;
mod order_line;
mod picks;
mod return_delivered;

pub use accept_quote::AcceptQuote;
pub use cancel_order::CancelOrder;
pub use change_order::ChangeOrder;
pub use confirm_order::ConfirmOrder;
pub use create_order::{CreateOrder, DEFAULT_VALIDITY_S, MAX_VALIDITY_S, OrderKind};
pub use deliver_order::{DeliverOrder, DeliveryLineRequest};
pub use expire_quote::ExpireQuote;
pub use invoice_order::{InvoiceLineRequest, InvoiceOrder};
pub use order::{MAX_DOCUMENTS, Order, Stage, Status};
pub use order_line::{OrderLine, Worth};
pub use return_delivered::{DeliveredReturnLine, ReturnDelivered};

#[cfg(test)]
mod change_tests;
#[cfg(test)]
pub(crate) mod tests;
