//! Promise: reading goes on from any position, in any portion, and sees the same.

use event_store::{LogReader, LogWriter, MAX_READ};
use schemas::{Position, Version};

use crate::fixture::{Store, command, everything, single, stream, tenant, write};

pub async fn reading_resumes_from_any_position<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    for n in 0..5 {
        writer
            .append(&[command(vec![
                write("a/1", n * 2, 2),
                write(&format!("b/{n}"), 0, 1),
            ])])
            .await
            .unwrap();
    }
    let reader = store.reader();
    let all = everything(&reader).await;
    assert_eq!(all.len(), 15);
    for after in 0..=all.len() {
        let position = Position(i64::try_from(after).unwrap());
        for max in [0, 1, 4, 15, usize::MAX] {
            let part = reader.read_all(position, max).await.unwrap();
            let expected: Vec<_> = all[after..].iter().take(max).map(|e| e.id).collect();
            assert_eq!(part.iter().map(|e| e.id).collect::<Vec<_>>(), expected);
        }
    }
    assert!(reader.read_all(Position(1_000), 10).await.unwrap().is_empty());
}

pub async fn a_read_of_some_types_sees_all_of_them_and_no_others<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    for n in 0..6 {
        let mut mixed = write(&format!("a/{n}"), 0, 3);
        mixed.events[1].event_type = "test.rare";
        writer.append(&[command(vec![mixed])]).await.unwrap();
    }
    let reader = store.reader();
    let all = everything(&reader).await;
    for (after, until) in [(0, 18), (0, 9), (5, 14), (4, 5), (18, 18), (2, 99)] {
        for max in [1, 2, 100] {
            let part = reader
                .read_types(
                    Position(after),
                    Position(until),
                    &["test.rare", "test.never"],
                    max,
                )
                .await
                .unwrap();
            let expected = all
                .iter()
                .filter(|e| &*e.event_type == "test.rare" && e.position.0 > after && e.position.0 <= until);
            let expected: Vec<_> = expected.take(max).map(|e| (e.position, e.id)).collect();
            assert_eq!(
                part.iter().map(|e| (e.position, e.id)).collect::<Vec<_>>(),
                expected
            );
        }
    }
}

pub async fn one_stream_resumes_from_any_version<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer
        .append(&[command(vec![write("a/1", 0, 6)]), single("b/1", 0)])
        .await
        .unwrap();
    for after in 0..=6 {
        for max in [0, 1, 3, usize::MAX] {
            let part = store
                .reader()
                .read_stream(&tenant("t"), &stream("a/1"), Version(after), max)
                .await
                .unwrap();
            let expected: Vec<i64> = (after + 1..=6).take(max).collect();
            assert_eq!(part.iter().map(|e| e.version.0).collect::<Vec<_>>(), expected);
        }
    }
}

pub async fn a_read_is_capped<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer
        .append(&[command(vec![write("a/1", 0, MAX_READ + 5)])])
        .await
        .unwrap();
    let reader = store.reader();
    assert_eq!(
        reader.read_all(Position::START, usize::MAX).await.unwrap().len(),
        MAX_READ
    );
    let stream_read = reader
        .read_stream(&tenant("t"), &stream("a/1"), Version::EMPTY, usize::MAX)
        .await
        .unwrap();
    assert_eq!(stream_read.len(), MAX_READ);
    assert_eq!(everything(&reader).await.len(), MAX_READ + 5);
}
