//! Somebody says that they have seen an alert; it stays open. Saying it again changes nothing.

use schemas::AlertId;
use schemas::events::alert::AlertAcknowledged;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::alert::Status;
use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::StockRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Marks an open alert as seen. A resolved one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AcknowledgeAlert {
    pub alert_id: AlertId,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for AcknowledgeAlert {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::alert(&self.alert_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        let alert = work.alert(&self.alert_id)?;
        match alert.status {
            Status::Resolved => {
                let alert_id = self.alert_id.clone();
                return Err(StockRefusal::AlertResolved { alert_id }.into());
            }
            Status::Acknowledged => {}
            Status::Open => {
                let acknowledged = AlertAcknowledged {
                    alert_id: self.alert_id.clone(),
                    store: alert.store.clone(),
                    sku: alert.sku.clone(),
                    note: self.note.clone(),
                };
                work.emit(stream, acknowledged)?;
            }
        }
        Ok(work.finish(json!({ "alert_id": self.alert_id, "status": "acknowledged" })))
    }
}
