//! Purchases from suppliers: order, receptions, invoices, later costs, goods that go back. Stream
//! `purchase/<purchase_id>`.
//!
//! Goods move with `inventory.received` and `inventory.dispatched` (units with `inventory.unit_received` and
//! `inventory.unit_dispatched`), value with `inventory.cost_adjusted`, and what we owe with `supplier.charged` and
//! `supplier.credited`, in the same append.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::ItemKind;
use super::module_events;
use crate::ids::{
    CostAdjustmentId, LotNumber, PurchaseId, ReceptionId, Sku, StoreId, SupplierId, SupplierReturnId,
    TaxCode, UnitId,
};
use crate::money::{Currency, Minor};
use crate::quantity::Quantity;

module_events! {
    /// The life of one purchase.
    PurchaseEvent {
        Ordered(PurchaseOrdered) = "purchase.ordered" v 1,
        Changed(PurchaseChanged) = "purchase.changed" v 1,
        Sent(PurchaseSent) = "purchase.sent" v 1,
        Received(PurchaseReceived) = "purchase.received" v 1,
        Invoiced(PurchaseInvoiced) = "purchase.invoiced" v 1,
        CostAdjusted(PurchaseCostAdjusted) = "purchase.cost_adjusted" v 1,
        Returned(PurchaseReturned) = "purchase.returned" v 1,
        Cancelled(PurchaseCancelled) = "purchase.cancelled" v 1,
        Closed(PurchaseClosed) = "purchase.closed" v 1,
    }
}

/// One line of an order. Costs are without tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseLine {
    /// From 1, as it was asked for.
    pub line: i64,
    pub sku: Sku,
    /// The item's kind when it was ordered; it never changes.
    pub kind: ItemKind,
    pub quantity: Quantity,
    pub unit_cost_minor: Minor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_code: Option<TaxCode>,
    /// The code's rate when it was ordered, in parts per million.
    pub tax_rate_ppm: i64,
    /// Quantity × unit cost.
    pub net_minor: Minor,
    pub tax_minor: Minor,
}

/// What is to be bought; not yet sent to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseOrdered {
    pub purchase_id: PurchaseId,
    /// The next one of the tenant's purchase numbers, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub supplier_id: SupplierId,
    /// Where the goods are to arrive.
    pub store: StoreId,
    pub lines: Vec<PurchaseLine>,
    /// How much more than ordered may be received of a line, in percent of what was ordered; 0 to 100.
    pub tolerance_percent: i64,
    /// When the goods are expected: `2026-12-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub net_minor: Minor,
    pub tax_minor: Minor,
    /// Net and tax.
    pub total_minor: Minor,
    pub currency: Currency,
}

/// An order that was not sent yet says this now, also of what did not change. What had been given up of its lines before
/// is forgotten with them; its number stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseChanged {
    pub purchase_id: PurchaseId,
    /// One more than before; 1 is what was written first, and giving up lines counts as well.
    pub revision: i64,
    pub supplier_id: SupplierId,
    /// Where the goods are to arrive.
    pub store: StoreId,
    pub lines: Vec<PurchaseLine>,
    /// How many lines it had: those with higher numbers than the new ones are gone.
    pub lines_before: i64,
    /// How much more than ordered may be received of a line, in percent of what was ordered; 0 to 100.
    pub tolerance_percent: i64,
    /// When the goods are expected: `2026-12-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub net_minor: Minor,
    pub tax_minor: Minor,
    /// Net and tax.
    pub total_minor: Minor,
    pub currency: Currency,
}

/// The order was approved and went to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseSent {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
}

/// A batch of its maker that some of a line's goods belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lot {
    pub lot: LotNumber,
    pub quantity: Quantity,
    /// `2026-11-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_on: Option<String>,
    /// `2028-11-01`; not before `made_on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<String>,
}

/// What came in of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedLine {
    /// The order's line.
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// How much of it is beyond what was still outstanding.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub over_quantity: i64,
    /// Of serialised goods, each unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<Lot>,
    pub unit_cost_minor: Minor,
    /// Quantity × unit cost: what the shelf's value grows by.
    pub net_minor: Minor,
    pub tax_minor: Minor,
}

fn is_zero(figure: &i64) -> bool {
    *figure == 0
}

/// Goods came in, all that is outstanding or a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseReceived {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
    pub reception_id: ReceptionId,
    pub lines: Vec<ReceivedLine>,
    pub net_minor: Minor,
    pub tax_minor: Minor,
    pub total_minor: Minor,
    pub currency: Currency,
}

/// The supplier's invoice for a whole reception is here, so that it is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseInvoiced {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
    pub reception_id: ReceptionId,
    /// The supplier's number; at most 100 characters.
    pub invoice: String,
    /// The reception's total, with tax.
    pub total_minor: Minor,
    pub currency: Currency,
}

/// What changes a line's cost after it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostKind {
    /// The goods' own price was another one: goods that go back are credited at it.
    Price,
    /// What it took to get them here: it stays spent when they go back.
    Freight,
}

/// A later cost of one line, and where it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdjustedLine {
    pub line: i64,
    pub sku: Sku,
    pub kind: CostKind,
    /// Never 0; without tax.
    pub delta_minor: Minor,
    pub tax_minor: Minor,
    /// The share of goods that are still on the shelf: it changed their value.
    pub on_shelf_minor: Minor,
    /// The rest, of goods that have left: an expense (or, below zero, a gain).
    pub expensed_minor: Minor,
}

/// What received goods cost changed: the supplier's later invoice or credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseCostAdjusted {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
    pub adjustment_id: CostAdjustmentId,
    /// The supplier's number; at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    pub lines: Vec<AdjustedLine>,
    pub net_minor: Minor,
    pub tax_minor: Minor,
    /// What we owe more, or less.
    pub total_minor: Minor,
    pub on_shelf_minor: Minor,
    pub expensed_minor: Minor,
    pub currency: Currency,
}

/// What went back of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnedToSupplierLine {
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// What was paid for these goods, without tax: the credit.
    pub credit_minor: Minor,
    pub tax_minor: Minor,
    /// How many of the pieces had a known cost on the shelf.
    pub costed_quantity: i64,
    /// What they took from the shelf's value, at its average.
    pub value_minor: Minor,
    /// Credit less value: a gain, or below zero a loss.
    pub difference_minor: Minor,
}

/// Goods went back to the supplier, who owes their price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseReturned {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
    pub return_id: SupplierReturnId,
    pub lines: Vec<ReturnedToSupplierLine>,
    pub net_minor: Minor,
    pub tax_minor: Minor,
    /// What we owe less.
    pub total_minor: Minor,
    pub value_minor: Minor,
    pub difference_minor: Minor,
    pub currency: Currency,
}

/// What is not to come any more of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelledLine {
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Quantity × unit cost.
    pub net_minor: Minor,
}

/// Goods that were ordered and not received are not to come any more. An order of which nothing came is over with this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseCancelled {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
    pub lines: Vec<CancelledLine>,
    pub net_minor: Minor,
    pub currency: Currency,
}

/// Nothing is outstanding, and nothing more is received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurchaseClosed {
    pub purchase_id: PurchaseId,
    pub supplier_id: SupplierId,
    pub store: StoreId,
}
