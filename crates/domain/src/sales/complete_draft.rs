//! Completes an open draft with its payments. What the draft keeps is used for it first; prices that it leaves open
//! are today's.

use schemas::{ReservationId, SaleId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::PaymentRequest;
use super::checkout::{self, Checkout};
use super::goods::holder;
use super::keeping::kept_by;
use crate::command::Decide;
use crate::context::Ctx;
use crate::stock::Wanted;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Sells an open draft as it was saved: its goods, discounts and customer, against these payments. What the draft kept
/// for itself is free for it first; a line without a price has today's. Refused once the draft is discarded, completed
/// or voided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteDraft {
    pub sale_id: SaleId,
    /// At most 50; none are needed for a total of zero.
    pub payments: Vec<PaymentRequest>,
    /// A confirmed reservation whose goods this sale takes; all of them must be among the draft's lines. Its customer is
    /// the sale's where the draft has none.
    #[serde(default)]
    pub reservation_id: Option<ReservationId>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

impl Decide for CompleteDraft {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        work.require([&streams::tenant(), &streams::sale(&self.sale_id)])?;
        work.tenant(&ctx.tenant)?;
        let draft = work.sale(&self.sale_id)?.open_draft(&self.sale_id)?.clone();
        let draft = checkout::with_customer(&work, draft, self.reservation_id.as_ref())?;
        let skus = checkout::open(&work, ctx, &self.sale_id, &draft, self.reservation_id.as_ref())?;
        kept_by(&work, &draft)?.release(&mut work, &holder(&self.sale_id), &Wanted::default())?;
        let checkout = Checkout {
            sale_id: &self.sale_id,
            content: &draft,
            reservation_id: self.reservation_id.as_ref(),
            payments: &self.payments,
            exchange: None,
            occurred_at: self.occurred_at,
        };
        let answer = checkout.complete(&mut work, ctx, skus)?;
        Ok(work.finish(answer))
    }
}
