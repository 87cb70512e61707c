//! What the till sends and gets, and how it becomes commands.

use domain::sales::{PaymentRequest, ReturnGoods, ReturnLineRequest};
use platform::http::Problem;
use schemars::JsonSchema;
use schemas::events::sale::{Discount, DraftContent, DraftLine, PaymentMethod, Refund};
use schemas::{
    Currency, CustomerId, Minor, Quantity, ReservationId, ReturnId, SaleId, Sku, StoreId, TerminalId, UnitId,
};
use serde::Deserialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::super::parameters::field_problem;

/// A whole sale, or with `draft` a draft of one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SaleBody {
    /// Saves a draft instead: without payments, with `hold_stock` if it keeps its goods.
    #[serde(default)]
    pub(super) draft: bool,
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) sale_id: Option<SaleId>,
    pub(super) store: StoreId,
    #[serde(default)]
    pub(super) terminal: Option<TerminalId>,
    /// Absent: the reservation's customer, if the sale takes one.
    #[serde(default)]
    pub(super) customer_id: Option<CustomerId>,
    /// At most 1,000.
    pub(super) lines: Vec<LineBody>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub(super) discount: Option<Discount>,
    /// At most 50; together at least the total, and only cash gives change.
    #[serde(default)]
    pub(super) payments: Vec<PaymentBody>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) occurred_at: Option<OffsetDateTime>,
    /// A confirmed reservation whose goods this sale takes: all of them must be among the lines, and they need not be
    /// available to others.
    #[serde(default)]
    pub(super) reservation_id: Option<ReservationId>,
    /// For drafts: whether the goods are kept from other sales.
    #[serde(default)]
    pub(super) hold_stock: Option<bool>,
}

/// What is sold. Needs a `sku` or a `unit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct LineBody {
    #[serde(default)]
    sku: Option<Sku>,
    /// `imei:…` or `serial:…`; then the quantity is 1.
    #[serde(default)]
    unit: Option<UnitId>,
    quantity: Quantity,
    /// Absent: the catalogue's price.
    #[serde(default)]
    unit_price_minor: Option<Minor>,
    #[serde(default)]
    discount: Option<Discount>,
}

impl From<LineBody> for DraftLine {
    fn from(line: LineBody) -> Self {
        let LineBody {
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

/// Money as it was handed over.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PaymentBody {
    method: PaymentMethod,
    /// Positive.
    amount_minor: Minor,
    /// The acquirer's or bank's reference. Never a card number.
    #[serde(default)]
    reference: Option<String>,
}

impl From<PaymentBody> for PaymentRequest {
    fn from(payment: PaymentBody) -> Self {
        let PaymentBody {
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

/// All that a draft holds; it replaces what was there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftBody {
    store: StoreId,
    #[serde(default)]
    terminal: Option<TerminalId>,
    #[serde(default)]
    customer_id: Option<CustomerId>,
    lines: Vec<LineBody>,
    #[serde(default)]
    discount: Option<Discount>,
    /// Whether the draft keeps its goods from other sales.
    #[serde(default)]
    hold_stock: bool,
}

impl From<DraftBody> for DraftContent {
    fn from(draft: DraftBody) -> Self {
        let DraftBody {
            store,
            terminal,
            customer_id,
            lines,
            discount,
            hold_stock,
        } = draft;
        let lines = lines.into_iter().map(DraftLine::from).collect();
        DraftContent {
            store,
            terminal,
            customer_id,
            lines,
            discount,
            hold_stock,
        }
    }
}

/// How a draft is paid.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Completion {
    #[serde(default)]
    pub(super) payments: Vec<PaymentBody>,
    /// A confirmed reservation whose goods this sale takes: all of them must be among the draft's lines. Its customer is
    /// the sale's where the draft has none.
    #[serde(default)]
    pub(super) reservation_id: Option<ReservationId>,
    /// When it happened by the till's clock; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) occurred_at: Option<OffsetDateTime>,
}

/// When a sale was voided; not before it was made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VoidBody {
    /// By the till's clock; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) occurred_at: Option<OffsetDateTime>,
}

/// Goods that come back. Under a sale's path the sale is that one; else it is unknown.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnBody {
    /// Absent: one is generated.
    #[serde(default)]
    return_id: Option<ReturnId>,
    /// Where the goods come back.
    store: StoreId,
    #[serde(default)]
    terminal: Option<TerminalId>,
    /// Absent: the sale's customer, if it has one.
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// At most 1,000.
    lines: Vec<ReturnBodyLine>,
    /// Must come to the total. None: all to the customer's account, or in cash without a customer. Of a sale to a customer
    /// no more goes back in cash, by card and by transfer, all its returns together, than was paid so; managers and
    /// administrators may go beyond.
    #[serde(default)]
    refunds: Vec<RefundBody>,
    /// When it happened by the till's clock, not before the sale; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    occurred_at: Option<OffsetDateTime>,
}

/// One item that comes back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnBodyLine {
    /// The sale's line, from 1; needed with a sale unless `unit` names the goods.
    #[serde(default)]
    sale_line: Option<i64>,
    #[serde(default)]
    sku: Option<Sku>,
    /// `imei:…` or `serial:…`, of the sale; without a sale none comes back, since its sale is known.
    #[serde(default)]
    unit: Option<UnitId>,
    quantity: Quantity,
    /// What is paid back for one, without tax where the tenant's prices are. Needed without a sale, and then at most the
    /// catalogue's price now, unless a manager or an administrator asks; refused with a sale, where what was paid counts.
    #[serde(default)]
    unit_price_minor: Option<Minor>,
    /// Whether the goods go back on the shelf.
    #[serde(default = "yes")]
    restock: bool,
}

