//! Promise: command records go when nobody can ask for them any more, in bounded steps, and no earlier.

use event_store::{LogReader, LogWriter, purge_commands};
use schemas::Position;

use crate::fixture::{Postgres, Store, at, command_with_id, key};

#[tokio::test]
async fn records_are_purged_by_kind_and_age_in_bounded_steps() {
    const DAY_SECONDS: i64 = 86_400;
    let store = Postgres::fresh().await;
    let mut writer = store.writer().await.unwrap();
    let now = at(100 * DAY_SECONDS);
    let aged = |id: &str, seconds: i64, keyed| {
        let mut append = command_with_id(id, Vec::new());
        append.recorded_at = now - time::Duration::seconds(seconds);
        append.record.keyed = keyed;
        append
    };
    let mut batch = vec![
        aged("keyed, just expired", 30 * DAY_SECONDS + 1, true),
        aged("keyed, kept", 30 * DAY_SECONDS - 1, true),
        aged("generated, kept", DAY_SECONDS - 1, false),
    ];
    batch.extend((0..25).map(|n| aged(&format!("generated, expired {n}"), DAY_SECONDS + 1, false)));
    writer.append(&batch).await.unwrap();

    let mut steps = Vec::new();
    loop {
        let gone = purge_commands(&store.engine, now, 30, 24, 10).await.unwrap();
        steps.push(gone);
        if gone < 10 {
            break;
        }
    }
    assert_eq!(steps, [10, 10, 6]);
    let ids: Vec<_> = batch.iter().map(key).collect();
    let stored = store.reader().commands(&ids).await.unwrap();
    let kept: Vec<_> = stored.iter().map(Option::is_some).collect();
    assert_eq!(kept[..3], [false, true, true]);
    assert!(!kept[3..].contains(&true));
    assert_eq!(store.reader().head().await.unwrap(), Position::START);
}
