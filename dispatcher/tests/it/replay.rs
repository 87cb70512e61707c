//! Deliveries that are sent again: the same ids, numbers and bytes, not too fast, whatever is killed.

use std::collections::BTreeMap;

use schemas::events::WebhookEvent;
use schemas::events::webhook::*;
use time::OffsetDateTime;

use super::support::*;
use testkit::{Answer, Received, Receiver};

fn replay(select: ReplaySelection, rate_per_s: i64) -> schemas::Event {
    WebhookEvent::from(EndpointReplayRequested {
        endpoint_id: endpoint_id("e"),
        select,
        rate_per_s,
    })
    .into()
}

async fn world(name: &str) -> (World, Receiver, i64) {
    let mut world = World::new(name).await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let hook = settings(&receiver.url("/hook"), &["catalogue.*"]);
    let endpoint = world.endpoint("e", hook, StartFrom::Now).await;
    (world, receiver, endpoint)
}

/// How often each number came; each always with the same id and bytes.
fn times(received: &[Received]) -> BTreeMap<i64, usize> {
    let mut seen: BTreeMap<i64, (usize, &Received)> = BTreeMap::new();
    for delivery in received {
        let (times, first) = seen.entry(sequence(delivery)).or_insert((0, delivery));
        *times += 1;
        assert_eq!(delivery.header("webhook-id"), first.header("webhook-id"));
        assert_eq!(delivery.body, first.body);
    }
    seen.into_iter()
        .map(|(number, (times, _))| (number, times))
        .collect()
}

