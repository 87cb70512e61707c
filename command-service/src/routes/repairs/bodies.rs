//! What repairs are told and say over HTTP, and how it becomes commands.

use domain::repairs::PartRequest;
use domain::sales::PaymentRequest;
use schemars::JsonSchema;
use schemas::events::repair::{AnswerChannel, KeptPart, RepairDevice, RepairPriority, SlaClock, Workshop};
use schemas::events::sale::{Discount, DraftLine, PaymentMethod};
use schemas::{Currency, CustomerId, Minor, Quantity, RepairId, Sku, StoreId, UnitId};
use serde::Deserialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

/// A device that is taken in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IntakeBody {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) repair_id: Option<RepairId>,
    pub(super) store: StoreId,
    pub(super) customer_id: CustomerId,
    /// The device: `imei:…` with a valid check digit, or `serial:…`.
    pub(super) unit: UnitId,
    /// Make and model, at most 200 characters. Absent: the article's name; a device that we did not sell needs it.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// What is left with it; at most 50, of at most 100 characters each.
    #[serde(default)]
    pub(super) accessories: Vec<String>,
    /// What is wrong, as the customer says; at most 2,000 characters. No codes or passwords of the device.
    pub(super) fault: String,
    #[serde(default = "normal")]
    pub(super) priority: RepairPriority,
    /// When the customer is told that it will be ready; at most 366 days ahead.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) promised_at: Option<OffsetDateTime>,
}

fn normal() -> RepairPriority {
    RepairPriority::Normal
}

/// What was found.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnosisBody {
    /// At most 2,000 characters.
    pub(super) diagnosis: String,
    /// Whether the warranty covers this fault. Absent: whenever a warranty held on the day of the intake.
    #[serde(default)]
    pub(super) covered: Option<bool>,
}

/// What the repair would cost.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RepairQuoteBody {
    /// 1 to 200: parts, and labour as services.
    pub(super) lines: Vec<RepairQuoteLineBody>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub(super) discount: Option<Discount>,
}

/// What is offered. Needs a `sku` or a `unit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RepairQuoteLineBody {
    #[serde(default)]
    sku: Option<Sku>,
    #[serde(default)]
    unit: Option<UnitId>,
    quantity: Quantity,
    /// Absent: the catalogue's price.
    #[serde(default)]
    unit_price_minor: Option<Minor>,
    #[serde(default)]
    discount: Option<Discount>,
}

impl From<RepairQuoteLineBody> for DraftLine {
    fn from(line: RepairQuoteLineBody) -> Self {
        let RepairQuoteLineBody {
            sku,
            unit,
            quantity,
            unit_price_minor,
            discount,
        } = line;
        DraftLine {
            sku,
            unit,
            quantity,
            unit_price_minor,
            discount,
        }
    }
}

/// What the customer says to a quote.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuoteAnswerBody {
    /// Which quote; absent: the current one.
    #[serde(default)]
    pub(super) quote: Option<i64>,
    /// How it reached the shop.
    pub(super) channel: AnswerChannel,
    /// Name of whoever spoke for the customer, at most 200 characters; absent: the customer. Kept sealed.
    #[serde(default)]
    pub(super) answered_by: Option<String>,
}

/// Why work rests, or a repair ends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RepairNoteBody {
    /// At most 500 characters.
    #[serde(default)]
    pub(super) note: Option<String>,
}

/// Why it goes back as it was.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnrepairedBody {
    /// At most 500 characters.
    pub(super) cause: String,
    /// What the customer pays all the same: articles of the kind service, such as a diagnosis; at most 20. None when the
    /// warranty covers the repair.
    #[serde(default)]
    pub(super) fee: Vec<RepairQuoteLineBody>,
    /// At most 50; together the fee's total, and only cash gives change.
    #[serde(default)]
    pub(super) payments: Vec<RepairPaymentBody>,
}

/// What was done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkDoneBody {
    /// At most 2,000 characters.
    pub(super) work_done: String,
}

