//! Gives the organisation another name; its id stays. Not here: its time zone and whether its prices include tax, which
//! the figures of its past rest on and which stay as it was created (docs/domain/administration.md).

use schemas::events::admin::TenantRenamed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes the name that people see, not the letterhead's legal name. The name that it has already changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenameTenant {
    /// 1 to 200 characters.
    pub name: String,
}

impl Decide for RenameTenant {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let changes = work.tenant(&ctx.tenant)?.name != self.name;
        check_text("name", &self.name, 200)?;
        if changes {
            let name = self.name.clone();
            work.emit(streams::tenant(), TenantRenamed { name })?;
        }
        Ok(work.finish(json!({ "tenant": ctx.tenant })))
    }
}