async fn replays(world: &World) -> Vec<(String, i64)> {
    sqlx::query_as("select state, replayed from webhook_replays order by position")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_is_sent_again_with_its_id_number_and_bytes() {
    let (mut world, receiver, _) = world("replay_one").await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(5)).await;
    until(|| async { world.count("delivered").await == 5 }).await;
    world
        .append(replay(ReplaySelection::Delivery { sequence: 3 }, 100))
        .await;
    let received = receiver.wait_for(6).await;
    until(|| async { world.count("delivered").await == 5 }).await;
    // A number that there is not.
    world
        .append(replay(ReplaySelection::Delivery { sequence: 77 }, 100))
        .await;
    until(|| async { replays(&world).await == [("done".into(), 1), ("done".into(), 0)] }).await;
    dispatcher.stop().await;
    assert_eq!(times(&received)[&3], 2);
    let attempts: Vec<i32> =
        sqlx::query_scalar("select number from webhook_attempts where sequence = 3 order by number")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(attempts, [1, 2], "both attempts are remembered");
    assert_eq!(receiver.received().len(), 6);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_that_waits_for_its_next_try_is_tried_now() {
    let (mut world, receiver, _) = world("replay_waiting").await;
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_down = std::sync::Arc::clone(&down);
    receiver.answer(move |_| {
        Answer::status(if is_down.load(std::sync::atomic::Ordering::Relaxed) {
            503
        } else {
            204
        })
    });
    let dispatcher = world.dispatcher_without_broker(schedule(&[3_600_000])).await;
    world.append_all(items(2)).await;
    until(|| async { world.count("retrying").await == 2 }).await;
    down.store(false, std::sync::atomic::Ordering::Relaxed);
    world
        .append(replay(ReplaySelection::Delivery { sequence: 2 }, 100))
        .await;
    until(|| async { world.count("delivered").await == 1 }).await;
    until(|| async { replays(&world).await == [("done".into(), 1)] }).await;
    dispatcher.stop().await;
    assert_eq!(world.count("retrying").await, 1, "the other one keeps its time");
    assert_eq!(times(&receiver.received()), BTreeMap::from([(1, 1), (2, 2)]));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_ones_are_sent_again_and_begin_their_schedule_anew() {
    let (mut world, receiver, _) = world("replay_dead").await;
    // Odd numbers are refused for good at first: twice each, and once more after the replay.
    let refused = std::sync::Mutex::new(BTreeMap::<i64, usize>::new());
    receiver.answer(move |request| {
        let number = sequence(request);
        let mut refused = refused.lock().unwrap();
        let times = refused.entry(number).or_default();
        *times += 1;
        Answer::status(if number % 2 == 1 && *times <= 3 { 500 } else { 200 })
    });
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(6)).await;
    until(|| async { world.count("dead").await == 3 && world.count("delivered").await == 3 }).await;
    world.append(replay(ReplaySelection::Dead, 1_000)).await;
    until(|| async { world.count("delivered").await == 6 }).await;
    dispatcher.stop().await;
    assert_eq!(replays(&world).await, [("done".into(), 3)]);
    assert_eq!(
        times(&receiver.received()),
        BTreeMap::from([(1, 4), (2, 1), (3, 4), (4, 1), (5, 4), (6, 1)])
    );
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_from_a_position_or_a_time_takes_what_was_finished_when_it_was_asked_for() {
    let (mut world, receiver, _) = world("replay_from").await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(10)).await;
    let middle = world.append_all(items(1)).await;
    world.append_all(items(9)).await;
    until(|| async { world.count("delivered").await == 20 }).await;
    // The request and the next event are matched in one step: the event is not meant.
    let select = ReplaySelection::FromPosition { position: middle };
    world.append_all(vec![replay(select, 1_000), item(1)]).await;
    until(|| async { replays(&world).await == [("done".into(), 10)] }).await;
    until(|| async { world.count("delivered").await == 21 }).await;
    receiver.wait_for(31).await;
    let expected = |number| if (11..=20).contains(&number) { 2 } else { 1 };
    assert_eq!(
        times(&receiver.received()),
        (1..=21).map(|number| (number, expected(number))).collect()
    );
    let time: OffsetDateTime =
        sqlx::query_scalar("select recorded_at from webhook_deliveries where sequence = 12")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    let since: i64 = sqlx::query_scalar("select count(*) from webhook_deliveries where recorded_at >= $1")
        .bind(time)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    world.append(replay(ReplaySelection::Since { time }, 1_000)).await;
    until(|| async { replays(&world).await == [("done".into(), 10), ("done".into(), since)] }).await;
    until(|| async { world.count("delivered").await == 21 }).await;
    dispatcher.stop().await;
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_where_a_dispatcher_that_is_gone_left_it() {
    let (mut world, receiver, _) = world("replay_resume").await;
    let first = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(60)).await;
    until(|| async { world.count("delivered").await == 60 }).await;
    world
        .append(replay(ReplaySelection::FromPosition { position: 0 }, 40))
        .await;
    until(|| async {
        replays(&world)
            .await
            .first()
            .is_some_and(|(_, replayed)| *replayed >= 10)
    })
    .await;
    first.stop().await;
    let (state, before) = replays(&world).await.remove(0);
    assert_eq!(state, "running", "{before} of 60 at forty a second");
    let second = world.dispatcher_without_broker(schedule(&[10])).await;
    until(|| async { replays(&world).await == [("done".into(), 60)] }).await;
    until(|| async { world.count("delivered").await == 60 }).await;
    second.stop().await;
    assert_eq!(
        times(&receiver.received()),
        (1..=60).map(|number| (number, 2)).collect()
    );
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_makes_no_more_due_than_the_rate_allows() {
    let (mut world, receiver, endpoint) = world("replay_rate").await;
    let first = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(50)).await;
    until(|| async { world.count("delivered").await == 50 }).await;
    world
        .append(replay(ReplaySelection::FromPosition { position: 0 }, 8))
        .await;
    until(|| async {
        replays(&world)
            .await
            .first()
            .is_some_and(|(_, replayed)| *replayed > 0)
    })
    .await;
    let (replayed, paced): (i64, bool) = sqlx::query_as(
        "select replayed, next_at >= requested_at + (replayed - 2) * interval '125 ms' from webhook_replays",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(
        replayed % 2 == 0 && paced,
        "two at a time, an eighth of a second each"
    );
    // Deleting the endpoint ends the replay.
    let deleted = WebhookEvent::from(EndpointDeleted {
        endpoint_id: endpoint_id("e"),
    });
    world.append(deleted.into()).await;
    until(|| async { replays(&world).await[0].0 == "cancelled" }).await;
    first.stop().await;
    assert!(receiver.received().len() < 100 && endpoint > 0);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_a_paused_endpoint_waits_with_it() {
    let (mut world, receiver, _) = world("replay_paused").await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(3)).await;
    until(|| async { world.count("delivered").await == 3 }).await;
    let paused = WebhookEvent::from(EndpointPaused {
        endpoint_id: endpoint_id("e"),
    });
    world
        .append_all(vec![
            paused.into(),
            replay(ReplaySelection::FromPosition { position: 0 }, 1_000),
        ])
        .await;
    until(|| async { world.count("held").await == 3 }).await;
    assert_eq!(receiver.received().len(), 3);
    let resumed = WebhookEvent::from(EndpointResumed {
        endpoint_id: endpoint_id("e"),
    });
    world.append(resumed.into()).await;
    receiver.wait_for(6).await;
    until(|| async { world.count("delivered").await == 3 }).await;
    dispatcher.stop().await;
    world.assert_sound().await;
}
