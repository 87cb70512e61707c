//! Sales that a till took while it had no network, and what became of those that collided (POS-5).
//!
//! Each till numbers its sales itself, without gaps; stream `till/<terminal>` holds how far each of its incarnations has
//! come. A sale that collides stands in `quarantine/<quarantine_id>` until somebody resolves it; one that is accepted has
//! its `sale.completed` in `sale/<sale_id>` in the same append.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use super::sale::{Discount, PaymentMethod};
use crate::ids::{CustomerId, Incarnation, QuarantineId, SaleId, Sku, StoreId, TerminalId, UnitId};
use crate::money::{Currency, Minor};
use crate::quantity::Quantity;

module_events! {
    /// Sales taken offline.
    OfflineEvent {
        Recorded(OfflineSaleRecorded) = "sale.offline_recorded" v 1,
        Quarantined(OfflineSaleQuarantined) = "sale.offline_quarantined" v 2,
        Amended(OfflineSaleAmended) = "sale.offline_amended" v 2,
        Accepted(OfflineSaleAccepted) = "sale.offline_accepted" v 2,
        Cancelled(OfflineSaleCancelled) = "sale.offline_cancelled" v 1,
    }
}

impl OfflineEvent {
    /// Reads an earlier version as the newest. Version 1 of `sale.offline_quarantined` has only lines and customers that
    /// can be, in the same fields, and always with the price; of the other two, fewer resolutions, and no unit is dropped.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("sale.offline_quarantined", 1) => {
                Some(serde_json::from_str(data).map(|mut old: OfflineSaleQuarantined| {
                    old.sale.content.customer_unreadable = false;
                    Self::Quarantined(old)
                }))
            }
            ("sale.offline_amended", 1) => Some(serde_json::from_str(data).map(|old: OfflineSaleAmended| {
                Self::Amended(OfflineSaleAmended {
                    unit_dropped: false,
                    ..old
                })
            })),
            ("sale.offline_accepted", 1) => {
                Some(serde_json::from_str(data).map(|old: OfflineSaleAccepted| {
                    Self::Accepted(OfflineSaleAccepted {
                        unit_dropped: false,
                        ..old
                    })
                }))
            }
            _ => None,
        }
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
    /// An item or unit that the catalogue does not know, that is not on sale any more, or that can be none as written.
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

/// What a till noted of one line, whether or not it names anything: a mistyped number is a sale all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineLine {
    /// As it was scanned or typed; at most 100 characters, and none that control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// As it was scanned or typed; at most 100 characters, and none that control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What the till counted: not necessarily a quantity that can be sold.
    pub quantity: i64,
    /// What was charged for one, in minor units of the tenant's currency.
    pub unit_price_minor: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

/// What a till sold, to whom and where, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineContent {
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The till named a customer by what can be no id. It is not kept, since it may be a name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub customer_unreadable: bool,
    /// Every line with the price that was charged.
    pub lines: Vec<OfflineLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

/// A sale as the till took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSale {
    pub sale_id: SaleId,
    pub content: OfflineContent,
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
    /// It was this item. What the till noted as a unit goes where it can be none, or is not known.
    ReplaceItem { line: i64, sku: Sku },
    /// So many were handed over.
    CorrectQuantity { line: i64, quantity: Quantity },
    /// The goods are gone: the shelf falls below zero until it is counted. Counted items only.
    AcceptNegativeStock,
    /// The customer owes it, whatever the limit.
    AcceptOverLimit,
    /// What was charged holds.
    AcceptPrices,
    /// It was paid like this: together what the sale comes to.
    CorrectPayments { payments: Vec<OfflinePayment> },
    /// It was sold to this customer; without one, to nobody in particular.
    CorrectCustomer {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_id: Option<CustomerId>,
    },
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
    /// With `replace_item`: what the till noted as the line's unit does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unit_dropped: bool,
    /// What is left.
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
    /// With `replace_item`: what the till noted as the line's unit does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unit_dropped: bool,
}

/// It does not count: the money went back, or the till was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfflineSaleCancelled {
    pub quarantine_id: QuarantineId,
    pub sale_id: SaleId,
    pub store: StoreId,
    pub note: String,
}
