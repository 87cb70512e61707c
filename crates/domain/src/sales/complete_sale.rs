use schemas::events::sale::{Discount, DraftLine, PaymentMethod};
use schemas::{CustomerId, Minor, SaleId, StoreId, TerminalId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteSale {
    #[serde(default)]
    pub sale_id: Option<SaleId>,
    pub store: StoreId,
    #[serde(default)]
    pub terminal: Option<TerminalId>,
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<DraftLine>,
    #[serde(default)]
    pub discount: Option<Discount>,
    pub payments: Vec<PaymentRequest>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentRequest {
    pub method: PaymentMethod,
    pub amount_minor: Minor,
    #[serde(default)]
    pub reference: Option<String>,
}
