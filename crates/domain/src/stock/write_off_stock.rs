use schemas::{Quantity, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteOffStock {
    pub store: StoreId,
    pub lines: Vec<WriteOffLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteOffLine {
    pub sku: Sku,
    pub quantity: Quantity,
    #[serde(default)]
    pub units: Vec<UnitId>,
    #[serde(default)]
    pub cause: Option<String>,
}
