//! What is done with goes after its time, nothing else does, and the sums go on holding.

use std::time::Duration;

use dispatcher::retention::{Purged, purge};
use schemas::events::WebhookEvent;
use schemas::events::webhook::{EndpointReplayRequested, ReplaySelection, StartFrom};

use super::support::*;
use testkit::{Answer, Receiver};

const DAY: Duration = Duration::from_secs(86_400);

async fn age(world: &World, condition: &'static str) {
    for sql in [
        format!(
            "update webhook_finished set finished_at = finished_at - interval '31 days' where {condition}"
        ),
        format!("update webhook_attempts set started_at = started_at - interval '31 days' where {condition}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&world.pool)
            .await
            .unwrap();
    }
}

async fn numbers(world: &World) -> Vec<i64> {
    sqlx::query_scalar("select sequence from webhook_deliveries order by sequence")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_delivered_long_ago_goes_and_the_audit_still_agrees() {
    let mut world = World::new("retention").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    // The second is given up, the third waits for its next try.
    receiver.answer(|request| match sequence(request) {
        2 => Answer::status(410),
        3 => Answer::status(429).retry_after(3_600),
        _ => Answer::status(200),
    });
    let hook = settings(&receiver.url("/hook"), &["catalogue.*"]);
    let endpoint = world.endpoint("e", hook, StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10, 10])).await;
    world.append_all(items(6)).await;
    until(|| async {
        world.count("delivered").await == 4
            && world.count("dead").await == 1
            && world.count("retrying").await == 1
    })
    .await;
    assert_eq!(purge(&world.pool, 30 * DAY).await.unwrap(), Purged::default());
    age(&world, "sequence <= 5").await;
    let purged = purge(&world.pool, 30 * DAY).await.unwrap();
    assert_eq!(purged.deliveries, 3, "1, 4 and 5");
    assert_eq!(numbers(&world).await, [2, 3, 6]);
    let attempts: Vec<i64> =
        sqlx::query_scalar("select distinct sequence from webhook_attempts order by sequence")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(attempts, [2, 3, 6]);
    let sums = dispatcher::counters::balances(&world.pool).await.unwrap();
    assert!(sums[0].holds() && sums[0].delivered == 4, "{sums:?}");
    let audited = dispatcher::counters::audit(&world.pool, endpoint, 60_000).await;
    let (rows, counters) = audited.unwrap().unwrap();
    assert_eq!(rows, counters);

    // What is left can be sent again, and counts as young from then on.
    let replay = EndpointReplayRequested {
        endpoint_id: endpoint_id("e"),
        select: ReplaySelection::FromPosition { position: 0 },
        rate_per_s: 1_000,
    };
    age(&world, "sequence = 6").await;
    let before = receiver.received().len();
    world.append(WebhookEvent::from(replay).into()).await;
    receiver.wait_for(before + 2).await;
    until(|| async { world.count("pending").await == 0 && world.count("dead").await == 1 }).await;
    dispatcher.stop().await;
    assert_eq!(purge(&world.pool, 30 * DAY).await.unwrap(), Purged::default());
    assert_eq!(numbers(&world).await, [2, 3, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_kept_do_not_hide_older_ones_behind_them() {
    let mut world = World::new("retention_chunks").await;
    let endpoint = world
        .endpoint("e", settings("http://127.0.0.1:1/", &["sale.*"]), StartFrom::Now)
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    until(|| async { dispatcher.handle.checkpoint() == endpoint }).await;
    dispatcher.stop().await;
    // Two chunks of dead ones, then old ones, then young ones.
    sqlx::query(
        "insert into webhook_finished (endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload,
           status, attempts, finished_at)
         select $1, n, 'tienda', n, gen_random_uuid(), 'sale.completed', now(), 1,
           case when n <= 2500 then 'dead' else 'delivered' end, 1,
           case when n <= 4000 then now() - interval '31 days' else now() end
         from generate_series(1, 7000) n",
    )
    .bind(endpoint)
    .execute(&world.pool)
    .await
    .unwrap();
    let purged = purge(&world.pool, 30 * DAY).await.unwrap();
    assert_eq!(purged.deliveries, 1_500);
    let left = numbers(&world).await;
    assert!(left.into_iter().eq((1..=2_500).chain(4_001..=7_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_feed_events_that_were_sent_long_ago_go_and_they_are_counted() {
    let world = World::new("retention_feed").await;
    sqlx::query(
        "insert into feed_connectors (tenant, slug, connector, name, state, grants, next_sequence, changed_position,
           created_at)
         values ('tienda', 'c', 1, 'C', 'active', '[]', 9, 1, now())",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into feed_events (connector, sequence, tenant, position, event_id, entity, status, final, settled_at)
         select 1, n, 'tienda', n, gen_random_uuid(), 'sale',
           case n % 4 when 0 then 'PENDING' when 1 then 'FAILED' else 'SENT' end, n = 5,
           case when n <= 6 then now() - interval '31 days' else now() end
         from generate_series(1, 8) n",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let purged = purge(&world.pool, 30 * DAY).await.unwrap();
    assert_eq!(purged.feed_events, 3, "2, 3 and 6");
    assert_eq!(purge(&world.pool, 30 * DAY).await.unwrap(), Purged::default());
    let left: Vec<i64> = sqlx::query_scalar("select sequence from feed_events order by sequence")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, [1, 4, 5, 7, 8]);
    let counted: i64 = sqlx::query_scalar("select purged from feed_connectors")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(counted, 3);
}
