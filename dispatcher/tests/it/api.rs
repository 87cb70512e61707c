//! The reads, behind the operations' own endpoint (the guard is tested where it stands).

use dispatcher::DeliveryReads;
use platform::db::{self, DbRole};
use platform::http::{CursorKey, Language, Principal, RequestContext};
use poem::EndpointExt;
use poem::test::TestClient;
use schemas::events::WebhookEvent;
use schemas::events::admin::Role;
use schemas::events::webhook::{EndpointReplayRequested, EndpointSecretRotated, ReplaySelection, StartFrom};
use schemas::{TenantId, Username};
use serde_json::Value;
use testkit::{Answer, Receiver};

use super::support::*;

struct Api {
    reads: DeliveryReads,
}

impl Api {
    async fn of(world: &World) -> Self {
        let pool = db::pool(&world.database_url, DbRole::Api, 2).await.unwrap();
        Self {
            reads: DeliveryReads::new(pool, CursorKey::new([7; 32])),
        }
    }

    async fn get(&self, tenant: &str, role: Role, path: &str) -> (u16, Value) {
        let context = RequestContext {
            principal: Principal {
                tenant: TenantId::new(tenant).unwrap(),
                username: Username::new("ana").unwrap(),
                role,
                session_version: 1,
                terminal: None,
            },
            reason: None,
            idempotency_key: None,
            fingerprint: [0; 32],
            traceparent: None,
            language: Language::English,
        };
        let client = TestClient::new(self.reads.service().endpoint.data(context));
        let response = client.get(format!("/api/v1/webhooks{path}")).send().await.0;
        let status = response.status().as_u16();
        let body = response.into_body().into_bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_deliveries_and_attempts_can_be_read_by_their_tenant_alone() {
    let mut world = World::new("api").await;
    let receiver = Receiver::start().await;
    receiver.answer(|_| Answer::status(200).body("thank you"));
    world.allow(receiver.address().port());
    let endpoint = world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let head = world.append_all(items(5)).await;
    until(|| async { world.count("delivered").await == 5 }).await;
    dispatcher.stop().await;
    let api = Api::of(&world).await;

    let (status, one) = api
        .get(
            "tienda",
            Role::Manager,
            &format!("/endpoints/e?min_position={head}"),
        )
        .await;
    assert_eq!((status, one["state"].as_str()), (200, Some("active")));
    assert_eq!(
        (one["last_sequence"].as_i64(), one["position"].as_i64()),
        (Some(5), Some(head))
    );
    let (_, sum) = api.get("tienda", Role::Manager, "/endpoints/e/statistics").await;
    assert_eq!(
        (sum["matched"].as_i64(), sum["delivered"].as_i64()),
        (Some(5), Some(5))
    );
    assert_eq!(
        (sum["attempts"].as_i64(), sum["failed_attempts"].as_i64()),
        (Some(5), Some(0))
    );
    assert_eq!(sum["latency"]["within_10000_ms"], 5);
    assert!(sum["last_success_at"].is_string() && sum.get("last_failure_at").is_none());
    assert_eq!(sum["breaker"]["state"], "closed");
    let (_, list) = api.get("tienda", Role::Manager, "/endpoints").await;
    assert_eq!(list["items"][0]["event_types"][0], "catalogue.*");

    let mut seen = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let cursor = if cursor.is_empty() {
            cursor
        } else {
            format!("&cursor={cursor}")
        };
        let (status, page) = api
            .get(
                "tienda",
                Role::Auditor,
                &format!("/endpoints/e/deliveries?status=delivered&limit=2{cursor}"),
            )
            .await;
        assert_eq!(status, 200);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["sequence"].as_i64().unwrap()),
        );
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);

    let attempts = format!("/deliveries/{endpoint}-3/attempts");
    let (_, shown) = api.get("tienda", Role::Admin, &attempts).await;
    assert_eq!(shown["items"][0]["excerpt"], "thank you");
    let (_, hidden) = api.get("tienda", Role::Manager, &attempts).await;
    assert_eq!(hidden["items"][0]["status_code"], 200);
    assert!(
        hidden["items"][0].get("excerpt").is_none(),
        "receivers' words are for administrators"
    );

    for path in [
        "/endpoints/e",
        "/endpoints/e/statistics",
        "/endpoints/e/deliveries",
        attempts.as_str(),
    ] {
        assert_eq!(api.get("otra", Role::Admin, path).await.0, 404, "{path}");
    }
    assert_eq!(
        api.get("tienda", Role::Admin, "/endpoints/e/deliveries?status=lost")
            .await
            .0,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_counted_before_it_is_asked_for_and_listed_with_its_reason_afterwards() {
    let mut world = World::new("api_replay").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let hook = settings(&receiver.url("/hook"), &["catalogue.*"]);
    world.endpoint("e", hook, StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(3)).await;
    let fourth = world.append(item(4)).await;
    until(|| async { world.count("delivered").await == 4 }).await;
    let api = Api::of(&world).await;
    for (query, expected) in [
        ("sequence=2".to_owned(), (1, Some(2), Some(2))),
        ("dead=true".to_owned(), (0, None, None)),
        (format!("from_position={fourth}"), (1, Some(4), Some(4))),
        ("from_position=0".to_owned(), (4, Some(1), Some(4))),
        ("since=2001-01-01T00:00:00Z".to_owned(), (4, Some(1), Some(4))),
        ("since=2101-01-01T00:00:00Z".to_owned(), (0, None, None)),
    ] {
        let (status, count) = api
            .get("tienda", Role::Manager, &format!("/endpoints/e/replay?{query}"))
            .await;
        assert_eq!(status, 200, "{query}: {count}");
        let seen = (
            count["count"].as_i64().unwrap(),
            count["first_sequence"].as_i64(),
            count["last_sequence"].as_i64(),
        );
        assert_eq!(seen, expected, "{query}");
    }
    assert_eq!(receiver.received().len(), 4, "counting sends nothing");
    let (status, _) = api
        .get("tienda", Role::Manager, "/endpoints/e/replay?sequence=9")
        .await;
    assert_eq!(status, 404, "there is no such delivery");
    for wrong in ["", "?dead=false", "?dead=true&sequence=1", "?since=ayer"] {
        let (status, _) = api
            .get("tienda", Role::Manager, &format!("/endpoints/e/replay{wrong}"))
            .await;
        assert_eq!(status, 400, "{wrong}");
    }
    let requested = WebhookEvent::from(EndpointReplayRequested {
        endpoint_id: endpoint_id("e"),
        select: ReplaySelection::Delivery { sequence: 1 },
        rate_per_s: 5,
    });
    let position = world.append(requested.into()).await;
    receiver.wait_for(5).await;
    until(|| async {
        let (_, list) = api.get("tienda", Role::Auditor, "/endpoints/e/replays").await;
        list["items"][0]["state"] == "done"
    })
    .await;
    dispatcher.stop().await;
    let (_, list) = api.get("tienda", Role::Auditor, "/endpoints/e/replays").await;
    let replay = &list["items"][0];
    assert_eq!(replay["replay"], position);
    assert_eq!(
        replay["select"],
        serde_json::json!({ "kind": "delivery", "sequence": 1 })
    );
    assert_eq!(
        (replay["replayed"].as_i64(), replay["rate_per_s"].as_i64()),
        (Some(1), Some(5))
    );
    assert_eq!(replay["requested_by"], "test");
    for path in ["/endpoints/e/replays", "/endpoints/e/replay?dead=true"] {
        assert_eq!(api.get("otra", Role::Admin, path).await.0, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_shows_the_fingerprint_of_its_previous_secret_while_that_is_valid() {
    let mut world = World::new("api_rotation").await;
    let endpoint = settings("http://127.0.0.1:1/", &["catalogue.*"]);
    world.endpoint("e", endpoint, StartFrom::Now).await;
    let rotated = |until| {
        schemas::Event::from(WebhookEvent::from(EndpointSecretRotated {
            endpoint_id: endpoint_id("e"),
            secret_id: "new".into(),
            secret_fingerprint: "g".into(),
            previous_until: until,
        }))
    };
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let api = Api::of(&world).await;
    let hour = now() + time::Duration::hours(1);
    for (until, expected) in [(hour, Some("f")), (time::OffsetDateTime::UNIX_EPOCH, None)] {
        let position = world.append(rotated(until)).await;
        let (_, one) = api
            .get(
                "tienda",
                Role::Manager,
                &format!("/endpoints/e?min_position={position}"),
            )
            .await;
        assert_eq!(one["secret_fingerprint"], "g");
        assert_eq!(one["previous_secret_fingerprint"].as_str(), expected);
        assert_eq!(one["previous_secret_until"].is_string(), expected.is_some());
    }
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_reads_sees_the_names_of_headers_and_not_their_values() {
    let mut world = World::new("api_headers").await;
    let mut endpoint = settings("http://127.0.0.1:1/", &["catalogue.*"]);
    endpoint
        .headers
        .insert("Authorization".to_owned(), "Basic dGllbmRhOng=".to_owned());
    world.endpoint("e", endpoint, StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let head = world.append(item(1)).await;
    let api = Api::of(&world).await;
    for (role, expected) in [
        (Role::Admin, "Basic dGllbmRhOng="),
        (Role::Manager, "Basic dGllbmRhOng="),
        (Role::Auditor, "***"),
    ] {
        let path = format!("/endpoints/e?min_position={head}");
        let (_, one) = api.get("tienda", role, &path).await;
        assert_eq!(one["headers"]["Authorization"], expected, "{role:?}");
        let (_, list) = api.get("tienda", role, "/endpoints").await;
        assert_eq!(list["items"][0]["headers"]["Authorization"], expected, "{role:?}");
    }
    dispatcher.stop().await;
}
