//! The log that everybody builds first: positions from a sequence, one transaction per writer, readers that ask for
//! `position > last`. It exists to show that the check in `positions` catches it.

use event_store::{LogReader, ReadError, StoredCommand};
use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};
use sqlx::{PgPool, Row};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Postgres, Store, at, everything, fresh_id, json, tenant};
use crate::positions::{check, observe, observe_and_tell};

#[derive(Clone)]
struct NaiveLog(PgPool);

impl NaiveLog {
    async fn create(pool: PgPool) -> Self {
        sqlx::query("create table naive_events (position bigserial primary key, id uuid not null)")
            .execute(&pool)
            .await
            .unwrap();
        Self(pool)
    }

    /// Appends in a transaction of its own; commits once `may_commit` says so for the position that it got.
    async fn append(&self, id: Uuid, may_commit: impl AsyncFnOnce(Position)) {
        let mut transaction = self.0.begin().await.unwrap();
        let position: i64 =
            sqlx::query_scalar("insert into naive_events (id) values ($1) returning position")
                .bind(id)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
        may_commit(Position(position)).await;
        transaction.commit().await.unwrap();
    }
}

impl LogReader for NaiveLog {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        let rows = sqlx::query(
            "select position, id from naive_events where position > $1 order by position limit $2",
        )
        .bind(after.0)
        .bind(i64::try_from(max.min(1_000)).unwrap())
        .fetch_all(&self.0)
        .await
        .map_err(|error| ReadError::Unavailable(error.into()))?;
        Ok(rows
            .iter()
            .map(|row| RecordedEvent {
                position: Position(row.get(0)),
                tenant: tenant("t"),
                stream: StreamName::new("sale", "1"),
                version: Version(row.get(0)),
                id: row.get(1),
                event_type: "sale.completed".into(),
                schema_version: 1,
                data: json("{}"),
                meta: json("{}"),
                recorded_at: at(0),
            })
            .collect())
    }

    async fn read_stream(
        &self,
        _: &TenantId,
        _: &StreamName,
        _: Version,
        _: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        Err(ReadError::Unavailable("the naive log has no streams".into()))
    }

    async fn read_streams(
        &self,
        _: &[(TenantId, StreamName, Version)],
        _: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        Err(ReadError::Unavailable("the naive log has no streams".into()))
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Err(ReadError::Unavailable(
            "the naive log does not know its end".into(),
        ))
    }

    async fn commands(&self, _: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        Err(ReadError::Unavailable("the naive log has no commands".into()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_catches_a_log_that_is_numbered_by_a_sequence() {
    let store = Postgres::fresh().await;
    let log = NaiveLog::create(store.owner.clone()).await;
    let (finish, done) = watch::channel(false);
    let (progress, mut seen) = watch::channel(Position::START);
    let mut observers = JoinSet::new();
    observers.spawn(observe_and_tell(log.clone(), 100, done.clone(), progress));
    observers.spawn(observe(log.clone(), 7, done));
    let mut writers = JoinSet::new();
    let (inserted, mut first) = watch::channel(false);
    let slow = log.clone();
    // One writer has its number, and commits only after the observer has gone past it.
    writers.spawn(async move {
        slow.append(fresh_id(), async |position| {
            inserted.send_replace(true);
            seen.wait_for(|seen| *seen > position).await.unwrap();
        })
        .await;
    });
    first.wait_for(|inserted| *inserted).await.unwrap();
    for _ in 1..64 {
        let log = log.clone();
        writers.spawn(async move { log.append(fresh_id(), async |_| {}).await });
    }
    writers.join_all().await;
    finish.send_replace(true);
    let all = everything(&log).await;
    assert_eq!(all.len(), 64);
    let verdicts: Vec<_> = observers
        .join_all()
        .await
        .iter()
        .map(|journal| check(journal, &all))
        .collect();
    assert!(
        verdicts.iter().any(Result::is_err),
        "the check must see that a row came late: {verdicts:?}"
    );
}
