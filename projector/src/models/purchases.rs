//! Purchases: where they stand, what they were ordered for and what has become of it (TRD-2).
//!
//! Not here: their lines (`purchase_lines`), receptions, later costs and returns one by one (`purchases_documents`), and
//! what is owed (`suppliers`).

use schemas::events::PurchaseEvent;
use schemas::events::purchase::PurchaseOrdered;
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
                for line in &e.lines {
                    add(&mut self.cancelled, line.quantity.get(), "cancelled")?;
                    add(&mut self.outstanding, -line.quantity.get(), "outstanding")?;
                }
            }
        }
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
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "
        create index rm_purchases_order on rm_purchases (tenant, created_position);
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
pub(super) mod samples {
    //! A purchase of five A and two P, shared with the tests of lines, documents and lots.

    use serde_json::{Value, json};

    use super::*;
    use crate::fact::given::event;

    fn of_oc1(name: &str, extra: Value) -> Event {
        let mut data =
            json!({"purchase_id": "oc1", "supplier_id": "p1", "store": "centro", "currency": "HNL"});
        data.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        event(&format!("purchase.{name}"), data)
    }

    pub fn ordered() -> Event {
        of_oc1(
            "ordered",
            json!({"tolerance_percent": 20, "net_minor": 900, "tax_minor": 75, "total_minor": 975, "lines": [
                {"line": 1, "sku": "A", "kind": "counted", "quantity": 5, "unit_cost_minor": 100, "tax_code": "ISV15",
                 "tax_rate_ppm": 150_000, "net_minor": 500, "tax_minor": 75},
                {"line": 2, "sku": "P", "kind": "serialised", "quantity": 2, "unit_cost_minor": 200,
                 "tax_rate_ppm": 0, "net_minor": 400, "tax_minor": 0}]}),
        )
    }

    pub fn plain(name: &str) -> Event {
        of_oc1(name, json!({}))
    }

    pub fn received(id: &str, lines: Value, total: i64) -> Event {
        of_oc1(
            "received",
            json!({"reception_id": id, "lines": lines, "net_minor": total, "tax_minor": 0, "total_minor": total}),
        )
    }

    pub fn cancelled(line: i64, quantity: i64) -> Event {
        let lines = json!([{"line": line, "sku": "A", "quantity": quantity, "net_minor": quantity * 100}]);
        of_oc1("cancelled", json!({"lines": lines, "net_minor": quantity * 100}))
    }

    /// Two A and a P come, then four A, which is one too many; freight; one A goes back; one P is given up.
    pub fn life() -> Vec<Event> {
        let line = |line: i64, sku: &str, quantity: i64, extra: Value| {
            let mut data = json!({"line": line, "sku": sku, "quantity": quantity, "unit_cost_minor": 100,
                                  "net_minor": quantity * 100, "tax_minor": 0});
            data.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            data
        };
        let first = json!([
            line(
                1,
                "A",
                2,
                json!({"lots": [{"lot": "L1", "quantity": 1, "expires_on": "2027-01-01"}]})
            ),
            line(2, "P", 1, json!({"units": ["serial:1"]})),
        ]);
        let lots = json!([{"lot": "L1", "quantity": 1, "expires_on": "2028-01-01"}, {"lot": "L1", "quantity": 1},
                          {"lot": "L2", "quantity": 1}]);
        let second = json!([line(1, "A", 4, json!({"over_quantity": 1, "lots": lots}))]);
        vec![
            ordered(),
            plain("sent"),
            received("r1", first, 400),
            received("r2", second, 400),
            of_oc1(
                "invoiced",
                json!({"reception_id": "r2", "invoice": "F-2", "total_minor": 400}),
            ),
            of_oc1(
                "cost_adjusted",
                json!({"adjustment_id": "a1", "invoice": "F-3", "net_minor": 60, "tax_minor": 9, "total_minor": 69,
                       "on_shelf_minor": 50, "expensed_minor": 10, "lines": [
                    {"line": 1, "sku": "A", "kind": "freight", "delta_minor": 60, "tax_minor": 9, "on_shelf_minor": 50,
                     "expensed_minor": 10}]}),
            ),
            of_oc1(
                "returned",
                json!({"return_id": "d1", "net_minor": 100, "tax_minor": 15, "total_minor": 115, "value_minor": 110,
                       "difference_minor": -10, "lines": [
                    {"line": 1, "sku": "A", "quantity": 1, "credit_minor": 100, "tax_minor": 15, "costed_quantity": 1,
                     "value_minor": 110, "difference_minor": -10}]}),
            ),
            cancelled(2, 1),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::given::folded;

    fn status(events: Vec<Event>) -> String {
        folded::<PurchaseRow>(events).unwrap()[0].status.clone()
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
