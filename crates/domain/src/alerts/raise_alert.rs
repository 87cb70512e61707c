//! Raises the alert of a crossing; the platform asks for it. A crossing that is over by then leaves an alert that is
//! resolved already, so that whichever of raise and end is decided first, the same stands there afterwards.

use schemas::events::alert::{AlertEnd, AlertKind, AlertRaised};
use schemas::{AlertId, Sku, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::alert::resolve;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Opens the alert of one crossing, once: the id is the crossing's own, and an alert that is there stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RaiseAlert {
    pub alert_id: AlertId,
    pub store: StoreId,
    pub sku: Sku,
    pub item_name: String,
    /// On hand when the threshold was crossed.
    pub quantity: i64,
    pub minimum: i64,
}

impl Decide for RaiseAlert {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::alert(&self.alert_id);
        let shelf = streams::stock(&self.store, &self.sku);
        work.require([&streams::tenant(), &stream, &shelf])?;
        work.tenant(&ctx.tenant)?;
        if work.known_alert(&self.alert_id)?.is_none() {
            let raised = AlertRaised {
                alert_id: self.alert_id.clone(),
                kind: AlertKind::StockBelowMinimum,
                store: self.store.clone(),
                sku: self.sku.clone(),
                item_name: self.item_name.clone(),
                quantity: self.quantity,
                minimum: self.minimum,
            };
            work.emit(stream, raised)?;
            let threshold = &work.stock(&self.store, &self.sku)?.threshold;
            if threshold.alert_id.as_ref() != Some(&self.alert_id) {
                let cause = match threshold.minimum {
                    Some(_) => AlertEnd::Recovered,
                    None => AlertEnd::Cleared,
                };
                resolve(&mut work, &self.alert_id, cause, None)?;
            }
        }
        Ok(work.finish(json!({ "alert_id": self.alert_id })))
    }
}
