//! The relay against a real Postgres and a real NATS: order, resumption, and a stream that loses its memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails should fail its test"
)]

use std::time::Duration;

use bus::{Bus, BusOptions};
use event_store::{Append, CommandRecord, LogWriter, MemoryLog, MemoryWriter, NewEvent, StreamWrite};
use futures::StreamExt;
use platform::clock::fresh_id;
use platform::db::{self, DbRole};
use platform::tasks::Tasks;
use private_servers::{Nats, NatsOptions};
use projector::relay::{Relay, RelayOptions};
use schemas::{Position, StreamName, TenantId, Version};
use serde_json::value::RawValue;
use sqlx::PgPool;
use tokio::sync::watch;

const LIMIT: Duration = Duration::from_secs(60);

struct World {
    _database: testkit::Database,
    pool: PgPool,
    log: MemoryLog,
    writer: MemoryWriter,
    version: i64,
    options: NatsOptions,
}

struct Running {
    tasks: Tasks,
    position: watch::Receiver<Position>,
}

impl Running {
    async fn reaches(&mut self, position: i64) {
        let reached = self.position.wait_for(|reached| reached.0 >= position);
        tokio::time::timeout(LIMIT, reached)
            .await
            .expect("in time")
            .expect("the relay runs");
    }

    async fn stop(self) {
        self.tasks.stop(Duration::from_secs(20)).await.unwrap();
    }
}

impl World {
    async fn new() -> Self {
        let database = testkit::database_from_template("relay", |url| async move {
            let mut migrations = projector::migrations().to_vec();
            migrations.push(db::Migration {
                module: "dispatcher for tests",
                version: 1,
                sql: "create table dispatcher_checkpoint (name text primary key, position bigint not null);
                      insert into dispatcher_checkpoint values ('matcher', 0);
                      grant select, update on dispatcher_checkpoint to trastienda_engine;",
            });
            Ok(db::migrate(&url, &migrations).await?)
        })
        .await;
        let pool = db::pool(database.url(), DbRole::Engine, 4).await.unwrap();
        let log = MemoryLog::new();
        let writer = log.writer().unwrap();
        let options = NatsOptions::new(testkit::scratch_folder("relay"), testkit::nats_server());
        Self {
            _database: database,
            pool,
            log,
            writer,
            version: 0,
            options,
        }
    }

    /// Appends events with a personal field; returns the head.
    async fn append(&mut self, count: i64) -> i64 {
        let mut batch = Vec::new();
        for _ in 0..count {
            batch.push(Append {
                tenant: TenantId::new("tienda").unwrap(),
                writes: vec![StreamWrite {
                    stream: StreamName::new("customer", "C1"),
                    expected: Version(self.version),
                    events: vec![NewEvent {
                        id: fresh_id(),
                        event_type: "customer.registered",
                        schema_version: 1,
                        data: RawValue::from_string(
                            r#"{"customer_id":"C1","name":{"sealed":"v1.secret"}}"#.to_owned(),
                        )
                        .unwrap(),
                    }],
                }],
                meta: RawValue::from_string("{}".to_owned()).unwrap(),
                recorded_at: time::OffsetDateTime::UNIX_EPOCH,
                record: CommandRecord {
                    id: fresh_id().to_string(),
                    fingerprint: [0; 32],
                    keyed: false,
                    outcome: RawValue::from_string("{}".to_owned()).unwrap(),
                },
            });
            self.version += 1;
        }
        self.writer
            .append(&batch)
            .await
            .unwrap()
            .last()
            .unwrap()
            .position
            .0
    }

    fn start(&self, bus: Bus) -> Running {
        let tasks = Tasks::new();
        let (_, wake) = watch::channel(Position::START);
        let position = Relay::start(
            &tasks,
            self.log.clone(),
            self.pool.clone(),
            bus,
            RelayOptions::default(),
            wake,
        );
        Running { tasks, position }
    }

