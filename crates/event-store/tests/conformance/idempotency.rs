//! Promise: a command's record lands in the append's transaction, once, and can be looked up.

use event_store::{AppendError, LogReader, LogWriter};
use schemas::Position;

use crate::fixture::{Store, command_with_id, everything, json, key, tenant, write};

pub async fn records_land_with_their_events_and_are_looked_up<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let mut first = command_with_id("k-1", vec![write("sale/1", 0, 2)]);
    first.record.fingerprint = [9; 32];
    first.record.outcome = json("{\"sale_id\":\"1\"}");
    writer
        .append(&[
            first.clone(),
            command_with_id("ñandú", vec![write("sale/2", 0, 1)]),
        ])
        .await
        .unwrap();
    let ask = |id: &str| (tenant("t"), id.to_owned());
    let asked = [
        ask("none"),
        ask("ñandú"),
        ask("k-1"),
        (tenant("other"), "k-1".to_owned()),
        ask("k-1"),
    ];
    let stored = store.reader().commands(&asked).await.unwrap();
    let positions: Vec<_> = stored.iter().map(|s| s.as_ref().map(|s| s.position.0)).collect();
    assert_eq!(positions, [None, Some(3), Some(2), None, Some(2)]);
    let stored = stored[2].as_ref().unwrap();
    assert_eq!(stored.fingerprint, [9; 32]);
    assert_eq!(stored.outcome.get(), "{\"sale_id\":\"1\"}");
    assert_eq!(stored.recorded_at, first.recorded_at);
    assert!(store.reader().commands(&[]).await.unwrap().is_empty());
}

pub async fn a_refused_append_leaves_no_record<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let refused = command_with_id("k-1", vec![write("sale/1", 4, 1)]);
    writer.append(std::slice::from_ref(&refused)).await.unwrap_err();
    assert!(store.reader().commands(&[key(&refused)]).await.unwrap()[0].is_none());
    writer
        .append(&[command_with_id("k-1", vec![write("sale/1", 0, 1)])])
        .await
        .unwrap();
    assert!(store.reader().commands(&[key(&refused)]).await.unwrap()[0].is_some());
}

pub async fn a_command_id_is_accepted_once_per_tenant<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let new = |id: &str, name: &str| command_with_id(id, vec![write(name, 0, 1)]);
    writer.append(&[new("k-1", "sale/1")]).await.unwrap();
    // Again alone (the single-row path), within a batch, and twice in one batch: nothing lands.
    let again = writer.append(&[new("k-1", "sale/2")]).await;
    assert!(matches!(again, Err(AppendError::DuplicateCommand)), "{again:?}");
    let among = writer.append(&[new("k-2", "sale/3"), new("k-1", "sale/4")]).await;
    assert!(matches!(among, Err(AppendError::DuplicateCommand)), "{among:?}");
    let twice = writer.append(&[new("k-3", "sale/5"), new("k-3", "sale/6")]).await;
    assert!(matches!(twice, Err(AppendError::DuplicateCommand)), "{twice:?}");
    let mut other = new("k-1", "sale/1");
    other.tenant = tenant("other");
    writer.append(&[other, new("k-2", "sale/3")]).await.unwrap();
    assert_eq!(everything(&store.reader()).await.len(), 3);
}

pub async fn a_command_without_events_leaves_its_record_at_the_head<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let refusal = |id: &str| command_with_id(id, Vec::new());
    let appended = writer.append(&[refusal("r-1")]).await.unwrap();
    assert_eq!(appended[0].position, Position::START);
    let batch = [
        refusal("r-2"),
        command_with_id("k-1", vec![write("sale/1", 0, 2)]),
        refusal("r-3"),
    ];
    let appended = writer.append(&batch).await.unwrap();
    assert_eq!(
        appended.iter().map(|a| a.position.0).collect::<Vec<_>>(),
        [0, 2, 2]
    );
    let stored = store.reader().commands(&[key(&batch[2])]).await.unwrap();
    assert_eq!(stored[0].as_ref().unwrap().position, Position(2));
}
