//! Completes a sale that has happened, by the ordinary rules, and says what stands in the way.
//!
//! The sale is decided on a view of its own, so that a refusal leaves nothing behind; what somebody lets pass is an
//! altered state in that view (a policy, a limit), while the events land on the true ones.

use std::collections::HashMap;

use schemas::StreamName;
use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::events::customer::{CreditTerms, CustomerStatus};
use schemas::events::offline::{OfflineSale, QuarantineCause, QuarantineKind};

use super::quarantine::Leniency;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{OfflineRefusal, Refusal};
use crate::sales::{CompleteSale, PaymentRequest};
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, View, Work};

/// What became of an attempt.
pub(super) enum Attempt {
    /// These events complete the sale.
    Completes(Decision),
    Blocked(QuarantineCause),
}

/// Tries to complete the sale in its cashier's name. Changes nothing: the caller takes the events over with [`take_over`].
///
/// # Errors
/// [`Missing::Streams`] only.
pub(super) fn attempt(
    work: &Work<'_>,
    ctx: &Ctx,
    sale: &OfflineSale,
    cashier: &str,
    leniency: Leniency,
) -> Result<Attempt, Missing> {
    let view = lenient(work, sale, leniency)?;
    let ctx = Ctx {
        actor: Actor::User {
            username: cashier.to_owned(),
            role: String::new(),
        },
        ..ctx.clone()
    };
    let decided = match complete(sale).decide(Work::new(&view), &ctx) {
        Ok(decision) => decision,
        Err(Missing::Streams(streams)) => return Err(Missing::Streams(streams)),
        Err(Missing::Refused(refusal)) => return Ok(Attempt::Blocked(cause_of(&refusal))),
    };
    if !leniency.prices
        && let Some(cause) = price_changed(work, sale, &decided)?
    {
        return Ok(Attempt::Blocked(cause));
    }
    Ok(Attempt::Completes(decided))
}

/// Takes over what an attempt decided.
///
/// # Errors
/// [`Missing::Streams`], though the attempt has read all of them.
pub(super) fn take_over(work: &mut Work<'_>, decision: Decision) -> Result<(), Missing> {
    for (stream, event) in decision.events {
        work.emit(stream, event)?;
    }
    Ok(())
}

fn complete(sale: &OfflineSale) -> CompleteSale {
    let content = &sale.content;
    let payment = |payment: &schemas::events::offline::OfflinePayment| PaymentRequest {
        method: payment.method,
        amount_minor: payment.amount_minor,
        reference: payment.reference.clone(),
    };
    CompleteSale {
        sale_id: Some(sale.sale_id.clone()),
        store: content.store.clone(),
        terminal: content.terminal.clone(),
        customer_id: content.customer_id.clone(),
        lines: content.lines.clone(),
        discount: content.discount,
        payments: sale.payments.iter().map(payment).collect(),
        reservation_id: None,
        occurred_at: Some(sale.occurred_at),
    }
}

/// A view with some states altered.
struct Lenient<'a> {
    under: &'a Work<'a>,
    altered: HashMap<StreamName, State>,
}

impl View for Lenient<'_> {
    fn state(&self, stream: &StreamName) -> Option<&State> {
        self.altered.get(stream).or_else(|| self.under.view(stream))
    }
}

fn lenient<'a>(work: &'a Work<'a>, sale: &OfflineSale, leniency: Leniency) -> Result<Lenient<'a>, Missing> {
    let mut altered = HashMap::new();
    if leniency.negative_stock {
        let stream = streams::tenant();
        let mut state = work.state(&stream)?.clone();
        if let State::Tenant(Some(tenant)) = &mut state {
            tenant.stock_policy = StockPolicy::AllowNegative;
        }
        altered.insert(stream, state);
    }
    if leniency.over_limit
        && let Some(customer) = &sale.content.customer_id
    {
        let stream = streams::customer(customer);
        let mut state = work.state(&stream)?.clone();
        if let State::Customer(Some(customer)) = &mut state {
            customer.credit = CreditTerms::Unlimited;
            customer.status = CustomerStatus::Active;
        }
        altered.insert(stream, state);
    }
    Ok(Lenient { under: work, altered })
}

/// Which kind of collision a refusal is.
fn cause_of(refusal: &Refusal) -> QuarantineCause {
    let code = refusal.code();
    let kind = match code {
        "unit.sold" | "unit.reserved" | "unit.other_store" | "unit.written_off" | "unit.away" => {
            QuarantineKind::SerialSoldTwice
        }
        "stock.insufficient" => QuarantineKind::InsufficientStock,
        "credit.limit_exceeded"
        | "credit.not_granted"
        | "credit.store_credit_insufficient"
        | "customer.blocked" => QuarantineKind::CreditExceeded,
        "item.not_found" | "item.discontinued" | "unit.not_found" => QuarantineKind::UnknownItem,
        _ => QuarantineKind::Refused,
    };
    QuarantineCause {
        kind,
        code: code.to_owned(),
        line: refusal.pointer().as_deref().and_then(line_of),
    }
}

/// `/lines/0/quantity` is line 1.
fn line_of(pointer: &str) -> Option<i64> {
    let index = pointer.strip_prefix("/lines/")?.split('/').next()?;
    index.parse::<i64>().ok()?.checked_add(1)
}

/// Whether the till charged other prices than hold now, or the sum is another one (taxes, roundings).
fn price_changed(
    work: &Work<'_>,
    sale: &OfflineSale,
    decided: &Decision,
) -> Result<Option<QuarantineCause>, Missing> {
    let changed = |line| QuarantineCause {
        kind: QuarantineKind::PriceChanged,
        code: OfflineRefusal::PriceChanged {}.code().to_owned(),
        line,
    };
    for (number, line) in (1..).zip(&sale.content.lines) {
        let sku = match (&line.sku, &line.unit) {
            (Some(sku), _) => sku.clone(),
            (None, Some(unit)) => match work.known_unit(unit)? {
                Some(known) => known.sku.clone(),
                None => continue,
            },
            (None, None) => continue,
        };
        let price = work.item(&sku)?.price_minor;
        if line.unit_price_minor.is_some_and(|charged| charged != price) {
            return Ok(Some(changed(Some(number))));
        }
    }
    let total = decided
        .answer
        .get("total_minor")
        .and_then(serde_json::Value::as_i64);
    Ok((total != Some(sale.total_minor.get())).then(|| changed(None)))
}
