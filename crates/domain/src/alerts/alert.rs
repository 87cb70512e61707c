//! One alert: which shelf it is about, and what has become of it. Stream `alert/<alert_id>`.

use schemas::events::alert::{AlertEnd, AlertEvent, AlertResolved};
use schemas::{AlertId, Sku, StoreId};
use serde::{Deserialize, Serialize};

use crate::refusal::StockRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// An alert as the rules know it; the figures of its crossing are in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub store: StoreId,
    pub sku: Sku,
    pub status: Status,
}

/// Whether somebody still has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has looked at it yet.
    Open,
    /// Somebody has seen it.
    Acknowledged,
    /// Over: stock is back, the threshold is gone, or somebody said so.
    Resolved,
}

impl Alert {
    pub(crate) fn evolve(slot: &mut Option<Alert>, event: &AlertEvent) {
        let status = match event {
            AlertEvent::Raised(raised) => {
                *slot = Some(Alert {
                    store: raised.store.clone(),
                    sku: raised.sku.clone(),
                    status: Status::Open,
                });
                return;
            }
            AlertEvent::Acknowledged(_) => Status::Acknowledged,
            AlertEvent::Resolved(_) => Status::Resolved,
        };
        if let Some(alert) = slot {
            alert.status = status;
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.store.as_str().len() + self.sku.as_str().len()
    }
}

impl Work<'_> {
    /// An alert that was raised at some time, if it was.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn known_alert(&self, id: &AlertId) -> Result<Option<&Alert>, Missing> {
        let stream = streams::alert(id);
        let State::Alert(found) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(found.as_ref())
    }

    /// # Errors
    /// As [`Work::known_alert`], and [`StockRefusal::AlertNotFound`].
    pub fn alert(&self, id: &AlertId) -> Result<&Alert, Missing> {
        let found = self.known_alert(id)?;
        found.ok_or_else(|| StockRefusal::AlertNotFound { alert_id: id.clone() }.into())
    }
}

/// Ends an alert that is not over yet; says whether there was one to end.
pub(super) fn resolve(
    work: &mut Work<'_>,
    alert_id: &AlertId,
    cause: AlertEnd,
    note: Option<&str>,
) -> Result<bool, Missing> {
    let Some(alert) = work.known_alert(alert_id)? else {
        return Ok(false);
    };
    if alert.status == Status::Resolved {
        return Ok(false);
    }
    let resolved = AlertResolved {
        alert_id: alert_id.clone(),
        store: alert.store.clone(),
        sku: alert.sku.clone(),
        cause,
        note: note.map(str::to_owned),
    };
    work.emit(streams::alert(alert_id), resolved)?;
    Ok(true)
}
