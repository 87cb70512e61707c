//! Quotes and orders: how far each has come, and its deliveries, invoices and returns (TRD-1).
//!
//! Not here: the lines (`order_lines`), and what is kept (`stock`).

use schemas::Event;
use schemas::OrderId;
use schemas::events::OrderEvent;
use schemas::events::order::OrderContent;
use serde::Serialize;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add, document};

crate::read_model_row! {
    /// One quote or order. Amounts are in minor units of `currency`.
    OrderRow, OrderKey {
        key { tenant: String, order_id: String }
        /// The tenant's own number for it, where it numbers orders.
        number: Option<String>,
        /// 1 as it was made, one more with each change and the acceptance.
        revision: i64,
        /// `quote`, `open`, `confirmed`, `partly_delivered`, `delivered`, `invoiced`, `returned`, `cancelled` or
        /// `expired`.
        status: String,
        store: String,
        customer_id: Option<String>,
        reference: Option<String>,
        currency: String,
        line_count: i64,
        gross_minor: i64,
        discount_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        /// Pieces of all lines together.
        ordered_quantity: i64,
        delivered_quantity: i64,
        returned_quantity: i64,
        /// Less what was credited.
        invoiced_quantity: i64,
        /// Less what was credited.
        invoiced_minor: i64,
        /// Of a quote, also of one that was accepted.
        valid_until: Option<OffsetDateTime>,
        /// `OrderDelivered`s as a JSON array, in order.
        deliveries: String,
        /// `OrderInvoiced`s as a JSON array, in order.
        invoices: String,
        /// `OrderReturned`s as a JSON array, in order.
        returns: String,
        /// Who made it.
        actor: String,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
        /// When goods left last.
        delivered_at: Option<OffsetDateTime>,
        /// Position of the event that made it: lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

pub(super) fn id_of(event: &OrderEvent) -> &OrderId {
    match event {
        OrderEvent::Quoted(e) => &e.order_id,
        OrderEvent::Placed(e) => &e.order_id,
        OrderEvent::Changed(e) => &e.order_id,
        OrderEvent::Accepted(e) => &e.order_id,
        OrderEvent::Confirmed(e) => &e.order_id,
        OrderEvent::Delivered(e) => &e.order_id,
        OrderEvent::Invoiced(e) => &e.order_id,
        OrderEvent::Returned(e) => &e.order_id,
        OrderEvent::Cancelled(e) => &e.order_id,
        OrderEvent::Expired(e) => &e.order_id,
    }
}

/// Appends a document to a JSON array.
fn push(array: &mut String, entry: &impl Serialize) -> Result<(), FoldError> {
    let text = document(entry)?;
    let separator = if array == "[]" { "" } else { "," };
    array.pop();
    array.push_str(separator);
    array.push_str(&text);
    array.push(']');
    Ok(())
}

impl OrderRow {
    fn new(
        key: &OrderKey,
        content: &OrderContent,
        number: Option<&String>,
        (status, valid_until): (&str, Option<OffsetDateTime>),
        fact: &Fact,
    ) -> Result<Self, FoldError> {
        let mut row = OrderRow {
            tenant: key.tenant.clone(),
            order_id: key.order_id.clone(),
            number: number.cloned(),
            revision: 1,
            status: status.to_owned(),
            store: String::new(),
            customer_id: None,
            reference: None,
            currency: String::new(),
            line_count: 0,
            gross_minor: 0,
            discount_minor: 0,
            tax_minor: 0,
            total_minor: 0,
            ordered_quantity: 0,
            delivered_quantity: 0,
            returned_quantity: 0,
            invoiced_quantity: 0,
            invoiced_minor: 0,
            valid_until,
            deliveries: "[]".to_owned(),
            invoices: "[]".to_owned(),
            returns: "[]".to_owned(),
            actor: fact.actor().to_owned(),
            created_at: fact.recorded_at,
            changed_at: fact.recorded_at,
            delivered_at: None,
            created_position: fact.position,
            last_position: fact.position,
        };
        row.be_about(content)?;
        Ok(row)
    }

    /// What is offered or ordered, whatever it was before.
    fn be_about(&mut self, content: &OrderContent) -> Result<(), FoldError> {
        self.store = content.store.to_string();
        self.customer_id = content.customer_id.as_ref().map(ToString::to_string);
        self.reference.clone_from(&content.reference);
        content.currency.code().clone_into(&mut self.currency);
        self.line_count =
            i64::try_from(content.lines.len()).map_err(|_| FoldError::OutOfRange("line_count"))?;
        self.gross_minor = content.gross_minor.get();
        self.discount_minor = content.discount_minor.get();
        self.tax_minor = content.tax_minor.get();
        self.total_minor = content.total_minor.get();
        self.ordered_quantity = 0;
        for line in &content.lines {
            add(
                &mut self.ordered_quantity,
                line.quantity.get(),
                "ordered_quantity",
            )?;
        }
        Ok(())
    }

    fn take(&mut self, event: &OrderEvent) -> Result<(), FoldError> {
        match event {
            OrderEvent::Changed(e) => {
                add(&mut self.revision, 1, "revision")?;
                self.be_about(&e.content)?;
                self.valid_until = e.valid_until.or(self.valid_until);
            }
            OrderEvent::Accepted(e) => {
                add(&mut self.revision, 1, "revision")?;
                self.status = "open".to_owned();
                self.customer_id = e.customer_id.as_ref().map(ToString::to_string);
            }
            OrderEvent::Confirmed(_) => self.status = "confirmed".to_owned(),
            OrderEvent::Cancelled(_) => self.status = "cancelled".to_owned(),
            OrderEvent::Expired(_) => self.status = "expired".to_owned(),
            OrderEvent::Delivered(e) => {
                for line in &e.lines {
                    add(
                        &mut self.delivered_quantity,
                        line.quantity.get(),
                        "delivered_quantity",
                    )?;
                }
                self.delivered_at = Some(e.occurred_at);
                push(&mut self.deliveries, e)?;
            }
            OrderEvent::Invoiced(e) => {
                for line in &e.lines {
                    add(
                        &mut self.invoiced_quantity,
                        line.quantity.get(),
                        "invoiced_quantity",
                    )?;
                }
                add(&mut self.invoiced_minor, e.total_minor.get(), "invoiced_minor")?;
                push(&mut self.invoices, e)?;
            }
            OrderEvent::Returned(e) => {
                for line in &e.lines {
                    add(
                        &mut self.returned_quantity,
                        line.quantity.get(),
                        "returned_quantity",
                    )?;
                    add(
                        &mut self.invoiced_quantity,
                        -line.credited_quantity,
                        "invoiced_quantity",
                    )?;
                }
                add(&mut self.invoiced_minor, -e.total_minor.get(), "invoiced_minor")?;
                push(&mut self.returns, e)?;
            }
            OrderEvent::Quoted(_) | OrderEvent::Placed(_) => {}
        }
        self.follow_quantities();
        Ok(())
    }

    /// An order that delivers is called by what has become of its goods; one that was cancelled stays cancelled.
    fn follow_quantities(&mut self) {
        if self.delivered_quantity == 0 || self.status == "cancelled" {
            return;
        }
        let with_customer = self.delivered_quantity - self.returned_quantity;
        self.status = if self.delivered_quantity < self.ordered_quantity {
            "partly_delivered"
        } else if with_customer == 0 {
            "returned"
        } else if self.invoiced_quantity == with_customer {
            "invoiced"
        } else {
            "delivered"
        }
        .to_owned();
    }
}

impl ReadModel for OrderRow {
    const NAME: &'static str = "orders";
    const VERSION: i32 = 3;
    const INDEXES: &'static str = "
        create index rm_orders_order on rm_orders (tenant, created_position);
        create index rm_orders_number on rm_orders (tenant, number) where number is not null;
        create index rm_orders_status on rm_orders (tenant, status, created_position);
        create index rm_orders_store on rm_orders (tenant, store, created_position);
        create index rm_orders_customer on rm_orders (tenant, customer_id, created_position)
          where customer_id is not null;";

    fn opens(fact: &Fact) -> bool {
        matches!(
            fact.event,
            Event::Order(OrderEvent::Quoted(_) | OrderEvent::Placed(_))
        )
    }

    fn keys(fact: &Fact) -> Vec<OrderKey> {
        let Event::Order(event) = &fact.event else {
            return Vec::new();
        };
        vec![OrderKey {
            tenant: fact.tenant.clone(),
            order_id: id_of(event).to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &OrderKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Order(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        match event {
            OrderEvent::Quoted(e) => {
                let is = ("quote", Some(e.valid_until));
                return Self::new(key, &e.content, e.number.as_ref(), is, fact);
            }
            OrderEvent::Placed(e) => {
                return Self::new(key, &e.content, e.number.as_ref(), ("open", None), fact);
            }
            _ => {}
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        row.take(event)?;
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

    fn row(events: impl IntoIterator<Item = Event>) -> OrderRow {
        folded::<OrderRow>(events).unwrap().remove(0)
    }

    #[test]
    fn an_order_says_how_far_it_has_come() {
        let mut events = vec![samples::quoted()];
        assert_eq!(row(events.clone()).status, "quote");
        for (kind, status) in [("accepted", "open"), ("confirmed", "confirmed")] {
            events.push(samples::stage(kind));
            assert_eq!(row(events.clone()).status, status);
        }
        for (event, status) in [
            (samples::delivered("e1", 2, 0), "partly_delivered"),
            (samples::delivered("e2", 1, 1), "delivered"),
            (samples::invoiced(3, 270), "delivered"),
        ] {
            events.push(event);
            assert_eq!(row(events.clone()).status, status);
        }
        let found = row(events);
        assert_eq!(
            (
                found.delivered_quantity,
                found.invoiced_quantity,
                found.invoiced_minor
            ),
            (4, 3, 270)
        );
        let deliveries: Vec<serde_json::Value> = serde_json::from_str(&found.deliveries).unwrap();
        assert_eq!(
            deliveries.iter().map(|d| &d["delivery_id"]).collect::<Vec<_>>(),
            ["e1", "e2"]
        );
    }

    #[test]
    fn a_change_replaces_what_it_is_about_and_its_number_stays() {
        let found = row([samples::quoted(), samples::changed(Some("2026-12-24T16:00:00Z"))]);
        assert_eq!(
            (
                found.status.as_str(),
                found.store.as_str(),
                found.number.as_deref()
            ),
            ("quote", "norte", Some("P-7"))
        );
        assert_eq!(
            (
                found.revision,
                found.line_count,
                found.ordered_quantity,
                found.total_minor
            ),
            (2, 1, 5, 550)
        );
        assert_eq!(found.customer_id, None);
        assert_eq!(found.valid_until.map(|until| until.day()), Some(24));
        let accepted = row([
            samples::quoted(),
            samples::stage("accepted"),
            samples::changed(None),
        ]);
        assert_eq!(
            (accepted.revision, accepted.valid_until.map(|until| until.day())),
            (3, Some(22))
        );
    }

    #[test]
    fn what_comes_back_is_taken_off_what_was_invoiced() {
        let found = row([
            samples::placed(),
            samples::stage("confirmed"),
            samples::delivered("e1", 3, 1),
            samples::invoiced(3, 270),
            samples::returned(),
        ]);
        assert_eq!(
            (
                found.invoiced_quantity,
                found.invoiced_minor,
                found.returned_quantity
            ),
            (2, 180, 1)
        );
        assert_eq!(found.status, "delivered");
    }

    #[test]
    fn a_cancelled_order_stays_cancelled_and_a_quote_may_expire() {
        let cancelled = [
            samples::placed(),
            samples::stage("confirmed"),
            samples::delivered("e1", 1, 0),
            samples::stage("cancelled"),
            samples::invoiced(1, 90),
        ];
        assert_eq!(row(cancelled).status, "cancelled");
        assert_eq!(
            row([samples::quoted(), samples::stage("expired")]).status,
            "expired"
        );
        assert!(folded::<OrderRow>([samples::stage("expired")]).is_err());
    }
}
