//! Shuts a user out; their tokens end. Nobody disables themselves.

use schemas::Username;
use schemas::events::admin::UserDisabled;
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::user::check_not_self;
use crate::command::Decide;
use crate::context::Ctx;
use crate::security::audit_success;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a user's sessions and refuses new ones until the user is enabled again. Nobody does it to themselves, even when
/// they are disabled already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisableUser {
    pub username: Username,
}

impl Decide for DisableUser {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::user(&self.username);
        work.require([
            &streams::tenant(),
            &stream,
            &streams::security(self.username.as_str()),
        ])?;
        work.tenant(&ctx.tenant)?;
        let enabled = work.user(&self.username)?.enabled;
        check_not_self(&self.username, ctx)?;
        if enabled {
            work.emit(
                stream,
                UserDisabled {
                    username: self.username.clone(),
                },
            )?;
            audit_success(&mut work, &self.username, SecurityAction::UserDisabled, None)?;
        }
        Ok(work.finish(json!({ "username": self.username })))
    }
}
