//! Lost, doubled and foreign messages, two dispatchers, crashes: nothing is lost, no row is doubled.

use bus::{Bus, BusOptions, Outgoing};
use event_store::LogReader;
use private_servers::{Nats, NatsOptions};
use schemas::Position;
use schemas::events::webhook::StartFrom;
use sqlx::{Connection, Executor};

use super::support::*;
use testkit::Receiver;

/// Publishes a range of the log, as the relay does.
async fn publish(world: &World, bus: &Bus, positions: std::ops::RangeInclusive<i64>) {
    let after = positions.start() - 1;
    let count = usize::try_from(positions.end() - after).unwrap();
    let events = world.log.read_all(Position(after), count).await.unwrap();
    let mut messages: Vec<Outgoing> = Vec::new();
    for event in &events {
        messages.push(bus.wrap(event, event.position.0 - 1));
    }
    let state = bus.ensure_stream().await.unwrap();
    let published = bus.publish_batch(&messages, state.last_sequence).await;
    assert!(published.failure.is_none(), "{published:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_repeats_and_a_deleted_store_neither_lose_nor_double_a_delivery() {
    let mut world = World::new("wiped").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let options = NatsOptions::new(testkit::scratch_folder("wiped"), testkit::nats_server());
    let server = Nats::start(options.clone()).await.unwrap();
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    let endpoint = world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    // So rare a poll that only the broker's messages can explain what happens in time, until it is gone.
    let mut slow = schedule(&[10]);
    slow.poll = std::time::Duration::from_secs(1);
    let dispatcher = world.dispatcher(slow, bus.clone()).await;
    let head = world.append_all(items(50)).await;
    publish(&world, &bus, 1..=20).await;
    // A hole of ten messages, then some that were there before.
    publish(&world, &bus, 31..=head).await;
    publish(&world, &bus, 5..=12).await;
    until(|| async { world.count("delivered").await == 50 }).await;

    server.stop().await;
    std::fs::remove_dir_all(options.store_dir.join("jetstream")).unwrap();
    world.append_all(items(50)).await;
    until(|| async { world.count("delivered").await == 100 }).await;

    let server = Nats::start(options).await.unwrap();
    assert_eq!(bus.ensure_stream_again().await, 0, "the stream is a new one");
    let head = world.append_all(items(50)).await;
    publish(&world, &bus, 95..=head).await;
    until(|| async { world.count("delivered").await == 150 }).await;
    dispatcher.stop().await;
    server.stop().await;
    assert_eq!(world.sequences(endpoint).await.len(), 150);
    assert_eq!(receiver.received().len(), 150);
    world.assert_sound().await;
}

trait Again {
    async fn ensure_stream_again(&self) -> u64;
}

impl Again for Bus {
    /// Waits for the connection to come back.
    async fn ensure_stream_again(&self) -> u64 {
        within(async {
            loop {
                if let Ok(state) = self.ensure_stream().await {
                    return state.last_sequence;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_at_once_create_every_delivery_once_and_the_second_takes_over() {
    let mut world = World::new("two").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let mut wanted = settings(&receiver.url("/hook"), &["catalogue.*"]);
    wanted.concurrency = 64;
    let endpoint = world.endpoint("e", wanted, StartFrom::Now).await;
    let first = world.dispatcher_without_broker(schedule(&[10])).await;
    let second = world.dispatcher_without_broker(schedule(&[10])).await;
    for _ in 0..10 {
        world.append_all(items(100)).await;
    }
    until(|| async { world.count("delivered").await >= 500 }).await;
    first.stop().await;
    for _ in 0..10 {
        world.append_all(items(100)).await;
    }
    until(|| async { world.count("delivered").await == 2_000 }).await;
    second.stop().await;
    assert_eq!(world.sequences(endpoint).await.len(), 2_000);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_not_written_down_means_the_same_id_and_bytes_again() {
    let mut world = World::new("crash").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let first = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append(item(1)).await;
    until(|| async { world.count("delivered").await == 1 }).await;
    first.stop().await;
    world.forget_outcomes().await;
    let second = world.dispatcher_without_broker(schedule(&[10])).await;
    let received = receiver.wait_for(2).await;
    until(|| async { world.count("delivered").await == 1 }).await;
    second.stop().await;
    assert_eq!(
        received[0].header("webhook-id").unwrap(),
        received[1].header("webhook-id").unwrap()
    );
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_every_lease_back() {
    let mut world = World::new("stop").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|_| hang());
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(200)).await;
    receiver.wait_for(8).await;
    dispatcher.stop().await;
    let leased: i64 =
        sqlx::query_scalar("select count(*) from webhook_deliveries where lease_until is not null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(leased, 0);
    assert_eq!(world.count("pending").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_shorter_than_what_was_matched_stops_the_dispatcher_and_says_so() {
    let world = World::new("restored").await;
    sqlx::query("update dispatcher_checkpoint set position = 7")
        .execute(&world.pool)
        .await
        .unwrap();
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let cause = within(dispatcher.tasks.failure()).await;
    assert!(
        cause.contains("position 7") && cause.contains("restore"),
        "{cause}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_does_not_answer_is_not_counted_as_the_receivers_failure() {
    let mut world = World::new("vault_away").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let mut owner = sqlx::PgConnection::connect(&world.database_url).await.unwrap();
    owner
        .execute("alter table secrets rename to secrets_away")
        .await
        .unwrap();
    let dispatcher = world.dispatcher_without_broker(schedule(&[3_600_000])).await;
    world.append_all(items(10)).await;
    until(|| async {
        let postponed: i64 = sqlx::query_scalar(
            "select count(*) from webhook_deliveries
             where due_at > matched_at and lease_until is null and status = 'pending' and attempts = 0",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        postponed == 10
    })
    .await;
    owner
        .execute("alter table secrets_away rename to secrets")
        .await
        .unwrap();
    until(|| async { world.count("delivered").await == 10 }).await;
    dispatcher.stop().await;
    assert_eq!(receiver.received().len(), 10);
    let attempts: (i64, Option<i32>) = sqlx::query_as("select count(*), max(number) from webhook_attempts")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(attempts, (10, Some(1)));
    world.assert_sound().await;
}
