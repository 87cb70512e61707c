//! What a decision may know besides state: handed in, so that deciding again decides the same.

use std::str::FromStr;

use schemas::InvalidId;
use schemas::envelope::Actor;
use schemas::ids::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

/// Roles that may go beyond what holds for a till.
const MANAGERS: [&str; 2] = ["admin", "manager"];

/// The circumstances of one command; a retry inside the engine keeps them.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub tenant: TenantId,
    pub actor: Actor,
    /// When the engine accepted the command.
    pub now: OffsetDateTime,
    /// Unique per command, of version 7; fresh ids derive from it.
    pub seed: Uuid,
}

impl Ctx {
    /// A fresh id for the use named by `purpose` (each purpose gives another one); the same at every retry.
    ///
    /// It begins as the seed does, with the time: what is made one after another lies side by side in every index.
    pub fn fresh_id(&self, purpose: &str) -> Uuid {
        let mut bytes = self.seed.into_bytes();
        bytes[8..].copy_from_slice(&Uuid::new_v5(&self.seed, purpose.as_bytes()).into_bytes()[8..]);
        Uuid::from_bytes(bytes)
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

    /// Whether a manager or an administrator acts, who may go beyond what holds for a till and answer for it with their
    /// reason.
    pub fn is_manager(&self) -> bool {
        match &self.actor {
            Actor::User { role, .. } => MANAGERS.contains(&role.as_str()),
            Actor::System { .. } | Actor::ApiKey { .. } => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn command(seed: u128) -> Ctx {
        Ctx {
            tenant: "demo".parse().unwrap(),
            actor: Actor::System {
                name: "test".to_owned(),
            },
            now: OffsetDateTime::UNIX_EPOCH,
            seed: Uuid::from_u128(seed),
        }
    }

    #[test]
    fn fresh_ids_differ_by_use_stay_at_a_retry_and_follow_their_commands_in_order() {
        let earlier = command(0x0193_5a00_0000_7001_8000_0000_0000_0001);
        let later = command(0x0193_5a00_0000_7002_8000_0000_0000_0001);
        assert_eq!(earlier.fresh_id("sale"), earlier.fresh_id("sale"));
        assert_ne!(earlier.fresh_id("sale"), earlier.fresh_id("return"));
        for (first, second) in [("sale", "sale"), ("sale", "return"), ("return", "sale")] {
            assert!(earlier.fresh_id(first) < later.fresh_id(second));
        }
        let id = earlier.fresh_id("sale");
        assert_eq!(
            (id.get_version_num(), id.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
    }

    #[test]
    fn commands_of_the_same_moment_have_ids_of_their_own() {
        let one = command(0x0193_5a00_0000_7001_8000_0000_0000_0001);
        let other = command(0x0193_5a00_0000_7001_8000_0000_0000_0002);
        assert_ne!(one.fresh_id("sale"), other.fresh_id("sale"));
    }
}