/// Parts that are kept, taken or given back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartsBody {
    /// At most 200.
    pub(super) lines: Vec<PartBody>,
}

/// So many of an article, or one unit of it. Needs a `sku` or a `unit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartBody {
    #[serde(default)]
    sku: Option<Sku>,
    /// `imei:…` or `serial:…`; then the quantity is 1. Serialised articles need it.
    #[serde(default)]
    unit: Option<UnitId>,
    quantity: Quantity,
}

impl From<PartBody> for PartRequest {
    fn from(part: PartBody) -> Self {
        let PartBody { sku, unit, quantity } = part;
        PartRequest { sku, unit, quantity }
    }
}

/// Where the device goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkshopBody {
    pub(super) workshop: Workshop,
    /// At most 1,000 characters; the workshop reads them.
    #[serde(default)]
    pub(super) instructions: Option<String>,
}

/// How the repair is paid for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RepairDeliveryBody {
    /// At most 50; together the quote's total, and only cash gives change. None when the warranty covers the repair.
    #[serde(default)]
    pub(super) payments: Vec<RepairPaymentBody>,
}

/// Money as it was handed over, or `credit` for the customer's account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RepairPaymentBody {
    method: PaymentMethod,
    /// Positive.
    amount_minor: Minor,
    /// The acquirer's or bank's reference. Never a card number.
    #[serde(default)]
    reference: Option<String>,
}

impl From<RepairPaymentBody> for PaymentRequest {
    fn from(payment: RepairPaymentBody) -> Self {
        let RepairPaymentBody {
            method,
            amount_minor,
            reference,
        } = payment;
        PaymentRequest {
            method,
            amount_minor,
            reference,
        }
    }
}

/// A repair as it was taken in.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct IntakeAnswer {
    repair_id: RepairId,
    store: StoreId,
    customer_id: CustomerId,
    /// The tenant's own number, where numbering is on.
    #[serde(default)]
    number: Option<String>,
    device: RepairDevice,
    priority: RepairPriority,
    /// Last day of the warranty: `2027-11-01`.
    #[serde(default)]
    warranty_until: Option<String>,
    under_warranty: bool,
    sla_target_s: i64,
    sla: SlaClock,
    /// `received`.
    status: String,
    position: i64,
}

/// What has become of a repair.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct RepairStatusAnswer {
    repair_id: RepairId,
    status: String,
    /// After a diagnosis: whether the warranty pays.
    #[serde(default)]
    covered: Option<bool>,
    /// After an answer: to which quote.
    #[serde(default)]
    quote: Option<i64>,
    position: i64,
}

/// A device that goes back as it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct UnrepairedAnswer {
    repair_id: RepairId,
    /// `returned_unrepaired`.
    status: String,
    /// Present with a fee, as the three below.
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    total_minor: Option<Minor>,
    #[serde(default)]
    tax_minor: Option<Minor>,
    #[serde(default)]
    change_minor: Option<Minor>,
    position: i64,
}

/// A quote with its sums.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct RepairQuotedAnswer {
    repair_id: RepairId,
    /// `quoted`.
    status: String,
    /// From 1, per repair.
    quote: i64,
    currency: Currency,
    tax_minor: Minor,
    total_minor: Minor,
    position: i64,
}

/// Parts that moved, or what is kept now.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct PartsAnswer {
    repair_id: RepairId,
    lines: Vec<KeptPart>,
    position: i64,
}

/// Where the device is now.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct WorkshopAnswer {
    repair_id: RepairId,
    /// Absent: it is here.
    #[serde(default)]
    workshop: Option<Workshop>,
    position: i64,
}

/// A repair as it was delivered.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct RepairDeliveredAnswer {
    repair_id: RepairId,
    /// `delivered`.
    status: String,
    currency: Currency,
    total_minor: Minor,
    tax_minor: Minor,
    change_minor: Minor,
    /// Last day of the warranty on the work.
    #[serde(default)]
    warranty_until: Option<String>,
    position: i64,
}
