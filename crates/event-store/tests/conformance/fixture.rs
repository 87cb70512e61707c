//! What a promise is tested on: a fresh log of some backend, and short ways to write commands.

use std::sync::Arc;
use std::time::Duration;

use event_store::{
    Append, AppendError, ChainReader, CommandRecord, LogReader, LogWriter, MIGRATIONS, MemoryLog,
    MemoryWriter, NewEvent, PostgresReader, PostgresWriter, StreamWrite, Tail, Tailed, WriterOptions,
};
use platform::db::{self, DbRole, Migration};
use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use time::OffsetDateTime;
use uuid::Uuid;

/// A backend under test.
pub trait Store: Clone + Send + Sync + 'static {
    type Reader: ChainReader;
    type Writer: LogWriter;

    fn fresh() -> impl Future<Output = Self> + Send;
    fn reader(&self) -> Self::Reader;
    /// Takes the lease, or says `Fenced` soon.
    fn writer(&self) -> impl Future<Output = Result<Self::Writer, AppendError>> + Send;
    /// Ends the owner's session from outside.
    fn end_owner(&self) -> impl Future<Output = ()> + Send;
}

/// Takes the lease as soon as its holder is gone.
pub async fn writer_when_free<S: Store>(store: &S) -> S::Writer {
    loop {
        match store.writer().await {
            Ok(writer) => return writer,
            Err(AppendError::Fenced) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// The log in memory.
#[derive(Clone)]
pub struct Memory(pub MemoryLog);

impl Store for Memory {
    type Reader = MemoryLog;
    type Writer = MemoryWriter;

    async fn fresh() -> Self {
        Self(MemoryLog::new())
    }

    fn reader(&self) -> MemoryLog {
        self.0.clone()
    }

    async fn writer(&self) -> Result<MemoryWriter, AppendError> {
        self.0.writer()
    }

    async fn end_owner(&self) {
        self.0.end_owner();
    }
}

/// Creates the log's tables.
pub async fn migrate(url: String) -> anyhow::Result<()> {
    let steps: Vec<Migration> = MIGRATIONS
        .iter()
        .map(|(version, sql)| Migration {
            module: "log",
            version: *version,
            sql,
        })
        .collect();
    Ok(db::migrate(&url, &steps).await?)
}

/// A database of its own on a private, real server.
#[derive(Clone)]
pub struct Postgres {
    /// The owner's URL; the owner may do anything.
    pub url: String,
    /// Dropped with the last clone.
    _database: Option<Arc<testkit::Database>>,
    pub owner: PgPool,
    pub engine: PgPool,
}

impl Postgres {
    /// Uses a database that has the log's tables.
    pub async fn at(url: String, database: Option<Arc<testkit::Database>>) -> Self {
        let owner = PgPool::connect(&url).await.unwrap();
        let engine = db::pool(&url, DbRole::Engine, 8).await.unwrap();
        Self {
            url,
            owner,
            engine,
            _database: database,
        }
    }

    /// How the engine's own connection is made.
    pub fn engine_target(&self) -> PgConnectOptions {
        self.url
            .parse::<PgConnectOptions>()
            .unwrap()
            .username("trastienda_engine")
    }
}

/// Patience for tests: a held lease is reported soon, everything else may take its time on a busy machine.
pub fn patient() -> WriterOptions {
    WriterOptions {
        lease_wait: Duration::from_millis(100),
        connect_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(60),
        append_timeout: Duration::from_secs(90),
        ..WriterOptions::default()
    }
}

impl Store for Postgres {
    type Reader = PostgresReader;
    type Writer = PostgresWriter;

    async fn fresh() -> Self {
        let database = testkit::database_from_template("log", migrate).await;
        Self::at(database.url().to_owned(), Some(Arc::new(database))).await
    }

    fn reader(&self) -> PostgresReader {
        PostgresReader::new(self.engine.clone())
    }

    async fn writer(&self) -> Result<PostgresWriter, AppendError> {
        PostgresWriter::connect_with(self.engine_target(), patient()).await
    }

    async fn end_owner(&self) {
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_locks
             where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())",
        )
        .execute(&self.owner)
        .await
        .unwrap();
    }
}

/// The same, read through the end of the log that its writers leave in memory.
#[derive(Clone)]
pub struct WithTail {
    postgres: Postgres,
    tail: Tail,
}

impl Store for WithTail {
    type Reader = Tailed<PostgresReader>;
    type Writer = PostgresWriter;

    async fn fresh() -> Self {
        Self {
            postgres: Postgres::fresh().await,
            // So little that readers are sent to the log now and then.
            tail: Tail::new(64 << 10),
        }
    }

    fn reader(&self) -> Tailed<PostgresReader> {
        Tailed::new(self.postgres.reader(), self.tail.clone())
    }

    async fn writer(&self) -> Result<PostgresWriter, AppendError> {
        Ok(self.postgres.writer().await?.with_tail(self.tail.clone()))
    }

    async fn end_owner(&self) {
        self.postgres.end_owner().await;
    }
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub fn stream(name: &str) -> StreamName {
    StreamName::stored(name)
}

pub fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests draw ids freely")]
pub fn fresh_id() -> Uuid {
    Uuid::new_v4()
}

pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

pub fn event(data: &str) -> NewEvent {
    NewEvent {
        id: fresh_id(),
        event_type: "stock.adjusted",
        schema_version: 1,
        data: json(data),
    }
}

pub fn write(name: &str, expected: i64, events: usize) -> StreamWrite {
    let events = (0..events).map(|n| event(&format!("{{\"n\":{n}}}"))).collect();
    StreamWrite {
        stream: stream(name),
        expected: Version(expected),
        events,
    }
}

/// A command of tenant `t` with a fresh id.
pub fn command(writes: Vec<StreamWrite>) -> Append {
    command_with_id(&fresh_id().to_string(), writes)
}

pub fn command_with_id(id: &str, writes: Vec<StreamWrite>) -> Append {
    Append {
        tenant: tenant("t"),
        writes,
        meta: json(&format!(
            "{{\"command_id\":{}}}",
            serde_json::to_string(id).unwrap()
        )),
        recorded_at: at(1_700_000_000),
        record: CommandRecord {
            id: id.to_owned(),
            fingerprint: [1; 32],
            keyed: true,
            outcome: json("{\"accepted\":true}"),
        },
    }
}

/// One event on one stream.
pub fn single(name: &str, expected: i64) -> Append {
    command(vec![write(name, expected, 1)])
}

pub fn key(append: &Append) -> (TenantId, String) {
    (append.tenant.clone(), append.record.id.clone())
}

/// The whole log.
pub async fn everything(reader: &impl LogReader) -> Vec<RecordedEvent> {
    let mut events: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = events.last().map_or(Position::START, |event| event.position);
        let more = reader.read_all(after, usize::MAX).await.unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

/// Whether the failure says that nothing landed because of what one of the batch's commands is.
pub fn is_culprits_fault(error: &AppendError) -> bool {
    matches!(
        error,
        AppendError::WrongVersion { .. } | AppendError::DuplicateCommand | AppendError::Rejected(_)
    )
}

/// Appends as the engine does: a refused batch is halved until the culprits stand alone. Answers per command, in order;
/// a failure that is not a culprit's ends it.
pub async fn append_halving<W: LogWriter>(
    writer: &mut W,
    batch: &[Append],
) -> Result<Vec<Result<Position, AppendError>>, AppendError> {
    let mut answers = Vec::with_capacity(batch.len());
    let mut todo = vec![batch];
    while let Some(part) = todo.pop() {
        match writer.append(part).await {
            Ok(appended) => answers.extend(appended.into_iter().map(|a| Ok(a.position))),
            Err(error) if !is_culprits_fault(&error) => return Err(error),
            Err(error) if part.len() == 1 => answers.push(Err(error)),
            Err(_) => {
                let (left, right) = part.split_at(part.len() / 2);
                todo.push(right);
                todo.push(left);
            }
        }
    }
    Ok(answers)
}
