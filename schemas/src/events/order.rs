//! Sales orders: quote, order, deliveries, invoices, returns. Stream `order/<order_id>`.
//!
//! Goods are kept under the stream's name (`inventory.reserved`), leave with `inventory.dispatched` and come back with
//! `inventory.arrived`, in the same append; a customer's account moves with `customer.charged` and `customer.credited`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use super::sale::{Refund, SaleLine, SalePayment};
use crate::ids::{CustomerId, InvoiceId, OrderDeliveryId, OrderId, ReturnId, Sku, StoreId, UnitId};
use crate::money::{Currency, Minor};
use crate::quantity::Quantity;

module_events! {
    /// The life of one sales order.
    OrderEvent {
        Quoted(OrderQuoted) = "order.quoted" v 2,
        Placed(OrderPlaced) = "order.placed" v 2,
        Changed(OrderChanged) = "order.changed" v 1,
        Accepted(OrderAccepted) = "order.accepted" v 1,
        Confirmed(OrderConfirmed) = "order.confirmed" v 1,
        Delivered(OrderDelivered) = "order.delivered" v 1,
        Invoiced(OrderInvoiced) = "order.invoiced" v 2,
        Returned(OrderReturned) = "order.returned" v 2,
        Cancelled(OrderCancelled) = "order.cancelled" v 1,
        Expired(OrderExpired) = "order.expired" v 1,
    }
}

impl OrderEvent {
    /// Reads an earlier version as the newest. Version 1 of each is version 2 without the document's number, and for an
    /// invoice without what stands before the discount: nobody said it then, and it is not guessed.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("order.quoted", 1) => Some(
                serde_json::from_str(data)
                    .map(|old: OrderQuoted| Self::Quoted(OrderQuoted { number: None, ..old })),
            ),
            ("order.placed", 1) => Some(
                serde_json::from_str(data)
                    .map(|old: OrderPlaced| Self::Placed(OrderPlaced { number: None, ..old })),
            ),
            ("order.invoiced", 1) => Some(serde_json::from_str(data).map(|mut old: OrderInvoiced| {
                (old.gross_minor, old.discount_minor) = (None, None);
                for line in &mut old.lines {
                    (line.gross_minor, line.discount_minor) = (None, None);
                }
                Self::Invoiced(old)
            })),
            ("order.returned", 1) => Some(
                serde_json::from_str(data)
                    .map(|old: OrderReturned| Self::Returned(OrderReturned { number: None, ..old })),
            ),
            _ => None,
        }
    }
}

/// What is offered or ordered, with its prices. They hold from now on, whatever the catalogue says later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderContent {
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The customer's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    pub currency: Currency,
    pub lines: Vec<SaleLine>,
    pub gross_minor: Minor,
    pub discount_minor: Minor,
    pub tax_minor: Minor,
    /// Sum of the lines' totals.
    pub total_minor: Minor,
}

/// The shop offers these goods at these prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderQuoted {
    pub order_id: OrderId,
    /// The next one of the tenant's order numbers, where it has any; an order that the quote becomes keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub content: OrderContent,
    /// Until when it can be accepted; to the microsecond.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub valid_until: OffsetDateTime,
}

/// The customer ordered without a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    pub order_id: OrderId,
    /// The next one of the tenant's order numbers, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub content: OrderContent,
}

/// A quote or an order that was not confirmed yet is about these goods at these prices now. Its number stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderChanged {
    pub order_id: OrderId,
    /// One more than before; 1 is what was made first, and an acceptance counts as well.
    pub revision: i64,
    /// All of it, also what did not change.
    pub content: OrderContent,
    /// How many lines it had: those with higher numbers than the content's are gone.
    pub lines_before: i64,
    /// Of a quote: until when it can be accepted now; to the microsecond.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub valid_until: Option<OffsetDateTime>,
}

/// The customer accepted the quote: it is an order now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAccepted {
    pub order_id: OrderId,
    pub store: StoreId,
    /// Whose order it is; a quote need not have said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
}

/// The shop promises the goods; they are kept from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    pub order_id: OrderId,
    pub store: StoreId,
}

/// What was delivered of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveredLine {
    /// Of the order, from 1.
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Serialised goods leave unit by unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// How many of the pieces have a known cost.
    pub costed_quantity: i64,
    /// What these cost together.
    pub value_minor: Minor,
}

/// Goods of the order left for the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDelivered {
    pub order_id: OrderId,
    pub delivery_id: OrderDeliveryId,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<DeliveredLine>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
}

/// What was invoiced of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoicedLine {
    /// Of the order, from 1.
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// `quantity` × the line's unit price. Absent from before invoices said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross_minor: Option<Minor>,
    /// The share of the line's discount that these pieces have. Absent from before invoices said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_minor: Option<Minor>,
    pub tax_minor: Minor,
    /// Tax included.
    pub total_minor: Minor,
}

/// Delivered goods were invoiced, and paid or charged to the customer's account in the same append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderInvoiced {
    pub order_id: OrderId,
    pub invoice_id: InvoiceId,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub lines: Vec<InvoicedLine>,
    pub payments: Vec<SalePayment>,
    /// Before discounts. Absent from before invoices said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross_minor: Option<Minor>,
    /// Absent from before invoices said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_minor: Option<Minor>,
    pub tax_minor: Minor,
    /// Sum of the lines' totals = sum of the payments.
    pub total_minor: Minor,
    pub change_minor: Minor,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    /// The day it counts for, in the tenant's time zone: `2010-12-01`.
    pub business_day: String,
}

/// What came back of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReturnLine {
    /// Of the order, from 1.
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// Whether the goods went back on the shelf.
    pub restocked: bool,
    /// How many of the pieces had been invoiced; these are paid back.
    pub credited_quantity: i64,
    pub tax_minor: Minor,
    /// What the customer gets back for this line, tax included.
    pub total_minor: Minor,
    /// How many of the pieces have a known cost.
    pub costed_quantity: i64,
    /// What these cost together.
    pub value_minor: Minor,
}

/// Delivered goods came back; what had been invoiced of them was paid back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReturned {
    pub order_id: OrderId,
    pub return_id: ReturnId,
    /// The next one of the tenant's return numbers, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub lines: Vec<OrderReturnLine>,
    pub tax_minor: Minor,
    /// Sum of the lines' totals = sum of the refunds.
    pub total_minor: Minor,
    pub refunds: Vec<Refund>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    pub business_day: String,
}

/// Nothing more will be delivered; what was kept is free again. What was delivered can still be invoiced and returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    pub store: StoreId,
}

/// Nobody accepted the quote in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderExpired {
    pub order_id: OrderId,
    pub store: StoreId,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub valid_until: OffsetDateTime,
}
