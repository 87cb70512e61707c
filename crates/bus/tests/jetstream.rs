//! The bus against a real server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails should fail its test"
)]

use std::time::Duration;

use async_nats::jetstream;
use bus::{Bus, BusError, BusOptions, Outgoing, Wake};
use bytes::Bytes;
use private_servers::{Nats, NatsOptions};
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

    assert!(stored(&server).await.into_iter().eq(1..=500));
    server.stop().await;
}

/// The positions in the stream, in its order.
async fn stored(server: &Nats) -> Vec<i64> {
    let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let mut stream = context.get_stream("TRASTIENDA").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut positions = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let position = message.headers.get(bus::POSITION).unwrap();
        positions.push(position.as_str().parse().unwrap());
    }
    positions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_batch_is_stored_whole_and_in_order_with_one_acknowledgement() {
    let server = testkit::private_nats().await;
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    let published = bus.publish_linked(&messages(1..=500), 0).await;
    assert!(published.failure.is_none(), "{published:?}");
    assert_eq!((published.stored, published.last_sequence), (500, 500));
    let published = bus.publish_linked(&messages(501..=501), 500).await;
    assert_eq!((published.stored, published.last_sequence), (1, 501));
    assert!(stored(&server).await.into_iter().eq(1..=501));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_linked_batch_nothing_is_stored_without_what_comes_before_it() {
    let server = testkit::private_nats().await;
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    bus.publish_batch(&messages(1..=3), 0).await;
    // Somebody who believes that the stream is where it was, and somebody who repeats a message.
    for (repeat, expected) in [(4..=10, 2), (3..=10, 3)] {
        let published = bus.publish_linked(&messages(repeat), expected).await;
        assert_eq!(published.stored, 0);
        assert!(
            matches!(published.failure, Some(BusError::Moved)),
            "{published:?}"
        );
        assert_eq!(stored(&server).await, [1, 2, 3]);
    }
    // A repeat in the middle: what is before it may be stored, what is behind it is not.
    let mut with_repeat = messages(4..=6);
    with_repeat.insert(2, message(1));
    let published = bus.publish_linked(&with_repeat, 3).await;
    assert_eq!(published.stored, 0);
    assert_eq!(stored(&server).await, [1, 2, 3, 4, 5]);
    // Message by message repeats are passed.
    let published = bus.publish_batch(&messages(4..=6), 5).await;
    assert!(published.failure.is_none(), "{published:?}");
    assert_eq!(stored(&server).await, [1, 2, 3, 4, 5, 6]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_is_woken_by_every_batch_also_after_the_server_was_away() {
    let options = NatsOptions::new(testkit::scratch_folder("wakes"), testkit::nats_server());
    let server = Nats::start(options.clone()).await.unwrap();
    let bus = Bus::connect(&server.url(), BusOptions::default()).await.unwrap();
    let mut wakes = bus.wakes().await.unwrap();
    bus.publish_batch(&messages(1..=3), 0).await;
    let woken = within(wakes.next()).await.unwrap();
    let expected = Wake {
        previous: 0,
        position: 3,
    };
    assert_eq!(woken, [expected]);
    server.stop().await;
    let server = Nats::start(options).await.unwrap();
    let heard = async {
        loop {
            let state = bus.ensure_stream().await;
            if let Ok(state) = state {
                bus.publish_linked(&messages(4..=5), state.last_sequence).await;
                return wakes.next().await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(within(heard).await.last().map(|wake| wake.position), Some(5));
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
