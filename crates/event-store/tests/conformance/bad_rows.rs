//! Promise: a row that the store refuses keeps its batch out without harm, and can be told from its neighbours.

use event_store::{AppendError, LogReader, LogWriter};
use schemas::Position;

use crate::fixture::{Postgres, Store, append_halving, everything, key, single};

pub async fn one_bad_row_among_a_thousand_is_found_by_halving<S: Store>(store: &S) {
    const BAD: usize = 617;
    let mut writer = store.writer().await.unwrap();
    let mut batch: Vec<_> = (0..1_000).map(|n| single(&format!("sale/{n}"), 0)).collect();
    batch[BAD] = single("sale/with \0 within", 0);
    let refused = writer.append(&batch).await;
    assert!(matches!(refused, Err(AppendError::Rejected(_))), "{refused:?}");
    assert_eq!(store.reader().head().await.unwrap(), Position::START);
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

    let answers = append_halving(&mut writer, &batch).await.unwrap();
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(n, BAD),
            Err(error) => assert!(
                n == BAD && matches!(error, AppendError::Rejected(_)),
                "{n}: {error:?}"
            ),
        }
    }
    assert_eq!(everything(&store.reader()).await.len(), 999);
    let stored = store.reader().commands(&ids).await.unwrap();
    assert_eq!(stored.iter().filter(|s| s.is_some()).count(), 999);
    assert!(stored[BAD].is_none());
}

#[tokio::test]
async fn a_stream_name_beyond_what_the_index_holds_is_the_rows_own_fault() {
    let store = Postgres::fresh().await;
    let mut writer = store.writer().await.unwrap();
    // Random, or the index would hold it compressed.
    let long: String = (0..300).map(|_| crate::fixture::fresh_id().to_string()).collect();
    for batch in [
        vec![single(&long, 0)],
        vec![single(&long, 0), single("sale/1", 0)],
    ] {
        let refused = writer.append(&batch).await;
        assert!(matches!(refused, Err(AppendError::Rejected(_))), "{refused:?}");
    }
    writer.append(&[single("sale/1", 0)]).await.unwrap();
}
