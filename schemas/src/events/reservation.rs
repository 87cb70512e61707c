//! Goods that are kept for somebody for a while. Stream `reservation/<reservation_id>`.
//!
//! The shelf's figures move with `inventory.reserved` and `inventory.released`, the units' holders with
//! `inventory.unit_reserved` and `inventory.unit_released`, in the same append; the holder is the stream's name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use crate::ids::{CustomerId, ReservationId, SaleId, Sku, StoreId, UnitId};
use crate::quantity::Quantity;

module_events! {
    /// The life of one reservation.
    ReservationEvent {
        Created(ReservationCreated) = "inventory.reservation_created" v 1,
        Confirmed(ReservationConfirmed) = "inventory.reservation_confirmed" v 1,
        Fulfilled(ReservationFulfilled) = "inventory.reservation_fulfilled" v 1,
        Released(ReservationReleased) = "inventory.reservation_released" v 1,
        Expired(ReservationExpired) = "inventory.reservation_expired" v 1,
    }
}

/// One line of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservedLine {
    /// From 1, as it was asked for.
    pub line: i64,
    pub sku: Sku,
    /// Serialised goods are kept unit by unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
}

/// Goods are kept until `expires_at`, or longer if the reservation is confirmed before it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationCreated {
    pub reservation_id: ReservationId,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<ReservedLine>,
    /// By the domain's clock; to the microsecond.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub expires_at: OffsetDateTime,
}

/// It does not expire any more: a sale takes the goods, or somebody releases them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationConfirmed {
    pub reservation_id: ReservationId,
    pub store: StoreId,
}

/// A sale took the goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationFulfilled {
    pub reservation_id: ReservationId,
    pub store: StoreId,
    pub sale_id: SaleId,
}

/// Somebody gave the goods back to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationReleased {
    pub reservation_id: ReservationId,
    pub store: StoreId,
}

/// Nobody confirmed it in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationExpired {
    pub reservation_id: ReservationId,
    pub store: StoreId,
    /// When it was due; the event itself is recorded a little later.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub expires_at: OffsetDateTime,
}
