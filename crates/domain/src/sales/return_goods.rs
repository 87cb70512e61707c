//! Takes goods back from a customer, against their sale or, when that is unknown, at a price given.
//!
//! The two ways to reckon a line are in `return_lines`.

use schemas::events::customer::LedgerCause;
use schemas::events::sale::{Refund, ReturnLine, SaleReturnRegistered, SaleReturned};
use schemas::events::settings::Series;
use schemas::events::stock::ReturnCause;
use schemas::{CustomerId, Minor, Quantity, ReturnId, SaleId, Sku, StoreId, TerminalId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::goods::{self, Returned};
use super::payments::{MAX_PAYMENTS, check_money, refunds_for, to_account};
use super::return_lines::{self, Reckoned};
use crate::admin::{counter_needed, next_number, put_number};
use crate::bounds::{self, MAX_LINES, check_entries};
use crate::business_day::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::customers;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Takes goods back in an open store: against their completed sale at the share of what was paid then, or, goods
/// without serial numbers, without a sale at a price given and today's taxes. Never more than was sold and is not back
/// already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnGoods {
    /// Absent: one is generated.
    #[serde(default)]
    pub return_id: Option<ReturnId>,
    /// The original sale, when it is known.
    #[serde(default)]
    pub sale_id: Option<SaleId>,
    /// Where the goods come back; need not be where they were sold.
    pub store: StoreId,
    #[serde(default)]
    pub terminal: Option<TerminalId>,
    /// Absent: the sale's customer, if it has one.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// 1 to 1,000.
    pub lines: Vec<ReturnLineRequest>,
    /// Must come to the total. None: all to the customer's account, or in cash when there is no customer. With a sale, no
    /// more of it in money than was paid in money, unless a manager decides.
    #[serde(default)]
    pub refunds: Vec<Refund>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

/// One line of what comes back: of a sale named by the sale's line or by its unit, without a sale by its item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnLineRequest {
    /// The sale's line, from 1; needed with a sale unless `unit` names the goods.
    #[serde(default)]
    pub sale_line: Option<i64>,
    /// Needed without a sale unless `unit` names the goods.
    #[serde(default)]
    pub sku: Option<Sku>,
    #[serde(default)]
    pub unit: Option<UnitId>,
    /// Pieces; 1 when `unit` is given.
    pub quantity: Quantity,
    /// What is paid back for one: needed without a sale, and then at most the item's price now unless a manager decides;
    /// not given with one.
    #[serde(default)]
    pub unit_price_minor: Option<Minor>,
    /// Whether the goods go back on the shelf.
    pub restock: bool,
}

/// A return that is reckoned, and that nothing but its refunds keeps from happening.
pub(super) struct Prepared {
    pub return_id: ReturnId,
    /// Whose return it is.
    pub customer_id: Option<CustomerId>,
    reckoned: Vec<Reckoned>,
    /// What the customer gets back.
    pub total_minor: Minor,
}

impl Decide for ReturnGoods {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let prepared = self.prepare(&work, ctx)?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        let has_customer = prepared.customer_id.is_some();
        let refunds = refunds_for(&self.refunds, has_customer, prepared.total_minor, currency)?;
        if let Some(sale_id) = &self.sale_id {
            check_money(ctx, work.sale(sale_id)?.sold(sale_id)?, &refunds)?;
        }
        let answer = self.carry_out(&mut work, ctx, prepared, refunds)?;
        Ok(work.finish(answer))
    }
}

impl ReturnGoods {
    /// Loads, checks and reckons; changes nothing.
    ///
    /// # Errors
    /// [`Missing::Streams`]; whatever keeps the goods from coming back.
    pub(super) fn prepare(&self, work: &Work<'_>, ctx: &Ctx) -> Result<Prepared, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        check_entries("lines", self.lines.len(), MAX_LINES)?;
        check_entries("refunds", self.refunds.len(), MAX_PAYMENTS)?;
        let return_id = self.id(ctx);
        let customer_id = self.load(work, ctx, &return_id)?;
        let reckoned = match &self.sale_id {
            Some(sale_id) => return_lines::of_sale(work, sale_id, &self.lines)?,
            None => return_lines::without_sale(work, ctx, &self.lines)?,
        };
        let total_minor = Minor::sum(reckoned.iter().map(|line| line.total_minor))?;
        Ok(Prepared {
            return_id,
            customer_id,
            reckoned,
            total_minor,
        })
    }

