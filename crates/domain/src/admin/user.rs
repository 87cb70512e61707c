//! A person who signs in, within a tenant. Stream `user/<username>`.
//!
//! Password and name are sealed: the rules never see them. Not here: verifying passwords and tokens.

use schemas::envelope::Actor;
use schemas::events::admin::{AdminEvent, Role};
use schemas::{Sealed, Username};
use serde::{Deserialize, Serialize};

use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// A user as the rules know it, from the creation on; nobody is ever deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub role: Role,
    /// Whether the user may sign in.
    pub enabled: bool,
    pub display_name: Sealed,
    /// The argon2id hash, sealed.
    pub password_hash: Sealed,
    /// Starts at 1 and grows with each change of role or password and when the user is disabled; tokens that carry
    /// an older one are void.
    pub session_version: i64,
}

impl User {
    pub(crate) fn evolve(slot: &mut Option<User>, event: &AdminEvent) {
        if let AdminEvent::UserCreated(created) = event {
            *slot = Some(User {
                role: created.role,
                enabled: true,
                display_name: created.display_name.clone(),
                password_hash: created.password_hash.clone(),
                session_version: 1,
            });
            return;
        }
        let Some(user) = slot else { return };
        match event {
            AdminEvent::UserRoleChanged(changed) => {
                user.role = changed.role;
                user.session_version = user.session_version.saturating_add(1);
            }
            AdminEvent::UserRenamed(renamed) => user.display_name = renamed.display_name.clone(),
            AdminEvent::UserPasswordChanged(changed) => {
                user.password_hash = changed.password_hash.clone();
                user.session_version = user.session_version.saturating_add(1);
            }
            AdminEvent::UserDisabled(_) => {
                user.enabled = false;
                user.session_version = user.session_version.saturating_add(1);
            }
            AdminEvent::UserEnabled(_) => user.enabled = true,
            AdminEvent::TenantCreated(_)
            | AdminEvent::TenantRenamed(_)
            | AdminEvent::StockPolicyChanged(_)
            | AdminEvent::TaxRateSet(_)
            | AdminEvent::StoreOpened(_)
            | AdminEvent::StoreClosed(_)
            | AdminEvent::StoreReopened(_)
            | AdminEvent::StoreRenamed(_)
            | AdminEvent::TerminalRegistered(_)
            | AdminEvent::TerminalRetired(_)
            | AdminEvent::TerminalRenamed(_)
            | AdminEvent::UserCreated(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.display_name.sealed.len() + self.password_hash.sealed.len()
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::UserNotFound`].
    pub fn user(&self, username: &Username) -> Result<&User, Missing> {
        let State::User(Some(found)) = self.state(&streams::user(username))? else {
            return Err(Refusal::UserNotFound {
                username: username.clone(),
            }
            .into());
        };
        Ok(found)
    }
}

/// Keeps an administrator from locking everybody out by accident.
pub(super) fn check_not_self(username: &Username, ctx: &Ctx) -> Result<(), Refusal> {
    match &ctx.actor {
        Actor::User { username: acting, .. } if acting == username.as_str() => Err(Refusal::UserSelfChange {
            username: username.clone(),
        }),
        Actor::User { .. } | Actor::System { .. } | Actor::ApiKey { .. } => Ok(()),
    }
}
