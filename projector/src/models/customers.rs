//! Customers with their credit and balance (CRM-1). Personal fields stay sealed here: the query service opens a page of
//! them at once through the vault, so that destroying a person's key erases these rows along with the log's.
//!
//! Not here: the ledger behind the balance (`customer_ledger`).

use schemas::Event;
use schemas::Sealed;
use schemas::events::CustomerEvent;
use schemas::events::customer::{
    CreditTerms, CustomerChanged, CustomerKind, CustomerRegistered, CustomerStatus,
};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One customer.
    CustomerRow, CustomerKey {
        key { tenant: String, customer_id: String }
        /// `person` or `company`.
        kind: String,
        /// `active`, `blocked` or `archived`.
        status: String,
        /// `none`, `limited` or `unlimited`.
        credit_kind: String,
        credit_limit_minor: Option<i64>,
        currency: String,
        /// What the customer owes; negative is what the shop owes. The sum of the ledger.
        balance_minor: i64,
        name_sealed: String,
        tax_id_sealed: Option<String>,
        email_sealed: Option<String>,
        phone_sealed: Option<String>,
        address_sealed: Option<String>,
        last_position: i64,
        registered_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

/// The customer of an event, and how it changes the balance.
pub(super) fn balance_change(event: &CustomerEvent) -> (&schemas::CustomerId, i64) {
    match event {
        CustomerEvent::Registered(e) => (&e.customer_id, 0),
        CustomerEvent::CreditChanged(e) => (&e.customer_id, 0),
        CustomerEvent::Charged(e) => (&e.customer_id, e.amount_minor.get()),
        CustomerEvent::Credited(e) => (&e.customer_id, -e.amount_minor.get()),
        CustomerEvent::PaymentReceived(e) => (&e.customer_id, -e.amount_minor.get()),
        CustomerEvent::Changed(e) => (&e.customer_id, 0),
        CustomerEvent::StatusChanged(e) => (&e.customer_id, 0),
        CustomerEvent::NoteAdded(e) => (&e.customer_id, 0),
        CustomerEvent::NoteCorrected(e) => (&e.customer_id, 0),
        CustomerEvent::NoteRemoved(e) => (&e.customer_id, 0),
    }
}

fn terms(credit: CreditTerms) -> (&'static str, Option<i64>) {
    match credit {
        CreditTerms::None => ("none", None),
        CreditTerms::Limited { limit_minor } => ("limited", Some(limit_minor.get())),
        CreditTerms::Unlimited => ("unlimited", None),
    }
}

fn sealed(field: Option<&Sealed>) -> Option<String> {
    field.map(|field| field.sealed.clone())
}

fn kind_name(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Person => "person",
        CustomerKind::Company => "company",
    }
}

/// What the event gives is taken, `null` clears, and what is absent stays.
fn take_changes(row: &mut CustomerRow, e: &CustomerChanged) {
    if let Some(kind) = e.kind {
        row.kind = kind_name(kind).to_owned();
    }
    if let Some(name) = &e.name {
        row.name_sealed.clone_from(&name.sealed);
    }
    for (cell, change) in [
        (&mut row.tax_id_sealed, &e.tax_id),
        (&mut row.email_sealed, &e.email),
        (&mut row.phone_sealed, &e.phone),
        (&mut row.address_sealed, &e.address),
    ] {
        if let Some(change) = change {
            *cell = sealed(change.as_ref());
        }
    }
}

fn registered(key: &CustomerKey, e: &CustomerRegistered, fact: &Fact) -> CustomerRow {
    let (credit_kind, credit_limit_minor) = terms(e.credit);
    CustomerRow {
        tenant: key.tenant.clone(),
        customer_id: key.customer_id.clone(),
        kind: kind_name(e.kind).to_owned(),
        status: "active".to_owned(),
        credit_kind: credit_kind.to_owned(),
        credit_limit_minor,
        currency: e.currency.code().to_owned(),
        balance_minor: 0,
        name_sealed: e.name.sealed.clone(),
        tax_id_sealed: sealed(e.tax_id.as_ref()),
        email_sealed: sealed(e.email.as_ref()),
        phone_sealed: sealed(e.phone.as_ref()),
        address_sealed: sealed(e.address.as_ref()),
        last_position: fact.position,
        registered_at: fact.recorded_at,
        changed_at: fact.recorded_at,
    }
}

