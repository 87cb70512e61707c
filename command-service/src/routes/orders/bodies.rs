//! What order routes take and give, and how it becomes commands.

use domain::orders::{DeliveredReturnLine, DeliveryLineRequest, InvoiceLineRequest, OrderKind};
use platform::http::Problem;
use schemars::JsonSchema;
use schemas::events::sale::Discount;
use schemas::{
    Currency, CustomerId, InvoiceId, Minor, OrderDeliveryId, OrderId, Quantity, ReturnId, StoreId, UnitId,
};
use serde::Deserialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::super::parameters::field_problem;
use super::super::pos::{LineBody, PaymentBody, RefundBody};

/// Whether it is an offer or ordered at once.
#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OrderKindName {
    /// An offer until a time; the customer accepts it.
    Quote,
    /// An order.
    Order,
}

/// A quote or an order. Prices are fixed here; goods are kept once the order is confirmed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderBody {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) order_id: Option<OrderId>,
    kind: OrderKindName,
    /// Where the goods are.
    pub(super) store: StoreId,
    /// Needed for an invoice on credit; a quote's customer may be named when it is accepted.
    #[serde(default)]
    pub(super) customer_id: Option<CustomerId>,
    /// The customer's own number for it, at most 100 characters.
    #[serde(default)]
    pub(super) reference: Option<String>,
    /// At most 1,000. Serialised items may be ordered by `sku` and quantity; their units are named at the delivery.
    pub(super) lines: Vec<LineBody>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub(super) discount: Option<Discount>,
    /// For quotes: until when it holds, at most 366 days ahead.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    valid_until: Option<OffsetDateTime>,
    /// For quotes: the same as seconds from now, 1 to 31,622,400. 30 days when neither is given.
    #[serde(default)]
    valid_for_s: Option<i64>,
}

impl OrderBody {
    /// A time until which an order holds is refused rather than dropped.
    pub(super) fn kind(&self) -> Result<OrderKind, Problem> {
        let (es, en) = (
            "Solo una cotización tiene vigencia.",
            "Only a quote has a validity.",
        );
        match self.kind {
            OrderKindName::Quote => Ok(OrderKind::Quote {
                valid_until: self.valid_until,
                valid_for_s: self.valid_for_s,
            }),
            OrderKindName::Order if self.valid_until.is_some() => Err(field_problem("/valid_until", es, en)),
            OrderKindName::Order if self.valid_for_s.is_some() => Err(field_problem("/valid_for_s", es, en)),
            OrderKindName::Order => Ok(OrderKind::Order),
        }
    }
}

/// What a quote or an order that was not confirmed is to be about: all of it, also what stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderChangeBody {
    /// The `revision` that was read and is replaced; 409 when somebody changed it meanwhile.
    pub(super) expected_revision: i64,
    /// Where the goods are.
    pub(super) store: StoreId,
    /// Absent: nobody's.
    #[serde(default)]
    pub(super) customer_id: Option<CustomerId>,
    /// The customer's own number for it, at most 100 characters.
    #[serde(default)]
    pub(super) reference: Option<String>,
    /// At most 1,000. A line without `unit_price_minor` keeps the price that its item has in the order; items that are
    /// new in it have the catalogue's.
    pub(super) lines: Vec<LineBody>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub(super) discount: Option<Discount>,
    /// For quotes: until when it holds, at most 366 days ahead.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) valid_until: Option<OffsetDateTime>,
    /// For quotes: the same as seconds from now, 1 to 31,622,400. It stays when neither is given.
    #[serde(default)]
    pub(super) valid_for_s: Option<i64>,
}

/// Whose order a quote becomes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptBody {
    /// Only for a quote that names nobody.
    #[serde(default)]
    pub(super) customer_id: Option<CustomerId>,
}

/// Goods that leave for the customer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryBody {
    /// Give one: the same delivery sent again then adds nothing. Absent: one is generated.
    #[serde(default)]
    pub(super) delivery_id: Option<OrderDeliveryId>,
    /// At most 1,000, with at most 1,000 units together. None: all that is left.
    #[serde(default)]
    pub(super) lines: Vec<DeliveryBodyLine>,
    /// When it happened; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) occurred_at: Option<OffsetDateTime>,
}

/// What is delivered of one line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryBodyLine {
    /// Of the order, from 1.
    line: i64,
    quantity: Quantity,
    /// `imei:…` or `serial:…`, as many as `quantity`; for serialised items.
    #[serde(default)]
    units: Vec<UnitId>,
}

