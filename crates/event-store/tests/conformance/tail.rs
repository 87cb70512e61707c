//! Promise: a reader that looks into the tail first sees what the log has, all of it, in order, and only what is durable.
//!
//! The whole suite runs over such a reader, too (`WithTail`); here is what only the tail can get wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_store::{
    Append, AppendError, LogReader, LogWriter, PostgresReader, PostgresWriter, ReadError, StoredCommand,
    Tail, Tailed,
};
use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};

use crate::fixture::{Postgres, Store, command, everything, json, patient, single, write};

/// The log behind the tail, counting what it is asked.
#[derive(Clone)]
struct Counted {
    log: PostgresReader,
    asked: Arc<AtomicUsize>,
}

impl LogReader for Counted {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.log.read_all(after, max).await
    }

    async fn read_types(
        &self,
        after: Position,
        until: Position,
        types: &[&str],
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.log.read_types(after, until, types, max).await
    }

    async fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read_stream(tenant, stream, after, max).await
    }

    async fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
        max_each: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        self.log.read_streams(streams, max_each).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.log.head().await
    }

    async fn commands(&self, ids: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        self.log.commands(ids).await
    }
}

struct World {
    store: Postgres,
    tail: Tail,
    asked: Arc<AtomicUsize>,
    reader: Tailed<Counted>,
}

impl World {
    async fn new(tail: Tail) -> Self {
        let store = Postgres::fresh().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let log = Counted {
            log: store.reader(),
            asked: Arc::clone(&asked),
        };
        let reader = Tailed::new(log, tail.clone());
        Self {
            store,
            tail,
            asked,
            reader,
        }
    }