fn yes() -> bool {
    true
}

/// Money that goes back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct RefundBody {
    method: PaymentMethod,
    amount_minor: Minor,
}

impl From<RefundBody> for Refund {
    fn from(refund: RefundBody) -> Self {
        let RefundBody { method, amount_minor } = refund;
        Refund { method, amount_minor }
    }
}

impl From<ReturnBodyLine> for ReturnLineRequest {
    fn from(line: ReturnBodyLine) -> Self {
        let ReturnBodyLine {
            sale_line,
            sku,
            unit,
            quantity,
            unit_price_minor,
            restock,
        } = line;
        ReturnLineRequest {
            sale_line,
            sku,
            unit,
            quantity,
            unit_price_minor,
            restock,
        }
    }
}

impl ReturnBody {
    pub(super) fn into_command(self, sale_id: Option<SaleId>) -> ReturnGoods {
        let ReturnBody {
            return_id,
            store,
            terminal,
            customer_id,
            lines,
            refunds,
            occurred_at,
        } = self;
        ReturnGoods {
            return_id,
            sale_id,
            store,
            terminal,
            customer_id,
            lines: lines.into_iter().map(ReturnLineRequest::from).collect(),
            refunds: refunds.into_iter().map(Refund::from).collect(),
            occurred_at,
        }
    }
}

/// A completed sale with its totals, or a draft with its id alone.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct SaleAnswer {
    sale_id: SaleId,
    /// The tenant's own number of the receipt, where it numbers receipts.
    #[serde(default)]
    number: Option<String>,
    #[serde(default)]
    total_minor: Option<Minor>,
    #[serde(default)]
    tax_minor: Option<Minor>,
    #[serde(default)]
    discount_minor: Option<Minor>,
    /// Cash to give back.
    #[serde(default)]
    change_minor: Option<Minor>,
    #[serde(default)]
    currency: Option<Currency>,
    /// What the customer owes now.
    #[serde(default)]
    balance_minor: Option<Minor>,
    /// Of a completed sale: where its receipt is, with lines, taxes, payments and the verification code; `&format=json` for
    /// the figures.
    #[serde(default)]
    receipt_url: Option<String>,
    position: i64,
}

/// A return and what went back.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct ReturnAnswer {
    return_id: ReturnId,
    /// The tenant's own number for it, where it numbers returns.
    #[serde(default)]
    number: Option<String>,
    total_minor: Minor,
    currency: Currency,
    /// What the customer owes now.
    #[serde(default)]
    balance_minor: Option<Minor>,
    position: i64,
}

impl SaleBody {
    /// What belongs to the other of draft and sale is refused rather than dropped.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.draft && !self.payments.is_empty() {
            let (es, en) = ("Un borrador no lleva pagos.", "A draft has no payments.");
            return Err(field_problem("/payments", es, en));
        }
        if self.draft && self.reservation_id.is_some() {
            let (es, en) = (
                "La reserva se nombra al completar el borrador.",
                "A reservation is named when the draft is completed.",
            );
            return Err(field_problem("/reservation_id", es, en));
        }
        if self.draft && self.occurred_at.is_some() {
            let (es, en) = (
                "Un borrador todavía no ha ocurrido.",
                "A draft has not happened yet.",
            );
            return Err(field_problem("/occurred_at", es, en));
        }
        if !self.draft && self.hold_stock.is_some() {
            let (es, en) = (
                "Solo un borrador reserva existencias.",
                "Only a draft holds stock.",
            );
            return Err(field_problem("/hold_stock", es, en));
        }
        Ok(())
    }
}
