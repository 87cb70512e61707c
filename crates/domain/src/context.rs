//! What a decision may know besides state: handed in, so that deciding again decides the same.

use std::str::FromStr;

use schemas::InvalidId;
use schemas::envelope::Actor;
use schemas::ids::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

/// The circumstances of one command; a retry inside the engine keeps them.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub tenant: TenantId,
    pub actor: Actor,
    /// When the engine accepted the command.
    pub now: OffsetDateTime,
    /// Unique per command; fresh ids derive from it.
    pub seed: Uuid,
}

impl Ctx {
    /// A fresh id for the use named by `purpose` (each purpose gives another one); the same at every retry.
    pub fn fresh_id(&self, purpose: &str) -> Uuid {
        Uuid::new_v5(&self.seed, purpose.as_bytes())
    }

    /// The caller's own id, or a fresh one.
    pub fn given_or_fresh<I>(&self, given: Option<&I>, purpose: &str) -> I
    where
        I: Clone + FromStr<Err = InvalidId>,
    {
        match given {
            Some(id) => id.clone(),
            None => self
                .fresh_id(purpose)
                .to_string()
                .parse()
                .expect("every kind of id may be letters, digits and hyphens, as a UUID is"),
        }
    }

    /// The name of who acts: the username, the platform part's name, or the id of an external system's key.
    pub fn actor_name(&self) -> &str {
        match &self.actor {
            Actor::User { username, .. } => username,
            Actor::System { name } => name,
            Actor::ApiKey { api_key_id, .. } => api_key_id,
        }
    }
}
