//! Completes an open draft with its payments. What the draft keeps is used for it first; prices that it leaves open
//! are today's.

use schemas::SaleId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::keeping::{Kept, Wanted};
use super::{PaymentRequest, checkout};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteDraft {
    pub sale_id: SaleId,
    /// At most 50; none are needed for a total of zero.
    pub payments: Vec<PaymentRequest>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

impl Decide for CompleteDraft {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        work.require([&streams::tenant(), &streams::sale(&self.sale_id)])?;
        work.tenant(&ctx.tenant)?;
        let draft = work.sale(&self.sale_id)?.open_draft(&self.sale_id)?.clone();
        let skus = checkout::open(&work, ctx, &self.sale_id, &draft)?;
        Kept::load(&work, &draft)?.release(&mut work, &self.sale_id, &Wanted::default())?;
        let content = (&draft, skus);
        let answer = checkout::complete(
            &mut work,
            ctx,
            &self.sale_id,
            content,
            &self.payments,
            self.occurred_at,
        )?;
        Ok(work.finish(answer))
    }
}
