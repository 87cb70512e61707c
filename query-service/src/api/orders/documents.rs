//! What was delivered, invoiced and returned of an order, as answers show it: without the goods' costs for cashiers.
//!
//! Not here: what an order asks for, and its figures (`super`).

use schemars::JsonSchema;
use schemas::events::order::OrderInvoiced;
use schemas::events::sale::Refund;
use schemas::{
    Currency, CustomerId, Minor, OrderDeliveryId, OrderId, Quantity, ReturnId, Sku, StoreId, UnitId,
};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::OffsetDateTime;

use super::super::costs::HasCosts;
use crate::column::JsonText;

/// What was delivered of one line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OrderDeliveryLine {
    /// Of the order, from 1.
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Serialised goods leave unit by unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// How many of the pieces have a known cost; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costed_quantity: Option<i64>,
    /// What these cost together; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_minor: Option<Minor>,
}

/// Goods of the order that left for the customer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OrderDelivery {
    pub order_id: OrderId,
    pub delivery_id: OrderDeliveryId,
    pub store: StoreId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<OrderDeliveryLine>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
}

/// What came back of one line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OrderReturnedLine {
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
    /// How many of the pieces have a known cost; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costed_quantity: Option<i64>,
    /// What these cost together; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_minor: Option<Minor>,
}

/// Delivered goods that came back; what had been invoiced of them was paid back.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OrderReturn {
    pub order_id: OrderId,
    pub return_id: ReturnId,
    /// The tenant's own number for it, where it numbers returns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub store: StoreId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub lines: Vec<OrderReturnedLine>,
    pub tax_minor: Minor,
    /// Sum of the lines' totals = sum of the refunds.
    pub total_minor: Minor,
    pub refunds: Vec<Refund>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    /// The day it counts for, in the tenant's time zone: `2026-11-01`.
    pub business_day: String,
}

/// All that was done with the goods of an order, in order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderDocuments {
    pub deliveries: Vec<OrderDelivery>,
    #[schemars(with = "Vec<OrderInvoiced>")]
    pub invoices: JsonText,
    pub returns: Vec<OrderReturn>,
}

/// The documents as an order's row keeps them: those with costs are read, so that no figure gets through that this file
/// does not name.
#[derive(Debug, FromRow)]
pub(super) struct DocumentsRow {
    deliveries: String,
    invoices: JsonText,
    returns: String,
}

impl DocumentsRow {
    pub(super) fn read(self) -> serde_json::Result<OrderDocuments> {
        Ok(OrderDocuments {
            deliveries: serde_json::from_str(&self.deliveries)?,
            invoices: self.invoices,
            returns: serde_json::from_str(&self.returns)?,
        })
    }
}

impl HasCosts for OrderDocuments {
    fn forget_costs(&mut self) {
        for line in self
            .deliveries
            .iter_mut()
            .flat_map(|delivery| &mut delivery.lines)
        {
            line.costed_quantity = None;
            line.value_minor = None;
        }
        for line in self.returns.iter_mut().flat_map(|returned| &mut returned.lines) {
            line.costed_quantity = None;
            line.value_minor = None;
        }
    }
}
