//! Movements of stock that are asked for, and decided by somebody else when they are large. Stream
//! `movement/<movement_id>`; the tenant's rule about that stands in `tenant/self`.
//!
//! The goods themselves move with the shelf's and the units' own events in the same append. Not here: small adjustments
//! and write-offs, which are done as they are asked for (`stock`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{MovementId, Sku, StoreId, UnitId};
use crate::money::Minor;

module_events! {
    /// The life of one movement.
    MovementEvent {
        Created(MovementCreated) = "inventory.movement_created" v 1,
        Approved(MovementApproved) = "inventory.movement_approved" v 1,
        Rejected(MovementRejected) = "inventory.movement_rejected" v 1,
    }
}

module_events! {
    /// What a tenant decides about movements.
    PolicyEvent {
        MovementPolicySet(MovementPolicySet) = "admin.movement_policy_set" v 1,
    }
}

/// Which way goods go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods come in that no purchase brings.
    In,
    /// Goods leave that no sale takes: used in the house, given away.
    Out,
    /// A count or correction of counted items.
    Adjustment,
    /// Goods were lost, broken or stolen.
    WriteOff,
}

impl MovementKind {
    pub fn as_str(self) -> &'static str {
        match self {
            MovementKind::In => "in",
            MovementKind::Out => "out",
            MovementKind::Adjustment => "adjustment",
            MovementKind::WriteOff => "write_off",
        }
    }
}

/// One item of a movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementLine {
    /// Counts from 1.
    pub line: i64,
    pub sku: Sku,
    pub item_name: String,
    /// Pieces; a difference, and perhaps negative, in an adjustment alone.
    pub quantity: i64,
    /// Of goods that come in, in minor units of the tenant's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost_minor: Option<Minor>,
    /// The units of serialised items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// What happened to goods that are written off, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Somebody asked for a movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementCreated {
    pub movement_id: MovementId,
    pub kind: MovementKind,
    pub store: StoreId,
    pub lines: Vec<MovementLine>,
    /// Pieces in all, without their sign.
    pub quantity: i64,
    /// What they are worth: at cost where it is known, else at the price they sell for. In minor units of the tenant's
    /// currency.
    pub value_minor: Minor,
    /// Whether it waits for somebody else; goods that shall leave are kept meanwhile.
    pub needs_approval: bool,
    pub requested_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The movement is done, with the events of its goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementApproved {
    pub movement_id: MovementId,
    pub kind: MovementKind,
    pub store: StoreId,
    /// Nobody had to decide.
    pub automatic: bool,
    /// Who decided, or who asked when nobody had to.
    pub approved_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The movement is not done; what was kept for it is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementRejected {
    pub movement_id: MovementId,
    pub kind: MovementKind,
    pub store: StoreId,
    pub rejected_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// From which size on a movement waits for approval. Replaces the rule before it; without any limit nothing waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementPolicySet {
    /// More pieces than this wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_quantity: Option<i64>,
    /// Goods worth more than this wait; in minor units of the tenant's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_value_minor: Option<Minor>,
}
