//! Lets a disabled user in again.

use schemas::Username;
use schemas::events::admin::UserEnabled;
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::security::audit_success;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lets a disabled user sign in again with the same role and password; sessions from before stay ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnableUser {
    pub username: Username,
}

impl Decide for EnableUser {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::user(&self.username);
        work.require([
            &streams::tenant(),
            &stream,
            &streams::security(self.username.as_str()),
        ])?;
        work.tenant(&ctx.tenant)?;
        if !work.user(&self.username)?.enabled {
            work.emit(
                stream,
                UserEnabled {
                    username: self.username.clone(),
                },
            )?;
            audit_success(&mut work, &self.username, SecurityAction::UserEnabled, None)?;
        }
        Ok(work.finish(json!({ "username": self.username })))
    }
}
