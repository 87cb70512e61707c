//! Says anew what a quote or an order is about, before its goods are promised. Who changes it names the revision that they
//! saw, so that nobody's change is lost unseen; its number stays.

use schemas::events::order::{OrderChanged, OrderContent};
use schemas::events::sale::{Discount, DraftLine};
use schemas::{CustomerId, OrderId, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::content::Asked;
use super::create_order::validity;
use super::order::load;
use super::{Order, Stage};
use crate::admin::put_number;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{OrderRefusal, Refusal};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces what a quote that still holds or an open order says: store, customer, lines, discount and time. Totals and
/// taxes are reckoned anew. Once it is confirmed or ended it is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeOrder {
    pub order_id: OrderId,
    /// The revision that this replaces. A change that asks for what is there already is done, whatever it says here.
    pub expected_revision: i64,
    /// Where the goods are.
    pub store: StoreId,
    /// Absent: nobody, also when there was somebody before.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// The customer's own number for it, at most 100 characters.
    #[serde(default)]
    pub reference: Option<String>,
    /// 1 to 1,000: all lines, also those that stay. One without a price keeps the price that its item has in the order.
    pub lines: Vec<DraftLine>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub discount: Option<Discount>,
    /// Of a quote, as when it is made; it stays when neither is given.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub valid_until: Option<OffsetDateTime>,
    /// Of a quote, in seconds from now, at most [`super::MAX_VALIDITY_S`]; never together with `valid_until`.
    #[serde(default)]
    pub valid_for_s: Option<i64>,
}

impl Decide for ChangeOrder {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        let before = changeable(id, &order, ctx)?;
        let asked = Asked {
            store: &self.store,
            customer_id: self.customer_id.as_ref(),
            reference: self.reference.as_deref(),
            lines: &self.lines,
            discount: self.discount,
            before: Some(before),
        };
        let content = asked.content(&work, ctx, id)?;
        let valid_until = self.valid_until(&order, ctx)?;
        let is_new = content != *before || valid_until.is_some_and(|until| Some(until) != order.valid_until);
        if is_new {
            self.check_revision(&order)?;
            let changed = OrderChanged {
                order_id: id.clone(),
                revision: order.revision.saturating_add(1),
                lines_before: i64::try_from(before.lines.len()).unwrap_or(i64::MAX),
                content,
                valid_until,
            };
            work.emit(streams::order(id), changed)?;
        }
        let answer = answer(&work, id)?;
        Ok(work.finish(answer))
    }
}

impl ChangeOrder {
    fn check_revision(&self, order: &Order) -> Result<(), OrderRefusal> {
        if self.expected_revision == order.revision {
            return Ok(());
        }
        Err(OrderRefusal::RevisionStale {
            order_id: self.order_id.clone(),
            revision: order.revision,
            expected: self.expected_revision,
        })
    }

    /// Until when a quote holds after the change; none for an order.
    fn valid_until(&self, order: &Order, ctx: &Ctx) -> Result<Option<OffsetDateTime>, OrderRefusal> {
        let is_given = self.valid_until.is_some() || self.valid_for_s.is_some();
        match order.stage {
            Stage::Quote if is_given => validity(self.valid_until, self.valid_for_s, ctx).map(Some),
            Stage::Quote => Ok(order.valid_until),
            Stage::Open | Stage::Confirmed | Stage::Cancelled | Stage::Expired if is_given => {
                let order_id = self.order_id.clone();
                Err(OrderRefusal::NoQuote { order_id })
            }
            Stage::Open | Stage::Confirmed | Stage::Cancelled | Stage::Expired => Ok(None),
        }
    }
}

/// What the order is about, if that can still change. A quote whose time is over cannot be brought back.
fn changeable<'a>(id: &OrderId, order: &'a Order, ctx: &Ctx) -> Result<&'a OrderContent, Refusal> {
    let is_over = order.stage == Stage::Quote && order.valid_until.is_some_and(|until| ctx.now >= until);
    if is_over {
        let order_id = id.clone();
        return Err(OrderRefusal::QuoteExpired { order_id }.into());
    }
    match (order.stage, &order.content) {
        (Stage::Quote | Stage::Open, Some(content)) => Ok(content),
        (Stage::Quote | Stage::Open | Stage::Confirmed | Stage::Cancelled | Stage::Expired, _) => {
            Err(order.refusal(id))
        }
    }
}

fn answer(work: &Work<'_>, id: &OrderId) -> Result<Value, Missing> {
    let order = work.order(id)?;
    let mut answer = json!({
        "order_id": id, "status": order.status(), "revision": order.revision, "total_minor": order.total_minor,
        "currency": order.currency,
    });
    if let Some(content) = &order.content {
        answer["tax_minor"] = json!(content.tax_minor);
        answer["discount_minor"] = json!(content.discount_minor);
    }
    if let (Stage::Quote, Some(until)) = (order.stage, order.valid_until) {
        answer["valid_until"] = json!(until.format(&Rfc3339).unwrap_or_default());
    }
    put_number(&mut answer, order.number.as_deref());
    Ok(answer)
}
