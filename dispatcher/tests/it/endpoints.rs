//! What endpoints' own events do to their deliveries.

use schemas::events::WebhookEvent;
use schemas::events::webhook::*;

use super::support::*;
use testkit::{Answer, Receiver};

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_leads_to_one_command_that_disables_its_endpoint() {
    let mut world = World::new("gone").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|_| Answer::status(410));
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
    let command: (String, String, String) =
        sqlx::query_as("select tenant, command::text, actor from command_inbox")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!((command.0.as_str(), command.2.as_str()), ("tienda", "dispatcher"));
    let value: serde_json::Value = serde_json::from_str(&command.1).unwrap();
    assert_eq!(value["command"], "disable_endpoint");
    assert_eq!(value["body"]["endpoint_id"], "e");

    // What the engine answers with; from here on deliveries are held.
    let disabled = EndpointDisabled {
        endpoint_id: endpoint_id("e"),
        cause: "gone".into(),
    };
    world.append(WebhookEvent::from(disabled).into()).await;
    world.append(item(2)).await;
    until(|| async { world.count("held").await == 1 }).await;
    dispatcher.stop().await;
    assert_eq!(receiver.received().len(), 1);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_held_while_paused_and_sent_after_resuming_with_their_numbers() {
    let mut world = World::new("paused").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    world
        .append(
            WebhookEvent::from(EndpointPaused {
                endpoint_id: endpoint_id("e"),
            })
            .into(),
        )
        .await;
    world.append_all(items(10)).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    until(|| async { world.count("held").await == 10 }).await;
    assert!(receiver.received().is_empty());
    world
        .append(
            WebhookEvent::from(EndpointResumed {
                endpoint_id: endpoint_id("e"),
            })
            .into(),
        )
        .await;
    let received = receiver.wait_for(10).await;
    until(|| async { world.count("delivered").await == 10 }).await;
    dispatcher.stop().await;
    let mut sequences: Vec<i64> = received.iter().map(sequence).collect();
    sequences.sort_unstable();
    assert!(sequences.into_iter().eq(1..=10));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_also_holds_what_was_waiting_for_a_retry_and_a_deletion_ends_it() {
    let mut world = World::new("pause_retry").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|_| Answer::status(500));
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[3_600_000])).await;
    world.append(item(1)).await;
    until(|| async { world.count("retrying").await == 1 }).await;
    world
        .append(
            WebhookEvent::from(EndpointPaused {
                endpoint_id: endpoint_id("e"),
            })
            .into(),
        )
        .await;
    until(|| async { world.count("held").await == 1 }).await;
    world
        .append(
            WebhookEvent::from(EndpointDeleted {
                endpoint_id: endpoint_id("e"),
            })
            .into(),
        )
        .await;
    until(|| async { world.count("dead").await == 1 }).await;
    world.append(item(2)).await;
    let position = world.append(item(3)).await;
    until(|| async { dispatcher.handle.checkpoint() == position }).await;
    dispatcher.stop().await;
    assert_eq!(receiver.received().len(), 1, "a deleted endpoint gets nothing");
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_retry_is_due_at_once_when_its_endpoint_is_resumed() {
    let mut world = World::new("resume_retry").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|request| Answer::status(if request.number < 2 { 500 } else { 200 }));
    let hook = settings(&receiver.url("/hook"), &["catalogue.*", "security.*"]);
    world.endpoint("e", hook, StartFrom::Now).await;
    let mut options = schedule(&[3_600_000]);
    options.schedule.fast_offsets = [0, 3_600].map(std::time::Duration::from_secs).to_vec();
    let dispatcher = world.dispatcher_without_broker(options).await;
    world.append_all(vec![item(1), security()]).await;
    until(|| async { world.count("retrying").await == 2 }).await;
    let paused = EndpointPaused {
        endpoint_id: endpoint_id("e"),
    };
    world.append(WebhookEvent::from(paused).into()).await;
    until(|| async { world.count("held").await == 2 }).await;
    let resumed = EndpointResumed {
        endpoint_id: endpoint_id("e"),
    };
    world.append(WebhookEvent::from(resumed).into()).await;
    until(|| async { world.count("delivered").await == 2 }).await;
    dispatcher.stop().await;
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_delivered_whatever_the_filters() {
    let mut world = World::new("test_event").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world
        .endpoint("e", settings(&receiver.url("/hook"), &["sale.*"]), StartFrom::Now)
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world
        .append(
            WebhookEvent::from(EndpointTestRequested {
                endpoint_id: endpoint_id("e"),
            })
            .into(),
        )
        .await;
    let received = receiver.wait_for(1).await;
    assert_eq!(json(&received[0])["type"], "webhook.test_requested");
    dispatcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_subscriber_from_the_beginning_joins_live_without_a_hole_while_events_keep_coming() {
    let mut world = World::new("backfill").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world.append_all(items(2_500)).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let mut wanted = settings(&receiver.url("/hook"), &["catalogue.*"]);
    wanted.concurrency = 64;
    let endpoint = world
        .endpoint("e", wanted, StartFrom::Position { position: 0 })
        .await;
    for _ in 0..100 {
        world.append_all(items(7)).await;
        tokio::task::yield_now().await;
    }
    until(|| async { world.count("delivered").await == 3_200 }).await;
    let joined: bool = sqlx::query_scalar("select cursor is null from webhook_endpoints")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(joined);
    let positions: Vec<i64> = world
        .sequences(endpoint)
        .await
        .into_iter()
        .map(|(_, position)| position)
        .collect();
    assert!(
        positions.into_iter().eq((1..=2_500).chain(2_502..=3_201)),
        "all but the endpoint's own creation"
    );
    dispatcher.stop().await;
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_see_their_own_deliveries_only_and_nothing_without_a_tenant() {
    let mut world = World::new("tenancy").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append(item(1)).await;
    until(|| async { world.count("delivered").await == 1 }).await;
    dispatcher.stop().await;
    let api = platform::db::pool(&world.database_url, platform::db::DbRole::Api, 2)
        .await
        .unwrap();
    let seen = |tenant: &'static str| {
        let api = api.clone();
        async move {
            let tenant = schemas::TenantId::new(tenant).unwrap();
            let mut transaction = platform::db::tenant_transaction(&api, &tenant).await.unwrap();
            let mut counts = Vec::new();
            for sql in [
                "select count(*) from webhook_endpoints",
                "select count(*) from webhook_deliveries",
                "select count(*) from webhook_attempts",
            ] {
                counts.push(
                    sqlx::query_scalar::<_, i64>(sql)
                        .fetch_one(&mut *transaction)
                        .await
                        .unwrap(),
                );
            }
            counts
        }
    };
    assert_eq!(seen("tienda").await, [1, 1, 1]);
    assert_eq!(seen("otra").await, [0, 0, 0]);
    let without: i64 = sqlx::query_scalar("select count(*) from webhook_deliveries")
        .fetch_one(&api)
        .await
        .unwrap();
    assert_eq!(without, 0);
}
