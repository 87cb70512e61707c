use schemas::{Sku, StoreId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdjustStock {
    pub store: StoreId,
    pub sku: Sku,
    pub delta: i64,
    #[serde(default)]
    pub comment: Option<String>,
}
