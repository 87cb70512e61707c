//! Completes a sale, whether it came whole or was a draft: prices, payments, credit, goods, all or nothing.
//!
//! Not here: where the lines come from (`complete_sale`, `complete_draft`).

use schemas::events::customer::LedgerCause;
use schemas::events::sale::{DraftContent, PaymentMethod, SaleCompleted, SalePayment};
use schemas::events::settings::Series;
use schemas::{Currency, Minor, ReservationId, ReturnId, SaleId, Sku, StreamName};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::PaymentRequest;
use super::lines;
use super::payments::{Settled, on_account, settle};
use super::pricing::{Priced, Terms, price};
use super::{goods, lines::resolve};
use crate::admin::{counter_needed, next_number, put_number};
use crate::bounds;
use crate::business_day::business_day;
use crate::context::Ctx;
use crate::customers;
use crate::refusal::Refusal;
use crate::reservations::hand_over;
use crate::stock::Goods;
use crate::streams;
use crate::work::{Missing, Work};

/// A till's content that is to become a sale.
pub(super) struct Checkout<'a> {
    pub sale_id: &'a SaleId,
    pub content: &'a DraftContent,
    /// Keeps goods for this sale.
    pub reservation_id: Option<&'a ReservationId>,
    pub payments: &'a [PaymentRequest],
    /// Goods that came back for these; they pay first.
    pub exchange: Option<Exchange>,
    pub occurred_at: Option<OffsetDateTime>,
}

/// What an exchange brings to its sale.
pub(super) struct Exchange {
    pub return_id: ReturnId,
    /// What the goods that came back are worth.
    pub returned_minor: Minor,
}

/// The content with its customer: where the till names none, the one for whom the goods were kept.
///
/// # Errors
/// [`Missing::Streams`]; a reservation that is not there.
pub(super) fn with_customer(
    work: &Work<'_>,
    content: DraftContent,
    reservation_id: Option<&ReservationId>,
) -> Result<DraftContent, Missing> {
    let Some(id) = reservation_id.filter(|_| content.customer_id.is_none()) else {
        return Ok(content);
    };
    work.require([&streams::reservation(id)])?;
    let customer_id = work.reservation(id)?.customer_id.clone();
    Ok(DraftContent {
        customer_id,
        ..content
    })
}

/// Loads what a till's content touches, and checks where and to whom it is sold.
///
/// # Errors
/// [`Missing::Streams`]; a store, terminal or customer that is not there.
pub(super) fn open(
    work: &Work<'_>,
    ctx: &Ctx,
    sale_id: &SaleId,
    content: &DraftContent,
    reservation_id: Option<&ReservationId>,
) -> Result<Vec<Sku>, Missing> {
    let mut others: Vec<StreamName> = vec![
        streams::tenant(),
        streams::store(&content.store),
        streams::sale(sale_id),
    ];
    others.extend(content.terminal.iter().map(streams::terminal));
    others.extend(content.customer_id.iter().map(streams::customer));
    others.extend(reservation_id.map(streams::reservation));
    others.extend(counter_needed(work, Series::Receipt));
    let skus = lines::load(work, others, &content.store, &content.lines)?;
    work.tenant(&ctx.tenant)?;
    work.open_store(&content.store)?;
    work.check_terminal(content.terminal.as_ref(), &content.store)?;
    if let Some(customer) = &content.customer_id {
        work.customer(customer)?.check_may_buy(customer)?;
    }
    Ok(skus)
}

impl Checkout<'_> {
    /// The goods with their prices, as they are today; changes nothing.
    ///
    /// # Errors
    /// Items that are not on sale, and sums that cannot be.
    pub fn price(&self, work: &Work<'_>, ctx: &Ctx, skus: Vec<Sku>) -> Result<(Priced, Vec<Goods>), Missing> {
        let content = self.content;
        if content.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let tenant = work.tenant(&ctx.tenant)?;
        let lines = resolve(work, tenant, &content.lines, skus)?;
        let goods: Vec<Goods> = lines.iter().map(|line| line.goods.clone()).collect();
        let terms = Terms {
            currency: tenant.currency,
            prices_include_tax: tenant.prices_include_tax,
        };
        Ok((price(lines, content.discount, terms)?, goods))
    }

    /// What was handed over, goods included, against the total.
    fn settle(&self, total: Minor, currency: Currency) -> Result<Settled, Refusal> {
        let Some(exchange) = &self.exchange else {
            return settle(total, currency, self.payments);
        };
        let exchanged = exchange.returned_minor.min(total);
        let mut settled = settle(total.minus(exchanged)?, currency, self.payments)?;
        if !exchanged.is_zero() {
            let goods = SalePayment {
                method: PaymentMethod::Exchange,
                amount_minor: exchanged,
                tendered_minor: exchanged,
                reference: Some(exchange.return_id.to_string()),
            };
            settled.payments.insert(0, goods);
        }
        Ok(settled)
    }

    /// Completes the sale with goods that [`open`] has loaded; gives the command's answer.
    ///
    /// # Errors
    /// Whatever keeps the sale from being whole.
    pub fn complete(&self, work: &mut Work<'_>, ctx: &Ctx, skus: Vec<Sku>) -> Result<Value, Missing> {
        let (sale_id, content) = (self.sale_id, self.content);
        let (priced, goods) = self.price(work, ctx, skus)?;
        let tenant = work.tenant(&ctx.tenant)?;
        let (currency, policy) = (tenant.currency, tenant.stock_policy);
        let occurred_at = bounds::occurred_at(self.occurred_at, ctx)?;
        let business_day = business_day(occurred_at, &tenant.time_zone)?;
        let settled = self.settle(priced.total_minor, currency)?;
        let owed = on_account(work, content.customer_id.as_ref(), &settled.payments)?;

        let number = next_number(work, Series::Receipt, streams::sale(sale_id).as_str())?;

        let mut answer = json!({
            "sale_id": sale_id,
            "total_minor": priced.total_minor,
            "tax_minor": priced.tax_minor,
            "discount_minor": priced.discount_minor,
            "change_minor": settled.change_minor,
            "currency": currency,
        });
        put_number(&mut answer, number.as_deref());
        let completed = SaleCompleted {
            sale_id: sale_id.clone(),
            number,
            store: content.store.clone(),
            terminal: content.terminal.clone(),
            cashier: ctx.actor_name().to_owned(),
            customer_id: content.customer_id.clone(),
            currency,
            lines: priced.lines,
            payments: settled.payments,
            gross_minor: priced.gross_minor,
            discount_minor: priced.discount_minor,
            tax_minor: priced.tax_minor,
            total_minor: priced.total_minor,
            change_minor: settled.change_minor,
            occurred_at,
            business_day,
        };
        work.emit(streams::sale(sale_id), completed)?;
        if let Some(reservation_id) = self.reservation_id {
            hand_over(work, reservation_id, sale_id, content, &goods)?;
        }
        goods::issue(work, policy, &content.store, sale_id, &goods)?;
        if let Some(customer) = &content.customer_id {
            customers::charge(
                work,
                customer,
                owed,
                LedgerCause::Sale {
                    sale_id: sale_id.clone(),
                },
            )?;
            answer["balance_minor"] = json!(work.customer(customer)?.balance_minor);
        }
        Ok(answer)
    }
}