    async fn writer(&self) -> PostgresWriter {
        loop {
            match PostgresWriter::connect_with(self.store.engine_target(), patient()).await {
                Ok(writer) => return writer.with_tail(self.tail.clone()),
                Err(AppendError::Fenced) => tokio::task::yield_now().await,
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Everything through the tail, in pages of so many, as a follower reads it.
    async fn followed(&self, page: usize) -> Vec<RecordedEvent> {
        let mut events: Vec<RecordedEvent> = Vec::new();
        loop {
            let after = events.last().map_or(Position::START, |event| event.position);
            let read = self.reader.read_all(after, page).await.unwrap();
            if read.is_empty() {
                return events;
            }
            assert!(read.len() <= page);
            events.extend(read);
        }
    }
}

/// Every field, with the bytes of both documents.
fn text(events: &[RecordedEvent]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

fn odd_batch(round: i64) -> Vec<Append> {
    let mut refused = command(Vec::new());
    refused.record.outcome = json("{\"refused\":true}");
    let mut odd = command(vec![
        write(&format!("sale/{round}"), 0, 3),
        write("stock/a", round * 2, 2),
    ]);
    odd.writes[0].events[0].data = json("{ \"z\" : 1.50,\"a\":\"ñ\\u00e9\" }");
    odd.recorded_at += time::Duration::nanoseconds(1_234_567 * round);
    vec![single(&format!("item/{round}"), 0), refused, odd]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_says_byte_for_byte_what_the_log_says_without_asking_it() {
    let world = World::new(Tail::default()).await;
    let mut writer = world.writer().await;
    for round in 0..10 {
        writer.append(&odd_batch(round)).await.unwrap();
    }
    let log = everything(&world.store.reader()).await;
    assert_eq!(log.len(), 60);
    let until = log[59].position;
    for page in [1, 7, 1_000] {
        let before = world.asked();
        assert_eq!(text(&world.followed(page).await), text(&log));
        assert_eq!(world.asked() - before, 1, "only at the end");
    }
    let before = world.asked();
    let shared = world.reader.read_shared(Position(13), 20).await.unwrap();
    let owned: Vec<RecordedEvent> = shared.iter().map(|event| RecordedEvent::clone(event)).collect();
    assert_eq!(text(&owned), text(&log[13..33]));
    let types = ["stock.adjusted"];
    for (after, max) in [(0, 1_000), (17, 5)] {
        let (after, log) = (Position(after), world.store.reader());
        let expected = log.read_types(after, until, &types, max).await.unwrap();
        let found = world.reader.read_types(after, until, &types, max).await.unwrap();
        assert_eq!(text(&found), text(&expected));
    }
    let none = world
        .reader
        .read_types(Position(3), until, &["sale.completed"], 9)
        .await
        .unwrap();
    assert!(none.is_empty());
    assert_eq!(world.asked(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_behind_the_tail_reads_the_log_and_nothing_is_skipped_in_between() {
    // Room for a few events only.
    let world = World::new(Tail::new(2_000)).await;
    let mut writer = world.writer().await;
    for round in 0..20 {
        writer.append(&odd_batch(round)).await.unwrap();
        let log = everything(&world.store.reader()).await;
        for page in [1, 3, 50] {
            assert_eq!(text(&world.followed(page).await), text(&log));
        }
    }
    let before = world.asked();
    let last = world.reader.read_all(Position(119), 10).await.unwrap();
    assert_eq!(
        (last.len(), world.asked()),
        (1, before),
        "the end is still in memory"
    );
    let types = ["stock.adjusted"];
    let all = world
        .reader
        .read_types(Position::START, Position(120), &types, 1_000)
        .await
        .unwrap();
    assert_eq!((all.len(), world.asked()), (120, before + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_in_the_tail_before_its_commit() {
    let world = World::new(Tail::default()).await;
    let mut writer = world.writer().await;
    writer.append(&[single("item/1", 0)]).await.unwrap();
    // Whoever inserts into the log now waits with everything written and nothing committed.
    let append = single("item/2", 0);
    let mut blocker = world.store.owner.begin().await.unwrap();
    sqlx::query("insert into commands values ($1, $2, '', true, '{}', 0, now())")
        .bind(append.tenant.as_str())
        .bind(&append.record.id)
        .execute(&mut *blocker)
        .await
        .unwrap();
    let batch = [append];
    let mut appending = Box::pin(writer.append(&batch));
    loop {
        tokio::select! {
            biased;
            ended = &mut appending => panic!("{ended:?} though it cannot have committed"),
            () = tokio::task::yield_now() => {}
        }
        let waiting: i64 = sqlx::query_scalar("select count(*) from pg_locks where not granted")
            .fetch_one(&world.store.owner)
            .await
            .unwrap();
        if waiting > 0 {
            break;
        }
    }
    assert_eq!(world.followed(10).await.len(), 1);
    blocker.rollback().await.unwrap();
    appending.await.unwrap();
    assert_eq!(world.followed(10).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_land_is_never_seen() {
    let world = World::new(Tail::default()).await;
    let mut writer = world.writer().await;
    let first = single("item/1", 0);
    writer.append(std::slice::from_ref(&first)).await.unwrap();
    let mut poisoned = single("item/2", 0);
    poisoned.writes[0].events[0].data = json("\"a\\u0000b\"");
    poisoned.record.id = "with a \0".to_owned();
    let repeated = Append {
        record: first.record.clone(),
        ..single("item/3", 0)
    };
    type Expected = fn(&AppendError) -> bool;
    let cases: [(Append, Expected); 3] = [
        (single("item/1", 0), |error| {
            matches!(error, AppendError::WrongVersion { .. })
        }),
        (repeated, |error| matches!(error, AppendError::DuplicateCommand)),
        (poisoned, |error| matches!(error, AppendError::Rejected(_))),
    ];
    for (refused, is_as_expected) in cases {
        let error = writer.append(&[single("item/9", 0), refused]).await.unwrap_err();
        assert!(is_as_expected(&error), "{error:?}");
        assert_eq!(world.followed(10).await.len(), 1);
    }
    // The session ends under the writer: whatever the truth is, the tail does not know better.
    world.store.end_owner().await;
    let lost = writer.append(&[single("item/4", 0)]).await;
    assert!(
        matches!(lost, Err(AppendError::Unknown(_) | AppendError::Fenced)),
        "{lost:?}"
    );
    let log = everything(&world.store.reader()).await;
    assert_eq!(text(&world.followed(10).await), text(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_owner_appended_in_between_is_not_skipped() {
    let world = World::new(Tail::default()).await;
    let mut writer = world.writer().await;
    writer.append(&[single("item/1", 0)]).await.unwrap();
    world.store.end_owner().await;
    {
        // Of another process: it fills no tail of ours.
        let mut other = crate::fixture::writer_when_free(&world.store).await;
        other
            .append(&[single("item/2", 0), single("item/3", 0)])
            .await
            .unwrap();
    }
    assert_eq!(world.followed(10).await.len(), 3);
    loop {
        match writer.recover().await {
            Ok(head) => break assert_eq!(head, Position(3)),
            Err(AppendError::Fenced) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    writer.append(&[single("item/4", 0)]).await.unwrap();
    let log = everything(&world.store.reader()).await;
    for page in [1, 10] {
        assert_eq!(text(&world.followed(page).await), text(&log));
    }
    assert_eq!(log.len(), 4);
}
