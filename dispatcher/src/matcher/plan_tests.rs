//! Who gets what, as a function of the log.

use schemas::events::webhook::{
    EndpointChanged, EndpointCreated, EndpointDeleted, EndpointPaused, EndpointResumed, EndpointTestRequested,
};
use schemas::{EndpointId, StreamName, Version};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;

fn settings(event_types: &[&str]) -> EndpointSettings {
    EndpointSettings {
        name: "n".into(),
        url: "https://example.com".into(),
        description: None,
        event_types: event_types.iter().map(|&t| t.to_owned()).collect(),
        payload: PayloadKind::Full,
        headers: BTreeMap::new(),
        concurrency: 8,
        timeout_ms: 10_000,
        format: Default::default(),
        legacy_signature_header: None,
    }
}

fn id(text: &str) -> EndpointId {
    EndpointId::new(text).unwrap()
}

fn created(endpoint: &str, event_types: &[&str], start: StartFrom) -> Event {
    WebhookEvent::from(EndpointCreated {
        endpoint_id: id(endpoint),
        settings: settings(event_types),
        start,
        secret_id: "s".into(),
        secret_fingerprint: "f".into(),
    })
    .into()
}

fn changed(endpoint: &str, event_types: &[&str]) -> Event {
    WebhookEvent::from(EndpointChanged {
        endpoint_id: id(endpoint),
        settings: settings(event_types),
    })
    .into()
}

fn test_of(endpoint: &str) -> Event {
    WebhookEvent::from(EndpointTestRequested {
        endpoint_id: id(endpoint),
    })
    .into()
}

/// A log that grows by events or by bare types.
#[derive(Default)]
struct Log(Vec<Arc<RecordedEvent>>);

impl Log {
    fn push(&mut self, tenant: &str, event_type: &str, data: Box<RawValue>) {
        let position = i64::try_from(self.0.len()).unwrap() + 1;
        self.0.push(Arc::new(RecordedEvent {
            position: Position(position),
            tenant: TenantId::new(tenant).unwrap(),
            stream: StreamName::new("any", "1"),
            version: Version(1),
            id: Uuid::from_u128(u128::try_from(position).unwrap()),
            event_type: event_type.into(),
            schema_version: 1,
            data,
            meta: RawValue::from_string("{}".to_owned()).unwrap(),
            recorded_at: OffsetDateTime::UNIX_EPOCH,
        }));
    }

    fn event(&mut self, event: Event) -> &mut Self {
        self.push("t", event.event_type(), event.encode().unwrap());
        self
    }

    fn some(&mut self, event_type: &str) -> &mut Self {
        self.push("t", event_type, RawValue::from_string("{}".to_owned()).unwrap());
        self
    }
}

/// (endpoint, sequence, position) of what is planned.
fn plan(deliveries: &[Planned]) -> Vec<(i64, i64, i64)> {
    deliveries
        .iter()
        .map(|p| (p.endpoint, p.sequence, p.event.position.0))
        .collect()
}

fn live(log: &Log) -> Vec<(i64, i64, i64)> {
    plan(&Endpoints::default().live(&log.0).unwrap().deliveries)
}

#[test]
fn an_endpoint_gets_what_its_filters_want_after_its_creation_without_gaps() {
    let mut log = Log::default();
    log.some("sale.completed")
        .event(created("e", &["sale.*"], StartFrom::Now));
    log.some("sale.completed")
        .some("stock.received")
        .some("sale.voided");
    assert_eq!(live(&log), [(2, 1, 3), (2, 2, 5)]);
}

#[test]
fn filters_take_effect_at_their_position_and_never_before() {
    let mut log = Log::default();
    log.event(created("e", &["sale.*"], StartFrom::Now))
        .some("sale.completed")
        .some("stock.received");
    log.event(changed("e", &["stock.*"]))
        .some("sale.completed")
        .some("stock.received");
    assert_eq!(live(&log), [(1, 1, 2), (1, 2, 6)]);
}

#[test]
fn another_tenants_events_are_never_matched() {
    let mut log = Log::default();
    log.event(created("e", &["*"], StartFrom::Now));
    log.push(
        "other",
        "sale.completed",
        RawValue::from_string("{}".to_owned()).unwrap(),
    );
    assert_eq!(live(&log), []);
}

