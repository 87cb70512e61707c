//! Bodies and signatures for receivers that know neither CloudEvents nor Standard Webhooks, and types by other names.

use hmac::{Hmac, KeyInit, Mac};
use schemas::events::webhook::{BodyFormat, EndpointSettings, StartFrom};
use sha2::Sha256;

use super::support::*;
use testkit::Receiver;

fn breach() -> schemas::Event {
    let sample = include_str!("../../../schemas/golden/inventory.threshold_breach.v1.json");
    schemas::Event::decode("inventory.threshold_breach", 1, sample).unwrap()
}

fn plain(url: &str, event_types: &[&str]) -> EndpointSettings {
    let mut wanted = settings(url, event_types);
    wanted.format = BodyFormat::Plain;
    wanted.legacy_signature_header = Some("X-Firma".to_owned());
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_bajo_arrives_as_its_subscribers_know_it_with_a_signature_of_the_body_alone() {
    let mut world = World::new("stock_bajo").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    let wanted = plain(&receiver.url("/webhook"), &["stock_bajo"]);
    world.endpoint("e", wanted, StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    world.append_all(vec![item(1), breach(), item(2)]).await;
    let received = receiver.wait_for(1).await;
    until(|| async { world.count("delivered").await == 1 }).await;
    dispatcher.stop().await;
    let delivery = &received[0];
    assert_eq!(
        std::str::from_utf8(&delivery.body).unwrap(),
        r#"{"evento":"stock_bajo","articulo":"Cable USB-C 1 m","cantidad_actual":4,"umbral_minimo":5}"#
    );
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&delivery.body);
    let expected = hex::encode(mac.finalize().into_bytes());
    assert_eq!(delivery.header("x-firma").unwrap(), expected);
    assert_eq!(delivery.header("content-type").unwrap(), "application/json");
    assert_eq!(
        delivery.header("webhook-event-type").unwrap(),
        "inventory.threshold_breach"
    );
    assert_eq!(delivery.header("webhook-sequence").unwrap(), "1");
    assert!(delivery.header("webhook-signature").unwrap().starts_with("v1,"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_endpoint_gets_data_alone_and_keeps_each_deliverys_bytes_when_its_format_changes() {
    let mut world = World::new("plain").await;
    let receiver = Receiver::start().await;
    world.allow(receiver.address().port());
    receiver.answer(|request| testkit::Answer::status(if request.number == 0 { 503 } else { 204 }));
    let wanted = plain(&receiver.url("/hook"), &["catalogue.*"]);
    world.endpoint("e", wanted, StartFrom::Now).await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[300])).await;
    world.append(item(7)).await;
    receiver.wait_for(1).await;
    let changed = schemas::events::webhook::EndpointChanged {
        endpoint_id: endpoint_id("e"),
        settings: settings(&receiver.url("/hook"), &["catalogue.*"]),
    };
    world
        .append(schemas::events::WebhookEvent::from(changed).into())
        .await;
    world.append(item(8)).await;
    let received = receiver.wait_for(3).await;
    until(|| async { world.count("delivered").await == 2 }).await;
    dispatcher.stop().await;
    let bodies: Vec<&str> = received
        .iter()
        .map(|delivery| std::str::from_utf8(&delivery.body).unwrap())
        .collect();
    let old = r#"{"sku":"SKU-7"}"#;
    assert_eq!(
        bodies.iter().filter(|body| **body == old).count(),
        2,
        "{bodies:?}"
    );
    let new = received.iter().find(|delivery| delivery.body != old.as_bytes());
    let new = new.unwrap();
    assert_eq!(json(new)["specversion"], "1.0");
    assert!(new.header("x-firma").is_none() && new.header("webhook-sequence").is_none());
}
