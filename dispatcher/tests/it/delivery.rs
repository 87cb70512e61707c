//! What arrives: bodies, signatures, order, retries.

use schemas::events::webhook::{PayloadKind, StartFrom};

use super::support::*;
use testkit::{Answer, Received, Receiver};

fn verify(received: &Received) {
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    let mut headers = poem::http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name).unwrap().parse().unwrap());
    }
    verifier.verify(&received.body, &headers).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_matching_event_arrives_once_with_a_valid_signature_and_a_gapless_sequence() {
    let mut world = World::new("arrives").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let mut wanted = settings(&receiver.url("/hook"), &["catalogue.*"]);
    wanted.headers.insert("X-Shop".into(), "Tegucigalpa".into());
    let endpoint = world.endpoint("e", wanted, StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[50])).await;
    world.append(security()).await;
    world.append_all(items(2_500)).await;
    let received = receiver.wait_for(2_500).await;
    until(|| async { world.count("delivered").await == 2_500 }).await;
    dispatcher.stop().await;

    assert_eq!(receiver.received().len(), 2_500);
    received.iter().for_each(verify);
    let mut sequences: Vec<i64> = received.iter().map(sequence).collect();
    sequences.sort_unstable();
    assert!(sequences.iter().copied().eq(1..=2_500));
    let first = received.iter().find(|r| sequence(r) == 1).unwrap();
    let body = json(first);
    assert_eq!(body["type"], "catalogue.item_discontinued");
    assert_eq!(body["source"], "/tenants/tienda");
    assert_eq!(body["position"], (endpoint + 2).to_string());
    assert_eq!(body["data"]["sku"], "SKU-0");
    assert_eq!(
        first.header("content-type").unwrap(),
        "application/cloudevents+json"
    );
    assert_eq!(first.header("x-shop").unwrap(), "Tegucigalpa");
    assert_eq!(
        first.header("traceparent").unwrap(),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    );
    world.assert_sound().await;
    let attempts: i64 = sqlx::query_scalar("select count(*) from webhook_attempts where status_code = 200")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(attempts, 2_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_has_the_same_id_and_bytes_even_if_the_endpoint_changed_its_payload_meanwhile() {
    let mut world = World::new("retries").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|request| Answer::status([503, 302, 200][request.number]));
    let mut wanted = settings(&receiver.url("/hook"), &["catalogue.*"]);
    world.endpoint("e", wanted.clone(), StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[300, 300])).await;
    world.append(item(1)).await;
    receiver.wait_for(1).await;
    wanted.payload = PayloadKind::Summary;
    let changed = schemas::events::webhook::EndpointChanged {
        endpoint_id: endpoint_id("e"),
        settings: wanted,
    };
    world
        .append(schemas::events::WebhookEvent::from(changed).into())
        .await;
    let received = receiver.wait_for(3).await;
    until(|| async { world.count("delivered").await == 1 }).await;
    dispatcher.stop().await;

    received.iter().for_each(verify);
    assert!(received.iter().all(|r| r.body == received[0].body));
    assert!(
        received
            .iter()
            .all(|r| r.header("webhook-id").unwrap() == received[0].header("webhook-id").unwrap())
    );
    let attempts: Vec<(i32, i32)> =
        sqlx::query_as("select number, status_code from webhook_attempts order by number")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(attempts, [(1, 503), (2, 302), (3, 200)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_try_a_delivery_is_dead_and_kept() {
    let mut world = World::new("dead").await;
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
    let dispatcher = world.dispatcher_without_broker(schedule(&[10, 10])).await;
    world.append(item(1)).await;
    until(|| async { world.count("dead").await == 1 }).await;
    dispatcher.stop().await;
    assert_eq!(receiver.received().len(), 3);
    let kept: (i32, i32, String) =
        sqlx::query_as("select attempts, last_status, last_error from webhook_deliveries")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(kept, (3, 500, "receiver.refused".to_owned()));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_moves_the_due_time_by_the_databases_clock() {
    let mut world = World::new("retry_after").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|_| Answer::status(429).retry_after(3_600));
    world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append(item(1)).await;
    until(|| async { world.count("retrying").await == 1 }).await;
    dispatcher.stop().await;
    let waits: bool = sqlx::query_scalar(
        "select due_at between now() + interval '3500 s' and now() + interval '3600 s' from webhook_deliveries",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(waits);
}
