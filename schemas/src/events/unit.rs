//! One physical unit with an IMEI or serial number: one owner, one place. Stream `unit/<imei:…|serial:…>`.
//!
//! The store's figure moves with `inventory.received`, `inventory.issued` and the like in the same append.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use super::stock::ReturnCause;
use crate::ids::{SaleId, Sku, StoreId, UnitId};
use crate::money::Minor;

module_events! {
    /// The life of one unit.
    UnitEvent {
        Received(UnitReceived) = "inventory.unit_received" v 1,
        Reserved(UnitReserved) = "inventory.unit_reserved" v 1,
        Released(UnitReleased) = "inventory.unit_released" v 1,
        Sold(UnitSold) = "inventory.unit_sold" v 1,
        Returned(UnitReturned) = "inventory.unit_returned" v 1,
        WrittenOff(UnitWrittenOff) = "inventory.unit_written_off" v 1,
        Dispatched(UnitDispatched) = "inventory.unit_dispatched" v 1,
        Arrived(UnitArrived) = "inventory.unit_arrived" v 1,
    }
}

/// The unit came into a store; also again, after it had been written off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitReceived {
    pub unit: UnitId,
    pub sku: Sku,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_minor: Option<Minor>,
}

/// The unit is kept for somebody; it stays in its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitReserved {
    pub unit: UnitId,
    pub sku: Sku,
    pub store: StoreId,
    pub holder: String,
}

/// The unit is free again, or its sale takes it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitReleased {
    pub unit: UnitId,
    pub sku: Sku,
    pub store: StoreId,
    pub holder: String,
}

/// A sale took the unit: it belongs to the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitSold {
    pub unit: UnitId,
    pub sku: Sku,
    pub store: StoreId,
    pub sale_id: SaleId,
}

/// The unit came back from a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitReturned {
    pub unit: UnitId,
    pub sku: Sku,
    pub store: StoreId,
    pub cause: ReturnCause,
}

/// The unit was lost, broken or stolen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitWrittenOff {
    pub unit: UnitId,
    pub sku: Sku,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// The unit left a store for a document, and is nobody's stock until it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitDispatched {
    pub unit: UnitId,
    pub sku: Sku,
    /// The store that it left.
    pub store: StoreId,
    /// Which document has it now, such as `transfer/<id>`.
    pub document: String,
}

/// The unit came in by the document that had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitArrived {
    pub unit: UnitId,
    pub sku: Sku,
    /// The store that it came into.
    pub store: StoreId,
    pub document: String,
}
