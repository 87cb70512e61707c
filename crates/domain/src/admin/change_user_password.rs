//! Sets a user's password hash, sealed; tokens issued before end.

use schemas::events::admin::UserPasswordChanged;
use schemas::events::security::SecurityAction;
use schemas::{Sealed, Username};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::security::audit_success;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces a user's password hash and ends all of the user's sessions; the change is audited. The very same sealed
/// bytes again change nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeUserPassword {
    pub username: Username,
    /// The argon2id hash, sealed.
    pub password_hash: Sealed,
    /// The `session_version` that the user had when the password before was checked, where one was: a role, password or
    /// state that somebody changed meanwhile stays.
    #[serde(default)]
    pub session_version: Option<i64>,
}

impl Decide for ChangeUserPassword {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::user(&self.username);
        work.require([
            &streams::tenant(),
            &stream,
            &streams::security(self.username.as_str()),
        ])?;
        work.tenant(&ctx.tenant)?;
        // A new password is sealed with a fresh nonce; equal bytes are the very same request once more.
        let user = work.user(&self.username)?;
        if user.password_hash != self.password_hash {
            if self
                .session_version
                .is_some_and(|seen| seen != user.session_version)
            {
                return Err(Refusal::UserChanged {
                    username: self.username.clone(),
                }
                .into());
            }
            let changed = UserPasswordChanged {
                username: self.username.clone(),
                password_hash: self.password_hash.clone(),
            };
            work.emit(stream, changed)?;
            audit_success(&mut work, &self.username, SecurityAction::PasswordChange, None)?;
        }
        Ok(work.finish(json!({ "username": self.username })))
    }
}
