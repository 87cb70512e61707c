//! What was handed over against what is due: change for cash, and what goes on the customer's account.
//!
//! Not here: whether the customer may owe that much (`customers`).

use schemas::card::holds_card_number;
use schemas::events::sale::{PaymentMethod, Refund, SalePayment};
use schemas::{Currency, CustomerId, Minor};
use serde::{Deserialize, Serialize};

use super::{PaymentRequest, Sold};
use crate::bounds::{check_entries, check_optional_text, check_positive};
use crate::context::Ctx;
use crate::refusal::{Amount, ExchangeRefusal, Refusal, ReturnRefusal};
use crate::work::{Missing, Work};

/// Payments of one sale, and refunds of one return.
pub(crate) const MAX_PAYMENTS: usize = 50;

/// Payments that come to the total exactly.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settled {
    pub payments: Vec<SalePayment>,
    pub change_minor: Minor,
}

/// # Errors
/// [`Refusal::PaymentsTooLow`], [`Refusal::PaymentsTooHigh`], and what is wrong with one payment.
pub(crate) fn settle(
    total: Minor,
    currency: Currency,
    requests: &[PaymentRequest],
) -> Result<Settled, Refusal> {
    check_entries("payments", requests.len(), MAX_PAYMENTS)?;
    let (mut paid, mut cash) = (Minor::ZERO, Minor::ZERO);
    for (index, request) in requests.iter().enumerate() {
        check_positive(&format!("payments/{index}/amount_minor"), request.amount_minor)?;
        if request.method == PaymentMethod::Exchange {
            let pointer = format!("/payments/{index}/method");
            return Err(ExchangeRefusal::MethodNotAllowed { pointer }.into());
        }
        check_reference(index, request.reference.as_deref())?;
        paid = paid.plus(request.amount_minor)?;
        if request.method == PaymentMethod::Cash {
            cash = cash.plus(request.amount_minor)?;
        }
    }
    let show = |minor| Amount { minor, currency };
    if paid < total {
        return Err(Refusal::PaymentsTooLow {
            total: show(total),
            paid: show(paid),
        });
    }
    let change_minor = paid.minus(total)?;
    if change_minor > cash {
        return Err(Refusal::PaymentsTooHigh {
            total: show(total),
            paid: show(paid),
        });
    }
    Ok(Settled {
        payments: less_change(requests, change_minor)?,
        change_minor,
    })
}

/// Whether a payment's reference may be kept; `payment` counts from 0.
///
/// # Errors
/// [`Refusal::PaymentReferenceIsCard`], [`Refusal::TextInvalid`].
pub(crate) fn check_reference(payment: usize, reference: Option<&str>) -> Result<(), Refusal> {
    if reference.is_some_and(holds_card_number) {
        return Err(Refusal::PaymentReferenceIsCard { payment });
    }
    check_optional_text(&format!("payments/{payment}/reference"), reference, 100)
}

/// Takes the change off the cash, from the last payment backwards.
fn less_change(requests: &[PaymentRequest], change: Minor) -> Result<Vec<SalePayment>, Refusal> {
    let mut left = change;
    let mut payments = Vec::with_capacity(requests.len());
    for request in requests.iter().rev() {
        let taken = if request.method == PaymentMethod::Cash {
            left.min(request.amount_minor)
        } else {
            Minor::ZERO
        };
        left = left.minus(taken)?;
        payments.push(SalePayment {
            method: request.method,
            amount_minor: request.amount_minor.minus(taken)?,
            tendered_minor: request.amount_minor,
            reference: request.reference.clone(),
        });
    }
    payments.reverse();
    Ok(payments)
}

/// Checks what goes on the customer's account and gives its sum: credit within the terms, store credit within what
/// the shop owes.
///
/// # Errors
/// [`Refusal::CustomerRequired`], and the customer's own refusals.
pub(crate) fn on_account(
    work: &Work<'_>,
    customer_id: Option<&CustomerId>,
    payments: &[SalePayment],
) -> Result<Minor, Missing> {
    let of = |method| {
        Minor::sum(
            payments
                .iter()
                .filter(|p| p.method == method)
                .map(|payment| payment.amount_minor),
        )
    };
    let (credit, store_credit) = (of(PaymentMethod::Credit)?, of(PaymentMethod::StoreCredit)?);
    if credit.is_zero() && store_credit.is_zero() {
        return Ok(Minor::ZERO);
    }
    let id = customer_id.ok_or(Refusal::CustomerRequired {})?;
    let customer = work.customer(id)?;
    let both = credit.plus(store_credit)?;
    if !store_credit.is_zero() {
        customer.check_store_credit(id, store_credit)?;
    }
    if !credit.is_zero() {
        customer.check_credit(id, both)?;
    }
    Ok(both)
}

/// The part of refunds that goes back to the customer's account.
///
/// # Errors
/// [`Refusal::AmountOutOfRange`].
pub(crate) fn to_account(refunds: &[Refund]) -> Result<Minor, Refusal> {
    sum_of(refunds, is_account)
}

