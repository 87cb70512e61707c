//! Sales at the till. Stream `sale/<sale_id>`. A return without an original has the stream `return/<return_id>`; a
//! return of a sale has its event with the sale, and registers its id in that stream, so that no id is used twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use crate::ids::{CustomerId, ReturnId, SaleId, Sku, StoreId, TaxCode, TerminalId, UnitId};
use crate::money::{Currency, Minor};
use crate::quantity::Quantity;

module_events! {
    /// The life of one sale.
    SaleEvent {
        Drafted(SaleDrafted) = "sale.drafted" v 1,
        DraftChanged(SaleDraftChanged) = "sale.draft_changed" v 1,
        DraftDiscarded(SaleDraftDiscarded) = "sale.draft_discarded" v 1,
        Completed(SaleCompleted) = "sale.completed" v 2,
        Voided(SaleVoided) = "sale.voided" v 1,
        Returned(SaleReturned) = "sale.returned" v 2,
        ReturnRegistered(SaleReturnRegistered) = "sale.return_registered" v 1,
        Exchanged(SaleExchanged) = "sale.exchanged" v 1,
    }
}

impl SaleEvent {
    /// Reads an earlier version as the newest. Version 1 of `sale.completed` and of `sale.returned` is version 2 without
    /// `number`: neither receipts nor returns had one.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("sale.completed", 1) => Some(
                serde_json::from_str(data)
                    .map(|old: SaleCompleted| Self::Completed(SaleCompleted { number: None, ..old })),
            ),
            ("sale.returned", 1) => Some(
                serde_json::from_str(data)
                    .map(|old: SaleReturned| Self::Returned(SaleReturned { number: None, ..old })),
            ),
            _ => None,
        }
    }
}

/// How money changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    Cash,
    Card,
    Transfer,
    /// On the customer's account.
    Credit,
    /// From what the shop owes the customer (a negative balance).
    StoreCredit,
    /// Goods against goods: the same amount is a refund of the exchange's return and a payment of its sale.
    Exchange,
}

/// A discount: a share or an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Discount {
    /// Parts per million of the gross: 100,000 is 10 %.
    Share { rate_ppm: i64 },
    /// In minor units of the sale's currency.
    Amount { amount_minor: Minor },
}

/// What a draft's line asks for, before prices are fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DraftLine {
    /// Absent when `unit` names the goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
    /// Absent: the catalogue's price when the sale completes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price_minor: Option<Minor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

/// All that a draft holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DraftContent {
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<DraftLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// Whether the draft keeps its goods from other sales.
    pub hold_stock: bool,
}

/// Goods are kept for a sale that is not paid yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleDrafted {
    pub sale_id: SaleId,
    pub draft: DraftContent,
}

/// The draft holds something else from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleDraftChanged {
    pub sale_id: SaleId,
    pub draft: DraftContent,
}

/// The draft comes to nothing; what it kept is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleDraftDiscarded {
    pub sale_id: SaleId,
}

/// One line as it was sold. All amounts in minor units of the sale's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleLine {
    /// From 1, in the order of the till.
    pub line: i64,
    pub sku: Sku,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    pub name: String,
    pub quantity: Quantity,
    pub unit_price_minor: Minor,
    /// `quantity × unit_price_minor`.
    pub gross_minor: Minor,
    /// The line's own discount and its share of the sale's, together.
    pub discount_minor: Minor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_code: Option<TaxCode>,
    /// Parts per million; 0 without tax.
    pub tax_rate_ppm: i64,
    /// Tax in `total_minor`.
    pub tax_minor: Minor,
    /// What the customer pays for this line, tax included.
    pub total_minor: Minor,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SalePayment {
    pub method: PaymentMethod,
    /// What counts towards the total; change is already taken off cash.
    pub amount_minor: Minor,
    /// What was handed over; differs from `amount_minor` for cash with change.
    pub tendered_minor: Minor,
    /// The acquirer's or bank's reference. Never a card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The sale is final: stock, payments and credit moved in the same append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleCompleted {
    pub sale_id: SaleId,
    /// The tenant's own number of the receipt, where it numbers receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    /// The username of who sold.
    pub cashier: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub lines: Vec<SaleLine>,
    pub payments: Vec<SalePayment>,
    pub gross_minor: Minor,
    pub discount_minor: Minor,
    pub tax_minor: Minor,
    /// Sum of the lines' totals = sum of the payments.
    pub total_minor: Minor,
    pub change_minor: Minor,
    /// When it happened by the till's clock.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    /// The day it counts for, in the tenant's time zone: `2010-12-01`.
    pub business_day: String,
}

/// The whole sale was undone; goods, payments and credit went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleVoided {
    pub sale_id: SaleId,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    /// The total of the sale that was undone (what had been returned before is not in it).
    pub total_minor: Minor,
    pub tax_minor: Minor,
    /// What went back, by method.
    pub refunds: Vec<Refund>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    /// The day that the undone sale counted for, so that day's figures shrink.
    pub business_day: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    pub method: PaymentMethod,
    pub amount_minor: Minor,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnLine {
    /// From 1.
    pub line: i64,
    /// The line of the original sale, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_line: Option<i64>,
    pub sku: Sku,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
    /// Whether the goods went back on the shelf.
    pub restocked: bool,
    pub tax_minor: Minor,
    /// What the customer gets back for this line, tax included; positive.
    pub total_minor: Minor,
}

/// Goods came back, and money or credit went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleReturned {
    pub return_id: ReturnId,
    /// The tenant's own number for it, where it numbers returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Absent when the original is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_id: Option<SaleId>,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    pub cashier: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub lines: Vec<ReturnLine>,
    pub tax_minor: Minor,
    /// Positive: what went back to the customer.
    pub total_minor: Minor,
    pub refunds: Vec<Refund>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    pub business_day: String,
}

/// A return of a sale takes its id, which nobody in the tenant may use again. First event of `return/<return_id>`, in
/// the same append as the `sale.returned` that says what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleReturnRegistered {
    pub return_id: ReturnId,
    pub sale_id: SaleId,
}

/// Goods of a sale came back and others went out for them. Stands in the stream of the sale whose goods came back, behind
/// the `sale.returned` and the other sale's `sale.completed` of the same append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaleExchanged {
    /// The sale whose goods came back.
    pub sale_id: SaleId,
    pub return_id: ReturnId,
    /// The sale of the goods that went out.
    pub new_sale_id: SaleId,
    pub store: StoreId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    /// What came back is worth.
    pub returned_minor: Minor,
    /// What went out costs.
    pub sold_minor: Minor,
    /// What is settled goods against goods: the smaller of the two.
    pub exchanged_minor: Minor,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    pub business_day: String,
}
