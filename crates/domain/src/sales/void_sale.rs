//! Undoes a completed sale, or what is left of it after returns: goods, payments and credit go back.

use schemas::events::customer::LedgerCause;
use schemas::events::sale::{PaymentMethod, Refund, SaleVoided};
use schemas::events::stock::ReturnCause;
use schemas::{Minor, Quantity, SaleId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::goods::{self, Returned};
use super::payments::{is_account, is_money, to_account};
use super::{Sale, Sold};
use crate::bounds::distinct;
use crate::command::Decide;
use crate::context::Ctx;
use crate::customers;
use crate::refusal::{ExchangeRefusal, Refusal};
use crate::stock::{Goods, Place};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Undoes a completed sale at its store, which must be open: all that was not returned goes back on the shelf, and the
/// money by the methods that paid. Refused when everything was returned, when exchanged goods paid for it, or when one
/// of its units is no longer with the customer. Saying it again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoidSale {
    pub sale_id: SaleId,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

impl Decide for VoidSale {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::sale(&self.sale_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let sale = work.sale(&self.sale_id)?;
        if let Sale::Voided { total_minor } = sale {
            let answer = json!({ "sale_id": self.sale_id, "total_minor": total_minor });
            return Ok(work.finish(answer));
        }
        let sold = sale.sold(&self.sale_id)?.clone();
        // The goods that paid for it are on the shelf again, or sold to somebody else.
        if sold
            .paid
            .iter()
            .any(|paid| paid.method == PaymentMethod::Exchange)
        {
            let sale_id = self.sale_id.clone();
            return Err(ExchangeRefusal::SalePaidByExchange { sale_id }.into());
        }
        load(&work, &sold)?;
        work.open_store(&sold.store)?;
        let occurred_at = sold.occurred_after(&self.sale_id, self.occurred_at, ctx)?;
        let rest = self.what_is_left(&work, &sold)?;
        if rest.is_empty() {
            return Err(Refusal::SaleReturned {
                sale_id: self.sale_id.clone(),
            }
            .into());
        }

        let total_minor = sold.total_minor.minus(sold.returned_total_minor)?;
        let refunds = refunds(&sold, total_minor)?;
        let owed_less = to_account(&refunds)?;
        let voided = SaleVoided {
            sale_id: self.sale_id.clone(),
            store: sold.store.clone(),
            customer_id: sold.customer_id.clone(),
            currency: sold.currency,
            total_minor,
            tax_minor: sold.tax_minor.minus(sold.returned_tax_minor)?,
            refunds,
            occurred_at,
            business_day: sold.business_day.clone(),
        };
        work.emit(stream, voided)?;
        let cause = ReturnCause::Void {
            sale_id: self.sale_id.clone(),
        };
        goods::take_back(&mut work, &sold.store, &cause, &rest)?;
        if let Some(customer) = &sold.customer_id {
            let cause = LedgerCause::Void {
                sale_id: self.sale_id.clone(),
            };
            customers::credit(&mut work, customer, owed_less, cause)?;
        }
        Ok(work.finish(json!({ "sale_id": self.sale_id, "total_minor": total_minor })))
    }
}

impl VoidSale {
    /// The goods that did not come back before; a unit must still be with this sale's customer.
    fn what_is_left(&self, work: &Work<'_>, sold: &Sold) -> Result<Vec<Returned>, Missing> {
        let mut rest = Vec::new();
        for (index, line) in sold.lines.iter().enumerate() {
            let Ok(quantity) = Quantity::new(line.returnable()) else {
                continue;
            };
            if let Some(unit) = &line.unit {
                let here = Place::Sold {
                    sale_id: self.sale_id.clone(),
                };
                if work.unit(unit, index)?.place != here {
                    return Err(Refusal::UnitNotSold {
                        unit: unit.clone(),
                        line: index,
                    }
                    .into());
                }
            }
            let kind = work.item(&line.sku)?.kind;
            let goods = Goods {
                sku: line.sku.clone(),
                unit: line.unit.clone(),
                quantity,
                kind,
            };
            rest.push(Returned { goods, restock: true });
        }
        Ok(rest)
    }
}

fn load(work: &Work<'_>, sold: &Sold) -> Result<(), Missing> {
    let others = [streams::store(&sold.store)]
        .into_iter()
        .chain(sold.customer_id.iter().map(streams::customer));
    let goods = sold.lines.iter().flat_map(|line| {
        let shelf = [streams::item(&line.sku), streams::stock(&sold.store, &line.sku)];
        shelf.into_iter().chain(line.unit.iter().map(streams::unit))
    });
    work.require(&distinct(others.chain(goods))?)
}

/// What goes back by the method by which it was paid, less what returns have given back already. A return may have
/// used another method than the payment; then that much less is left of the others, the last ones first. In money goes
/// back no more than was taken in money and is still here, and on the account likewise: whatever returns did, both
/// together are enough for what is left of the sale.
fn refunds(sold: &Sold, total: Minor) -> Result<Vec<Refund>, Refusal> {
    let still_here = |of| -> Result<Minor, Refusal> {
        let (paid, refunded) = sold.paid_and_refunded(of)?;
        Ok(paid.minus(refunded)?)
    };
    let (mut left, mut money, mut account) = (total, still_here(is_money)?, still_here(is_account)?);
    let mut refunds = Vec::new();
    for paid in &sold.paid {
        let before = sold.refunded.iter().find(|refund| refund.method == paid.method);
        let unspent = paid
            .amount_minor
            .minus(before.map_or(Minor::ZERO, |refund| refund.amount_minor))?;
        let of_its_kind = if is_money(paid.method) {
            &mut money
        } else {
            &mut account
        };
        let amount_minor = unspent.min(left).min(*of_its_kind);
        if amount_minor > Minor::ZERO {
            left = left.minus(amount_minor)?;
            *of_its_kind = of_its_kind.minus(amount_minor)?;
            refunds.push(Refund {
                method: paid.method,
                amount_minor,
            });
        }
    }
    Ok(refunds)
}
