//! Promise: one owner at a time; whoever lost the lease writes nothing until it holds it again.

use event_store::{AppendError, LogReader, LogWriter};
use schemas::Position;

use crate::fixture::{Postgres, Store, everything, single, writer_when_free};

pub async fn a_second_owner_is_kept_out<S: Store>(store: &S) {
    let mut owner = store.writer().await.unwrap();
    assert!(matches!(store.writer().await.err(), Some(AppendError::Fenced)));
    owner.append(&[single("sale/1", 0)]).await.unwrap();
}

pub async fn a_standby_takes_over_and_the_old_owner_is_fenced<S: Store>(store: &S) {
    let mut old = store.writer().await.unwrap();
    old.append(&[single("sale/1", 0)]).await.unwrap();
    store.end_owner().await;
    let mut new = writer_when_free(store).await;
    new.append(&[single("sale/1", 1)]).await.unwrap();
    let lost = old.append(&[single("sale/2", 0)]).await;
    assert!(
        matches!(lost, Err(AppendError::Unknown(_) | AppendError::Fenced)),
        "{lost:?}"
    );
    assert!(matches!(
        old.append(&[single("sale/3", 0)]).await,
        Err(AppendError::Fenced)
    ));
    assert!(matches!(old.recover().await, Err(AppendError::Fenced)));
    assert!(matches!(old.append(&[]).await, Err(AppendError::Fenced)));
    drop(new);
    loop {
        match old.recover().await {
            Ok(head) => break assert_eq!(head, Position(2)),
            Err(AppendError::Fenced) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    old.append(&[single("sale/1", 2)]).await.unwrap();
    assert_eq!(everything(&store.reader()).await.len(), 3);
}

pub async fn an_owner_that_leaves_gives_the_lease_back<S: Store>(store: &S) {
    for n in 0..3 {
        let mut writer = writer_when_free(store).await;
        writer.append(&[single("sale/1", n)]).await.unwrap();
    }
    assert_eq!(store.reader().head().await.unwrap(), Position(3));
}

#[tokio::test]
async fn a_position_that_somebody_else_took_fences_the_owner() {
    let store = Postgres::fresh().await;
    let mut writer = store.writer().await.unwrap();
    writer.append(&[single("sale/1", 0)]).await.unwrap();
    sqlx::query(
        "insert into events select position + 1, tenant, 'sale/x', version, id, type, schema_version, data, meta,
                recorded_at, chain from events",
    )
    .execute(&store.owner)
    .await
    .unwrap();
    assert!(matches!(
        writer.append(&[single("sale/2", 0)]).await,
        Err(AppendError::Fenced)
    ));
    assert!(matches!(
        writer.append(&[single("sale/2", 0)]).await,
        Err(AppendError::Fenced)
    ));
    assert_eq!(writer.head(), None);
    assert_eq!(writer.recover().await.unwrap(), Position(2));
    writer.append(&[single("sale/2", 0)]).await.unwrap();
}

#[tokio::test]
async fn an_append_that_is_dropped_half_way_ends_the_ownership() {
    let store = Postgres::fresh().await;
    let mut writer = store.writer().await.unwrap();
    // The table is locked, so the append cannot finish; it is polled once and dropped.
    let mut blocker = store.owner.begin().await.unwrap();
    sqlx::query("lock table events in exclusive mode")
        .execute(&mut *blocker)
        .await
        .unwrap();
    {
        let batch = [single("sale/1", 0)];
        let mut append = std::pin::pin!(writer.append(&batch));
        std::future::poll_fn(|context| {
            assert!(append.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    assert!(matches!(writer.append(&[]).await, Err(AppendError::Fenced)));
    blocker.rollback().await.unwrap();
    writer.recover().await.unwrap();
}
