//! Promise: a standby takes over from an owner that shows no life, and leaves one alone that does, however long its append
//! takes.

use std::time::Duration;

use event_store::{AppendError, Heartbeat, LogReader, LogWriter, PostgresWriter, WriterOptions};
use schemas::Position;

use crate::fixture::{Postgres, Store, everything, patient, single};

/// Short, so that the tests are.
const SILENCE: Duration = Duration::from_millis(600);
const POLL: Duration = Duration::from_millis(50);

async fn standby(store: &Postgres) -> PostgresWriter {
    let options = WriterOptions {
        instance: "standby".to_owned(),
        silence_limit: SILENCE,
        ..patient()
    };
    PostgresWriter::open(store.engine_target(), options)
        .await
        .unwrap()
}

/// Looks at the lease as the engine does, until it is taken.
async fn take_over(standby: &mut PostgresWriter) -> Position {
    loop {
        match standby.recover().await {
            Ok(head) => return head,
            Err(AppendError::Fenced) => tokio::time::sleep(POLL).await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn beats(store: &Postgres) -> i64 {
    sqlx::query_scalar("select coalesce((select beats from engine_owner), 0)")
        .fetch_one(&store.owner)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_owner_without_a_heartbeat_is_ended_and_fenced_and_may_come_back() {
    let store = Postgres::fresh().await;
    let mut owner = store.writer().await.unwrap();
    owner.append(&[single("sale/1", 0)]).await.unwrap();
    let mut standby = standby(&store).await;
    assert_eq!(standby.head(), None);
    assert!(matches!(
        standby.append(&[single("sale/9", 0)]).await,
        Err(AppendError::Fenced)
    ));
    assert_eq!(take_over(&mut standby).await, Position(1));
    // The old owner, which knows nothing yet, appends nothing.
    let lost = owner.append(&[single("sale/2", 0)]).await;
    assert!(matches!(lost, Err(AppendError::Unknown(_))), "{lost:?}");
    assert!(matches!(owner.recover().await, Err(AppendError::Fenced)));
    standby.append(&[single("sale/3", 0)]).await.unwrap();
    drop(standby);
    assert_eq!(take_over(&mut owner).await, Position(2));
    owner.append(&[single("sale/2", 0)]).await.unwrap();
    let streams: Vec<_> = everything(&store.reader())
        .await
        .iter()
        .map(|event| event.stream.to_string())
        .collect();
    assert_eq!(streams, ["sale/1", "sale/3", "sale/2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_beats_is_left_alone_though_its_append_takes_long() {
    let store = Postgres::fresh().await;
    let mut owner = store.writer().await.unwrap();
    let mut heart = owner.heartbeat();
    let mut standby = standby(&store).await;
    // The table is locked, so the append waits.
    let mut blocker = store.owner.begin().await.unwrap();
    sqlx::query("lock table events in exclusive mode")
        .execute(&mut *blocker)
        .await
        .unwrap();
    let batch = [single("sale/1", 0)];
    let append = owner.append(&batch);
    let watch = async {
        let until = tokio::time::Instant::now() + SILENCE * 4;
        while tokio::time::Instant::now() < until {
            assert!(heart.beat().await.unwrap());
            assert!(matches!(standby.recover().await, Err(AppendError::Fenced)));
            tokio::time::sleep(POLL).await;
        }
        blocker.rollback().await.unwrap();
    };
    let (appended, ()) = tokio::join!(append, watch);
    appended.unwrap();
    assert!(beats(&store).await > 4);
    assert_eq!(store.reader().head().await.unwrap(), Position(1));
}

#[tokio::test]
async fn a_heart_beats_only_for_a_session_that_holds_the_lease() {
    let store = Postgres::fresh().await;
    let mut owner = store.writer().await.unwrap();
    let mut old_heart = owner.heartbeat();
    assert!(old_heart.beat().await.unwrap());
    let mut standby = standby(&store).await;
    let mut new_heart = standby.heartbeat();
    assert!(!new_heart.beat().await.unwrap(), "a standby has nothing to say");
    store.end_owner().await;
    take_over(&mut standby).await;
    // The old owner does not know yet that it lost.
    let before = beats(&store).await;
    assert!(!old_heart.beat().await.unwrap());
    assert_eq!(beats(&store).await, before);
    assert!(new_heart.beat().await.unwrap());
    let instance: String = sqlx::query_scalar("select instance from engine_owner")
        .fetch_one(&store.owner)
        .await
        .unwrap();
    assert_eq!(instance, "standby");
    assert!(owner.check().await.is_err());
    assert!(!old_heart.beat().await.unwrap());
}

#[tokio::test]
async fn a_standby_has_the_lease_at_once_when_the_owner_ends_in_order() {
    let store = Postgres::fresh().await;
    let owner = store.writer().await.unwrap();
    let options = WriterOptions {
        silence_limit: Duration::from_secs(3_600),
        ..patient()
    };
    let mut standby = PostgresWriter::open(store.engine_target(), options)
        .await
        .unwrap();
    drop(owner);
    assert_eq!(take_over(&mut standby).await, Position::START);
}
