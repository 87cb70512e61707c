use schemas::SaleId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::PaymentRequest;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteDraft {
    pub sale_id: SaleId,
    pub payments: Vec<PaymentRequest>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub occurred_at: Option<OffsetDateTime>,
}
