//! Takes delivered goods back. Pieces that were not invoiced come back first; for the others the customer gets their
//! money back. What comes back is not delivered again: that is another order.

use schemas::events::customer::LedgerCause;
use schemas::events::order::{OrderReturnLine, OrderReturned};
use schemas::events::sale::Refund;
use schemas::events::settings::Series;
use schemas::{Minor, OrderId, Quantity, ReturnId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::order::{document, load};
use super::picks::{Pick, load_goods, named};
use super::{MAX_DOCUMENTS, Order, OrderLine};
use crate::admin::{counter_needed, next_number, put_number};
use crate::bounds::{self, MAX_LINES, check_entries};
use crate::business_day::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::customers;
use crate::refusal::{OrderRefusal, Refusal};
use crate::sales::{refunds_for, to_account};
use crate::stock::{MovedCost, Shelf, arrive_unit, end_unit, has_stock, share};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// What becomes of a unit that came back and is not sold again.
const NOT_RESTOCKED: &str = "returned and not put back on the shelf";

/// Takes back goods that an order delivered, at the order's store, which must be open; a cancelled order's, too.
/// Credits what was invoiced of them; pieces that were not invoiced cost the customer nothing. An id of a return that
/// this order had is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnDelivered {
    pub order_id: OrderId,
    /// Absent: one is generated.
    #[serde(default)]
    pub return_id: Option<ReturnId>,
    /// 1 to 1,000, with at most 1,000 units together.
    pub lines: Vec<DeliveredReturnLine>,
    /// Must come to what is paid back. None: all to the customer's account, or in cash when there is no
    /// customer. A customer gets no more in money than the order's invoices were paid in money, unless a manager decides.
    #[serde(default)]
    pub refunds: Vec<Refund>,
    /// When it happened; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

/// What comes back of one line of the order; each line once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveredReturnLine {
    /// Of the order, from 1.
    pub line: i64,
    /// Pieces; at most what is with the customer.
    pub quantity: Quantity,
    /// For serialised goods: as many as `quantity`.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// Whether the goods go back on the shelf.
    pub restock: bool,
}

impl Decide for ReturnDelivered {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        check_entries("lines", self.lines.len(), MAX_LINES)?;
        let units = self.lines.iter().map(|line| line.units.len()).sum();
        check_entries("units", units, MAX_LINES)?;
        let id = &self.order_id;
        let order = load(&work, ctx, id)?;
        order.check_deliveries(id)?;
        let return_id = self.return_id(ctx);
        if order.returns.contains(&return_id) {
            return Err(Refusal::ReturnExists { return_id }.into());
        }
        if order.returns.len() >= MAX_DOCUMENTS {
            let (order_id, max) = (id.clone(), MAX_DOCUMENTS);
            return Err(OrderRefusal::TooManyDocuments { order_id, max }.into());
        }
        let requests = self.lines.iter();
        let requests = requests.map(|line| (line.line, line.quantity.get(), &line.units[..]));
        let picks = named(id, &order, requests)?;
        load_goods(&work, &order, &picks, counter_needed(&work, Series::Return))?;
        work.open_store(&order.store)?;
        let mut lines = Vec::with_capacity(picks.len());
        for (index, (pick, request)) in picks.iter().zip(&self.lines).enumerate() {
            let reckoned = reckon(&work, pick, request.restock, index)?;
            take_back(&mut work, (id, &order), &reckoned, index)?;
            lines.push(reckoned);
        }
        let number = next_number(&mut work, Series::Return, &return_document(id, &return_id))?;
        let returned = self.event(&work, ctx, &order, (return_id, number, lines))?;
        let customer = order.customer_id.as_ref();
        order
            .money
            .check_back(ctx, customer, order.currency, &returned.refunds)?;
        let owed_less = to_account(&returned.refunds)?;
        let mut answer = json!({
            "order_id": id,
            "return_id": returned.return_id,
            "total_minor": returned.total_minor,
            "currency": returned.currency,
        });
        put_number(&mut answer, returned.number.as_deref());
        work.emit(streams::order(id), returned)?;
        if let Some(customer) = &order.customer_id {
            let order_id = id.clone();
            customers::credit(&mut work, customer, owed_less, LedgerCause::Order { order_id })?;
            answer["balance_minor"] = json!(work.customer(customer)?.balance_minor);
        }
        answer["status"] = json!(work.order(id)?.status());
        Ok(work.finish(answer))
    }
}

