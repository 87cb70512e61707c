//! Invoices what was delivered and the customer kept, all of it or a part: paid like a sale, or charged to the
//! customer's account. The credit is checked on the state to which the charge is appended.

use schemas::events::customer::LedgerCause;
use schemas::events::order::{InvoicedLine, OrderInvoiced};
use schemas::{InvoiceId, Minor, OrderId, Quantity};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::order::load;
use super::picks::{Pick, named, rest};
use super::{MAX_DOCUMENTS, Order, OrderLine};
use crate::bounds::{self, MAX_LINES, check_entries};
use crate::business_day::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::customers;
use crate::refusal::{OrderRefusal, Refusal};
use crate::sales::{PaymentRequest, on_account, settle};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Charges what is with the customer and not invoiced yet at the order's prices and taxes; of a cancelled order, too,
/// if something was delivered. The customer of a credit is the order's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceOrder {
    pub order_id: OrderId,
    /// Absent: one is generated.
    #[serde(default)]
    pub invoice_id: Option<InvoiceId>,
    /// At most 1,000. None: all that was delivered and not invoiced.
    #[serde(default)]
    pub lines: Vec<InvoiceLineRequest>,
    /// At most 50; together the invoice's total, and only cash gives change.
    pub payments: Vec<PaymentRequest>,
    /// When it happened; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

/// So many pieces of one line of the order; each line once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceLineRequest {
    /// Of the order, from 1.
    pub line: i64,
    /// Pieces; at most what was delivered, not returned and not invoiced.
    pub quantity: Quantity,
}

impl Decide for InvoiceOrder {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        check_entries("lines", self.lines.len(), MAX_LINES)?;
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        let streams: Vec<_> = order.customer_id.iter().map(streams::customer).collect();
        work.require(&streams)?;
        order.check_deliveries(id)?;
        let invoice_id = self.invoice_id(ctx);
        if order.invoices.contains(&invoice_id) {
            return Err(OrderRefusal::InvoiceExists { invoice_id }.into());
        }
        if order.invoices.len() >= MAX_DOCUMENTS {
            let (order_id, max) = (id.clone(), MAX_DOCUMENTS);
            return Err(OrderRefusal::TooManyDocuments { order_id, max }.into());
        }
        let invoiced = self.event(&work, ctx, &order, invoice_id)?;
        let owed = on_account(&work, order.customer_id.as_ref(), &invoiced.payments)?;
        let mut answer = json!({
            "order_id": id,
            "invoice_id": invoiced.invoice_id,
            "total_minor": invoiced.total_minor,
            "tax_minor": invoiced.tax_minor,
            "discount_minor": invoiced.discount_minor,
            "change_minor": invoiced.change_minor,
            "currency": invoiced.currency,
        });
        work.emit(streams::order(id), invoiced)?;
        if let Some(customer) = &order.customer_id {
            let order_id = id.clone();
            customers::charge(&mut work, customer, owed, LedgerCause::Order { order_id })?;
            answer["balance_minor"] = json!(work.customer(customer)?.balance_minor);
        }
        answer["status"] = json!(work.order(id)?.status());
        Ok(work.finish(answer))
    }
}

impl InvoiceOrder {
    fn invoice_id(&self, ctx: &Ctx) -> InvoiceId {
        ctx.given_or_fresh(self.invoice_id.as_ref(), "invoice")
    }

    fn event(
        &self,
        work: &Work<'_>,
        ctx: &Ctx,
        order: &Order,
        invoice_id: InvoiceId,
    ) -> Result<OrderInvoiced, Missing> {
        let id = &self.order_id;
        let picks = if self.lines.is_empty() {
            rest(order, OrderLine::uninvoiced)
        } else {
            let pair = |line: &InvoiceLineRequest| (line.line, line.quantity.get(), [].as_slice());
            named(id, order, self.lines.iter().map(pair))?
        };
        if picks.is_empty() {
            let order_id = id.clone();
            return Err(OrderRefusal::NothingToInvoice { order_id }.into());
        }
        let mut lines = Vec::with_capacity(picks.len());
        for (index, pick) in picks.iter().enumerate() {
            lines.push(reckon(pick, index)?);
        }
        let tenant = work.tenant(&ctx.tenant)?;
        let occurred_at = bounds::occurred_at(self.occurred_at, ctx)?;
        let sum = |of: fn(&InvoicedLine) -> Option<Minor>| Minor::sum(lines.iter().filter_map(of));
        let gross_minor = Some(sum(|line| line.gross_minor)?);
        let discount_minor = Some(sum(|line| line.discount_minor)?);
        let tax_minor = sum(|line| Some(line.tax_minor))?;
        let total_minor = sum(|line| Some(line.total_minor))?;
        let settled = settle(total_minor, order.currency, &self.payments)?;
        Ok(OrderInvoiced {
            order_id: id.clone(),
            invoice_id,
            store: order.store.clone(),
            customer_id: order.customer_id.clone(),
            currency: order.currency,
            lines,
            payments: settled.payments,
            gross_minor,
            discount_minor,
            tax_minor,
            total_minor,
            change_minor: settled.change_minor,
            occurred_at,
            business_day: business_day(occurred_at, &tenant.time_zone)?,
        })
    }
}

/// What the next pieces of a line come to.
fn reckon(pick: &Pick<'_>, line: usize) -> Result<InvoicedLine, Refusal> {
    let known = pick.line;
    let left = known.uninvoiced();
    if pick.quantity > left {
        return Err(OrderRefusal::InvoiceExceeds {
            sku: known.sku.clone(),
            left,
            requested: pick.quantity,
            line,
        }
        .into());
    }
    let worth = known.to_invoice(pick.quantity)?;
    Ok(InvoicedLine {
        line: pick.number,
        sku: known.sku.clone(),
        quantity: Quantity::new(pick.quantity).map_err(|_| Refusal::AmountOutOfRange {})?,
        gross_minor: Some(worth.gross_minor),
        discount_minor: Some(worth.discount_minor),
        tax_minor: worth.tax_minor,
        total_minor: worth.total_minor,
    })
}
