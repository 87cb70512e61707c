//! Promise: an append lands only if each stream is at the version that the command saw.

use event_store::{AppendError, LogReader, LogWriter};
use schemas::Version;

use crate::fixture::{Store, command, everything, single, stream, tenant, write};

fn is_wrong(result: &Result<Vec<event_store::Appended>, AppendError>, name: &str) -> bool {
    matches!(result, Err(AppendError::WrongVersion { stream, .. }) if stream.as_str() == name)
}

pub async fn the_right_version_is_accepted_and_counts_on<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer
        .append(&[command(vec![write("sale/1", 0, 2)])])
        .await
        .unwrap();
    writer
        .append(&[command(vec![write("sale/1", 2, 3)])])
        .await
        .unwrap();
    let events = store
        .reader()
        .read_stream(&tenant("t"), &stream("sale/1"), Version::EMPTY, 100)
        .await
        .unwrap();
    assert_eq!(
        events.iter().map(|e| e.version.0).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
}

pub async fn a_version_that_is_too_low_is_refused<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer
        .append(&[command(vec![write("sale/1", 0, 2)])])
        .await
        .unwrap();
    assert!(is_wrong(&writer.append(&[single("sale/1", 1)]).await, "sale/1"));
    drop(writer);
    // A new owner remembers nothing and must refuse as well.
    let mut writer = crate::fixture::writer_when_free(store).await;
    assert!(is_wrong(&writer.append(&[single("sale/1", 1)]).await, "sale/1"));
    assert_eq!(everything(&store.reader()).await.len(), 2);
}

pub async fn a_version_that_is_too_high_is_refused<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    assert!(is_wrong(&writer.append(&[single("sale/1", 1)]).await, "sale/1"));
    writer.append(&[single("sale/1", 0)]).await.unwrap();
    assert!(is_wrong(&writer.append(&[single("sale/1", 2)]).await, "sale/1"));
    drop(writer);
    let mut writer = crate::fixture::writer_when_free(store).await;
    assert!(is_wrong(&writer.append(&[single("sale/1", 2)]).await, "sale/1"));
    writer.append(&[single("sale/1", 1)]).await.unwrap();
    assert_eq!(everything(&store.reader()).await.len(), 2);
}

pub async fn a_new_stream_is_created_once<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer.append(&[single("sale/1", 0)]).await.unwrap();
    assert!(is_wrong(&writer.append(&[single("sale/1", 0)]).await, "sale/1"));
    drop(writer);
    let mut writer = crate::fixture::writer_when_free(store).await;
    // Among neighbours that are right, the wrong one is named, and nothing of the batch lands.
    let batch = [single("sale/2", 0), single("sale/1", 0), single("sale/3", 0)];
    assert!(is_wrong(&writer.append(&batch).await, "sale/1"));
    assert_eq!(everything(&store.reader()).await.len(), 1);
    writer
        .append(&[batch[0].clone(), batch[2].clone()])
        .await
        .unwrap();
    assert_eq!(everything(&store.reader()).await.len(), 3);
}

pub async fn a_stream_may_appear_twice_in_one_batch<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let batch = [
        command(vec![write("sale/1", 0, 2)]),
        single("sale/2", 0),
        command(vec![write("sale/1", 2, 1), write("sale/2", 1, 1)]),
    ];
    writer.append(&batch).await.unwrap();
    let events = store
        .reader()
        .read_stream(&tenant("t"), &stream("sale/1"), Version::EMPTY, 100)
        .await
        .unwrap();
    assert_eq!(events.iter().map(|e| e.version.0).collect::<Vec<_>>(), [1, 2, 3]);
    // Both from the same version: the second no longer holds once the first is counted.
    assert!(is_wrong(
        &writer.append(&[single("sale/1", 3), single("sale/1", 3)]).await,
        "sale/1"
    ));
    assert_eq!(everything(&store.reader()).await.len(), 5);
}

pub async fn a_write_without_events_only_checks<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer.append(&[single("sale/1", 0)]).await.unwrap();
    drop(writer);
    let mut writer = crate::fixture::writer_when_free(store).await;
    let stale = command(vec![write("sale/1", 0, 0), write("sale/2", 0, 1)]);
    assert!(is_wrong(&writer.append(&[stale]).await, "sale/1"));
    writer
        .append(&[command(vec![write("sale/1", 1, 0), write("sale/2", 0, 1)])])
        .await
        .unwrap();
    assert_eq!(everything(&store.reader()).await.len(), 2);
}

pub async fn versions_are_per_tenant<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let mut other = single("sale/1", 0);
    other.tenant = tenant("other");
    writer.append(&[single("sale/1", 0), other]).await.unwrap();
    let read = |name| {
        let reader = store.reader();
        async move {
            reader
                .read_stream(&tenant(name), &stream("sale/1"), Version::EMPTY, 100)
                .await
                .unwrap()
        }
    };
    assert_eq!(
        (
            read("t").await.len(),
            read("other").await.len(),
            read("nobody").await.len()
        ),
        (1, 1, 0)
    );
}
