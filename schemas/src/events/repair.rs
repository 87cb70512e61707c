//! Repairs of customers' devices. Stream `repair/<repair_id>`; who has a device in custody stands in `unit/<unit>`.
//!
//! Parts move on the shelf with `inventory.reserved`, `inventory.dispatched`, `inventory.arrived` and the units' own
//! events in the same append; the document is the repair's stream. Amounts are in minor units of the tenant's currency.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use super::sale::{SaleLine, SalePayment};
use crate::ids::{CustomerId, OrderId, RepairId, SaleId, Sku, StoreId, SupplierId, UnitId, Username};
use crate::money::{Currency, Minor};
use crate::quantity::Quantity;
use crate::sealed::Sealed;

module_events! {
    /// The life of one repair.
    RepairEvent {
        Received(RepairReceived) = "repair.received" v 2,
        Diagnosed(RepairDiagnosed) = "repair.diagnosed" v 1,
        Quoted(RepairQuoted) = "repair.quoted" v 1,
        Approved(RepairApproved) = "repair.approved" v 1,
        Declined(RepairDeclined) = "repair.declined" v 1,
        Started(RepairStarted) = "repair.started" v 1,
        WaitingForParts(RepairWaitingForParts) = "repair.waiting_for_parts" v 1,
        Resumed(RepairResumed) = "repair.resumed" v 1,
        PartsKept(RepairPartsKept) = "repair.parts_kept" v 1,
        PartsTaken(RepairPartsTaken) = "repair.parts_taken" v 1,
        PartsGivenBack(RepairPartsGivenBack) = "repair.parts_given_back" v 1,
        SentToWorkshop(RepairSentToWorkshop) = "repair.sent_to_workshop" v 1,
        BackFromWorkshop(RepairBackFromWorkshop) = "repair.back_from_workshop" v 1,
        Ready(RepairReady) = "repair.ready" v 1,
        Delivered(RepairDelivered) = "repair.delivered" v 1,
        ReturnedUnrepaired(RepairReturnedUnrepaired) = "repair.returned_unrepaired" v 1,
        Cancelled(RepairCancelled) = "repair.cancelled" v 1,
        SlaBreached(RepairSlaBreached) = "repair.sla_breached" v 1,
    }
}

impl RepairEvent {
    /// Reads an earlier version as the newest. Version 1 of `repair.received` is version 2 without the device's `order_id`:
    /// a warranty rested on a sale, and on nothing else.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("repair.received", 1) => Some(serde_json::from_str(data).map(|mut old: RepairReceived| {
                if let Some(sold) = &mut old.device.sold {
                    sold.order_id = None;
                }
                Self::Received(old)
            })),
            _ => None,
        }
    }
}

module_events! {
    /// Which repair has a device. Stream `unit/<unit>`, also of a device that was never goods of ours.
    CustodyEvent {
        Taken(CustodyTaken) = "repair.custody_taken" v 1,
        Ended(CustodyEnded) = "repair.custody_ended" v 1,
    }
}

/// How urgent a repair is; each has a target of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairPriority {
    Low,
    Normal,
    High,
    Urgent,
}

/// The clock of a repair's target. It runs while the shop is at work, and rests while it waits for the customer or for
/// parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlaClock {
    /// Microseconds that it ran before `since`.
    pub spent_us: i64,
    /// From when it runs; absent while it rests.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub since: Option<OffsetDateTime>,
    /// When the target is missed if it goes on running; absent while it rests.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub due_at: Option<OffsetDateTime>,
}

/// The sale, or the delivery of a sales order, that a device's warranty rests on: one of `sale_id` and `order_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SoldDevice {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_id: Option<SaleId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    pub sku: Sku,
    /// Day of the sale or of the delivery: `2026-11-01`.
    pub sold_on: String,
    /// Absent when the article has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_months: Option<i64>,
}

/// What is to be repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairDevice {
    /// Its IMEI or serial number.
    pub unit: UnitId,
    /// Make and model, in words.
    pub description: String,
    /// Present when we sold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold: Option<SoldDevice>,
}

/// A device was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairReceived {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub customer_id: CustomerId,
    /// The tenant's own number, where numbering is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub device: RepairDevice,
    /// What was left with it: charger, case, memory card.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessories: Vec<String>,
    /// What is wrong with it, as the customer says.
    pub fault: String,
    pub priority: RepairPriority,
    /// When the customer was told that it would be ready.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub promised_at: Option<OffsetDateTime>,
    /// Last day on which the article's warranty, or that of an earlier repair, holds: `2027-11-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_until: Option<String>,
    /// Whether it held on the day of the intake.
    pub under_warranty: bool,
    /// Seconds that the repair shall take at most.
    pub sla_target_s: i64,
    pub sla: SlaClock,
}

