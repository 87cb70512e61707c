//! Gives a user another display name, sealed; the username stays, and tokens that are out go on.

use schemas::events::admin::UserRenamed;
use schemas::{Sealed, Username};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes the name that people see. Sealed anew it is a change even if the text is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenameUser {
    pub username: Username,
    pub display_name: Sealed,
}

impl Decide for RenameUser {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::user(&self.username);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        // Sealed with a fresh nonce each time; equal bytes are the very same request once more.
        if work.user(&self.username)?.display_name != self.display_name {
            let (username, display_name) = (self.username.clone(), self.display_name.clone());
            let renamed = UserRenamed {
                username,
                display_name,
            };
            work.emit(stream, renamed)?;
        }
        Ok(work.finish(json!({ "username": self.username })))
    }
}