impl ReturnDelivered {
    fn return_id(&self, ctx: &Ctx) -> ReturnId {
        ctx.given_or_fresh(self.return_id.as_ref(), "return")
    }

    fn event(
        &self,
        work: &Work<'_>,
        ctx: &Ctx,
        order: &Order,
        (return_id, number, lines): (ReturnId, Option<String>, Vec<OrderReturnLine>),
    ) -> Result<OrderReturned, Missing> {
        let tenant = work.tenant(&ctx.tenant)?;
        let occurred_at = bounds::occurred_at(self.occurred_at, ctx)?;
        let total_minor = Minor::sum(lines.iter().map(|line| line.total_minor))?;
        let has_customer = order.customer_id.is_some();
        Ok(OrderReturned {
            order_id: self.order_id.clone(),
            return_id,
            number,
            store: order.store.clone(),
            customer_id: order.customer_id.clone(),
            currency: order.currency,
            tax_minor: Minor::sum(lines.iter().map(|line| line.tax_minor))?,
            lines,
            total_minor,
            refunds: refunds_for(&self.refunds, has_customer, total_minor, order.currency)?,
            occurred_at,
            business_day: business_day(occurred_at, &tenant.time_zone)?,
        })
    }
}

/// A return's id is its order's own, so that both together name it.
fn return_document(id: &OrderId, return_id: &ReturnId) -> String {
    format!("{}/returns/{return_id}", document(id))
}

/// What comes back of a line, what it is worth and what it cost.
fn reckon(
    work: &Work<'_>,
    pick: &Pick<'_>,
    restocked: bool,
    line: usize,
) -> Result<OrderReturnLine, Missing> {
    let known = pick.line;
    let left = known.with_customer();
    if pick.quantity > left {
        return Err(OrderRefusal::ReturnExceeds {
            sku: known.sku.clone(),
            left,
            requested: pick.quantity,
            line,
        }
        .into());
    }
    pick.check_units(work, work.item(&known.sku)?.kind, line)?;
    let credited = pick.quantity.saturating_sub(known.uninvoiced()).max(0);
    let worth = known.to_credit(credited)?;
    let cost = cost_of(known, pick.quantity);
    Ok(OrderReturnLine {
        line: pick.number,
        sku: known.sku.clone(),
        quantity: Quantity::new(pick.quantity).map_err(|_| Refusal::AmountOutOfRange {})?,
        units: pick.units.clone(),
        restocked,
        credited_quantity: credited,
        tax_minor: worth.tax_minor,
        total_minor: worth.total_minor,
        costed_quantity: cost.quantity,
        value_minor: Minor::new(cost.value_minor)?,
    })
}

/// The share of the cost that some of the pieces with the customer carry: what stays is rounded down, so that the last
/// piece takes the rest.
fn cost_of(line: &OrderLine, pieces: i64) -> MovedCost {
    let whole = line.with_customer();
    let staying = share(line.cost.quantity, whole.saturating_sub(pieces), whole);
    let quantity = line.cost.quantity.saturating_sub(staying);
    let value = share(line.cost.value_minor, staying, line.cost.quantity);
    MovedCost {
        quantity,
        value_minor: line.cost.value_minor.saturating_sub(value),
    }
}

/// Puts the goods back on the shelf, or takes units off the books that are not to be sold again.
fn take_back(
    work: &mut Work<'_>,
    (id, order): (&OrderId, &Order),
    returned: &OrderReturnLine,
    line: usize,
) -> Result<(), Missing> {
    let (store, sku) = (&order.store, &returned.sku);
    if !has_stock(work.item(sku)?.kind) {
        return Ok(());
    }
    let document = document(id);
    if returned.restocked {
        let cost = MovedCost {
            quantity: returned.costed_quantity,
            value_minor: returned.value_minor.get(),
        };
        Shelf { store, sku }.arrive(work, returned.quantity, &document, cost)?;
    }
    for unit in &returned.units {
        if returned.restocked {
            arrive_unit(work, unit, store, &document, line)?;
        } else {
            end_unit(work, unit, store, &document, Some(NOT_RESTOCKED), line)?;
        }
    }
    Ok(())
}
