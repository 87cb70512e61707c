//! Sells at the till in one step: lines, discounts, payments.

use schemas::events::sale::{Discount, DraftContent, DraftLine, PaymentMethod};
use schemas::{CustomerId, Minor, ReservationId, SaleId, StoreId, TerminalId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::checkout::{self, Checkout};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Sells at an open store's till without a draft before: prices, taxes, change, stock and the customer's account in one
/// decision. Serialised goods need their unit. An id that is taken, by a draft too, is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteSale {
    /// Absent: one is generated.
    #[serde(default)]
    pub sale_id: Option<SaleId>,
    pub store: StoreId,
    #[serde(default)]
    pub terminal: Option<TerminalId>,
    /// Absent: the reservation's customer, if it has one.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// 1 to 1,000.
    pub lines: Vec<DraftLine>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub discount: Option<Discount>,
    /// At most 50; none are needed for a total of zero.
    pub payments: Vec<PaymentRequest>,
    /// A confirmed reservation whose goods this sale takes; all of them must be among the lines.
    #[serde(default)]
    pub reservation_id: Option<ReservationId>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

/// One payment as it was handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentRequest {
    pub method: PaymentMethod,
    /// Positive; cash may exceed what is due.
    pub amount_minor: Minor,
    /// The acquirer's or bank's reference, at most 100 characters. Never a card number.
    #[serde(default)]
    pub reference: Option<String>,
}

impl Decide for CompleteSale {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let sale_id = ctx.given_or_fresh(self.sale_id.as_ref(), "sale");
        let content = DraftContent {
            store: self.store.clone(),
            terminal: self.terminal.clone(),
            customer_id: self.customer_id.clone(),
            lines: self.lines.clone(),
            discount: self.discount,
            hold_stock: false,
        };
        let content = checkout::with_customer(&work, content, self.reservation_id.as_ref())?;
        let skus = checkout::open(&work, ctx, &sale_id, &content, self.reservation_id.as_ref())?;
        if !matches!(work.state(&streams::sale(&sale_id))?, State::Sale(None)) {
            return Err(Refusal::SaleExists { sale_id }.into());
        }
        let checkout = Checkout {
            sale_id: &sale_id,
            content: &content,
            reservation_id: self.reservation_id.as_ref(),
            payments: &self.payments,
            exchange: None,
            occurred_at: self.occurred_at,
        };
        let answer = checkout.complete(&mut work, ctx, skus)?;
        Ok(work.finish(answer))
    }
}
