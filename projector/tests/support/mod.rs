//! A log that tests write to, and a database with the read models' schema.
//!
//! Shared with query-service's tests, which fill read models in the same way.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use event_store::{
    Append, CommandRecord, LogReader, LogWriter, MemoryLog, MemoryWriter, NewEvent, StreamWrite,
};
use platform::clock::SystemClock;
use platform::db::{self, DbRole};
use platform::tasks::Tasks;
use projector::groups::requests::{self, Wish};
use projector::{Projector, ProjectorHandle, ProjectorOptions};
use schemas::envelope::Actor;
use schemas::{Event, EventMeta, Position, StreamName, TenantId, Version};
use serde_json::Value;
use serde_json::value::to_raw_value;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

pub mod events;

/// An event by its wire name and payload.
pub fn event(event_type: &str, data: Value) -> Event {
    let newest = Event::types().find(|known| known.name == event_type);
    Event::decode(event_type, newest.unwrap().version, &data.to_string()).unwrap()
}

/// A memory log with its writer.
pub struct Log {
    pub reader: MemoryLog,
    writer: MemoryWriter,
    versions: HashMap<(String, String), i64>,
    commands: u128,
}

impl Log {
    pub fn new() -> Self {
        let reader = MemoryLog::new();
        let writer = reader.writer().unwrap();
        Self {
            reader,
            writer,
            versions: HashMap::new(),
            commands: 0,
        }
    }

    /// Appends one command's events, each to a stream, and returns the position of the last one.
    pub async fn append(&mut self, tenant: &str, events: Vec<(&str, Event)>) -> i64 {
        self.commands += 1;
        let meta = EventMeta {
            actor: Actor::User {
                username: "ana".to_owned(),
                role: "cashier".to_owned(),
            },
            reason: Some("venta de mostrador".to_owned()),
            command_id: format!("command-{}", self.commands),
            command: "test_command".to_owned(),
            traceparent: None,
        };
        let mut writes = Vec::new();
        for (index, (stream, event)) in events.into_iter().enumerate() {
            let version = self
                .versions
                .entry((tenant.to_owned(), stream.to_owned()))
                .or_insert(0);
            let id = Uuid::from_u128((self.commands << 32) + u128::try_from(index).unwrap() + 1);
            writes.push(StreamWrite {
                stream: StreamName::stored(stream),
                expected: Version(*version),
                events: vec![NewEvent {
                    id,
                    event_type: event.event_type(),
                    schema_version: event.schema_version(),
                    data: event.encode().unwrap(),
                }],
            });
            *version += 1;
        }
        let append = Append {
            tenant: TenantId::new(tenant).unwrap(),
            writes,
            meta: to_raw_value(&meta).unwrap(),
            recorded_at: OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap(),
            record: CommandRecord {
                id: meta.command_id.clone(),
                fingerprint: [0; 32],
                keyed: false,
                outcome: to_raw_value(&()).unwrap(),
            },
        };
        let Position(position) = self.writer.append(&[append]).await.unwrap()[0].position;
        position
    }
}

/// A database with checkpoints and read models, and pools of both roles.
pub struct Models {
    database: testkit::Database,
    pub engine: PgPool,
    pub api: PgPool,
}

impl Models {
    pub async fn new() -> Self {
        let database = testkit::database().await;
        let migrations = [projector::migrations(), platform::vault::MIGRATIONS].concat();
        db::migrate(database.url(), &migrations).await.unwrap();
        let engine = db::pool(database.url(), DbRole::Engine, 8).await.unwrap();
        let api = db::pool(database.url(), DbRole::Api, 4).await.unwrap();
        Self {
            database,
            engine,
            api,
        }
    }

    /// The owner's URL.
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// Asks the projector for something and waits for its outcome.
    pub async fn request(&self, wish: Wish) -> requests::Progress {
        let mut connection = self.engine.acquire().await.unwrap();
        let id = requests::submit(&mut connection, wish).await.unwrap();
        drop(connection);
        self.outcome(id).await
    }

    /// Waits for the outcome of a request.
    pub async fn outcome(&self, id: i64) -> requests::Progress {
        let deadline = tokio::time::Instant::now() + testkit::PATIENCE;
        loop {
            let mut connection = self.engine.acquire().await.unwrap();
            let progress = requests::progress(&mut connection, id).await.unwrap().unwrap();
            if progress.ok.is_some() {
                return progress;
            }
            assert!(tokio::time::Instant::now() < deadline, "still {}", progress.phase);
            drop(connection);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A projector that drops groups as soon as they are not read any more.
    pub fn project<R: LogReader>(&self, reader: R) -> (Tasks, ProjectorHandle, watch::Sender<Position>) {
        let (head, wake) = watch::channel(Position::START);
        let options = ProjectorOptions {
            retire_after: Duration::ZERO,
            ..ProjectorOptions::new(Arc::new(SystemClock))
        };
        let tasks = Tasks::new();
        let handle = Projector::start(&tasks, reader, self.engine.clone(), options, wake);
        (tasks, handle, head)
    }
}
