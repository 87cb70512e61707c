use schemas::SaleId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscardDraft {
    pub sale_id: SaleId,
}
