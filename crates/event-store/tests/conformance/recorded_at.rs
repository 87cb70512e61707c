//! Promise: `recorded_at` never decreases along the log, and is what was given wherever it can be.

use event_store::LogWriter;

use crate::fixture::{Store, at, everything, single, writer_when_free};

pub async fn recorded_at_never_decreases<S: Store>(store: &S) {
    let timed = |n: i64, seconds| {
        let mut append = single(&format!("sale/{n}"), 0);
        append.recorded_at = at(seconds) + time::Duration::nanoseconds(123_456_789);
        append
    };
    let mut writer = store.writer().await.unwrap();
    writer
        .append(&[timed(1, 100), timed(2, 90), timed(3, 110)])
        .await
        .unwrap();
    writer.append(&[timed(4, 50)]).await.unwrap();
    drop(writer);
    let mut writer = writer_when_free(store).await;
    writer.append(&[timed(5, 60)]).await.unwrap();
    writer.append(&[timed(6, 120)]).await.unwrap();
    let times: Vec<_> = everything(&store.reader())
        .await
        .iter()
        .map(|e| e.recorded_at)
        .collect();
    // Microseconds are what is kept.
    let kept = |seconds| at(seconds) + time::Duration::nanoseconds(123_456_000);
    assert_eq!(times, [100, 100, 110, 110, 110, 120].map(kept));
}
