//! Sets a user's password hash, sealed; tokens issued before end.

use schemas::events::admin::UserPasswordChanged;
use schemas::events::security::SecurityAction;
use schemas::{Sealed, Username};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::security::audit_success;
use crate::streams;
use crate::work::{Decision, Missing, Work};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeUserPassword {
    pub username: Username,
    /// The argon2id hash, sealed.
    pub password_hash: Sealed,
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
        if work.user(&self.username)?.password_hash != self.password_hash {
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
