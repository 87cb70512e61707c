//! Stock of one item in one store. Stream `stock/<store>/<sku>`; serialised items have `unit` events beside these.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{Sku, StoreId};
use crate::money::Minor;
use crate::quantity::Quantity;

module_events! {
    /// Movements of one item's stock in one store.
    StockEvent {
        Received(StockReceived) = "inventory.received" v 1,
        Adjusted(StockAdjusted) = "inventory.adjusted" v 1,
        WrittenOff(StockWrittenOff) = "inventory.written_off" v 1,
        Reserved(StockReserved) = "inventory.reserved" v 1,
        Released(StockReleased) = "inventory.released" v 1,
        Issued(StockIssued) = "inventory.issued" v 1,
        Returned(StockReturned) = "inventory.returned" v 1,
        Dispatched(StockDispatched) = "inventory.dispatched" v 1,
        Arrived(StockArrived) = "inventory.arrived" v 1,
        CostAdjusted(StockCostAdjusted) = "inventory.cost_adjusted" v 1,
    }
}

/// Goods came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReceived {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Cost of one unit in minor units of the tenant's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost_minor: Option<Minor>,
    /// The supplier's document or whatever explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Stock after this movement.
    pub on_hand: i64,
}

/// A count or correction changed the figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockAdjusted {
    pub store: StoreId,
    pub sku: Sku,
    /// Never 0.
    pub delta: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub on_hand: i64,
}

/// Goods were lost, broken or stolen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockWrittenOff {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// What happened to them, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    pub on_hand: i64,
}

/// Goods are kept for somebody; they stay on hand but are not available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Who holds it: `sale/<id>` for a draft.
    pub holder: String,
    /// Reserved in all, after this.
    pub reserved: i64,
}

/// A reservation ended without a sale, or because its sale takes the goods now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    pub holder: String,
    pub reserved: i64,
}

/// A sale took goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockIssued {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    pub sale_id: crate::ids::SaleId,
    pub on_hand: i64,
}

/// Goods came back from a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReturned {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    pub cause: ReturnCause,
    pub on_hand: i64,
}

/// Why goods came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReturnCause {
    /// The sale was voided.
    Void { sale_id: crate::ids::SaleId },
    /// The customer returned them; `sale_id` is absent when the original is unknown.
    Return {
        return_id: crate::ids::ReturnId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sale_id: Option<crate::ids::SaleId>,
    },
}

/// Goods left for a document, with what they cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockDispatched {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// What they left for: `transfer/<id>`, `purchase/<id>`, `repair/<id>`, `order/<id>`, `movement/<id>`.
    pub document: String,
    /// How many of the pieces have a known cost.
    pub costed_quantity: i64,
    /// What those cost together, in minor units of the tenant's currency.
    pub value_minor: Minor,
    /// Stock after this movement.
    pub on_hand: i64,
}

/// Goods came in by a document, with the cost that they carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockArrived {
    pub store: StoreId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// What they came by; as `inventory.dispatched` says.
    pub document: String,
    /// How many of the pieces have a known cost.
    pub costed_quantity: i64,
    /// What those cost together, in minor units of the tenant's currency.
    pub value_minor: Minor,
    pub on_hand: i64,
}

/// Only the value of what is there changed: a supplier's later invoice. No goods moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockCostAdjusted {
    pub store: StoreId,
    pub sku: Sku,
    /// Never 0; in minor units of the tenant's currency.
    pub delta_minor: Minor,
    /// What explains it, such as `purchase/<id>`.
    pub document: String,
    /// Pieces on the shelf whose cost is known.
    pub costed_quantity: i64,
    /// What those cost together, after this.
    pub total_value_minor: Minor,
}
