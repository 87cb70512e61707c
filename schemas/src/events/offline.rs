//! Sales that a till took while it had no network, and what became of those that collided (POS-5).
//!
//! Each till numbers its sales itself, without gaps; stream `till/<terminal>` holds how far each of its incarnations has
//! come. A sale that collides stands in `quarantine/<quarantine_id>` until somebody resolves it; one that is accepted has
//! its `sale.completed` in `sale/<sale_id>` in the same append.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use super::sale::{DraftContent, PaymentMethod};
use crate::ids::{Incarnation, QuarantineId, SaleId, Sku, StoreId, TerminalId, UnitId};
use crate::money::{Currency, Minor};

module_events! {
    /// Sales taken offline.
    OfflineEvent {
        Recorded(OfflineSaleRecorded) = "sale.offline_recorded" v 1,
        Quarantined(OfflineSaleQuarantined) = "sale.offline_quarantined" v 1,
        Amended(OfflineSaleAmended) = "sale.offline_amended" v 1,
        Accepted(OfflineSaleAccepted) = "sale.offline_accepted" v 1,
        Cancelled(OfflineSaleCancelled) = "sale.offline_cancelled" v 1,
    }
}

/// Why a sale that has happened cannot simply be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineKind {
    /// A unit is not there to be sold: it was sold, is kept for somebody, or is elsewhere.
    SerialSoldTwice,
    /// The shelf does not hold that much.
    InsufficientStock,
    /// The customer may not owe that much, or has not that much store credit.
    CreditExceeded,
    /// An item or unit that the catalogue does not know, or that is not on sale any more.
    UnknownItem,
    /// The till charged other prices or taxes than hold now.
    PriceChanged,
    /// Whatever else the rules refuse; the code says what.
    Refused,
}

impl QuarantineKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SerialSoldTwice => "serial_sold_twice",
            Self::InsufficientStock => "insufficient_stock",
            Self::CreditExceeded => "credit_exceeded",
            Self::UnknownItem => "unknown_item",
            Self::PriceChanged => "price_changed",
            Self::Refused => "refused",
        }
    }
}

/// Money as the till took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflinePayment {
    pub method: PaymentMethod,
    /// What was handed over.
    pub amount_minor: Minor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A sale as the till took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSale {
    pub sale_id: SaleId,
    /// Every line with the price that was charged.
    pub content: DraftContent,
    pub payments: Vec<OfflinePayment>,
    /// What the till charged, tax included.
    pub total_minor: Minor,
    /// By the till's clock.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
}

/// What keeps a sale in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantineCause {
    pub kind: QuarantineKind,
    /// The refusal's code, such as `unit.sold`.
    pub code: String,
    /// The line that is to blame, from 1, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
}

/// What somebody decides about a quarantined sale. Each kind has one that fits; `retry` fits all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Resolution {
    /// Another unit was handed over than the till noted.
    ReplaceUnit { line: i64, unit: UnitId },
    /// It was this item.
    ReplaceItem { line: i64, sku: Sku },
    /// The goods are gone: the shelf falls below zero until it is counted. Counted items only.
    AcceptNegativeStock,
    /// The customer owes it, whatever the limit.
    AcceptOverLimit,
    /// What was charged holds.
    AcceptPrices,
    /// It was paid like this: together what the sale comes to.
    CorrectPayments { payments: Vec<OfflinePayment> },
    /// It was then: the till's clock was wrong.
    CorrectTime {
        #[serde(with = "time::serde::rfc3339")]
        #[schemars(with = "String", extend("format" = "date-time"))]
        occurred_at: OffsetDateTime,
    },
    /// The cause was mended elsewhere: goods received, item created, limit raised.
    Retry,
}

/// One number of a till was taken care of, one way or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSaleRecorded {
    pub terminal: TerminalId,
    pub store: StoreId,
    /// A till that lost its memory begins a new one, from 1.
    pub incarnation: Incarnation,
    pub sequence: i64,
    pub sale_id: SaleId,
    /// Absent: the sale is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_id: Option<QuarantineId>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
}

/// A sale that has happened and collides with what others did: kept for a person to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSaleQuarantined {
    pub quarantine_id: QuarantineId,
    pub terminal: TerminalId,
    pub incarnation: Incarnation,
    pub sequence: i64,
    /// Who sent it in.
    pub cashier: String,
    pub sale: OfflineSale,
    pub cause: QuarantineCause,
    pub currency: Currency,
}

/// Somebody decided something, and another cause is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSaleAmended {
    pub quarantine_id: QuarantineId,
    pub sale_id: SaleId,
    pub store: StoreId,
    pub resolution: Resolution,
    pub cause: QuarantineCause,
}

/// The sale is completed after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSaleAccepted {
    pub quarantine_id: QuarantineId,
    pub sale_id: SaleId,
    pub store: StoreId,
    /// What was decided last.
    pub resolution: Resolution,
}

/// It does not count: the money went back, or the till was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSaleCancelled {
    pub quarantine_id: QuarantineId,
    pub sale_id: SaleId,
    pub store: StoreId,
    pub note: String,
}