    async fn checkpoint(&self, name: &str) -> i64 {
        sqlx::query_scalar("select position from projection_checkpoint where name = $1")
            .bind(name)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

async fn connect(server: &Nats) -> Bus {
    Bus::connect(&server.url(), BusOptions::default()).await.unwrap()
}

/// (position, previous, subject) of all messages in the stream, and whether any holds the personal field.
async fn stream(url: &str) -> (Vec<(i64, i64, String)>, bool) {
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let mut stream = jetstream.get_stream("TRASTIENDA").await.unwrap();
    let count = usize::try_from(stream.info().await.unwrap().state.messages).unwrap();
    let consumer = stream
        .create_consumer(async_nats::jetstream::consumer::pull::OrderedConfig::default())
        .await
        .unwrap();
    let mut messages = consumer.messages().await.unwrap().take(count);
    let (mut rows, mut leaked) = (Vec::new(), false);
    while let Some(message) = tokio::time::timeout(LIMIT, messages.next()).await.unwrap() {
        let message = message.unwrap();
        let header = |name: &str| {
            message
                .headers
                .as_ref()
                .unwrap()
                .get(name)
                .unwrap()
                .as_str()
                .parse()
                .unwrap()
        };
        leaked |= String::from_utf8_lossy(&message.payload).contains("sealed");
        rows.push((
            header("Trastienda-Position"),
            header("Trastienda-Previous"),
            message.subject.to_string(),
        ));
    }
    (rows, leaked)
}

fn chain(first: i64, last: i64) -> Vec<(i64, i64, String)> {
    (first..=last)
        .map(|p| (p, p - 1, "trastienda.tienda.customer.registered".to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_published_in_order_without_personal_data_and_the_checkpoint_follows() {
    let mut world = World::new().await;
    let server = Nats::start(world.options.clone()).await.unwrap();
    let mut relay = world.start(connect(&server).await);
    let head = world.append(2_000).await;
    relay.reaches(head).await;
    relay.stop().await;
    assert_eq!(stream(&server.url()).await, (chain(1, head), false));
    assert_eq!(world.checkpoint("relay").await, head);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_acknowledgement_and_checkpoint_publishes_nothing_twice() {
    let mut world = World::new().await;
    let server = Nats::start(world.options.clone()).await.unwrap();
    let mut relay = world.start(connect(&server).await);
    let head = world.append(50).await;
    relay.reaches(head).await;
    relay.stop().await;
    sqlx::query("update projection_checkpoint set position = 30 where name = 'relay'")
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query("update relay_stream set last_sequence = 30")
        .execute(&world.pool)
        .await
        .unwrap();
    let mut relay = world.start(connect(&server).await);
    let head = world.append(5).await;
    relay.reaches(head).await;
    relay.stop().await;
    assert_eq!(stream(&server.url()).await, (chain(1, 55), false));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_store_is_refilled_from_the_dispatchers_checkpoint_and_the_order_holds() {
    let mut world = World::new().await;
    let server = Nats::start(world.options.clone()).await.unwrap();
    let mut relay = world.start(connect(&server).await);
    let head = world.append(100).await;
    relay.reaches(head).await;
    sqlx::query("update dispatcher_checkpoint set position = 90")
        .execute(&world.pool)
        .await
        .unwrap();
    server.stop().await;
    std::fs::remove_dir_all(world.options.store_dir.join("jetstream")).unwrap();
    let server = Nats::start(world.options.clone()).await.unwrap();
    let head = world.append(10).await;
    relay.reaches(head).await;
    relay.stop().await;
    assert_eq!(stream(&server.url()).await, (chain(91, 110), false));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_late_gets_everything() {
    let mut world = World::new().await;
    // Once, so that the port is known.
    let server = Nats::start(world.options.clone()).await.unwrap();
    let url = server.url();
    server.stop().await;
    let bus = Bus::connect(&url, BusOptions::default()).await.unwrap();
    let mut relay = world.start(bus);
    let head = world.append(20).await;
    let server = Nats::start(world.options.clone()).await.unwrap();
    assert_eq!(server.url(), url);
    relay.reaches(head).await;
    relay.stop().await;
    assert_eq!(stream(&url).await, (chain(1, 20), false));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_publish_everything_once() {
    let mut world = World::new().await;
    let server = Nats::start(world.options.clone()).await.unwrap();
    let mut first = world.start(connect(&server).await);
    let mut second = world.start(connect(&server).await);
    let head = world.append(300).await;
    tokio::select! {
        () = first.reaches(head) => {}
        () = second.reaches(head) => {}
    }
    first.stop().await;
    let head = world.append(300).await;
    second.reaches(head).await;
    second.stop().await;
    assert_eq!(stream(&server.url()).await, (chain(1, 600), false));
    server.stop().await;
}
