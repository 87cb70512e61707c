use schemas::events::sale::Refund;
use schemas::{CustomerId, Minor, Quantity, ReturnId, SaleId, Sku, StoreId, TerminalId, UnitId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnGoods {
    #[serde(default)]
    pub return_id: Option<ReturnId>,
    #[serde(default)]
    pub sale_id: Option<SaleId>,
    pub store: StoreId,
    #[serde(default)]
    pub terminal: Option<TerminalId>,
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<ReturnLineRequest>,
    #[serde(default)]
    pub refunds: Vec<Refund>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnLineRequest {
    #[serde(default)]
    pub sale_line: Option<i64>,
    #[serde(default)]
    pub sku: Option<Sku>,
    #[serde(default)]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
    #[serde(default)]
    pub unit_price_minor: Option<Minor>,
    pub restock: bool,
}
