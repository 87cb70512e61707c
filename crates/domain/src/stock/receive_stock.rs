use schemas::{Minor, Quantity, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveStock {
    pub store: StoreId,
    #[serde(default)]
    pub reference: Option<String>,
    pub lines: Vec<ReceiptLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptLine {
    pub sku: Sku,
    pub quantity: Quantity,
    #[serde(default)]
    pub unit_cost_minor: Option<Minor>,
    #[serde(default)]
    pub units: Vec<UnitId>,
}
