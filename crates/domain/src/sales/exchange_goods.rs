//! Takes goods of a sale back and sells others for them, in one append: what came back pays first, and only the
//! difference is paid or paid back.
//!
//! A return and a sale like any other, joined by the payment method `exchange`: the same amount is a refund of the one
//! and a payment of the other, so that both add up by themselves. Not here: how either is reckoned (`return_goods`,
//! `checkout`).

use schemas::events::sale::{Discount, DraftContent, DraftLine, PaymentMethod, Refund, SaleExchanged};
use schemas::{CustomerId, Minor, ReturnId, SaleId, StoreId, TerminalId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::checkout::{self, Checkout, Exchange};
use super::payments::{check_money, refunds_for};
use super::{PaymentRequest, ReturnGoods, ReturnLineRequest};
use crate::bounds::check_entries;
use crate::business_day::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, ReturnedRefusal};
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines that come back and lines that go out, together: both halves share one command's streams.
pub const MAX_EXCHANGE_LINES: usize = 500;

/// Takes goods of one completed sale back and sells others in the same store. The lesser of both values is paid in
/// goods (`exchange`); only the difference moves money or the customer's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExchangeGoods {
    /// The sale whose goods come back.
    pub sale_id: SaleId,
    /// Absent: one is generated.
    #[serde(default)]
    pub return_id: Option<ReturnId>,
    /// Of the sale of the other goods. Absent: one is generated.
    #[serde(default)]
    pub new_sale_id: Option<SaleId>,
    /// Where the goods come back and go out.
    pub store: StoreId,
    #[serde(default)]
    pub terminal: Option<TerminalId>,
    /// Absent: the sale's customer, if it has one.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// What comes back; with `lines` at most [`MAX_EXCHANGE_LINES`].
    pub returned: Vec<ReturnLineRequest>,
    /// What goes out.
    pub lines: Vec<DraftLine>,
    /// On what is left of `lines` after their own discounts.
    #[serde(default)]
    pub discount: Option<Discount>,
    /// Of the difference, when what goes out costs more.
    #[serde(default)]
    pub payments: Vec<PaymentRequest>,
    /// Of the difference, when what comes back is worth more. None: to the customer's account, or in cash without one. No
    /// more of it in money than was paid for the sale in money, unless a manager decides.
    #[serde(default)]
    pub refunds: Vec<Refund>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

impl Decide for ExchangeGoods {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let lines = self.returned.len().saturating_add(self.lines.len());
        check_entries("lines", lines, MAX_EXCHANGE_LINES)?;
        let goods_return = self.goods_return();
        let prepared = goods_return.prepare(&work, ctx).map_err(ReturnedRefusal::of)?;
        let new_sale_id = ctx.given_or_fresh(self.new_sale_id.as_ref(), "sale");
        let content = self.content(prepared.customer_id.clone());
        let skus = checkout::open(&work, ctx, &new_sale_id, &content, None)?;
        if !matches!(work.state(&streams::sale(&new_sale_id))?, State::Sale(None)) {
            let sale_id = new_sale_id;
            return Err(Refusal::SaleExists { sale_id }.into());
        }
        let sold = work.sale(&self.sale_id)?.sold(&self.sale_id)?;
        let occurred_at = sold.occurred_after(&self.sale_id, self.occurred_at, ctx)?;
        let exchange = Exchange {
            return_id: prepared.return_id.clone(),
            returned_minor: prepared.total_minor,
        };
        let checkout = Checkout {
            sale_id: &new_sale_id,
            content: &content,
            reservation_id: None,
            payments: &self.payments,
            exchange: Some(exchange),
            occurred_at: Some(occurred_at),
        };
        let sold_minor = checkout.price(&work, ctx, skus.clone())?.0.total_minor;
        let ids = (&prepared.return_id, &new_sale_id);
        let amounts = (prepared.total_minor, sold_minor);
        let exchanged = self.exchanged(&work, ctx, (ids, occurred_at), &content, amounts)?;
        let back = exchanged.returned_minor.minus(exchanged.exchanged_minor)?;
        let has_customer = content.customer_id.is_some();
        let mut refunds = refunds_for(&self.refunds, has_customer, back, exchanged.currency)?;
        check_money(ctx, work.sale(&self.sale_id)?.sold(&self.sale_id)?, &refunds)?;
        if !exchanged.exchanged_minor.is_zero() {
            let goods = Refund {
                method: PaymentMethod::Exchange,
                amount_minor: exchanged.exchanged_minor,
            };
            refunds.insert(0, goods);
        }
        let returned = goods_return
            .carry_out(&mut work, ctx, prepared, refunds)
            .map_err(ReturnedRefusal::of)?;
        let sold = checkout.complete(&mut work, ctx, skus)?;
        let mut answer = json!({
            "sale_id": exchanged.sale_id,
            "return_id": exchanged.return_id,
            "new_sale_id": exchanged.new_sale_id,
            "returned_minor": exchanged.returned_minor,
            "sold_minor": exchanged.sold_minor,
            "exchanged_minor": exchanged.exchanged_minor,
            "refunded_minor": back,
            "paid_minor": exchanged.sold_minor.minus(exchanged.exchanged_minor)?,
            "change_minor": sold["change_minor"],
            "currency": exchanged.currency,
            "balance_minor": sold["balance_minor"],
        });
        for (field, half) in [("return_number", &returned), ("new_sale_number", &sold)] {
            if let Some(number) = half.get("number") {
                answer[field] = number.clone();
            }
        }
        work.emit(streams::sale(&self.sale_id), exchanged)?;
        Ok(work.finish(answer))
    }
}

impl ExchangeGoods {
    fn goods_return(&self) -> ReturnGoods {
        ReturnGoods {
            return_id: self.return_id.clone(),
            sale_id: Some(self.sale_id.clone()),
            store: self.store.clone(),
            terminal: self.terminal.clone(),
            customer_id: self.customer_id.clone(),
            lines: self.returned.clone(),
            refunds: Vec::new(),
            occurred_at: self.occurred_at,
        }
    }

    fn content(&self, customer_id: Option<CustomerId>) -> DraftContent {
        DraftContent {
            store: self.store.clone(),
            terminal: self.terminal.clone(),
            customer_id,
            lines: self.lines.clone(),
            discount: self.discount,
            hold_stock: false,
        }
    }

    fn exchanged(
        &self,
        work: &Work<'_>,
        ctx: &Ctx,
        ((return_id, new_sale_id), occurred_at): ((&ReturnId, &SaleId), OffsetDateTime),
        content: &DraftContent,
        (returned_minor, sold_minor): (Minor, Minor),
    ) -> Result<SaleExchanged, Missing> {
        let tenant = work.tenant(&ctx.tenant)?;
        Ok(SaleExchanged {
            sale_id: self.sale_id.clone(),
            return_id: return_id.clone(),
            new_sale_id: new_sale_id.clone(),
            store: self.store.clone(),
            customer_id: content.customer_id.clone(),
            currency: tenant.currency,
            returned_minor,
            sold_minor,
            exchanged_minor: returned_minor.min(sold_minor),
            occurred_at,
            business_day: business_day(occurred_at, &tenant.time_zone)?,
        })
    }
}