impl ReadModel for CustomerRow {
    const NAME: &'static str = "customers";
    const VERSION: i32 = 2;
    const INDEXES: &'static str =
        "create index rm_customers_debt on rm_customers (tenant, customer_id) where balance_minor > 0;
         create index rm_customers_inactive on rm_customers (tenant, status, customer_id) where status <> 'active';";

    fn keys(fact: &Fact) -> Vec<CustomerKey> {
        let Event::Customer(event) = &fact.event else {
            return Vec::new();
        };
        vec![CustomerKey {
            tenant: fact.tenant.clone(),
            customer_id: balance_change(event).0.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &CustomerKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Customer(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let CustomerEvent::Registered(e) = event {
            return Ok(registered(key, e, fact));
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            CustomerEvent::CreditChanged(e) => {
                let (kind, limit) = terms(e.credit);
                row.credit_kind = kind.to_owned();
                row.credit_limit_minor = limit;
            }
            CustomerEvent::Changed(e) => take_changes(&mut row, e),
            CustomerEvent::StatusChanged(e) => {
                row.status = match e.status {
                    CustomerStatus::Active => "active",
                    CustomerStatus::Blocked => "blocked",
                    CustomerStatus::Archived => "archived",
                }
                .to_owned();
            }
            _ => {}
        }
        add(&mut row.balance_minor, balance_change(event).1, "balance_minor")?;
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! A customer's life, shared with the ledger's tests.

    use serde_json::json;

    use super::*;
    use crate::fact::given::event;

    pub fn life() -> Vec<Event> {
        let moved = |amount: i64| json!({"customer_id": "c1", "amount_minor": amount, "currency": "HNL", "balance_minor": 99999});
        let with = |mut data: serde_json::Value, extra: serde_json::Value| {
            data.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            data
        };
        vec![
            event(
                "customer.registered",
                json!({"customer_id": "c1", "kind": "person", "credit": {"kind": "limited", "limit_minor": 5000},
                       "currency": "HNL", "name": {"sealed": "v1.xyz"}}),
            ),
            event(
                "customer.charged",
                with(moved(300), json!({"cause": {"kind": "sale", "sale_id": "s1"}})),
            ),
            event(
                "customer.credited",
                with(moved(50), json!({"cause": {"kind": "return", "return_id": "r1"}})),
            ),
            event(
                "customer.payment_received",
                with(moved(400), json!({"payment_id": "p1", "method": "transfer"})),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn a_balance_is_the_sum_of_amounts_and_may_fall_below_zero() {
        let rows = folded::<CustomerRow>(samples::life()).unwrap();
        assert_eq!(rows[0].balance_minor, -150);
        assert_eq!(rows[0].name_sealed, "v1.xyz");
    }

    #[test]
    fn what_is_given_is_changed_null_clears_and_the_rest_stays() {
        let change = |data| event("customer.changed", data);
        let life = samples::life().into_iter().chain([
            change(
                json!({"customer_id": "c1", "phone": {"sealed": "v1.phone"}, "email": {"sealed": "v1.mail"}}),
            ),
            change(
                json!({"customer_id": "c1", "kind": "company", "name": {"sealed": "v1.new"}, "phone": null}),
            ),
            event(
                "customer.status_changed",
                json!({"customer_id": "c1", "status": "blocked"}),
            ),
        ]);
        let row = folded::<CustomerRow>(life).unwrap().remove(0);
        assert_eq!((row.kind.as_str(), row.status.as_str()), ("company", "blocked"));
        assert_eq!((row.name_sealed.as_str(), row.phone_sealed), ("v1.new", None));
        assert_eq!(
            (row.email_sealed.as_deref(), row.balance_minor),
            (Some("v1.mail"), -150)
        );
    }

    #[test]
    fn new_terms_leave_the_balance_alone() {
        let unlimited = json!({"customer_id": "c1", "credit": {"kind": "unlimited"}, "currency": "HNL"});
        let rows = folded::<CustomerRow>(
            samples::life()
                .into_iter()
                .chain([event("customer.credit_changed", unlimited)]),
        )
        .unwrap();
        assert_eq!(
            (
                rows[0].credit_kind.as_str(),
                rows[0].credit_limit_minor,
                rows[0].balance_minor
            ),
            ("unlimited", None, -150)
        );
    }
}
