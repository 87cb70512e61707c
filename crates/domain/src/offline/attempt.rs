//! Completes a sale that has happened, by the ordinary rules, and says what stands in the way.
//!
//! The sale is decided on a view of its own, so that a refusal leaves nothing behind; what somebody lets pass is an
//! altered state in that view (a policy, a limit), while the events land on the true ones. A till's retirement never stands
//! in the way here: whether it did before somebody looked is for `record_offline_sale`.

use std::collections::HashMap;

use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::events::customer::{CreditTerms, CustomerStatus};
use schemas::events::offline::{OfflineLine, OfflinePayment, OfflineSale, QuarantineCause, QuarantineKind};
use schemas::events::sale::{DraftLine, PaymentMethod};
use schemas::{Minor, Quantity, Sku, StreamName, TerminalId, UnitId};

use super::quarantine::Leniency;
use crate::admin::Terminal;
use crate::bounds::{MAX_LINES, check_entries};
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
    let mut command = match complete(sale) {
        Ok(command) => command,
        Err(refusal) => return Ok(Attempt::Blocked(cause_of(&refusal, sale))),
    };
    if leniency.over_limit {
        owe_missing_store_credit(work, &mut command)?;
    }
    let decided = match command.decide(Work::new(&view), &ctx) {
        Ok(decision) => decision,
        Err(Missing::Streams(streams)) => return Err(Missing::Streams(streams)),
        Err(Missing::Refused(refusal)) => return Ok(Attempt::Blocked(cause_of(&refusal, sale))),
    };
    if !leniency.prices
        && let Some(cause) = price_changed(work, sale, &command.lines, &decided)?
    {
        return Ok(Attempt::Blocked(cause));
    }
    Ok(Attempt::Completes(decided))
}

/// The number of the sale's receipt, where the tenant numbers receipts.
pub(super) fn number_of(decision: &Decision) -> Option<&str> {
    decision.answer.get("number").and_then(serde_json::Value::as_str)
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

/// The sale as an ordinary command.
///
/// # Errors
/// When something that the till noted can be no such thing.
fn complete(sale: &OfflineSale) -> Result<CompleteSale, Refusal> {
    let content = &sale.content;
    check_entries("lines", content.lines.len(), MAX_LINES)?;
    if content.customer_unreadable {
        return Err(OfflineRefusal::CustomerUnreadable {}.into());
    }
    let payment = |payment: &OfflinePayment| PaymentRequest {
        method: payment.method,
        amount_minor: payment.amount_minor,
        reference: payment.reference.clone(),
    };
    Ok(CompleteSale {
        sale_id: Some(sale.sale_id.clone()),
        store: content.store.clone(),
        terminal: content.terminal.clone(),
        customer_id: content.customer_id.clone(),
        lines: content
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| read(index, line))
            .collect::<Result<_, _>>()?,
        discount: content.discount,
        payments: sale.payments.iter().map(payment).collect(),
        reservation_id: None,
        occurred_at: Some(sale.occurred_at),
    })
}

/// What the customer's store credit does not cover was taken all the same: those payments become credit, so that the
/// customer owes what the shop did not. Where it covers them they stay.
///
/// # Errors
/// [`Missing::Streams`].
fn owe_missing_store_credit(work: &Work<'_>, command: &mut CompleteSale) -> Result<(), Missing> {
    let Some(id) = &command.customer_id else {
        return Ok(());
    };
    let State::Customer(Some(customer)) = work.state(&streams::customer(id))? else {
        return Ok(());
    };
    let is_store_credit = |payment: &&mut PaymentRequest| payment.method == PaymentMethod::StoreCredit;
    let amounts = command.payments.iter_mut().filter(is_store_credit);
    let Ok(taken) = Minor::sum(amounts.map(|payment| payment.amount_minor)) else {
        return Ok(());
    };
    if customer.check_store_credit(id, taken).is_err() {
        for payment in command.payments.iter_mut().filter(is_store_credit) {
            payment.method = PaymentMethod::Credit;
        }
    }
    Ok(())
}

/// A line of which each word can be what it should be; whether there are such goods is for the sale's own rules.
fn read(line: usize, noted: &OfflineLine) -> Result<DraftLine, Refusal> {
    let sku = noted.sku.as_deref().map(Sku::new).transpose();
    let unit = noted.unit.as_deref().map(UnitId::new).transpose();
    Ok(DraftLine {
        sku: sku.map_err(|_| OfflineRefusal::SkuUnreadable { line })?,
        unit: unit.map_err(|_| OfflineRefusal::UnitUnreadable { line })?,
        quantity: Quantity::new(noted.quantity).map_err(|_| OfflineRefusal::QuantityInvalid { line })?,
        unit_price_minor: Some(
            Minor::new(noted.unit_price_minor).map_err(|_| OfflineRefusal::PriceInvalid { line })?,
        ),
        discount: noted.discount,
    })
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
    if let Some(terminal) = &sale.content.terminal {
        let stream = streams::terminal(terminal);
        if let State::Terminal(Some(known)) = work.state(&stream)?
            && known.retired
        {
            let open = Terminal {
                retired: false,
                ..known.clone()
            };
            altered.insert(stream, State::Terminal(Some(open)));
        }
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

/// The till was retired before its sale came in: somebody with the role looks at it first.
pub(super) fn retired(terminal: &TerminalId) -> QuarantineCause {
    let terminal = terminal.clone();
    QuarantineCause {
        kind: QuarantineKind::Refused,
        code: Refusal::TerminalRetired { terminal }.code().to_owned(),
        line: None,
    }
}

/// Which kind of collision a refusal is, and the line that it is about.
fn cause_of(refusal: &Refusal, sale: &OfflineSale) -> QuarantineCause {
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
        "item.not_found"
        | "item.discontinued"
        | "unit.not_found"
        | "quarantine.sku_unreadable"
        | "quarantine.unit_unreadable" => QuarantineKind::UnknownItem,
        _ => QuarantineKind::Refused,
    };
    QuarantineCause {
        kind,
        code: code.to_owned(),
        line: refusal
            .pointer()
            .as_deref()
            .and_then(line_of)
            .or_else(|| line_with(refusal, sale)),
    }
}

/// The first line of the item that a refusal without a pointer names.
fn line_with(refusal: &Refusal, sale: &OfflineSale) -> Option<i64> {
    let (Refusal::ItemNotFound { sku } | Refusal::ItemDiscontinued { sku }) = refusal else {
        return None;
    };
    let mut numbered = (1..).zip(&sale.content.lines);
    let named = numbered.find(|(_, line)| line.sku.as_deref() == Some(sku.as_str()));
    named.map(|(number, _)| number)
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
    lines: &[DraftLine],
    decided: &Decision,
) -> Result<Option<QuarantineCause>, Missing> {
    let changed = |line| QuarantineCause {
        kind: QuarantineKind::PriceChanged,
        code: OfflineRefusal::PriceChanged {}.code().to_owned(),
        line,
    };
    for (number, line) in (1..).zip(lines) {
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
