//! What purchase routes answer: the shapes of answers that are kept as bytes. Not here: what they take.

use schemars::JsonSchema;
use schemas::events::purchase::PurchaseLine;
use schemas::{CostAdjustmentId, Minor, PurchaseId, ReceptionId, StoreId, SupplierId, SupplierReturnId};
use serde::Deserialize;

/// An order as it was written or changed.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct PurchaseAnswer {
    purchase_id: PurchaseId,
    /// The tenant's own number for it, where it numbers purchases.
    #[serde(default)]
    number: Option<String>,
    supplier_id: SupplierId,
    store: StoreId,
    lines: Vec<PurchaseLine>,
    tolerance_percent: i64,
    #[serde(default)]
    expected_on: Option<String>,
    #[serde(default)]
    note: Option<String>,
    net_minor: Minor,
    tax_minor: Minor,
    /// Net and tax.
    total_minor: Minor,
    currency: String,
    /// `ordered` or `sent`.
    status: String,
    /// 1 as it was written, one more with each change and each time that lines were given up.
    revision: i64,
    position: i64,
}

/// How far a purchase is.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct PurchaseStatusAnswer {
    purchase_id: PurchaseId,
    /// `ordered`, `sent`, `partially_received`, `received`, `closed` or `cancelled`.
    status: String,
    position: i64,
}

/// A reception, and what is still to come.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct PurchaseReceptionAnswer {
    purchase_id: PurchaseId,
    reception_id: ReceptionId,
    /// `partially_received` or `received`.
    status: String,
    /// Pieces of all lines that have not come.
    outstanding: i64,
    /// What the reception costs, with tax.
    total_minor: Minor,
    /// What we owe the supplier now.
    supplier_balance_minor: Minor,
    position: i64,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct ReceptionInvoiceAnswer {
    purchase_id: PurchaseId,
    reception_id: ReceptionId,
    invoice: String,
    /// What the reception costs, with tax.
    total_minor: Minor,
    /// What we owe the supplier now.
    supplier_balance_minor: Minor,
    position: i64,
}

/// Where a later cost went; both figures together are its net.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct CostAdjustmentAnswer {
    purchase_id: PurchaseId,
    adjustment_id: CostAdjustmentId,
    /// To the value of goods that are still there.
    on_shelf_minor: Minor,
    /// To those that have left.
    expensed_minor: Minor,
    /// What we owe the supplier now.
    supplier_balance_minor: Minor,
    position: i64,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct SupplierReturnAnswer {
    purchase_id: PurchaseId,
    return_id: SupplierReturnId,
    /// What the supplier credits, with tax.
    total_minor: Minor,
    /// What the goods were worth at the shelf's average.
    value_minor: Minor,
    /// The credit without tax less that value: a gain, or below zero a loss.
    difference_minor: Minor,
    /// What we owe the supplier now.
    supplier_balance_minor: Minor,
    position: i64,
}
