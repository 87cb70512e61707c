//! Creates a user with a role. Name and password hash arrive sealed.

use schemas::events::admin::{Role, UserCreated};
use schemas::events::security::SecurityAction;
use schemas::{Sealed, Username};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::security::audit_success;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Creates a user who may sign in from now on; usernames are never used again. The creation is audited with its role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateUser {
    pub username: Username,
    pub role: Role,
    /// Sealed: the rules never see it.
    pub display_name: Sealed,
    /// The argon2id hash, sealed.
    pub password_hash: Sealed,
}

impl Decide for CreateUser {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::user(&self.username);
        work.require([
            &streams::tenant(),
            &stream,
            &streams::security(self.username.as_str()),
        ])?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::User(None)) {
            return Err(Refusal::UserExists {
                username: self.username.clone(),
            }
            .into());
        }
        let created = UserCreated {
            username: self.username.clone(),
            role: self.role,
            display_name: self.display_name.clone(),
            password_hash: self.password_hash.clone(),
        };
        work.emit(stream, created)?;
        audit_success(
            &mut work,
            &self.username,
            SecurityAction::UserCreated,
            Some(self.role.as_str()),
        )?;
        Ok(work.finish(json!({ "username": self.username })))
    }
}
