//! Records that somebody signed in, or tried to.
//!
//! Names that no user has are recorded as `unknown`: people type passwords into the wrong field.

use schemas::Username;
use schemas::events::security::{SecurityAction, SecurityAudit, SecurityOutcome};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_optional_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Notes one attempt to sign in, successful or not; it lets nobody in or out by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordSignIn {
    /// What was typed as the username.
    pub subject: String,
    /// Whether a user of that name exists.
    pub known: bool,
    pub success: bool,
    /// A stable code of the cause of a failure; at most 100 characters.
    #[serde(default)]
    pub detail: Option<String>,
}

impl Decide for RecordSignIn {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let subject = match Username::new(&self.subject) {
            Ok(username) if self.known => username.as_str().to_owned(),
            Ok(_) | Err(_) => "unknown".to_owned(),
        };
        let stream = streams::security(&subject);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        check_optional_text("detail", self.detail.as_deref(), 100)?;
        let outcome = if self.success {
            SecurityOutcome::Success
        } else {
            SecurityOutcome::Failure
        };
        let audit = SecurityAudit {
            action: SecurityAction::SignIn,
            outcome,
            subject,
            detail: self.detail.clone(),
            operation: None,
            times: None,
        };
        work.emit(stream, audit)?;
        Ok(work.finish(json!({})))
    }
}
