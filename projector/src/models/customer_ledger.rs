//! Every charge, credit and payment of each customer, one row each, never changed again.
//!
//! Not here: the balance after each entry. Queries sum the amounts, so that ledger and balance cannot disagree.

use schemas::Event;
use schemas::events::CustomerEvent;
use schemas::events::customer::LedgerCause;
use schemas::events::sale::PaymentMethod;
use time::OffsetDateTime;

use super::customers::balance_change;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One entry.
    LedgerRow, LedgerKey {
        key { tenant: String, customer_id: String, position: i64 }
        /// `charge`, `credit` or `payment`.
        kind: String,
        /// Signed, in minor units of `currency`: what the entry adds to the debt.
        amount_minor: i64,
        currency: String,
        /// `sale`, `void`, `return`, `order`, `repair`, `manual` or `payment`.
        cause: String,
        /// The sale, return, order, repair, payment or charge by hand.
        reference: Option<String>,
        note: Option<String>,
        method: Option<String>,
        actor: String,
        recorded_at: OffsetDateTime,
    }
}

/// The wire name of a payment method.
fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Cash => "cash",
        PaymentMethod::Card => "card",
        PaymentMethod::Transfer => "transfer",
        PaymentMethod::Credit => "credit",
        PaymentMethod::StoreCredit => "store_credit",
        PaymentMethod::Exchange => "exchange",
    }
}

/// Cause, reference and note.
fn rests_on(cause: &LedgerCause) -> (&'static str, Option<String>, Option<String>) {
    match cause {
        LedgerCause::Sale { sale_id } => ("sale", Some(sale_id.to_string()), None),
        LedgerCause::Void { sale_id } => ("void", Some(sale_id.to_string()), None),
        LedgerCause::Return { return_id } => ("return", Some(return_id.to_string()), None),
        LedgerCause::Order { order_id } => ("order", Some(order_id.to_string()), None),
        LedgerCause::Repair { repair_id } => ("repair", Some(repair_id.to_string()), None),
        LedgerCause::Manual { note } => ("manual", None, note.clone()),
    }
}

impl ReadModel for LedgerRow {
    const NAME: &'static str = "customer_ledger";
    const VERSION: i32 = 2;
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<LedgerKey> {
        match &fact.event {
            Event::Customer(
                event @ (CustomerEvent::Charged(_)
                | CustomerEvent::Credited(_)
                | CustomerEvent::PaymentReceived(_)),
            ) => vec![LedgerKey {
                tenant: fact.tenant.clone(),
                customer_id: balance_change(event).0.to_string(),
                position: fact.position,
            }],
            _ => Vec::new(),
        }
    }

    fn fold(_: Option<Self>, key: &LedgerKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Customer(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let (kind, currency, (cause, reference, note), method) = match event {
            CustomerEvent::Charged(e) => {
                let (cause, reference, note) = rests_on(&e.cause);
                let charge_id = e.charge_id.as_ref().map(ToString::to_string);
                ("charge", e.currency, (cause, reference.or(charge_id), note), None)
            }
            CustomerEvent::Credited(e) => ("credit", e.currency, rests_on(&e.cause), None),
            CustomerEvent::PaymentReceived(e) => (
                "payment",
                e.currency,
                ("payment", Some(e.payment_id.to_string()), None),
                Some(method_name(e.method)),
            ),
            _ => return Err(FoldError::foreign(fact)),
        };
        Ok(LedgerRow {
            tenant: key.tenant.clone(),
            customer_id: key.customer_id.clone(),
            position: key.position,
            kind: kind.to_owned(),
            amount_minor: balance_change(event).1,
            currency: currency.code().to_owned(),
            cause: cause.to_owned(),
            reference,
            note,
            method: method.map(str::to_owned),
            actor: fact.actor().to_owned(),
            recorded_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::customers::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn entries_are_signed_and_add_up_to_the_balance() {
        let rows = folded::<LedgerRow>(samples::life()).unwrap();
        assert_eq!(
            rows.iter().map(|row| row.amount_minor).collect::<Vec<_>>(),
            [300, -50, -400]
        );
        assert_eq!(rows[2].method.as_deref(), Some("transfer"));
        assert_eq!(
            (rows[1].cause.as_str(), rows[1].reference.as_deref()),
            ("return", Some("r1"))
        );
    }
}
