//! What an exchange takes and gives, and how it becomes a command.

use domain::sales::{ExchangeGoods, PaymentRequest, ReturnLineRequest};
use schemars::JsonSchema;
use schemas::events::sale::{Discount, DraftLine, Refund};
use schemas::{Currency, CustomerId, Minor, ReturnId, SaleId, StoreId, TerminalId};
use serde::Deserialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::bodies::{LineBody, PaymentBody, RefundBody, ReturnBodyLine};

/// Goods of the path's sale that come back, and others that go out for them. `returned` and `lines` have at most 500
/// entries together.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeBody {
    /// Absent: one is generated.
    #[serde(default)]
    return_id: Option<ReturnId>,
    /// Of the sale of the goods that go out. Absent: one is generated.
    #[serde(default)]
    new_sale_id: Option<SaleId>,
    /// Where the goods come back and go out.
    store: StoreId,
    #[serde(default)]
    terminal: Option<TerminalId>,
    /// Absent: the sale's customer, if it has one.
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// What comes back.
    returned: Vec<ReturnBodyLine>,
    /// What goes out.
    lines: Vec<LineBody>,
    /// On what is left of `lines` after their own discounts.
    #[serde(default)]
    discount: Option<Discount>,
    /// Of the difference when what goes out costs more; at most 50, and only cash gives change.
    #[serde(default)]
    payments: Vec<PaymentBody>,
    /// Of the difference when what comes back is worth more. None: to the customer's account, or in cash without one. In
    /// cash, by card and by transfer no more than was paid so, as for returns.
    #[serde(default)]
    refunds: Vec<RefundBody>,
    /// When it happened by the till's clock, not before the sale; absent: now.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    occurred_at: Option<OffsetDateTime>,
}

impl ExchangeBody {
    pub(super) fn into_command(self, sale_id: SaleId) -> ExchangeGoods {
        ExchangeGoods {
            sale_id,
            return_id: self.return_id,
            new_sale_id: self.new_sale_id,
            store: self.store,
            terminal: self.terminal,
            customer_id: self.customer_id,
            returned: self.returned.into_iter().map(ReturnLineRequest::from).collect(),
            lines: self.lines.into_iter().map(DraftLine::from).collect(),
            discount: self.discount,
            payments: self.payments.into_iter().map(PaymentRequest::from).collect(),
            refunds: self.refunds.into_iter().map(Refund::from).collect(),
            occurred_at: self.occurred_at,
        }
    }
}

/// An exchange: a return and a sale, and what was settled in money.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct ExchangeAnswer {
    sale_id: SaleId,
    return_id: ReturnId,
    new_sale_id: SaleId,
    /// The tenant's own number of the return, where it numbers returns.
    #[serde(default)]
    return_number: Option<String>,
    /// The tenant's own number of the new sale's receipt, where it numbers receipts.
    #[serde(default)]
    new_sale_number: Option<String>,
    /// What came back is worth.
    returned_minor: Minor,
    /// What went out costs.
    sold_minor: Minor,
    /// What was settled goods against goods.
    exchanged_minor: Minor,
    /// What the customer got back besides.
    refunded_minor: Minor,
    /// What the customer paid besides.
    paid_minor: Minor,
    /// Cash to give back.
    change_minor: Minor,
    currency: Currency,
    /// What the customer owes now.
    #[serde(default)]
    balance_minor: Option<Minor>,
    /// Where the new sale's receipt is, with lines, taxes, payments and the verification code; `&format=json` for the
    /// figures.
    #[serde(default)]
    receipt_url: Option<String>,
    position: i64,
}
