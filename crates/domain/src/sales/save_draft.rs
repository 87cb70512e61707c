use schemas::SaleId;
use schemas::events::sale::DraftContent;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaveDraft {
    #[serde(default)]
    pub sale_id: Option<SaleId>,
    pub draft: DraftContent,
}
