//! Gives a user another role; tokens of the old one end. Nobody changes their own.

use schemas::Username;
use schemas::events::admin::{Role, UserRoleChanged};
use schemas::events::security::SecurityAction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::user::check_not_self;
use crate::command::Decide;
use crate::context::Ctx;
use crate::security::audit_success;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes what a user may do and ends all of the user's sessions; the change is audited. A role that the user has
/// already changes nothing, not even one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeUserRole {
    pub username: Username,
    pub role: Role,
}

impl Decide for ChangeUserRole {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::user(&self.username);
        work.require([
            &streams::tenant(),
            &stream,
            &streams::security(self.username.as_str()),
        ])?;
        work.tenant(&ctx.tenant)?;
        if work.user(&self.username)?.role != self.role {
            check_not_self(&self.username, ctx)?;
            work.emit(
                stream,
                UserRoleChanged {
                    username: self.username.clone(),
                    role: self.role,
                },
            )?;
            audit_success(
                &mut work,
                &self.username,
                SecurityAction::RoleChange,
                Some(self.role.as_str()),
            )?;
        }
        Ok(work.finish(json!({ "username": self.username })))
    }
}