/// What changes hands as money. Goods that pay for goods are none: nobody knows by then what they were paid with.
pub(super) fn is_money(method: PaymentMethod) -> bool {
    match method {
        PaymentMethod::Cash | PaymentMethod::Card | PaymentMethod::Transfer => true,
        PaymentMethod::Credit | PaymentMethod::StoreCredit | PaymentMethod::Exchange => false,
    }
}

/// What moves the customer's account.
pub(super) fn is_account(method: PaymentMethod) -> bool {
    matches!(method, PaymentMethod::Credit | PaymentMethod::StoreCredit)
}

/// The sum of what went by some methods.
///
/// # Errors
/// [`Refusal::AmountOutOfRange`].
pub(super) fn sum_of(amounts: &[Refund], of: fn(PaymentMethod) -> bool) -> Result<Minor, Refusal> {
    let some = amounts.iter().filter(|amount| of(amount.method));
    Ok(Minor::sum(some.map(|amount| amount.amount_minor))?)
}

/// Whether all of a sale's refunds in money, these included, stay within the money that was taken for it. Managers and
/// administrators may go beyond: the account may have been paid meanwhile. A sale without a customer was paid with money,
/// or with goods that were.
///
/// # Errors
/// [`ReturnRefusal::ExceedsPaid`].
pub(super) fn check_money(ctx: &Ctx, sold: &Sold, refunds: &[Refund]) -> Result<(), Refusal> {
    let (paid, refunded) = sold.paid_and_refunded(is_money)?;
    let money = Money { paid, refunded };
    money.check_back(ctx, sold.customer_id.as_ref(), sold.currency, refunds)
}

/// What was paid for something in money, and what of it went back in money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub paid: Minor,
    pub refunded: Minor,
}

impl Money {
    /// Counts what an invoice was paid with.
    pub(crate) fn take(&mut self, payments: &[SalePayment]) {
        let in_money = payments.iter().filter(|payment| is_money(payment.method));
        let sum = Minor::sum(in_money.map(|payment| payment.amount_minor));
        self.paid = added(self.paid, sum.ok());
    }

    /// Counts what went back.
    pub(crate) fn give_back(&mut self, refunds: &[Refund]) {
        self.refunded = added(self.refunded, sum_of(refunds, is_money).ok());
    }

    /// As [`check_money`], for whatever was sold to a customer.
    ///
    /// # Errors
    /// [`ReturnRefusal::ExceedsPaid`].
    pub(crate) fn check_back(
        &self,
        ctx: &Ctx,
        customer: Option<&CustomerId>,
        currency: Currency,
        refunds: &[Refund],
    ) -> Result<(), Refusal> {
        let now = sum_of(refunds, is_money)?;
        if now.is_zero() || customer.is_none() || ctx.is_manager() {
            return Ok(());
        }
        let refunded = self.refunded.plus(now)?;
        if refunded <= self.paid {
            return Ok(());
        }
        let show = |minor| Amount { minor, currency };
        let (paid, refunded) = (show(self.paid), show(refunded));
        Err(ReturnRefusal::ExceedsPaid { paid, refunded }.into())
    }
}

/// Sums of recorded events stay in range, since each event's own did; one that would not counts for nothing more.
fn added(sum: Minor, more: Option<Minor>) -> Minor {
    more.and_then(|more| sum.plus(more).ok()).unwrap_or(sum)
}

/// What goes back for a total: as asked for, or else all to the customer's account, in cash without a customer.
///
/// # Errors
/// [`Refusal::RefundMismatch`], [`Refusal::CustomerRequired`], and what is wrong with one refund.
pub(crate) fn refunds_for(
    given: &[Refund],
    has_customer: bool,
    total: Minor,
    currency: Currency,
) -> Result<Vec<Refund>, Refusal> {
    check_entries("refunds", given.len(), MAX_PAYMENTS)?;
    if given.is_empty() {
        let method = if has_customer {
            PaymentMethod::Credit
        } else {
            PaymentMethod::Cash
        };
        let whole = Refund {
            method,
            amount_minor: total,
        };
        return Ok(if total.is_zero() { Vec::new() } else { vec![whole] });
    }
    for (index, refund) in given.iter().enumerate() {
        check_positive(&format!("refunds/{index}/amount_minor"), refund.amount_minor)?;
        if refund.method == PaymentMethod::Exchange {
            let pointer = format!("/refunds/{index}/method");
            return Err(ExchangeRefusal::MethodNotAllowed { pointer }.into());
        }
    }
    let refunded = Minor::sum(given.iter().map(|refund| refund.amount_minor))?;
    if refunded != total {
        let show = |minor| Amount { minor, currency };
        return Err(Refusal::RefundMismatch {
            total: show(total),
            refunded: show(refunded),
        });
    }
    if !has_customer && !to_account(given)?.is_zero() {
        return Err(Refusal::CustomerRequired {});
    }
    Ok(given.to_vec())
}