#[test]
fn a_test_goes_to_its_endpoint_alone_whatever_the_filters_and_only_once() {
    let mut log = Log::default();
    log.event(created("a", &["sale.*"], StartFrom::Now))
        .event(created("b", &["sale.*"], StartFrom::Now));
    log.event(created("c", &["*"], StartFrom::Now))
        .event(test_of("a"))
        .event(test_of("c"));
    assert_eq!(live(&log), [(1, 1, 4), (3, 1, 4), (3, 2, 5)]);
}

#[test]
fn while_paused_deliveries_are_held_and_after_deletion_there_are_none() {
    let mut log = Log::default();
    log.event(created("e", &["sale.*"], StartFrom::Now))
        .some("sale.completed");
    log.event(WebhookEvent::from(EndpointPaused { endpoint_id: id("e") }).into())
        .some("sale.completed");
    log.event(WebhookEvent::from(EndpointResumed { endpoint_id: id("e") }).into())
        .some("sale.completed");
    log.event(WebhookEvent::from(EndpointDeleted { endpoint_id: id("e") }).into())
        .some("sale.completed");
    let plan = Endpoints::default().live(&log.0).unwrap();
    let held: Vec<(i64, bool)> = plan
        .deliveries
        .iter()
        .map(|p| (p.event.position.0, p.held))
        .collect();
    assert_eq!(held, [(2, false), (4, true), (6, false)]);
    assert_eq!(plan.changed, [1]);
}

#[test]
fn a_backfill_follows_the_log_with_the_filters_of_each_position_and_joins_live_without_a_hole() {
    let mut log = Log::default();
    log.some("sale.completed").some("stock.received").event(created(
        "e",
        &["sale.*"],
        StartFrom::Position { position: 0 },
    ));
    log.some("sale.completed")
        .event(changed("e", &["stock.*"]))
        .some("sale.completed")
        .some("stock.received");
    let mut endpoints = Endpoints::default();
    assert_eq!(
        plan(&endpoints.live(&log.0).unwrap().deliveries),
        [],
        "live leaves it to the backfill"
    );

    // In chunks of two, as a reader with a small page would.
    let mut planned = Vec::new();
    while let Some((number, cursor)) = endpoints.most_behind() {
        let from = usize::try_from(cursor).unwrap();
        let chunk = &log.0[from..(from + 2).min(log.0.len())];
        planned.extend(plan(&endpoints.backfill(number, chunk, Position(7)).unwrap()));
    }
    assert_eq!(planned, [(3, 1, 1), (3, 2, 4), (3, 3, 7)]);

    log.some("stock.received");
    assert_eq!(
        plan(&endpoints.live(&log.0[7..]).unwrap().deliveries),
        [(3, 4, 8)],
        "and its numbers go on"
    );
}

#[test]
fn a_backfill_never_runs_past_the_matchers_checkpoint() {
    let mut log = Log::default();
    log.some("sale.completed")
        .event(created("e", &["*"], StartFrom::Position { position: 0 }))
        .some("sale.completed");
    let mut endpoints = Endpoints::default();
    endpoints.live(&log.0[..2]).unwrap();
    // The log has grown by position 3 meanwhile, which the matcher has not seen.
    let planned = endpoints.backfill(2, &log.0, Position(2)).unwrap();
    assert_eq!(plan(&planned), [(2, 1, 1), (2, 2, 2)]);
    assert_eq!(
        plan(&endpoints.live(&log.0[2..]).unwrap().deliveries),
        [(2, 3, 3)]
    );
}

#[test]
fn an_endpoint_deleted_during_its_backfill_gets_no_more() {
    let mut log = Log::default();
    log.some("sale.completed")
        .event(created("e", &["*"], StartFrom::Position { position: 0 }));
    log.event(WebhookEvent::from(EndpointDeleted { endpoint_id: id("e") }).into());
    let mut endpoints = Endpoints::default();
    endpoints.live(&log.0).unwrap();
    assert_eq!(endpoints.most_behind(), None);
}

#[test]
fn security_events_begin_in_their_own_lane() {
    let mut log = Log::default();
    log.event(created("e", &["*"], StartFrom::Now))
        .some("security.audit_event")
        .some("sale.completed");
    let plan = Endpoints::default().live(&log.0).unwrap();
    assert_eq!(
        plan.deliveries.iter().map(|p| p.fast).collect::<Vec<_>>(),
        [true, false]
    );
}
