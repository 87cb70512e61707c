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
        (status, valid_until): (&str, Option<OffsetDateTime>),
        fact: &Fact,
    ) -> Result<Self, FoldError> {
        Ok(OrderRow {
            tenant: key.tenant.clone(),
            order_id: key.order_id.clone(),
            status: status.to_owned(),
            store: content.store.to_string(),
            customer_id: content.customer_id.as_ref().map(ToString::to_string),
            reference: content.reference.clone(),
            currency: content.currency.code().to_owned(),
            line_count: i64::try_from(content.lines.len())
                .map_err(|_| FoldError::OutOfRange("line_count"))?,
            gross_minor: content.gross_minor.get(),
            discount_minor: content.discount_minor.get(),
            tax_minor: content.tax_minor.get(),
            total_minor: content.total_minor.get(),
            ordered_quantity: content.lines.iter().map(|line| line.quantity.get()).sum(),
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
        })
    }

    fn take(&mut self, event: &OrderEvent) -> Result<(), FoldError> {
        match event {
            OrderEvent::Accepted(e) => {
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
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "
        create index rm_orders_order on rm_orders (tenant, created_position);
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
            OrderEvent::Quoted(e) => return Self::new(key, &e.content, ("quote", Some(e.valid_until)), fact),
            OrderEvent::Placed(e) => return Self::new(key, &e.content, ("open", None), fact),
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
pub(super) mod samples {
    //! An order of three cables and a phone, and what may happen to it.

    use serde_json::{Value, json};

    use super::*;
    use crate::fact::given::event;

    fn content() -> Value {
        json!({"store": "centro", "customer_id": "c1", "currency": "HNL",
            "lines": [
                {"line": 1, "sku": "A", "name": "Cable", "quantity": 3, "unit_price_minor": 100, "gross_minor": 300,
                 "discount_minor": 30, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 270},
                {"line": 2, "sku": "P", "name": "Teléfono", "quantity": 1, "unit_price_minor": 900, "gross_minor": 900,
                 "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 900}],
            "gross_minor": 1200, "discount_minor": 30, "tax_minor": 0, "total_minor": 1170})
    }

    pub fn quoted() -> Event {
        let data = json!({"order_id": "o1", "content": content(), "valid_until": "2026-12-22T16:00:00Z"});
        event("order.quoted", data)
    }

    pub fn placed() -> Event {
        event("order.placed", json!({"order_id": "o1", "content": content()}))
    }

    pub fn stage(kind: &str) -> Event {
        let data = json!({"order_id": "o1", "store": "centro", "customer_id": "c1",
                          "valid_until": "2026-12-22T16:00:00Z"});
        event(&format!("order.{kind}"), data)
    }

    pub fn delivered(id: &str, cables: i64, phones: i64) -> Event {
        let line = |line: i64, sku: &str, quantity: i64| {
            json!({"line": line, "sku": sku, "quantity": quantity,
            "costed_quantity": 0, "value_minor": 0})
        };
        let lines = [line(1, "A", cables), line(2, "P", phones)];
        let lines: Vec<&Value> = lines.iter().filter(|line| line["quantity"] != 0).collect();
        let data = json!({"order_id": "o1", "delivery_id": id, "store": "centro", "lines": lines,
                          "occurred_at": "2026-11-22T10:00:00-06:00"});
        event("order.delivered", data)
    }

    pub fn invoiced(cables: i64, total: i64) -> Event {
        let data = json!({"order_id": "o1", "invoice_id": "f1", "store": "centro", "customer_id": "c1", "currency": "HNL",
            "lines": [{"line": 1, "sku": "A", "quantity": cables, "tax_minor": 0, "total_minor": total}],
            "payments": [{"method": "credit", "amount_minor": total, "tendered_minor": total}], "tax_minor": 0,
            "total_minor": total, "change_minor": 0, "occurred_at": "2026-11-22T10:00:00-06:00",
            "business_day": "2026-11-22"});
        event("order.invoiced", data)
    }

    /// One cable that was invoiced comes back.
    pub fn returned() -> Event {
        let data = json!({"order_id": "o1", "return_id": "d1", "store": "centro", "currency": "HNL",
            "lines": [{"line": 1, "sku": "A", "quantity": 1, "restocked": true, "credited_quantity": 1, "tax_minor": 0,
                       "total_minor": 90, "costed_quantity": 0, "value_minor": 0}],
            "tax_minor": 0, "total_minor": 90, "refunds": [{"method": "credit", "amount_minor": 90}],
            "occurred_at": "2026-11-23T10:00:00-06:00", "business_day": "2026-11-23"});
        event("order.returned", data)
    }
}

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
