//! Who gets what, and with which number.

use schemas::events::connector::{
    ConnectorChanged, ConnectorCreated, ConnectorDisabled, ConnectorRevoked, ConnectorTokenRotated,
};
use schemas::{ConnectorSlug, Position, StreamName, Version};
use serde_json::value::RawValue;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

use super::*;

const NOON: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn slug(text: &str) -> ConnectorSlug {
    ConnectorSlug::new(text).unwrap()
}

fn recorded(tenant: &str, position: i64, event_type: &str, data: Box<RawValue>) -> Arc<RecordedEvent> {
    Arc::new(RecordedEvent {
        position: Position(position),
        tenant: TenantId::new(tenant).unwrap(),
        stream: StreamName::new("x", "y"),
        version: Version(position),
        id: Uuid::from_u128(u128::try_from(position).unwrap()),
        event_type: event_type.into(),
        schema_version: 1,
        data,
        meta: RawValue::from_string("{}".to_owned()).unwrap(),
        recorded_at: NOON,
    })
}

fn own(tenant: &str, position: i64, event: impl Into<Event>) -> Arc<RecordedEvent> {
    let event = event.into();
    recorded(tenant, position, event.event_type(), event.encode().unwrap())
}

fn other(tenant: &str, position: i64, event_type: &str) -> Arc<RecordedEvent> {
    recorded(
        tenant,
        position,
        event_type,
        RawValue::from_string("{}".to_owned()).unwrap(),
    )
}

fn hashed(id: &str) -> ConnectorToken {
    ConnectorToken {
        token_id: id.to_owned(),
        token_hash: "ab".repeat(32),
    }
}

fn created(name: &str, grants: &[&str]) -> ConnectorCreated {
    ConnectorCreated {
        slug: slug(name),
        name: name.to_owned(),
        grants: grants.iter().map(|&g| g.to_owned()).collect(),
        token: hashed("t1"),
    }
}

fn changed(name: &str, grants: &[&str]) -> ConnectorChanged {
    ConnectorChanged {
        slug: slug(name),
        name: name.to_owned(),
        grants: grants.iter().map(|&g| g.to_owned()).collect(),
    }
}

fn rows(plan: &FeedPlan) -> Vec<(i64, i64, i64)> {
    plan.rows
        .iter()
        .map(|row| (row.connector, row.sequence, row.event.position.0))
        .collect()
}

#[test]
fn a_connector_gets_what_it_is_granted_from_its_creation_to_its_revocation_without_gaps() {
    let mut connectors = Connectors::default();
    let plan = connectors
        .take(&[
            other("a", 1, "sale.completed"),
            own("a", 2, created("erp", &["sale", "connector"])),
            other("a", 3, "sale.completed"),
            other("b", 4, "sale.completed"),
            other("a", 5, "inventory.issued"),
            own("a", 6, changed("erp", &["inventory"])),
            other("a", 7, "inventory.issued"),
            other("a", 8, "sale.completed"),
            own("a", 9, ConnectorDisabled { slug: slug("erp") }),
            other("a", 10, "inventory.issued"),
            own("a", 11, ConnectorRevoked { slug: slug("erp") }),
            other("a", 12, "inventory.issued"),
        ])
        .unwrap();
    assert_eq!(rows(&plan), [(2, 1, 3), (2, 2, 7), (2, 3, 10)]);
    assert_eq!(plan.changed.len(), 1);
    assert_eq!(plan.changed[0].state, ConnectorState::Revoked);
    assert!(plan.changed[0].tokens.is_empty());
}

#[test]
fn two_tenants_may_use_one_slug_and_numbers_go_on_after_a_restart() {
    let mut connectors = Connectors::default();
    let plan = connectors
        .take(&[
            own("a", 1, created("erp", &["sale"])),
            own("b", 2, created("erp", &["sale"])),
            other("a", 3, "sale.voided"),
            other("b", 4, "sale.voided"),
            own("b", 5, ConnectorRevoked { slug: slug("erp") }),
            other("a", 6, "sale.voided"),
        ])
        .unwrap();
    assert_eq!(rows(&plan), [(1, 1, 3), (2, 1, 4), (1, 2, 6)]);
    let mut folded = plan.changed;
    folded[0].next_sequence = 3;
    let mut again = Connectors::new(folded);
    let plan = again
        .take(&[other("a", 7, "sale.voided"), other("b", 8, "sale.voided")])
        .unwrap();
    assert_eq!(rows(&plan), [(1, 3, 7)]);
}

#[test]
fn a_rotation_leaves_two_tokens_and_the_older_one_an_end() {
    let mut connectors = Connectors::default();
    let rotated = |id: &str, overlap: Duration| ConnectorTokenRotated {
        slug: slug("erp"),
        token: hashed(id),
        previous_expires_at: NOON + overlap,
    };
    let hour = Duration::HOUR;
    let plan = connectors
        .take(&[
            own("a", 1, created("erp", &["sale"])),
            own("a", 2, rotated("t2", hour)),
            own("a", 3, rotated("t3", hour)),
        ])
        .unwrap();
    let tokens = |plan: &FeedPlan| -> Vec<(String, Option<OffsetDateTime>)> {
        let tokens = plan.changed[0].tokens.iter();
        tokens
            .map(|token| (token.token_id.clone(), token.expires_at))
            .collect()
    };
    assert_eq!(
        tokens(&plan),
        [("t2".to_owned(), Some(NOON + hour)), ("t3".to_owned(), None)]
    );
    let plan = connectors
        .take(&[own("a", 4, rotated("t4", Duration::ZERO))])
        .unwrap();
    assert_eq!(
        tokens(&plan),
        [("t4".to_owned(), None)],
        "an end at once is an end at once"
    );
}

#[test]
fn an_unknown_version_of_a_connectors_event_is_an_error() {
    let mut connectors = Connectors::default();
    let mut event = own("a", 1, created("erp", &["sale"]));
    Arc::make_mut(&mut event).schema_version = 9;
    assert!(connectors.take(&[event]).is_err());
}
