//! Purchases: where they stand, what they were ordered for and what has become of it (TRD-2).
//!
//! Not here: their lines (`purchase_lines`), receptions, later costs and returns one by one (`purchases_documents`), and
//! what is owed (`suppliers`).

use schemas::events::PurchaseEvent;
use schemas::events::purchase::{PurchaseChanged, PurchaseOrdered};
use schemas::{Event, PurchaseId};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One purchase. Amounts are in minor units of `currency`.
    PurchaseRow, PurchaseKey {
        key { tenant: String, purchase_id: String }
        /// The tenant's own number for it, where it numbers purchases.
        number: Option<String>,
        /// 1 as it was written, one more with each change and each time that lines were given up.
        revision: i64,
        supplier_id: String,
        store: String,
        /// `ordered`, `sent`, `partially_received`, `received`, `closed` or `cancelled`.
        status: String,
        tolerance_percent: i64,
        /// When the goods are expected: `2026-12-01`.
        expected_on: Option<String>,
        note: Option<String>,
        currency: String,
        /// As ordered: without tax, the tax, and both.
        net_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        /// Pieces: ordered, still to come, received, given up, sent back.
        ordered: i64,
        outstanding: i64,
        received: i64,
        cancelled: i64,
        returned: i64,
        /// Totals with tax: of what was received, of that what is invoiced, of later costs, of returns' credits.
        received_minor: i64,
        invoiced_minor: i64,
        adjusted_minor: i64,
        credited_minor: i64,
        /// Later costs of goods that had left; below zero a gain.
        expensed_minor: i64,
        /// Returns' credits without tax, less what the goods were worth: a gain, or below zero a loss.
        difference_minor: i64,
        /// Who ordered it.
        actor: String,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
        /// Position of the event that made it: lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

pub(super) fn id_of(event: &PurchaseEvent) -> &PurchaseId {
    match event {
        PurchaseEvent::Ordered(e) => &e.purchase_id,
        PurchaseEvent::Changed(e) => &e.purchase_id,
        PurchaseEvent::Sent(e) => &e.purchase_id,
        PurchaseEvent::Received(e) => &e.purchase_id,
        PurchaseEvent::Invoiced(e) => &e.purchase_id,
        PurchaseEvent::CostAdjusted(e) => &e.purchase_id,
        PurchaseEvent::Returned(e) => &e.purchase_id,
        PurchaseEvent::Cancelled(e) => &e.purchase_id,
        PurchaseEvent::Closed(e) => &e.purchase_id,
    }
}

impl PurchaseRow {
    fn ordered(key: &PurchaseKey, e: &PurchaseOrdered, fact: &Fact) -> Result<Self, FoldError> {
        let mut pieces = 0;
        for line in &e.lines {
            add(&mut pieces, line.quantity.get(), "ordered")?;
        }
        Ok(PurchaseRow {
            tenant: key.tenant.clone(),
            purchase_id: key.purchase_id.clone(),
            number: e.number.clone(),
            revision: 1,
            supplier_id: e.supplier_id.to_string(),
            store: e.store.to_string(),
            status: "ordered".to_owned(),
            tolerance_percent: e.tolerance_percent,
            expected_on: e.expected_on.clone(),
            note: e.note.clone(),
            currency: e.currency.code().to_owned(),
            net_minor: e.net_minor.get(),
            tax_minor: e.tax_minor.get(),
            total_minor: e.total_minor.get(),
            ordered: pieces,
            outstanding: pieces,
            received: 0,
            cancelled: 0,
            returned: 0,
            received_minor: 0,
            invoiced_minor: 0,
            adjusted_minor: 0,
            credited_minor: 0,
            expensed_minor: 0,
            difference_minor: 0,
            actor: fact.actor().to_owned(),
            created_at: fact.recorded_at,
            changed_at: fact.recorded_at,
            created_position: fact.position,
            last_position: fact.position,
        })
    }

    fn take(&mut self, event: &PurchaseEvent) -> Result<(), FoldError> {
        match event {
            PurchaseEvent::Ordered(_) | PurchaseEvent::Sent(_) | PurchaseEvent::Closed(_) => {}
            PurchaseEvent::Changed(e) => self.change(e)?,
            PurchaseEvent::Received(e) => {
                for line in &e.lines {
                    let quantity = line.quantity.get();
                    add(&mut self.received, quantity, "received")?;
                    // What came beyond the order was not outstanding.
                    add(
                        &mut self.outstanding,
                        line.over_quantity - quantity,
                        "outstanding",
                    )?;
                }
                add(&mut self.received_minor, e.total_minor.get(), "received_minor")?;
            }
            PurchaseEvent::Invoiced(e) => {
                add(&mut self.invoiced_minor, e.total_minor.get(), "invoiced_minor")?;
            }
            PurchaseEvent::CostAdjusted(e) => {
                add(&mut self.adjusted_minor, e.total_minor.get(), "adjusted_minor")?;
                add(&mut self.expensed_minor, e.expensed_minor.get(), "expensed_minor")?;
            }
            PurchaseEvent::Returned(e) => {
                for line in &e.lines {
                    add(&mut self.returned, line.quantity.get(), "returned")?;
                }
                add(&mut self.credited_minor, e.total_minor.get(), "credited_minor")?;
                add(
                    &mut self.difference_minor,
                    e.difference_minor.get(),
                    "difference_minor",
                )?;
            }
            PurchaseEvent::Cancelled(e) => {
                add(&mut self.revision, 1, "revision")?;
                for line in &e.lines {
                    add(&mut self.cancelled, line.quantity.get(), "cancelled")?;
                    add(&mut self.outstanding, -line.quantity.get(), "outstanding")?;
                }
            }
        }
        Ok(())
    }

    /// It was not sent yet: what was given up of its lines is gone with them.
    fn change(&mut self, e: &PurchaseChanged) -> Result<(), FoldError> {
        add(&mut self.revision, 1, "revision")?;
        self.supplier_id = e.supplier_id.to_string();
        self.store = e.store.to_string();
        self.tolerance_percent = e.tolerance_percent;
        self.expected_on.clone_from(&e.expected_on);
        self.note.clone_from(&e.note);
        e.currency.code().clone_into(&mut self.currency);
        self.net_minor = e.net_minor.get();
        self.tax_minor = e.tax_minor.get();
        self.total_minor = e.total_minor.get();
        (self.ordered, self.cancelled) = (0, 0);
        for line in &e.lines {
            add(&mut self.ordered, line.quantity.get(), "ordered")?;
        }
        self.outstanding = self.ordered;
        Ok(())
    }

    /// The status after an event: how far it is, and how much has come.
    fn status_after(&self, event: &PurchaseEvent) -> &'static str {
        let is_over = matches!(event, PurchaseEvent::Closed(_)) || self.status == "closed";
        let is_sent = matches!(event, PurchaseEvent::Sent(_)) || self.status != "ordered";
        match (self.outstanding, self.received) {
            _ if is_over => "closed",
            (0, 0) => "cancelled",
            _ if !is_sent => "ordered",
            (0, _) => "received",
            (_, 0) => "sent",
            _ => "partially_received",
        }
    }
}

