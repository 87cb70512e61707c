//! A new secret beside the old one, and the end of the old one.

use std::time::Duration;

use schemas::events::WebhookEvent;
use schemas::events::webhook::*;
use time::OffsetDateTime;

use super::support::*;
use testkit::{Received, Receiver};

const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn accepts(secret: &str, received: &Received) -> bool {
    let mut headers = poem::http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name).unwrap().parse().unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(secret).unwrap();
    verifier.verify(&received.body, &headers).is_ok()
}

fn rotated(previous_until: OffsetDateTime) -> schemas::Event {
    WebhookEvent::from(EndpointSecretRotated {
        endpoint_id: endpoint_id("e"),
        secret_id: "new".into(),
        secret_fingerprint: "g".into(),
        previous_until,
    })
    .into()
}

async fn world(name: &str) -> (World, Receiver) {
    let mut world = World::new(name).await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    world
        .vault
        .put_secret(&tenant(), "new", NEW.as_bytes())
        .await
        .unwrap();
    let hook = settings(&receiver.url("/hook"), &["catalogue.*"]);
    world.endpoint("e", hook, StartFrom::Now).await;
    (world, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn during_the_overlap_both_secrets_verify_and_ending_it_leaves_the_new_one() {
    let (mut world, receiver) = world("rotation").await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append(item(1)).await;
    receiver.wait_for(1).await;
    let until = now() + Duration::from_secs(3_600);
    world.append_all(vec![rotated(until), item(2)]).await;
    receiver.wait_for(2).await;
    let ended = WebhookEvent::from(EndpointPreviousSecretEnded {
        endpoint_id: endpoint_id("e"),
    });
    world.append_all(vec![ended.into(), item(3)]).await;
    let received = receiver.wait_for(3).await;
    dispatcher.stop().await;
    let verdicts: Vec<(bool, bool)> = received
        .iter()
        .map(|delivery| (accepts(SECRET, delivery), accepts(NEW, delivery)))
        .collect();
    assert_eq!(verdicts, [(true, false), (true, true), (false, true)]);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_secret_ends_by_itself_when_its_time_is_over() {
    let (mut world, receiver) = world("rotation_time").await;
    // What the till's clock calls the past is the past here, too: the overlap ended before this dispatcher began.
    let until = now() + Duration::from_millis(300);
    world.append(rotated(until)).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    super::support::until(|| async { now() > until }).await;
    world.append(item(1)).await;
    let received = receiver.wait_for(1).await;
    dispatcher.stop().await;
    assert!(accepts(NEW, &received[0]) && !accepts(SECRET, &received[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rotation_ends_the_oldest_secret_and_no_overlap_ends_the_one_before_at_once() {
    let (mut world, receiver) = world("rotation_twice").await;
    let third = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    world
        .vault
        .put_secret(&tenant(), "third", third.as_bytes())
        .await
        .unwrap();
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let until = now() + Duration::from_secs(3_600);
    let again = |secret_id: &str, previous_until| {
        schemas::Event::from(WebhookEvent::from(EndpointSecretRotated {
            endpoint_id: endpoint_id("e"),
            secret_id: secret_id.into(),
            secret_fingerprint: "h".into(),
            previous_until,
        }))
    };
    world
        .append_all(vec![rotated(until), again("third", until), item(1)])
        .await;
    receiver.wait_for(1).await;
    world
        .append_all(vec![again("new", OffsetDateTime::UNIX_EPOCH), item(2)])
        .await;
    let received = receiver.wait_for(2).await;
    dispatcher.stop().await;
    let verdicts: Vec<[bool; 3]> = received
        .iter()
        .map(|delivery| [SECRET, NEW, third].map(|secret| accepts(secret, delivery)))
        .collect();
    assert_eq!(verdicts, [[false, true, true], [false, true, false]]);
}
