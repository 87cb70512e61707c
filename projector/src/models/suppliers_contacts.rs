//! Persons to talk to at suppliers. Personal fields stay sealed here, each person's under a key of its own; the query
//! service opens a page of them at once.

use schemas::events::SupplierEvent;
use schemas::{ContactId, Event, Sealed, SupplierId};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One contact.
    SupplierContactRow, SupplierContactKey {
        key { tenant: String, supplier_id: String, contact_id: String }
        /// What the person does there.
        role: Option<String>,
        name_sealed: String,
        email_sealed: Option<String>,
        phone_sealed: Option<String>,
        /// Rows are never deleted: one that was removed is not listed.
        removed: bool,
        changed_at: OffsetDateTime,
    }
}

/// The contact that an event is about.
fn contact_of(event: &SupplierEvent) -> Option<(&SupplierId, &ContactId)> {
    match event {
        SupplierEvent::ContactAdded(e) => Some((&e.supplier_id, &e.contact_id)),
        SupplierEvent::ContactChanged(e) => Some((&e.supplier_id, &e.contact_id)),
        SupplierEvent::ContactRemoved(e) => Some((&e.supplier_id, &e.contact_id)),
        SupplierEvent::Registered(_)
        | SupplierEvent::Changed(_)
        | SupplierEvent::Deactivated(_)
        | SupplierEvent::Reactivated(_)
        | SupplierEvent::Charged(_)
        | SupplierEvent::Credited(_)
        | SupplierEvent::Paid(_)
        | SupplierEvent::DebtAdjusted(_) => None,
    }
}

fn sealed(field: Option<&Sealed>) -> Option<String> {
    field.map(|field| field.sealed.clone())
}

impl ReadModel for SupplierContactRow {
    const NAME: &'static str = "supplier_contacts";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<SupplierContactKey> {
        let Event::Supplier(event) = &fact.event else {
            return Vec::new();
        };
        let key = |(supplier_id, contact_id): (&SupplierId, &ContactId)| SupplierContactKey {
            tenant: fact.tenant.clone(),
            supplier_id: supplier_id.to_string(),
            contact_id: contact_id.to_string(),
        };
        contact_of(event).map(key).into_iter().collect()
    }

    fn fold(row: Option<Self>, key: &SupplierContactKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Supplier(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let (role, name, email, phone) = match event {
            SupplierEvent::ContactAdded(e) => (&e.role, &e.name, &e.email, &e.phone),
            SupplierEvent::ContactChanged(e) => (&e.role, &e.name, &e.email, &e.phone),
            SupplierEvent::ContactRemoved(_) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.removed = true;
                row.changed_at = fact.recorded_at;
                return Ok(row);
            }
            _ => return Err(FoldError::foreign(fact)),
        };
        Ok(SupplierContactRow {
            tenant: key.tenant.clone(),
            supplier_id: key.supplier_id.clone(),
            contact_id: key.contact_id.clone(),
            role: role.clone(),
            name_sealed: name.sealed.clone(),
            email_sealed: sealed(email.as_ref()),
            phone_sealed: sealed(phone.as_ref()),
            removed: false,
            changed_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::suppliers::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn a_contact_that_was_removed_may_come_back() {
        let removed = |events: Vec<Event>| {
            let rows = folded::<SupplierContactRow>(events).unwrap();
            rows.iter().map(|row| row.removed).collect::<Vec<_>>()
        };
        let added = samples::contact("added", "rosa");
        let gone = vec![added.clone(), samples::contact("removed", "rosa")];
        assert_eq!(removed(vec![added.clone()]), [false]);
        assert_eq!(removed(gone.clone()), [true]);
        assert_eq!(removed([gone, vec![added]].concat()), [false]);
        assert_eq!(removed(samples::life()), [] as [bool; 0]);
    }
}