impl ReadModel for PurchaseRow {
    const NAME: &'static str = "purchases";
    const VERSION: i32 = 3;
    const INDEXES: &'static str = "
        create index rm_purchases_order on rm_purchases (tenant, created_position);
        create index rm_purchases_number on rm_purchases (tenant, number) where number is not null;
        create index rm_purchases_supplier on rm_purchases (tenant, supplier_id, created_position);
        create index rm_purchases_open on rm_purchases (tenant, store, created_position)
          where status in ('ordered', 'sent', 'partially_received');";

    fn keys(fact: &Fact) -> Vec<PurchaseKey> {
        let Event::Purchase(event) = &fact.event else {
            return Vec::new();
        };
        vec![PurchaseKey {
            tenant: fact.tenant.clone(),
            purchase_id: id_of(event).to_string(),
        }]
    }

    fn opens(fact: &Fact) -> bool {
        matches!(&fact.event, Event::Purchase(PurchaseEvent::Ordered(_)))
    }

    fn fold(row: Option<Self>, key: &PurchaseKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Purchase(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let PurchaseEvent::Ordered(e) = event {
            return Self::ordered(key, e, fact);
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        row.take(event)?;
        row.status = row.status_after(event).to_owned();
        row.changed_at = fact.recorded_at;
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
pub(super) mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::given::folded;

    fn status(events: Vec<Event>) -> String {
        folded::<PurchaseRow>(events).unwrap()[0].status.clone()
    }

    #[test]
    fn a_change_replaces_what_was_ordered_and_what_was_given_up_of_it() {
        let events = [samples::ordered(), samples::cancelled(1, 5), samples::changed()];
        let found = folded::<PurchaseRow>(events).unwrap().remove(0);
        assert_eq!(
            (found.status.as_str(), found.revision, found.note.as_deref()),
            ("ordered", 3, Some("solo teléfonos"))
        );
        assert_eq!(
            (
                found.ordered,
                found.outstanding,
                found.cancelled,
                found.total_minor
            ),
            (3, 3, 0, 750)
        );
    }

    #[test]
    fn a_purchase_says_how_far_it_is() {
        let life = samples::life();
        let so_far = |count: usize| status(life[..count].to_vec());
        assert_eq!(so_far(1), "ordered");
        assert_eq!(so_far(2), "sent");
        assert_eq!(so_far(3), "partially_received");
        assert_eq!(so_far(7), "partially_received");
        assert_eq!(so_far(8), "received");
        let with = |more: Vec<Event>| status([life.clone(), more].concat());
        assert_eq!(with(vec![samples::plain("closed")]), "closed");
        let ordered = || vec![samples::ordered()];
        let then = |more: Vec<Event>| status([ordered(), more].concat());
        assert_eq!(then(vec![samples::cancelled(1, 5)]), "ordered");
        assert_eq!(
            then(vec![samples::cancelled(1, 5), samples::cancelled(2, 2)]),
            "cancelled"
        );
        assert_eq!(
            then(vec![samples::plain("sent"), samples::cancelled(1, 7)]),
            "cancelled"
        );
    }

    #[test]
    fn pieces_and_amounts_are_sums_of_documents() {
        let rows = folded::<PurchaseRow>(samples::life()).unwrap();
        let row = &rows[0];
        assert_eq!(
            (
                row.ordered,
                row.outstanding,
                row.received,
                row.cancelled,
                row.returned
            ),
            (7, 0, 7, 1, 1)
        );
        assert_eq!((row.received_minor, row.invoiced_minor), (800, 400));
        assert_eq!((row.adjusted_minor, row.expensed_minor), (69, 10));
        assert_eq!((row.credited_minor, row.difference_minor), (115, -10));
    }

    #[test]
    fn what_was_never_ordered_cannot_be_sent() {
        assert!(folded::<PurchaseRow>([samples::plain("sent")]).is_err());
    }
}
