//! Ends the alert of a crossing that is over; the platform asks for it. One that was not raised yet is left to
//! `raise_alert`, which raises it as resolved; one that is resolved stays as it is.

use schemas::AlertId;
use schemas::events::alert::AlertEnd;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::alert::resolve;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Resolves an open or acknowledged alert. Where there is none to end nothing happens, and nothing is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndAlert {
    pub alert_id: AlertId,
    pub cause: AlertEnd,
}

impl Decide for EndAlert {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        work.require([&streams::tenant(), &streams::alert(&self.alert_id)])?;
        work.tenant(&ctx.tenant)?;
        resolve(&mut work, &self.alert_id, self.cause, None)?;
        Ok(work.finish(json!({ "alert_id": self.alert_id })))
    }
}
