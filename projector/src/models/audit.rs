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
        /// The trace id of the request, also for what the platform did because of it; absent without a `traceparent`.
        correlation_id: Option<String>,
        recorded_at: OffsetDateTime,
    }
}

impl ReadModel for AuditRow {
    const NAME: &'static str = "audit";
    const VERSION: i32 = 2;
    // What everybody pays is kept small: a stock's own history has a table of its own, few requests are traced, and few
    // things happen by themselves.
    const INDEXES: &'static str = "create index rm_audit_actor on rm_audit (tenant, actor, position);
        create index rm_audit_stream on rm_audit (tenant, stream, position) where stream not like 'stock/%';
        create index rm_audit_correlation on rm_audit (tenant, correlation_id, position)
          where correlation_id is not null;
        create index rm_audit_caused on rm_audit (tenant, split_part(command_id, ' ', 2), position)
          where actor like 'process %';";
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
            correlation_id: fact.meta.traceparent.as_deref().and_then(trace_id),
            recorded_at: fact.recorded_at,
        })
    }
}

/// What stands second in `00-<trace id>-<parent id>-<flags>`.
fn trace_id(traceparent: &str) -> Option<String> {
    traceparent.split('-').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, fact, folded};

    #[test]
    fn an_event_of_a_traced_request_is_found_by_its_trace_and_any_other_by_none() {
        let row = |traceparent: Option<&str>| {
            let mut fact = fact(1, event("catalogue.item_discontinued", json!({"sku": "A"})));
            Arc::make_mut(&mut fact.meta).traceparent = traceparent.map(str::to_owned);
            let key = AuditRow::keys(&fact).remove(0);
            AuditRow::fold(None, &key, &fact).unwrap()
        };
        let traced = row(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert_eq!(
            traced.correlation_id.as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
        assert_eq!(row(None).correlation_id, None);
    }

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
