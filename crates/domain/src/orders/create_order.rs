//! Makes a quote, or an order at once. Prices are fixed here; nothing is kept before the order is confirmed.

use schemas::events::order::{OrderPlaced, OrderQuoted};
use schemas::events::sale::{Discount, DraftLine};
use schemas::events::settings::Series;
use schemas::{CustomerId, OrderId, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::Status;
use super::content::Asked;
use super::order::document;
use crate::admin::{next_number, put_number};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::OrderRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// A quote holds for at most a year, in seconds.
pub const MAX_VALIDITY_S: i64 = 366 * 24 * 60 * 60;
/// A quote that says nothing holds for 30 days, in seconds.
pub const DEFAULT_VALIDITY_S: i64 = 30 * 24 * 60 * 60;

/// Writes a quote or an open order for goods on sale in an open store, at the prices given or today's. Takes the
/// order's number where the tenant numbers orders; quotes keep it when they are accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateOrder {
    /// Absent: one is generated.
    #[serde(default)]
    pub order_id: Option<OrderId>,
    pub kind: OrderKind,
    /// Where the goods are.
    pub store: StoreId,
    /// Absent: nobody in particular; an invoice on credit needs somebody.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// The customer's own number for it, at most 100 characters.
    #[serde(default)]
    pub reference: Option<String>,
    /// 1 to 1,000. Serialised goods may be ordered by item, without naming units.
    pub lines: Vec<DraftLine>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub discount: Option<Discount>,
}

/// What is made: an offer that ends, or an order that needs no acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OrderKind {
    /// An offer until a time, at most [`MAX_VALIDITY_S`] ahead: as a time, or in seconds from now, or
    /// [`DEFAULT_VALIDITY_S`] when neither is given.
    Quote {
        #[serde(default, with = "time::serde::rfc3339::option")]
        valid_until: Option<OffsetDateTime>,
        #[serde(default)]
        valid_for_s: Option<i64>,
    },
    /// An order.
    Order,
}

impl Decide for CreateOrder {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let order_id = ctx.given_or_fresh(self.order_id.as_ref(), "order");
        let asked = Asked {
            store: &self.store,
            customer_id: self.customer_id.as_ref(),
            reference: self.reference.as_deref(),
            lines: &self.lines,
            discount: self.discount,
            before: None,
        };
        let content = asked.content(&work, ctx, &order_id)?;
        let stream = streams::order(&order_id);
        if !matches!(work.state(&stream)?, State::Order(None)) {
            return Err(OrderRefusal::Exists { order_id }.into());
        }
        let number = next_number(&mut work, Series::Order, &document(&order_id))?;
        let mut answer = json!({
            "order_id": order_id,
            "revision": 1,
            "total_minor": content.total_minor,
            "tax_minor": content.tax_minor,
            "discount_minor": content.discount_minor,
            "currency": content.currency,
        });
        put_number(&mut answer, number.as_deref());
        match self.kind {
            OrderKind::Order => {
                answer["status"] = json!(Status::Open);
                let placed = OrderPlaced {
                    order_id,
                    number,
                    content,
                };
                work.emit(stream, placed)?;
            }
            OrderKind::Quote {
                valid_until,
                valid_for_s,
            } => {
                let valid_until = validity(valid_until, valid_for_s, ctx)?;
                let quoted = OrderQuoted {
                    order_id,
                    number,
                    content,
                    valid_until,
                };
                answer["status"] = json!(Status::Quote);
                answer["valid_until"] = json!(quoted)["valid_until"].take();
                work.emit(stream, quoted)?;
            }
        }
        Ok(work.finish(answer))
    }
}

/// Until when a quote holds; in UTC and to the microsecond, as databases keep times.
///
/// # Errors
/// [`OrderRefusal::ValidityInvalid`].
pub(super) fn validity(
    until: Option<OffsetDateTime>,
    for_s: Option<i64>,
    ctx: &Ctx,
) -> Result<OffsetDateTime, OrderRefusal> {
    let invalid = || OrderRefusal::ValidityInvalid {
        max_s: MAX_VALIDITY_S,
    };
    let at = match (until, for_s) {
        (Some(at), None) => at,
        (None, None) => ctx.now + Duration::seconds(DEFAULT_VALIDITY_S),
        (None, Some(seconds)) if (1..=MAX_VALIDITY_S).contains(&seconds) => {
            ctx.now + Duration::seconds(seconds)
        }
        (Some(_) | None, Some(_)) => return Err(invalid()),
    };
    let at = at.to_offset(UtcOffset::UTC);
    let at = at
        .replace_nanosecond(at.microsecond() * 1_000)
        .map_err(|_| invalid())?;
    if at <= ctx.now || at > ctx.now + Duration::seconds(MAX_VALIDITY_S) {
        return Err(invalid());
    }
    Ok(at)
}
