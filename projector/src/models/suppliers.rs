//! Suppliers with what we owe them (CRM-2). They are organisations: nothing here is personal.
//!
//! Not here: the ledger behind the balance (`supplier_ledger`), contacts (`suppliers_contacts`), lots (`suppliers_lots`).

use schemas::events::SupplierEvent;
use schemas::{Event, SupplierId};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One supplier.
    SupplierRow, SupplierKey {
        key { tenant: String, supplier_id: String }
        name: String,
        tax_id: Option<String>,
        /// Days from invoice to payment.
        payment_days: Option<i64>,
        note: Option<String>,
        /// Whether it is ordered from.
        active: bool,
        currency: String,
        /// What we owe; negative is what the supplier owes us. The sum of the ledger.
        balance_minor: i64,
        last_position: i64,
        registered_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

/// The supplier of an event, and how it changes what we owe.
pub(super) fn balance_change(event: &SupplierEvent) -> (&SupplierId, i64) {
    match event {
        SupplierEvent::Registered(e) => (&e.supplier_id, 0),
        SupplierEvent::Changed(e) => (&e.supplier_id, 0),
        SupplierEvent::Deactivated(e) => (&e.supplier_id, 0),
        SupplierEvent::Reactivated(e) => (&e.supplier_id, 0),
        SupplierEvent::ContactAdded(e) => (&e.supplier_id, 0),
        SupplierEvent::ContactChanged(e) => (&e.supplier_id, 0),
        SupplierEvent::ContactRemoved(e) => (&e.supplier_id, 0),
        SupplierEvent::Charged(e) => (&e.supplier_id, e.amount_minor.get()),
        SupplierEvent::Credited(e) => (&e.supplier_id, -e.amount_minor.get()),
        SupplierEvent::Paid(e) => (&e.supplier_id, -e.amount_minor.get()),
        SupplierEvent::DebtAdjusted(e) => (&e.supplier_id, e.delta_minor.get()),
    }
}

impl ReadModel for SupplierRow {
    const NAME: &'static str = "suppliers";
    const VERSION: i32 = 1;
    const INDEXES: &'static str =
        "create index rm_suppliers_debt on rm_suppliers (tenant, supplier_id) where balance_minor > 0;";

    fn keys(fact: &Fact) -> Vec<SupplierKey> {
        let Event::Supplier(event) = &fact.event else {
            return Vec::new();
        };
        vec![SupplierKey {
            tenant: fact.tenant.clone(),
            supplier_id: balance_change(event).0.to_string(),
        }]
    }

    fn opens(fact: &Fact) -> bool {
        matches!(&fact.event, Event::Supplier(SupplierEvent::Registered(_)))
    }

    fn fold(row: Option<Self>, key: &SupplierKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Supplier(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let SupplierEvent::Registered(e) = event {
            return Ok(SupplierRow {
                tenant: key.tenant.clone(),
                supplier_id: key.supplier_id.clone(),
                name: e.details.name.clone(),
                tax_id: e.details.tax_id.clone(),
                payment_days: e.details.payment_days,
                note: e.details.note.clone(),
                active: true,
                currency: e.currency.code().to_owned(),
                balance_minor: 0,
                last_position: fact.position,
                registered_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            SupplierEvent::Changed(e) => {
                row.name.clone_from(&e.details.name);
                row.tax_id.clone_from(&e.details.tax_id);
                row.payment_days = e.details.payment_days;
                row.note.clone_from(&e.details.note);
            }
            SupplierEvent::Deactivated(_) => row.active = false,
            SupplierEvent::Reactivated(_) => row.active = true,
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
    //! A supplier's life, shared with the ledger's and the contacts' tests.

    use serde_json::{Value, json};

    use super::*;
    use crate::fact::given::event;

    fn of_p1(name: &str, extra: Value) -> Event {
        let mut data = json!({"supplier_id": "p1"});
        data.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        event(&format!("supplier.{name}"), data)
    }

    pub fn life() -> Vec<Event> {
        // What events say of the balance is none of a fold's business.
        let moved = |mut extra: Value| {
            extra["currency"] = json!("HNL");
            extra["balance_minor"] = json!(99_999);
            extra
        };
        let cause = |kind: &str| {
            json!({"kind": kind, "purchase_id": "oc1", "reception_id": "r1", "invoice": "F-1",
                   "adjustment_id": "a1", "return_id": "d1"})
        };
        vec![
            of_p1(
                "registered",
                json!({"name": "Sur", "payment_days": 30, "currency": "HNL"}),
            ),
            of_p1(
                "charged",
                moved(json!({"amount_minor": 900, "cause": cause("invoice")})),
            ),
            of_p1(
                "charged",
                moved(json!({"amount_minor": 50, "cause": cause("cost_adjustment")})),
            ),
            of_p1(
                "credited",
                moved(json!({"amount_minor": 300, "cause": cause("return")})),
            ),
            of_p1(
                "paid",
                moved(
                    json!({"payment_id": "p9", "amount_minor": 700, "method": "transfer", "reference": "BAC"}),
                ),
            ),
            of_p1(
                "debt_adjusted",
                moved(json!({"adjustment_id": "aj1", "delta_minor": -5, "note": "descuento"})),
            ),
        ]
    }

    pub fn contact(name: &str, id: &str) -> Event {
        let data = json!({"contact_id": id, "role": "ventas", "name": {"sealed": format!("v1.{id}")}});
        of_p1(&format!("contact_{name}"), data)
    }

    pub fn changed(name: &str) -> Event {
        of_p1(name, json!({"name": "Sur S. A.", "tax_id": "0801"}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn a_balance_is_the_sum_of_amounts() {
        let rows = folded::<SupplierRow>(samples::life()).unwrap();
        assert_eq!(rows[0].balance_minor, 900 + 50 - 300 - 700 - 5);
        assert!(rows[0].active);
    }

    #[test]
    fn new_details_replace_all_and_leave_the_balance_alone() {
        let events = [
            samples::life(),
            vec![samples::changed("changed"), samples::changed("deactivated")],
        ];
        let rows = folded::<SupplierRow>(events.concat()).unwrap();
        let row = &rows[0];
        assert_eq!((row.name.as_str(), row.payment_days), ("Sur S. A.", None));
        assert_eq!((row.active, row.balance_minor), (false, -55));
        assert!(folded::<SupplierRow>([samples::changed("reactivated")]).is_err());
    }
}
