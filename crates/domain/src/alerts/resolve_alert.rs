//! Somebody says that an alert is over. Its threshold stays: the next alert comes with the next crossing.

use schemas::AlertId;
use schemas::events::alert::AlertEnd;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::alert::resolve;
use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends an alert by hand, seen before or not; stock may still be below its minimum. Resolved already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolveAlert {
    pub alert_id: AlertId,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide for ResolveAlert {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        work.require([&streams::tenant(), &streams::alert(&self.alert_id)])?;
        work.tenant(&ctx.tenant)?;
        check_optional_text("note", self.note.as_deref(), 500)?;
        work.alert(&self.alert_id)?;
        resolve(&mut work, &self.alert_id, AlertEnd::ByHand, self.note.as_deref())?;
        Ok(work.finish(json!({ "alert_id": self.alert_id, "status": "resolved" })))
    }
}
