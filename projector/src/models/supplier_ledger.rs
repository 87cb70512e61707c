//! Every charge, credit, payment and adjustment of our account with each supplier, one row each, never changed again.
//!
//! Not here: the balance after each entry. Queries sum the amounts, so that ledger and balance cannot disagree.

use schemas::Event;
use schemas::events::SupplierEvent;
use schemas::events::sale::PaymentMethod;
use schemas::events::supplier::SupplierCause;
use time::OffsetDateTime;

use super::suppliers::balance_change;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One entry.
    SupplierLedgerRow, SupplierLedgerKey {
        key { tenant: String, supplier_id: String, position: i64 }
        /// `charge`, `credit`, `payment` or `adjustment`.
        kind: String,
        /// Signed, in minor units of `currency`: what the entry adds to what we owe.
        amount_minor: i64,
        currency: String,
        /// `invoice`, `cost_adjustment`, `return`, `payment` or `manual`.
        cause: String,
        /// The purchase that it is about.
        purchase_id: Option<String>,
        /// The reception, cost adjustment, return or payment.
        reference: Option<String>,
        /// The supplier's invoice number, the payment's proof, or a note.
        note: Option<String>,
        method: Option<String>,
        actor: String,
        recorded_at: OffsetDateTime,
    }
}

/// What an entry says besides its amount.
struct Entry<'a> {
    kind: &'static str,
    currency: schemas::Currency,
    cause: &'static str,
    purchase_id: Option<String>,
    reference: Option<String>,
    note: Option<&'a str>,
    method: Option<PaymentMethod>,
}

impl<'a> Entry<'a> {
    fn by_purchase(kind: &'static str, currency: schemas::Currency, cause: &'a SupplierCause) -> Self {
        let (cause, purchase_id, reference, note) = match cause {
            SupplierCause::Invoice {
                purchase_id,
                reception_id,
                invoice,
            } => (
                "invoice",
                purchase_id,
                reception_id.to_string(),
                Some(invoice.as_str()),
            ),
            SupplierCause::CostAdjustment {
                purchase_id,
                adjustment_id,
            } => ("cost_adjustment", purchase_id, adjustment_id.to_string(), None),
            SupplierCause::Return {
                purchase_id,
                return_id,
            } => ("return", purchase_id, return_id.to_string(), None),
        };
        Self {
            kind,
            currency,
            cause,
            purchase_id: Some(purchase_id.to_string()),
            reference: Some(reference),
            note,
            method: None,
        }
    }

    fn of(event: &'a SupplierEvent) -> Option<Self> {
        match event {
            SupplierEvent::Charged(e) => Some(Self::by_purchase("charge", e.currency, &e.cause)),
            SupplierEvent::Credited(e) => Some(Self::by_purchase("credit", e.currency, &e.cause)),
            SupplierEvent::Paid(e) => Some(Self {
                kind: "payment",
                currency: e.currency,
                cause: "payment",
                purchase_id: None,
                reference: Some(e.payment_id.to_string()),
                note: e.reference.as_deref(),
                method: Some(e.method),
            }),
            SupplierEvent::DebtAdjusted(e) => Some(Self {
                kind: "adjustment",
                currency: e.currency,
                cause: "manual",
                purchase_id: None,
                reference: e.adjustment_id.as_ref().map(ToString::to_string),
                note: e.note.as_deref(),
                method: None,
            }),
            SupplierEvent::Registered(_)
            | SupplierEvent::Changed(_)
            | SupplierEvent::Deactivated(_)
            | SupplierEvent::Reactivated(_)
            | SupplierEvent::ContactAdded(_)
            | SupplierEvent::ContactChanged(_)
            | SupplierEvent::ContactRemoved(_) => None,
        }
    }
}

/// The wire name of a way to pay; the others are no way to pay a supplier.
fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Cash => "cash",
        PaymentMethod::Card => "card",
        _ => "transfer",
    }
}

impl ReadModel for SupplierLedgerRow {
    const NAME: &'static str = "supplier_ledger";
    const VERSION: i32 = 2;
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<SupplierLedgerKey> {
        let Event::Supplier(event) = &fact.event else {
            return Vec::new();
        };
        let key = |_| SupplierLedgerKey {
            tenant: fact.tenant.clone(),
            supplier_id: balance_change(event).0.to_string(),
            position: fact.position,
        };
        Entry::of(event).map(key).into_iter().collect()
    }

    fn fold(_: Option<Self>, key: &SupplierLedgerKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Supplier(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let entry = Entry::of(event).ok_or_else(|| FoldError::foreign(fact))?;
        Ok(SupplierLedgerRow {
            tenant: key.tenant.clone(),
            supplier_id: key.supplier_id.clone(),
            position: key.position,
            kind: entry.kind.to_owned(),
            amount_minor: balance_change(event).1,
            currency: entry.currency.code().to_owned(),
            cause: entry.cause.to_owned(),
            purchase_id: entry.purchase_id,
            reference: entry.reference,
            note: entry.note.map(str::to_owned),
            method: entry.method.map(|method| method_name(method).to_owned()),
            actor: fact.actor().to_owned(),
            recorded_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::suppliers::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn entries_are_signed_and_say_what_they_rest_on() {
        let rows = folded::<SupplierLedgerRow>(samples::life()).unwrap();
        let entries: Vec<_> = rows
            .iter()
            .map(|row| (row.amount_minor, row.cause.as_str(), row.reference.as_deref()))
            .collect();
        assert_eq!(
            entries,
            [
                (900, "invoice", Some("r1")),
                (50, "cost_adjustment", Some("a1")),
                (-300, "return", Some("d1")),
                (-700, "payment", Some("p9")),
                (-5, "manual", Some("aj1")),
            ]
        );
        assert_eq!(rows[0].note.as_deref(), Some("F-1"));
        assert_eq!(
            (rows[3].method.as_deref(), rows[3].purchase_id.as_deref()),
            (Some("transfer"), None)
        );
    }
}