/// The fault was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairDiagnosed {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub diagnosis: String,
    /// The warranty covers it: no quote, nothing to pay.
    pub covered: bool,
    pub sla: SlaClock,
}

/// What the repair would cost; replaces a quote before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairQuoted {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub customer_id: CustomerId,
    /// From 1, per repair.
    pub quote: i64,
    pub currency: Currency,
    /// Parts, and labour as services.
    pub lines: Vec<SaleLine>,
    pub gross_minor: Minor,
    pub discount_minor: Minor,
    pub tax_minor: Minor,
    /// Sum of the lines' totals.
    pub total_minor: Minor,
    pub sla: SlaClock,
}

/// How the customer's word reached the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerChannel {
    InPerson,
    Phone,
    Message,
    Email,
}

/// Who gave the answer to a quote, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteAnswer {
    pub channel: AnswerChannel,
    /// Whoever spoke for the customer; absent: the customer. Sealed under the customer's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<Sealed>,
}

/// The customer agrees to the quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairApproved {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub quote: i64,
    pub total_minor: Minor,
    pub answer: QuoteAnswer,
    pub sla: SlaClock,
}

/// The customer does not want the repair at that price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairDeclined {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub quote: i64,
    pub answer: QuoteAnswer,
    pub sla: SlaClock,
}

/// The work began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairStarted {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub sla: SlaClock,
}

/// The work rests until parts come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairWaitingForParts {
    pub repair_id: RepairId,
    pub store: StoreId,
    /// Which parts, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub sla: SlaClock,
}

/// The parts are there and the work goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairResumed {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub sla: SlaClock,
}

/// Goods that a repair keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptPart {
    pub sku: Sku,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
}

/// What is kept on the shelf for this repair from now on; replaces what was kept before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairPartsKept {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub lines: Vec<KeptPart>,
}

/// Goods that a repair took, or gave back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedPart {
    pub sku: Sku,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
    /// Of these, so many had a known cost.
    pub costed_quantity: i64,
    /// What those cost together.
    pub cost_minor: Minor,
}

/// Parts left the shelf for the workbench.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairPartsTaken {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub lines: Vec<MovedPart>,
}

/// Parts that were not used went back on the shelf, with the cost that they had taken along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairPartsGivenBack {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub lines: Vec<MovedPart>,
}

/// Who repairs it in the shop's stead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Workshop {
    /// A supplier who repairs.
    Supplier { supplier_id: SupplierId },
    /// A user of ours who sees only what is assigned to them.
    User { username: Username },
}

/// The device is at a workshop, another user or another firm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairSentToWorkshop {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub workshop: Workshop,
    /// What the workshop shall do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

/// The device is in the shop again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairBackFromWorkshop {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub workshop: Workshop,
}

/// The device works and waits for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairReady {
    pub repair_id: RepairId,
    pub store: StoreId,
    /// What was done.
    pub work_done: String,
    pub sla: SlaClock,
}

/// The customer has the device again and has paid, or owes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairDelivered {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    /// 0 when the warranty covers it.
    pub total_minor: Minor,
    pub tax_minor: Minor,
    /// Come to the total.
    pub payments: Vec<SalePayment>,
    pub change_minor: Minor,
    /// Last day of the warranty on this work; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_until: Option<String>,
    /// The day it counts for, in the tenant's time zone.
    pub business_day: String,
}

/// What a customer pays although the device goes back as it was, such as a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairFee {
    pub currency: Currency,
    /// Services only.
    pub lines: Vec<SaleLine>,
    pub tax_minor: Minor,
    /// Sum of the lines' totals.
    pub total_minor: Minor,
    /// Come to the total.
    pub payments: Vec<SalePayment>,
    pub change_minor: Minor,
    /// The day it counts for, in the tenant's time zone.
    pub business_day: String,
}

/// The customer has the device again as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairReturnedUnrepaired {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub cause: String,
    /// Absent: nothing is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<RepairFee>,
    pub sla: SlaClock,
}

/// It was taken in by mistake, or the customer thought better of it before any work was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairCancelled {
    pub repair_id: RepairId,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub sla: SlaClock,
}

/// The target was missed; once per repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairSlaBreached {
    pub repair_id: RepairId,
    pub store: StoreId,
    pub priority: RepairPriority,
    pub target_s: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub due_at: OffsetDateTime,
}

/// A repair has the device: no other may take it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustodyTaken {
    pub unit: UnitId,
    pub repair_id: RepairId,
}

/// The device is with its owner again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustodyEnded {
    pub unit: UnitId,
    pub repair_id: RepairId,
    /// Last day of the repair's own warranty, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_until: Option<String>,
}
