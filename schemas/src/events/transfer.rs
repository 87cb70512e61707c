//! Goods on their way from one store to another. Stream `transfer/<transfer_id>`.
//!
//! The shelves' figures move with `inventory.dispatched` and `inventory.arrived`, units with `inventory.unit_dispatched`
//! and `inventory.unit_arrived`, in the same append; their document is this stream's name. Between the two the goods are
//! in no store's stock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{ReceptionId, Sku, StoreId, TransferId, UnitId};
use crate::money::{Currency, Minor};
use crate::quantity::Quantity;

module_events! {
    /// The life of one transfer.
    TransferEvent {
        Requested(TransferRequested) = "transfer_order.requested" v 2,
        Dispatched(TransferDispatched) = "transfer_order.dispatched" v 1,
        Received(TransferReceived) = "transfer_order.received" v 2,
        DifferenceResolved(TransferDifferenceResolved) = "transfer_order.difference_resolved" v 1,
        SurplusResolved(TransferSurplusResolved) = "transfer_order.surplus_resolved" v 1,
        Closed(TransferClosed) = "transfer_order.closed" v 1,
        Cancelled(TransferCancelled) = "transfer_order.cancelled" v 1,
    }
}

impl TransferEvent {
    /// Reads an earlier version as the newest. Version 1 of `transfer_order.requested` is version 2 without `number`, and
    /// of `transfer_order.received` without `surplus`: what came beyond the dispatch was refused.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("transfer_order.requested", 1) => Some(
                serde_json::from_str(data)
                    .map(|old: TransferRequested| Self::Requested(TransferRequested { number: None, ..old })),
            ),
            ("transfer_order.received", 1) => {
                Some(serde_json::from_str(data).map(|old: TransferReceived| {
                    Self::Received(TransferReceived {
                        surplus: Vec::new(),
                        ..old
                    })
                }))
            }
            _ => None,
        }
    }
}

/// What one store asks another one for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestedTransferLine {
    /// From 1, as it was asked for; the line keeps its number to the end.
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
}

/// Goods are asked for; nothing has moved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferRequested {
    pub transfer_id: TransferId,
    /// The tenant's own number for it, where it numbers transfers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The store that shall send.
    pub from: StoreId,
    /// The store that shall receive.
    pub to: StoreId,
    pub lines: Vec<RequestedTransferLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Goods of one line that moved together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedTransferLine {
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Serialised goods are named one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// How many of these pieces have a known cost.
    pub costed_quantity: i64,
    /// What those cost together, in minor units of `currency`.
    pub value_minor: Minor,
}

/// The goods left the sending store. From here on they are in transit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferDispatched {
    pub transfer_id: TransferId,
    pub from: StoreId,
    pub to: StoreId,
    pub lines: Vec<MovedTransferLine>,
    pub currency: Currency,
}

/// Goods that came along with a transfer though nobody dispatched them. They are still on the sending store's books, and
/// nobody sells them, until somebody decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SurplusTransferLine {
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Serialised goods are named one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
}

/// Goods arrived at the receiving store: all, or a part; perhaps more than was dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferReceived {
    pub transfer_id: TransferId,
    pub reception_id: ReceptionId,
    pub from: StoreId,
    pub to: StoreId,
    /// What was in transit; may be empty if only a surplus came.
    pub lines: Vec<MovedTransferLine>,
    /// What came beyond it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surplus: Vec<SurplusTransferLine>,
    pub currency: Currency,
}

/// What became of goods that were dispatched and did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceDecision {
    /// They are gone; their value is a loss.
    Lost,
    /// They are back in the store that sent them, or never left it.
    BackAtOrigin,
}

/// Somebody decided about goods in transit that will not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferDifferenceResolved {
    pub transfer_id: TransferId,
    pub from: StoreId,
    pub to: StoreId,
    pub decision: DifferenceDecision,
    pub lines: Vec<MovedTransferLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub currency: Currency,
}

/// What goods that came beyond what was dispatched turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SurplusDecision {
    /// The sending store sent them without saying so: its stock falls, the receiving store's rises, at what they cost
    /// there.
    SentByOrigin,
    /// They were miscounted, or are going back: nothing moves.
    NotAccepted,
}

/// Somebody decided about goods that came beyond what was dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferSurplusResolved {
    pub transfer_id: TransferId,
    pub from: StoreId,
    pub to: StoreId,
    pub decision: SurplusDecision,
    /// With what they cost where they moved, else without a cost.
    pub lines: Vec<MovedTransferLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub currency: Currency,
}

/// Nothing of it is in transit any more.
// Nor does a surplus wait for a decision: what version 1 says of itself stays as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferClosed {
    pub transfer_id: TransferId,
    pub from: StoreId,
    pub to: StoreId,
    /// Whether all that was dispatched arrived.
    pub complete: bool,
}

/// Called off before anything was dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferCancelled {
    pub transfer_id: TransferId,
    pub from: StoreId,
    pub to: StoreId,
}
