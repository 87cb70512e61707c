//! The bus against a real server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails should fail its test"
)]

use std::time::Duration;

use bus::{Bus, BusError, BusOptions, Outgoing};
use bytes::Bytes;
use uuid::Uuid;

fn message(position: i64) -> Outgoing {
    Outgoing {
        subject: "trastienda.tienda.sale.completed".into(),
        id: Uuid::from_u128(u128::try_from(position).unwrap()),
        position,
        previous: position - 1,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        body: Bytes::from_static(b"{}"),
    }
}

fn messages(positions: std::ops::RangeInclusive<i64>) -> Vec<Outgoing> {
    positions.map(message).collect()
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work)
        .await
        .expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipelined_batch_keeps_its_order_and_tells_the_last_sequence_and_position() {
    let server = testkit::private_nats().await;
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    let published = bus.publish_batch(&messages(1..=500), 0).await;
    assert!(published.failure.is_none());
    assert_eq!((published.stored, published.last_sequence), (500, 500));
    let state = bus.ensure_stream().await.unwrap();
    assert_eq!(state.last_sequence, 500);
    assert_eq!(bus.last_position(&state).await.unwrap(), Some(500));

    let mut consumer = bus.wake_consumer("dispatcher").await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 500 {
        let taken = within(consumer.next()).await.unwrap();
        heard.extend(taken.iter().map(|m| (m.position.unwrap(), m.previous.unwrap())));
        taken.last().unwrap().acknowledge().await.unwrap();
    }
    assert!(heard.into_iter().eq((1..=500).map(|p| (p, p - 1))));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_is_refused_takes_all_behind_it_along() {
    let server = testkit::private_nats().await;
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    bus.publish_batch(&messages(1..=3), 0).await;
    // Somebody who believes that the stream is where it was.
    let published = bus.publish_batch(&messages(4..=10), 2).await;
    assert_eq!(published.stored, 0);
    assert!(matches!(published.failure, Some(BusError::Moved)));
    assert_eq!(bus.ensure_stream().await.unwrap().last_sequence, 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_within_the_window_are_stored_once_and_do_not_stop_the_batch() {
    let server = testkit::private_nats().await;
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    bus.publish_batch(&messages(1..=3), 0).await;
    let published = bus.publish_batch(&messages(1..=3), 3).await;
    assert!(published.failure.is_none(), "{published:?}");
    assert_eq!((published.stored, published.last_sequence), (3, 3));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_not_an_error_at_the_start_and_away_afterwards() {
    let bus = Bus::connect("nats://127.0.0.1:1", BusOptions::default())
        .await
        .unwrap();
    assert!(!bus.is_connected());
    assert!(matches!(within(bus.ensure_stream()).await, Err(BusError::Away)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let info =
            r#"INFO {"server_id":"X","version":"2.9.25","max_payload":1048576,"headers":true,"proto":1}"#;
        socket.write_all(format!("{info}\r\n").as_bytes()).await.unwrap();
        let mut buffer = [0; 1_024];
        while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            socket.write_all(b"PONG\r\n").await.unwrap();
        }
    };
    let refused = tokio::select! {
        refused = within(Bus::connect(&url, BusOptions::default())) => refused,
        () = server => panic!("the client left"),
    };
    assert!(matches!(refused, Err(BusError::TooOld { version }) if version == "2.9.25"));
}