    /// Takes the goods back and pays the refunds, which come to the total; gives the command's answer.
    ///
    /// # Errors
    /// A time that cannot be, and figures that would leave their range.
    pub(super) fn carry_out(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        prepared: Prepared,
        refunds: Vec<Refund>,
    ) -> Result<Value, Missing> {
        let document = streams::goods_return(&prepared.return_id);
        let number = next_number(work, Series::Return, document.as_str())?;
        let returned = self.event(work, ctx, &prepared, number, refunds)?;
        let Prepared {
            return_id,
            customer_id,
            reckoned,
            ..
        } = prepared;
        let owed_less = to_account(&returned.refunds)?;
        let mut answer = json!({
            "return_id": return_id,
            "total_minor": returned.total_minor,
            "currency": returned.currency,
        });
        put_number(&mut answer, returned.number.as_deref());

        match &self.sale_id {
            Some(sale_id) => {
                work.emit(streams::sale(sale_id), returned)?;
                let registered = SaleReturnRegistered {
                    return_id: return_id.clone(),
                    sale_id: sale_id.clone(),
                };
                work.emit(streams::goods_return(&return_id), registered)?;
            }
            None => work.emit(streams::goods_return(&return_id), returned)?,
        }
        let cause = ReturnCause::Return {
            return_id: return_id.clone(),
            sale_id: self.sale_id.clone(),
        };
        let goods: Vec<Returned> = reckoned.into_iter().map(|line| line.returned).collect();
        goods::take_back(work, &self.store, &cause, &goods)?;
        if let Some(customer) = &customer_id {
            customers::credit(work, customer, owed_less, LedgerCause::Return { return_id })?;
            answer["balance_minor"] = json!(work.customer(customer)?.balance_minor);
        }
        Ok(answer)
    }

    fn id(&self, ctx: &Ctx) -> ReturnId {
        ctx.given_or_fresh(self.return_id.as_ref(), "return")
    }

    /// Loads everything, and checks where the goods come back and that the id is free; gives whose return it is.
    fn load(&self, work: &Work<'_>, ctx: &Ctx, return_id: &ReturnId) -> Result<Option<CustomerId>, Missing> {
        let return_stream = streams::goods_return(return_id);
        let mut others = vec![
            streams::tenant(),
            streams::store(&self.store),
            return_stream.clone(),
        ];
        others.extend(self.terminal.iter().map(streams::terminal));
        others.extend(self.customer_id.iter().map(streams::customer));
        others.extend(self.sale_id.iter().map(streams::sale));
        others.extend(counter_needed(work, Series::Return));
        return_lines::load(work, others, self.sale_id.as_ref(), &self.store, &self.lines)?;
        work.tenant(&ctx.tenant)?;
        work.open_store(&self.store)?;
        work.check_terminal(self.terminal.as_ref(), &self.store)?;

        let mut taken = matches!(work.state(&return_stream)?, State::Return(known) if known.recorded);
        let mut customer_id = self.customer_id.clone();
        if let Some(sale_id) = &self.sale_id {
            let sold = work.sale(sale_id)?.sold(sale_id)?;
            // Logs from before return ids were registered know them by their sale alone.
            taken |= sold.returns.contains(return_id);
            match (&sold.customer_id, &customer_id) {
                (Some(of_sale), None) => customer_id = Some(of_sale.clone()),
                (Some(of_sale), Some(given)) if of_sale != given => {
                    let (sale_id, customer_id) = (sale_id.clone(), given.clone());
                    return Err(Refusal::ReturnOtherCustomer { sale_id, customer_id }.into());
                }
                (Some(_) | None, Some(_) | None) => {}
            }
        }
        if taken {
            return Err(Refusal::ReturnExists {
                return_id: return_id.clone(),
            }
            .into());
        }
        if let Some(customer) = &customer_id {
            work.customer(customer)?;
        }
        Ok(customer_id)
    }

    fn event(
        &self,
        work: &Work<'_>,
        ctx: &Ctx,
        prepared: &Prepared,
        number: Option<String>,
        refunds: Vec<Refund>,
    ) -> Result<SaleReturned, Missing> {
        let tenant = work.tenant(&ctx.tenant)?;
        let occurred_at = match &self.sale_id {
            Some(id) => work
                .sale(id)?
                .sold(id)?
                .occurred_after(id, self.occurred_at, ctx)?,
            None => bounds::occurred_at(self.occurred_at, ctx)?,
        };
        let reckoned = &prepared.reckoned;
        let mut lines = Vec::with_capacity(reckoned.len());
        for (number, (line, request)) in (1..).zip(reckoned.iter().zip(&self.lines)) {
            lines.push(ReturnLine {
                line: number,
                sale_line: line.sale_line,
                sku: line.returned.goods.sku.clone(),
                unit: line.returned.goods.unit.clone(),
                quantity: request.quantity,
                restocked: request.restock,
                tax_minor: line.tax_minor,
                total_minor: line.total_minor,
            });
        }
        Ok(SaleReturned {
            return_id: prepared.return_id.clone(),
            number,
            sale_id: self.sale_id.clone(),
            store: self.store.clone(),
            terminal: self.terminal.clone(),
            cashier: ctx.actor_name().to_owned(),
            customer_id: prepared.customer_id.clone(),
            currency: tenant.currency,
            lines,
            tax_minor: Minor::sum(reckoned.iter().map(|line| line.tax_minor))?,
            total_minor: prepared.total_minor,
            refunds,
            occurred_at,
            business_day: business_day(occurred_at, &tenant.time_zone)?,
        })
    }
}