impl From<DeliveryBodyLine> for DeliveryLineRequest {
    fn from(line: DeliveryBodyLine) -> Self {
        let DeliveryBodyLine {
            line,
            quantity,
            units,
        } = line;
        DeliveryLineRequest {
            line,
            quantity,
            units,
        }
    }
}

/// An invoice for goods that were delivered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvoiceBody {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) invoice_id: Option<InvoiceId>,
    /// At most 1,000. None: all that was delivered and not invoiced.
    #[serde(default)]
    pub(super) lines: Vec<InvoiceBodyLine>,
    /// At most 50; together the invoice's total, and only cash gives change. `credit` charges the customer's account.
    #[serde(default)]
    pub(super) payments: Vec<PaymentBody>,
    /// When it happened; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) occurred_at: Option<OffsetDateTime>,
}

/// What is invoiced of one line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvoiceBodyLine {
    /// Of the order, from 1.
    line: i64,
    quantity: Quantity,
}

impl From<InvoiceBodyLine> for InvoiceLineRequest {
    fn from(line: InvoiceBodyLine) -> Self {
        let InvoiceBodyLine { line, quantity } = line;
        InvoiceLineRequest { line, quantity }
    }
}

/// Delivered goods that come back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderReturnBody {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) return_id: Option<ReturnId>,
    /// At most 1,000, with at most 1,000 units together.
    pub(super) lines: Vec<OrderReturnBodyLine>,
    /// Must come to what is paid back: what had been invoiced of these goods. None: all to the customer's account, or in
    /// cash without a customer. A customer gets no more in money than the invoices were paid in money, unless a manager
    /// decides.
    #[serde(default)]
    pub(super) refunds: Vec<RefundBody>,
    /// When it happened; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(super) occurred_at: Option<OffsetDateTime>,
}

/// What comes back of one line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderReturnBodyLine {
    /// Of the order, from 1.
    line: i64,
    quantity: Quantity,
    /// `imei:…` or `serial:…`, as many as `quantity`; for serialised items.
    #[serde(default)]
    units: Vec<UnitId>,
    /// Whether the goods go back on the shelf.
    #[serde(default = "yes")]
    restock: bool,
}

fn yes() -> bool {
    true
}

impl From<OrderReturnBodyLine> for DeliveredReturnLine {
    fn from(line: OrderReturnBodyLine) -> Self {
        let OrderReturnBodyLine {
            line,
            quantity,
            units,
            restock,
        } = line;
        DeliveredReturnLine {
            line,
            quantity,
            units,
            restock,
        }
    }
}

/// A quote or an order as it was made or changed.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct OrderAnswer {
    order_id: OrderId,
    /// The tenant's own number for it, where it numbers orders; it stays.
    #[serde(default)]
    number: Option<String>,
    /// 1 as it was made, one more with each change and the acceptance.
    revision: i64,
    /// `quote` or `open`.
    status: String,
    total_minor: Minor,
    tax_minor: Minor,
    discount_minor: Minor,
    currency: Currency,
    /// Of a quote.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    valid_until: Option<OffsetDateTime>,
    position: i64,
}

/// How far the order is: `open`, `confirmed`, `partly_delivered`, `delivered`, `invoiced`, `returned` or `cancelled`.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct OrderStatusAnswer {
    order_id: OrderId,
    status: String,
    #[serde(default)]
    total_minor: Option<Minor>,
    #[serde(default)]
    currency: Option<Currency>,
    position: i64,
}

/// A delivery.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct DeliveryAnswer {
    order_id: OrderId,
    delivery_id: OrderDeliveryId,
    /// Of the order.
    status: String,
    position: i64,
}

/// An invoice.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct InvoiceAnswer {
    order_id: OrderId,
    invoice_id: InvoiceId,
    /// Of the order.
    status: String,
    total_minor: Minor,
    tax_minor: Minor,
    /// The share of the order's discounts that these goods have.
    discount_minor: Minor,
    /// Cash to give back.
    change_minor: Minor,
    currency: Currency,
    /// What the customer owes now.
    #[serde(default)]
    balance_minor: Option<Minor>,
    position: i64,
}

/// A return and what was paid back.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct OrderReturnAnswer {
    order_id: OrderId,
    return_id: ReturnId,
    /// The tenant's own number for it, where it numbers returns.
    #[serde(default)]
    number: Option<String>,
    /// Of the order.
    status: String,
    total_minor: Minor,
    currency: Currency,
    /// What the customer owes now.
    #[serde(default)]
    balance_minor: Option<Minor>,
    position: i64,
}
