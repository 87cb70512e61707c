//! Records that a signed-in user was refused an operation, once or several times in a short while.

use schemas::Username;
use schemas::events::security::{SecurityAction, SecurityAudit, SecurityOutcome};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Notes refused operations of one user in the user's security stream; it refuses nobody by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordDeniedAccess {
    pub username: Username,
    /// The `operationId`; at most 100 characters.
    pub operation: String,
    /// The stable code of the answer; at most 100 characters.
    pub code: String,
    /// How often in that while; at least 1 is recorded.
    pub times: u32,
}

impl Decide for RecordDeniedAccess {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::security(self.username.as_str());
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        check_text("operation", &self.operation, 100)?;
        check_text("code", &self.code, 100)?;
        let audit = SecurityAudit {
            action: SecurityAction::AccessDenied,
            outcome: SecurityOutcome::Failure,
            subject: self.username.as_str().to_owned(),
            detail: Some(self.code.clone()),
            operation: Some(self.operation.clone()),
            times: Some(self.times.max(1)),
        };
        work.emit(stream, audit)?;
        Ok(work.finish(json!({})))
    }
}
