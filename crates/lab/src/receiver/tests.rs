//! The receiver against hand-written deliveries.

use super::*;
use crate::client::plain_http;
use crate::clock;
use crate::journal::scratch;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn body(sequence: i64) -> String {
    format!(
        r#"{{"type":"sale.completed","position":"{}","sequence":"{sequence}"}}"#,
        sequence * 10
    )
}

async fn post(receiver: &Receiver, id: &str, body: &str) -> Option<u16> {
    let timestamp = clock::now().unix_timestamp().to_string();
    let signature = Secret::parse(SECRET)
        .unwrap()
        .sign(id, &timestamp, body.as_bytes());
    let request = plain_http(Duration::from_secs(5))
        .unwrap()
        .post(receiver.url("/hook"))
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(body.to_owned());
    request
        .send()
        .await
        .ok()
        .map(|response| response.status().as_u16())
}

async fn receiver(options: Options) -> Receiver {
    let receiver = Receiver::start(options).await.unwrap();
    receiver.add_hook("/hook", Secret::parse(SECRET).unwrap());
    receiver
}

#[tokio::test]
async fn a_second_run_knows_what_the_first_received() {
    let journal = scratch("receiver-restart");
    let first = receiver(Options {
        journal: Some(journal.clone()),
        ..Options::default()
    })
    .await;
    for sequence in [1, 2, 4] {
        assert_eq!(
            post(&first, &format!("msg_{sequence}"), &body(sequence)).await,
            Some(204)
        );
    }
    assert_eq!(first.summary("/hook").holes, 1);
    first.stop().await.unwrap();

    let second = receiver(Options {
        journal: Some(journal),
        ..Options::default()
    })
    .await;
    post(&second, "msg_4", &body(4)).await;
    post(&second, "msg_3", &body(3)).await;
    let summary = second.summary("/hook");
    assert_eq!(
        (
            summary.received,
            summary.duplicates,
            summary.holes,
            summary.highest_position
        ),
        (4, 1, 0, 40)
    );
    second.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_signed_is_refused_and_counted() {
    let receiver = receiver(Options::default()).await;
    let answer = plain_http(Duration::from_secs(5))
        .unwrap()
        .post(receiver.url("/hook"))
        .body(body(1))
        .send()
        .await;
    assert_eq!(answer.unwrap().status().as_u16(), 401);
    let summary = receiver.summary("/hook");
    assert_eq!((summary.received, summary.unverified), (0, 1));
}

#[tokio::test]
async fn the_same_id_with_other_bytes_is_a_broken_promise() {
    let receiver = receiver(Options::default()).await;
    post(&receiver, "msg_1", &body(1)).await;
    post(&receiver, "msg_1", &body(2)).await;
    assert_eq!(receiver.summary("/hook").altered, 1);
}

#[tokio::test]
async fn an_unknown_hook_is_asked_to_come_again() {
    let receiver = Receiver::start(Options::default()).await.unwrap();
    assert_eq!(post(&receiver, "msg_1", &body(1)).await, Some(503));
    assert_eq!(receiver.summary("/hook"), Summary::default());
}

#[tokio::test]
async fn it_fails_first_and_drops_every_so_often_on_request() {
    let misbehaviour = Misbehaviour {
        fail_first: 1,
        drop_every: 3,
        ..Misbehaviour::default()
    };
    let receiver = receiver(Options {
        misbehaviour,
        ..Options::default()
    })
    .await;
    let mut answers = Vec::new();
    for sequence in 1..=4 {
        answers.push(post(&receiver, &format!("msg_{sequence}"), &body(sequence)).await);
    }
    assert_eq!(answers, [Some(500), Some(204), None, Some(204)]);
}
