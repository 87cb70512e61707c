//! Who did what, when and why: one row per event of any kind (REP-6).
//!
//! Not here: what changed; the log has it, and its chain proves it.

use schemas::envelope::Actor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One event's cause.
    AuditRow, AuditKey {
        key { tenant: String, position: i64 }
        event_id: Uuid,
        event_type: String,
        stream: String,
        /// A username, or a part of the platform.
        actor: String,
        /// The user's role at the time; absent for the platform itself.
        role: Option<String>,
        /// `X-Reason`, as given.
        reason: Option<String>,
        /// Such as `complete_sale`.
        command: String,
        command_id: String,
        recorded_at: OffsetDateTime,
    }
}

impl ReadModel for AuditRow {
    const NAME: &'static str = "audit";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "create index rm_audit_actor on rm_audit (tenant, actor, position);";
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<AuditKey> {
        vec![AuditKey {
            tenant: fact.tenant.clone(),
            position: fact.position,
        }]
    }

    fn fold(_: Option<Self>, key: &AuditKey, fact: &Fact) -> Result<Self, FoldError> {
        let role = match &fact.meta.actor {
            Actor::User { role, .. } => Some(role.clone()),
            Actor::System { .. } | Actor::ApiKey { .. } => None,
        };
        Ok(AuditRow {
            tenant: key.tenant.clone(),
            position: key.position,
            event_id: fact.id,
            event_type: fact.event_type.to_string(),
            stream: fact.stream.clone(),
            actor: fact.actor().to_owned(),
            role,
            reason: fact.meta.reason.clone(),
            command: fact.meta.command.clone(),
            command_id: fact.meta.command_id.clone(),
            recorded_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn every_event_leaves_who_what_and_why() {
        let rows = folded::<AuditRow>([event("catalogue.item_discontinued", json!({"sku": "A"}))]).unwrap();
        assert_eq!(
            (rows[0].actor.as_str(), rows[0].role.as_deref()),
            ("ana", Some("cashier"))
        );
        assert_eq!(rows[0].reason.as_deref(), Some("prueba de razón"));
        assert_eq!(
            (rows[0].command.as_str(), rows[0].event_type.as_str()),
            ("test_command", "catalogue.item_discontinued")
        );
    }
}
