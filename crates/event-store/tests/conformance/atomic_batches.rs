//! Promise: a batch lands whole, in order, or not at all, however many streams it touches.

use event_store::{LogReader, LogWriter};
use schemas::{Position, Version};

use crate::fixture::{Store, command, everything, key, single, stream, tenant, write};

pub async fn several_streams_land_together_in_order<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let sale = command(vec![
        write("stock/a", 0, 2),
        write("stock/b", 0, 1),
        write("sale/1", 0, 1),
    ]);
    let appended = writer.append(&[sale.clone(), single("sale/2", 0)]).await.unwrap();
    assert_eq!(appended.iter().map(|a| a.position.0).collect::<Vec<_>>(), [4, 5]);
    let events = everything(&store.reader()).await;
    let seen: Vec<_> = events
        .iter()
        .map(|e| (e.position.0, e.stream.as_str(), e.version.0))
        .collect();
    assert_eq!(
        seen,
        [
            (1, "stock/a", 1),
            (2, "stock/a", 2),
            (3, "stock/b", 1),
            (4, "sale/1", 1),
            (5, "sale/2", 1)
        ]
    );
    let ids: Vec<_> = sale
        .writes
        .iter()
        .flat_map(|w| w.events.iter().map(|e| e.id))
        .collect();
    assert_eq!(events[..4].iter().map(|e| e.id).collect::<Vec<_>>(), ids);
    assert!(events[..4].iter().all(|e| e.meta.get() == sale.meta.get()));
    assert_eq!(store.reader().head().await.unwrap(), Position(5));
}

pub async fn one_wrong_version_keeps_the_whole_batch_out<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let batch = [
        command(vec![write("stock/a", 0, 1), write("sale/1", 0, 1)]),
        command(vec![write("stock/b", 0, 1), write("stock/a", 7, 1)]),
        single("sale/3", 0),
    ];
    writer.append(&batch).await.unwrap_err();
    assert!(everything(&store.reader()).await.is_empty());
    let ids: Vec<_> = batch.iter().map(key).collect();
    assert!(
        store
            .reader()
            .commands(&ids)
            .await
            .unwrap()
            .iter()
            .all(Option::is_none)
    );
    // The owner has forgotten the failed batch: the good ones land at the first positions.
    let appended = writer
        .append(&[batch[0].clone(), batch[2].clone()])
        .await
        .unwrap();
    assert_eq!(appended.iter().map(|a| a.position.0).collect::<Vec<_>>(), [2, 3]);
}

pub async fn several_streams_are_read_in_one_go<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer
        .append(&[command(vec![write("a/1", 0, 3), write("b/1", 0, 2)])])
        .await
        .unwrap();
    writer.append(&[command(vec![write("a/1", 3, 2)])]).await.unwrap();
    let ask = |name: &str, after| (tenant("t"), stream(name), Version(after));
    let asked = [
        ask("b/1", 0),
        ask("none/1", 0),
        ask("a/1", 1),
        ask("a/1", 0),
        ask("a/1", 5),
    ];
    let answer = store.reader().read_streams(&asked, 10).await.unwrap();
    let versions: Vec<Vec<i64>> = answer
        .iter()
        .map(|events| events.iter().map(|e| e.version.0).collect())
        .collect();
    assert_eq!(
        versions,
        [vec![1, 2], vec![], vec![2, 3, 4, 5], vec![1, 2, 3, 4, 5], vec![]]
    );
    assert!(answer[0].iter().all(|e| e.stream.as_str() == "b/1"));
    let short = store.reader().read_streams(&asked, 2).await.unwrap();
    let versions: Vec<Vec<i64>> = short
        .iter()
        .map(|events| events.iter().map(|e| e.version.0).collect())
        .collect();
    assert_eq!(
        versions,
        [vec![1, 2], vec![], vec![2, 3], vec![1, 2], vec![]],
        "each stream has its share, whatever the others hold"
    );
    assert!(store.reader().read_streams(&[], 10).await.unwrap().is_empty());
}

pub async fn an_empty_batch_changes_nothing<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    assert!(writer.append(&[]).await.unwrap().is_empty());
    assert_eq!(store.reader().head().await.unwrap(), Position::START);
}
