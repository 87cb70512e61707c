//! Thresholds of stock, and the alerts that people see. Thresholds stand in the shelf's stream `stock/<store>/<sku>`,
//! alerts in `alert/<alert_id>`.
//!
//! A crossing is one time of being below a threshold: it begins with `inventory.threshold_breach` and ends with
//! `inventory.threshold_recovered` or `inventory.threshold_cleared`. Not here: movements of stock (`stock`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{AlertId, Sku, StoreId};

module_events! {
    /// The threshold of one item in one store.
    ThresholdEvent {
        Set(ThresholdSet) = "inventory.threshold_set" v 1,
        Cleared(ThresholdCleared) = "inventory.threshold_cleared" v 1,
        Breached(ThresholdBreached) = "inventory.threshold_breach" v 1,
        Recovered(ThresholdRecovered) = "inventory.threshold_recovered" v 1,
    }
}

module_events! {
    /// The life of one alert.
    AlertEvent {
        Raised(AlertRaised) = "inventory.alert_raised" v 1,
        Acknowledged(AlertAcknowledged) = "inventory.alert_acknowledged" v 1,
        Resolved(AlertResolved) = "inventory.alert_resolved" v 1,
    }
}

/// From now on the item shall not fall below this in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdSet {
    pub store: StoreId,
    pub sku: Sku,
    /// Below this many pieces on hand; at least 1.
    pub minimum: i64,
}

/// The item has no threshold in the store any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdCleared {
    pub store: StoreId,
    pub sku: Sku,
    /// The alert of the crossing that this ends; absent when stock was not below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<AlertId>,
}

/// Stock fell below its threshold; said once until it is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdBreached {
    pub store: StoreId,
    pub sku: Sku,
    /// The item's name at that time.
    pub item_name: String,
    /// On hand, whether it is kept for somebody or not.
    pub quantity: i64,
    pub minimum: i64,
    /// The alert that stands for this crossing.
    pub alert_id: AlertId,
}

/// Stock is at its threshold again, or above; the next fall below it counts anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdRecovered {
    pub store: StoreId,
    pub sku: Sku,
    pub item_name: String,
    pub quantity: i64,
    pub minimum: i64,
    pub alert_id: AlertId,
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    StockBelowMinimum,
}

/// Why an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertEnd {
    /// The stock is back.
    Recovered,
    /// The threshold is gone.
    Cleared,
    /// Somebody said so.
    ByHand,
}

/// Somebody should look at this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRaised {
    pub alert_id: AlertId,
    pub kind: AlertKind,
    pub store: StoreId,
    pub sku: Sku,
    pub item_name: String,
    /// On hand when the threshold was crossed.
    pub quantity: i64,
    pub minimum: i64,
}

/// Somebody has seen it; it stays open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertAcknowledged {
    pub alert_id: AlertId,
    pub store: StoreId,
    pub sku: Sku,
    /// In words; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// It is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertResolved {
    pub alert_id: AlertId,
    pub store: StoreId,
    pub sku: Sku,
    pub cause: AlertEnd,
    /// In words; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
