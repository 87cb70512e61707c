//! Endpoints that are down are spared; figures say so; the watchdog finds what stands still or does not add up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dispatcher::{counters, watchdog};
use schemas::events::webhook::StartFrom;

use super::support::*;
use testkit::{Answer, Receiver};

async fn breaker(world: &World) -> Option<String> {
    sqlx::query_scalar("select state from webhook_breakers")
        .fetch_optional(&world.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_is_spared_also_by_the_next_process_and_gets_everything_once_it_is_back() {
    let mut world = World::new("breaker").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    receiver.answer(move |_| Answer::status(if is_down.load(Ordering::Relaxed) { 503 } else { 204 }));
    let hook = settings(&receiver.url("/hook"), &["catalogue.*"]);
    world.endpoint("e", hook, StartFrom::Now).await;
    let mut options = schedule(&[100, 100, 100, 100, 100, 100, 100, 100, 100]);
    options.breaker.pause = Duration::from_secs(3_600);
    options.breaker.pause_max = Duration::from_secs(3_600);
    let first = world.dispatcher_without_broker(options).await;
    let head = world.append_all(items(60)).await;
    until(|| async { breaker(&world).await.as_deref() == Some("open") }).await;
    until(|| async { first.handle.checkpoint() == head }).await;
    first.stop().await;
    let tried = receiver.received().len();
    // Eight at once; four answers make place for four more before the fifth opens the breaker.
    assert!((5..=12).contains(&tried), "{tried} attempts");
    world.assert_sound().await;

    let mut options = schedule(&[100, 100, 100, 100, 100, 100, 100, 100, 100]);
    options.breaker.pause = Duration::from_millis(200);
    options.breaker.pause_max = Duration::from_millis(200);
    let second = world.dispatcher_without_broker(options).await;
    receiver.wait_for(tried + 2).await;
    assert_eq!(world.count("delivered").await, 0);
    down.store(false, Ordering::Relaxed);
    until(|| async { breaker(&world).await.as_deref() == Some("draining") }).await;
    until(|| async { world.count("delivered").await == 60 }).await;
    until(|| async { breaker(&world).await.as_deref() == Some("closed") }).await;
    second.stop().await;
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn security_events_go_through_while_everything_else_of_their_endpoint_rests() {
    let mut world = World::new("breaker_security").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|request| {
        let security = json(request)["type"].as_str().unwrap().starts_with("security.");
        Answer::status(if security { 204 } else { 503 })
    });
    world
        .endpoint("e", settings(&receiver.url("/hook"), &["*"]), StartFrom::Now)
        .await;
    let mut options = schedule(&[3_600_000]);
    options.breaker.pause = Duration::from_secs(3_600);
    let dispatcher = world.dispatcher_without_broker(options).await;
    world.append_all(items(50)).await;
    until(|| async { breaker(&world).await.as_deref() == Some("open") }).await;
    world.append_all((0..20).map(|_| security()).collect()).await;
    until(|| async { world.count("delivered").await == 20 }).await;
    dispatcher.stop().await;
    assert_eq!(breaker(&world).await.as_deref(), Some("open"));
    assert!(world.count("pending").await >= 38);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_tells_a_queue_that_nobody_takes_from_an_endpoint_that_is_being_tried() {
    let mut world = World::new("watchdog").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|_| Answer::status(503));
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[3_600_000])).await;
    world.append_all(items(3)).await;
    until(|| async { world.count("retrying").await == 3 }).await;
    dispatcher.stop().await;
    let bound = Duration::from_secs(120);
    let quiet = watchdog::overdue(&world.pool, bound).await.unwrap();
    assert_eq!((quiet.oldest_s, quiet.stalled_s), (0, 0));
    sqlx::query("update webhook_open set due_at = now() - interval '300 s' where sequence = 1")
        .execute(&world.pool)
        .await
        .unwrap();
    let tried = watchdog::overdue(&world.pool, bound).await.unwrap();
    assert!((300..330).contains(&tried.oldest_s), "{tried:?}");
    assert_eq!(tried.stalled_s, 0, "its endpoint was tried a moment ago");
    sqlx::query("update webhook_counters set last_failure_at = now() - interval '121 s' where part = 1")
        .execute(&world.pool)
        .await
        .unwrap();
    let stalled = watchdog::overdue(&world.pool, bound).await.unwrap();
    assert!((300..330).contains(&stalled.stalled_s), "{stalled:?}");
    sqlx::query("update webhook_endpoints set resumed_at = now() - interval '10 s'")
        .execute(&world.pool)
        .await
        .unwrap();
    let resumed = watchdog::overdue(&world.pool, bound).await.unwrap();
    assert!(
        (10..40).contains(&resumed.oldest_s),
        "{resumed:?}: a rest is no delay"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_finds_a_row_that_moved_without_its_counter() {
    let mut world = World::new("audit").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let endpoint = world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(items(20)).await;
    until(|| async { world.count("delivered").await == 20 }).await;
    dispatcher.stop().await;
    world.assert_sound().await;
    sqlx::query("update webhook_finished set status = 'dead' where sequence = 7")
        .execute(&world.pool)
        .await
        .unwrap();
    let (rows, counted) = counters::audit(&world.pool, endpoint, 60_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((rows.dead, counted.dead), (1, 0));
    sqlx::query("delete from webhook_finished where sequence = 9")
        .execute(&world.pool)
        .await
        .unwrap();
    let (rows, _) = counters::audit(&world.pool, endpoint, 60_000)
        .await
        .unwrap()
        .unwrap();
    assert!(!rows.holds(), "{rows:?}");
    sqlx::query("update webhook_counters set delivered = delivered - 1 where part = 1")
        .execute(&world.pool)
        .await
        .unwrap();
    let sums = counters::balances(&world.pool).await.unwrap();
    assert!(!sums[0].holds(), "{sums:?}");
}
