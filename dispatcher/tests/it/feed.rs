//! The pull feed against a real database: numbers, leases, acknowledgements, tokens.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use dispatcher::Feed;
use platform::auth::IntegrationTokens;
use platform::clock::SystemClock;
use platform::config::Secret;
use platform::db::{self, DbRole};
use platform::http::{ConnectorContext, CursorKey, Language, Principal, RequestContext};
use poem::endpoint::BoxEndpoint;
use poem::test::TestClient;
use poem::{EndpointExt, Response};
use schemas::events::ConnectorEvent;
use schemas::events::admin::Role;
use schemas::events::connector::*;
use schemas::events::webhook::StartFrom;
use schemas::{ConnectorSlug, Event, TenantId, Username};
use serde_json::{Value, json};
use testkit::{Answer, Receiver};

use super::support::*;

const KEY: [u8; 32] = [9; 32];

/// A connector as a test holds it.
#[derive(Clone)]
struct Connector {
    slug: &'static str,
    token: String,
    /// The position of its creation.
    number: i64,
}

fn slug(text: &str) -> ConnectorSlug {
    ConnectorSlug::new(text).unwrap()
}

/// A token, and what the log knows of it.
fn draw() -> (String, ConnectorToken) {
    let token = IntegrationTokens::draw().to_string();
    let hash = hex(&IntegrationTokens::new(KEY).hash(&token));
    let token_id = hash[..12].to_owned();
    (
        token,
        ConnectorToken {
            token_id,
            token_hash: hash,
        },
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn connector(world: &mut World, of: TenantId, name: &'static str, grants: &[&str]) -> Connector {
    let (token, known) = draw();
    let created = ConnectorCreated {
        slug: slug(name),
        name: name.to_owned(),
        grants: grants.iter().map(|&grant| grant.to_owned()).collect(),
        token: known,
    };
    let number = world
        .append_for(of, vec![ConnectorEvent::from(created).into()])
        .await;
    Connector {
        slug: name,
        token,
        number,
    }
}

/// The feed's operations, as the gateway calls them once the guard let a request through.
struct Api(Arc<BoxEndpoint<'static, Response>>);

impl Api {
    async fn of(world: &World, running: &Running) -> Self {
        let api_pool = db::pool(&world.database_url, DbRole::Api, 2).await.unwrap();
        let feed = Feed::new(
            &running.handle,
            world.log.clone(),
            (world.pool.clone(), api_pool),
            IntegrationTokens::new(KEY),
            CursorKey::new([7; 32]),
            Arc::new(SystemClock),
        );
        Self(Arc::new(feed.service().endpoint))
    }

    async fn send(
        &self,
        method: poem::http::Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let context = ConnectorContext {
            token: Secret::new(token),
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let client = TestClient::new(Arc::clone(&self.0).data(context));
        let mut request = client.request(method, path);
        if let Some(body) = body {
            request = request.body_json(body);
        }
        let response = request.send().await.0;
        // The guard renders problems; here they still travel beside the response.
        let problem = response.extensions().get::<platform::http::Problem>().cloned();
        let status = response.status().as_u16();
        let bytes = response.into_body().into_bytes().await.unwrap();
        let body = match problem {
            Some(problem) => json!({ "code": problem.code, "retry_after_s": problem.retry_after_s }),
            None => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        };
        (status, body)
    }

    async fn pull(&self, connector: &Connector, query: &str) -> Value {
        let path = format!("/api/v1/sync/integrations/hooks/{}/events{query}", connector.slug);
        let (status, body) = self
            .send(poem::http::Method::GET, &path, &connector.token, None)
            .await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn ack(&self, connector: &Connector, id: i64, body: &Value) -> (u16, Value) {
        let path = format!("/api/v1/integrations/hooks/{}/events/{id}/ack", connector.slug);
        self.send(poem::http::Method::POST, &path, &connector.token, Some(body))
            .await
    }

    async fn status_of(&self, slug: &str, token: &str) -> (u16, Value) {
        let path = format!("/api/v1/sync/integrations/hooks/{slug}/events");
        self.send(poem::http::Method::GET, &path, token, None).await
    }

    /// As an administrator's read.
    async fn read(&self, tenant: &str, path: &str) -> (u16, Value) {
        let context = RequestContext {
            principal: Principal {
                tenant: TenantId::new(tenant).unwrap(),
                username: Username::new("ana").unwrap(),
                role: Role::Admin,
                session_version: 1,
                terminal: None,
            },
            reason: None,
            idempotency_key: None,
            fingerprint: [0; 32],
            traceparent: None,
            language: Language::English,
        };
        let client = TestClient::new(Arc::clone(&self.0).data(context));
        let response = client.get(path).send().await.0;
        let status = response.status().as_u16();
        let bytes = response.into_body().into_bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

fn sequences(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

fn sent() -> Value {
    json!({ "status": "sent" })
}

/// (sequence, position) of a connector's rows, in their order.
async fn rows(world: &World, connector: &Connector) -> Vec<(i64, i64)> {
    sqlx::query_as("select sequence, position from feed_events where connector = $1 order by sequence")
        .bind(connector.number)
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

async fn matched(running: &Running, position: i64) {
    until(|| async { running.handle.checkpoint() >= position }).await;
}

/// Ends every lease and back-off, as time would.
async fn time_passes(world: &World) {
    sqlx::query("update feed_events set due_at = now() where due_at is not null")
        .execute(&world.pool)
        .await
        .unwrap();
}

/// Pulls and acknowledges until nothing is left; what it got.
async fn poller(api: &Api, connector: &Connector) -> Vec<i64> {
    let mut got = Vec::new();
    loop {
        let page = api.pull(connector, "?limit=50&lease_s=3600").await;
        let numbers = sequences(&page);
        if numbers.is_empty() {
            return got;
        }
        for number in numbers {
            let (status, body) = api.ack(connector, number, &sent()).await;
            assert_eq!((status, body["status"].as_str()), (200, Some("SENT")));
            got.push(number);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pollers_at_once_share_a_feed_without_losing_or_repeating_an_event() {
    let mut world = World::new("feed_share").await;
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    let head = world.append_all(items(2_000)).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    matched(&dispatcher, head).await;
    let api = Api::of(&world, &dispatcher).await;
    let (one, other) = within(async { tokio::join!(poller(&api, &erp), poller(&api, &erp)) }).await;
    let all: BTreeSet<i64> = one.iter().chain(&other).copied().collect();
    assert_eq!(all.len(), one.len() + other.len(), "nothing came twice");
    assert!(all.into_iter().eq(1..=2_000), "nothing is missing");
    assert!(!one.is_empty() && !other.is_empty(), "both worked");
    let page = api.pull(&erp, "?status=SENT&limit=200&after=1900").await;
    assert_eq!(sequences(&page), (1_901..=2_000).collect::<Vec<i64>>());
    assert_eq!(page["last_sequence"], 2_000);
    assert_eq!(page["position"], head);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poller_took_before_it_died_comes_again_when_its_lease_ends() {
    let mut world = World::new("feed_lease").await;
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    let head = world.append_all(items(5)).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    matched(&dispatcher, head).await;
    let api = Api::of(&world, &dispatcher).await;
    let first = api.pull(&erp, "?limit=3&lease_s=3600").await;
    assert_eq!((sequences(&first), &first["more"]), (vec![1, 2, 3], &json!(true)));
    let second = api.pull(&erp, "?lease_s=3600").await;
    assert_eq!(
        (sequences(&second), &second["more"]),
        (vec![4, 5], &json!(false)),
        "leased ones are not given to another"
    );
    assert!(sequences(&api.pull(&erp, "").await).is_empty());
    api.ack(&erp, 2, &sent()).await;
    // The poller is killed here; a new one has nothing but the token.
    dispatcher.stop().await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let api = Api::of(&world, &dispatcher).await;
    assert!(
        sequences(&api.pull(&erp, "").await).is_empty(),
        "leases survive a restart"
    );
    time_passes(&world).await;
    let again = api.pull(&erp, "").await;
    assert_eq!(sequences(&again), [1, 3, 4, 5]);
    assert_eq!(again["items"][0]["attempts"], 2);
    assert_eq!(again["items"][0]["event_id"], first["items"][0]["event_id"]);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_speak_of_one_event_and_repeat_without_effect() {
    let mut world = World::new("feed_ack").await;
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    let head = world.append_all(items(4)).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    matched(&dispatcher, head).await;
    let api = Api::of(&world, &dispatcher).await;
    api.pull(&erp, "").await;

    let (_, first) = api.ack(&erp, 3, &sent()).await;
    let (status, again) = api.ack(&erp, 3, &sent()).await;
    assert_eq!((status, &first), (200, &again), "the same answer again");
    let looked = api.pull(&erp, "?lease_s=0").await;
    let states: Vec<&str> = looked["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["PENDING", "PENDING", "SENT", "PENDING"],
        "never cumulative"
    );
    let (status, refused) = api.ack(&erp, 3, &json!({ "status": "failed" })).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("feed.already_sent"))
    );

    let failure = json!({ "status": "failed", "detail": "cuenta 4101 cerrada", "attempt": 1 });
    let (_, failed) = api.ack(&erp, 1, &failure).await;
    assert_eq!(
        (&failed["status"], &failed["failures"]),
        (&json!("FAILED"), &json!(1))
    );
    assert_eq!(
        api.ack(&erp, 1, &failure).await.1,
        failed,
        "the same answer again"
    );
    assert!(
        sequences(&api.pull(&erp, "?status=FAILED").await).is_empty(),
        "its back-off lasts"
    );
    time_passes(&world).await;
    let page = api.pull(&erp, "?status=FAILED").await;
    assert_eq!(sequences(&page), [1]);
    assert_eq!(page["items"][0]["detail"], "cuenta 4101 cerrada");
    let (_, late) = api.ack(&erp, 1, &failure).await;
    assert_eq!(
        late["failures"], 1,
        "a word on an earlier handing out counts for nothing"
    );
    let (_, settled) = api.ack(&erp, 1, &sent()).await;
    assert_eq!(
        (&settled["status"], &settled["detail"]),
        (&json!("SENT"), &json!("cuenta 4101 cerrada"))
    );

    api.ack(&erp, 2, &json!({ "status": "failed", "final": true }))
        .await;
    time_passes(&world).await;
    assert_eq!(
        sequences(&api.pull(&erp, "").await),
        [4],
        "what was given up does not come again"
    );
    for unknown in [0, 5, -1] {
        assert_eq!(api.ack(&erp, unknown, &sent()).await.0, 404);
    }
    let card = json!({ "status": "failed", "detail": "tarjeta 4111 1111 1111 1111" });
    assert_eq!(api.ack(&erp, 4, &card).await.0, 400);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_matchers_and_a_restart_number_each_granted_event_once() {
    let mut world = World::new("feed_matchers").await;
    world.append_all(items(3)).await;
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    let siem = connector(&mut world, tenant(), "siem", &["security.audit_event"]).await;
    let other_tenant = TenantId::new("otra").unwrap();
    let foreign = connector(&mut world, other_tenant.clone(), "erp", &["catalogue"]).await;
    let mut options = schedule(&[10]);
    options.batch = 7;
    let one = world.dispatcher_without_broker(options.clone()).await;
    let two = world.dispatcher_without_broker(options.clone()).await;
    let (mut ours, mut audited, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..60 {
        ours.push(world.append(item(round)).await);
        if round % 10 == 0 {
            audited.push(world.append(security()).await);
            theirs.push(world.append_for(other_tenant.clone(), vec![item(round)]).await);
        }
    }
    one.stop().await;
    let three = world.dispatcher_without_broker(options).await;
    for round in 60..120 {
        ours.push(world.append(item(round)).await);
    }
    let head = *ours.last().unwrap();
    until(|| async { two.handle.checkpoint().max(three.handle.checkpoint()) >= head }).await;
    for (connector, expected) in [(&erp, &ours), (&siem, &audited), (&foreign, &theirs)] {
        let wanted: Vec<(i64, i64)> = (1..).zip(expected.iter().copied()).collect();
        assert_eq!(rows(&world, connector).await, wanted, "{}", connector.slug);
    }
    two.stop().await;
    three.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_gets_one_answer_whatever_is_wrong_with_it() {
    let mut world = World::new("feed_tokens").await;
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    let shop = connector(&mut world, tenant(), "shop", &["catalogue"]).await;
    let other_tenant = TenantId::new("otra").unwrap();
    let foreign = connector(&mut world, other_tenant.clone(), "lejos", &["catalogue"]).await;
    let twin = connector(&mut world, other_tenant, "erp", &["catalogue"]).await;
    let own = |event: ConnectorEvent| vec![Event::from(event)];
    let (fresh, known) = draw();
    let rotated = ConnectorTokenRotated {
        slug: slug("shop"),
        token: known,
        previous_expires_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    let head = world.append_all(own(rotated.into())).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    matched(&dispatcher, head).await;
    let api = Api::of(&world, &dispatcher).await;
    assert_eq!(api.status_of("erp", &erp.token).await.0, 200);
    assert_eq!(
        api.status_of("erp", &twin.token).await.0,
        200,
        "each tenant has its own slugs"
    );
    assert_eq!(api.status_of("shop", &fresh).await.0, 200);
    let never_drawn = IntegrationTokens::draw().to_string();
    let wrong = [
        ("erp", never_drawn.as_str()),
        ("erp", "short"),
        ("erp", fresh.as_str()),
        ("erp", foreign.token.as_str()),
        ("lejos", erp.token.as_str()),
        ("unknown", erp.token.as_str()),
        ("unknown", never_drawn.as_str()),
        ("shop", shop.token.as_str()),
    ];
    for (slug, token) in wrong {
        let (status, body) = api.status_of(slug, token).await;
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("integration.token_invalid")),
            "{slug}"
        );
        let path = format!("/api/v1/sync/integrations/hooks/{slug}/events/1/ack");
        let (acked, _) = api
            .send(poem::http::Method::POST, &path, token, Some(&sent()))
            .await;
        assert_eq!(acked, 401, "{slug}");
    }
    let mut tried = 2 * wrong.len();
    let limited = loop {
        let (status, body) = api.status_of("erp", "short").await;
        if status == 429 {
            break body;
        }
        tried += 1;
        assert!(status == 401 && tried <= 30, "{tried}");
    };
    assert!(
        limited["retry_after_s"].as_u64().is_some_and(|wait| wait > 0),
        "{limited}"
    );
    assert_eq!(
        api.status_of("erp", &erp.token).await.0,
        200,
        "a right token is never held up"
    );

    let head = world
        .append_all(vec![
            ConnectorEvent::from(ConnectorDisabled { slug: slug("erp") }).into(),
            ConnectorEvent::from(ConnectorRevoked { slug: slug("shop") }).into(),
        ])
        .await;
    matched(&dispatcher, head).await;
    let (status, body) = api.status_of("erp", &erp.token).await;
    assert_eq!((status, &body["code"]), (403, &json!("integration.disabled")));
    assert!(
        api.status_of("shop", &fresh).await.0 != 200,
        "a revoked connector has no tokens"
    );
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_accepted_though_it_is_newer_than_what_was_matched() {
    let mut world = World::new("feed_fresh").await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let api = Api::of(&world, &dispatcher).await;
    // No wait for the matcher in between: the feed itself waits for it.
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    assert_eq!(api.status_of("erp", &erp.token).await.0, 200);
    let position = world.append(item(1)).await;
    let page = api.pull(&erp, &format!("?min_position={position}")).await;
    assert_eq!(sequences(&page), [1]);
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_webhook_is_dead_is_still_in_the_feed() {
    let mut world = World::new("feed_dead").await;
    let receiver = Receiver::start().await;
    receiver.answer(|_| Answer::status(500));
    world.allow(receiver.address().port());
    let erp = connector(&mut world, tenant(), "erp", &["catalogue"]).await;
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append(item(1)).await;
    until(|| async { world.count("dead").await == 1 }).await;
    let api = Api::of(&world, &dispatcher).await;
    let page = api.pull(&erp, "").await;
    assert_eq!(sequences(&page), [1]);
    let dead: uuid::Uuid =
        sqlx::query_scalar("select event_id from webhook_deliveries where status = 'dead'")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(page["items"][0]["event_id"], dead.to_string(), "the very event");
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_a_page_and_looking_takes_nothing() {
    let mut world = World::new("feed_filters").await;
    let erp = connector(&mut world, tenant(), "erp", &["catalogue", "security"]).await;
    let mut events = items(3);
    events.insert(1, security());
    let head = world.append_all(events).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    matched(&dispatcher, head).await;
    let api = Api::of(&world, &dispatcher).await;
    for _ in 0..2 {
        let looked = api.pull(&erp, "?lease_s=0&limit=2&after=1").await;
        assert_eq!((sequences(&looked), &looked["more"]), (vec![2, 3], &json!(true)));
        assert_eq!(looked["items"][0]["attempts"], 0);
    }
    assert_eq!(sequences(&api.pull(&erp, "?entity=security").await), [2]);
    assert_eq!(
        sequences(&api.pull(&erp, "?entity=sale").await),
        Vec::<i64>::new()
    );
    assert_eq!(
        sequences(&api.pull(&erp, "?status=pending&entity=catalogue").await),
        [1, 3, 4]
    );
    let base = "/api/v1/sync/integrations/hooks/erp/events";
    for wrong in [
        "limit=0",
        "limit=201",
        "lease_s=-1",
        "lease_s=3601",
        "status=LOST",
        "entity=Sale",
    ] {
        let path = format!("{base}?{wrong}");
        let (status, _) = api.send(poem::http::Method::GET, &path, &erp.token, None).await;
        assert_eq!(status, 400, "{wrong}");
    }
    let behind = format!("{base}?min_position={}", head + 1);
    let (status, body) = api.send(poem::http::Method::GET, &behind, &erp.token, None).await;
    assert_eq!((status, &body["code"]), (503, &json!("projection_behind")));

    api.ack(&erp, 1, &sent()).await;
    api.ack(&erp, 2, &json!({ "status": "failed" })).await;
    api.ack(&erp, 3, &json!({ "status": "failed", "final": true }))
        .await;
    let (status, standing) = api.read("tienda", "/api/v1/connectors/erp").await;
    assert_eq!(status, 200, "{standing}");
    let count = |name: &str| standing[name].as_i64().unwrap();
    assert_eq!(
        [
            count("pending"),
            count("failed"),
            count("given_up"),
            count("sent"),
            count("last_sequence")
        ],
        [1, 1, 1, 1, 4]
    );
    assert_eq!(standing["tokens"].as_array().unwrap().len(), 1);
    assert!(!standing.to_string().contains(&erp.token));
    assert_eq!(api.read("otra", "/api/v1/connectors/erp").await.0, 404);
    let (_, list) = api.read("otra", "/api/v1/connectors").await;
    assert_eq!(list["items"], json!([]));
    dispatcher.stop().await;
}
