//! Two projectors as processes: whatever happens to the one that leads, the other goes on, and each event counts once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "in a test a failed step must stop it, and what was measured is printed"
)]

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use event_store::{Append, CommandRecord, LogWriter, NewEvent, PostgresWriter, StreamWrite, WriterOptions};
use platform::db::{self, DbRole, Migration};
use platform::lease::keys;
use schemas::envelope::Actor;
use schemas::{EventMeta, StreamName, TenantId, Version};
use serde_json::value::to_raw_value;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use time::OffsetDateTime;

use support::events::received;

/// What is promised, and room for a machine that does other things, too.
const TAKEOVER_MAX: Duration = Duration::from_secs(5);
const ROOM: Duration = Duration::from_secs(10);

/// A projector that goes when this is dropped, stopped or not.
struct Process(Child);

impl Process {
    fn start(database_url: &str, nats_url: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_projector"))
            .env_clear()
            .env("DATABASE_URL", database_url)
            .env("NATS_URL", nats_url)
            .env("TRASTIENDA_HTTP__LISTEN", "127.0.0.1:0")
            .env("TRASTIENDA_METRICS_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, signal: testkit::signal::Signal) {
        assert!(testkit::signal::send(self.0.id(), signal));
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct World {
    database: testkit::Database,
    nats: private_servers::Nats,
    pool: PgPool,
    writer: PostgresWriter,
    version: i64,
}

impl World {
    async fn new() -> Self {
        let database = testkit::database().await;
        let log: Vec<Migration> = event_store::MIGRATIONS
            .iter()
            .map(|(version, sql)| Migration {
                module: "log",
                version: *version,
                sql,
            })
            .collect();
        let migrations = [&log, projector::migrations()].concat();
        db::migrate(database.url(), &migrations).await.unwrap();
        let pool = db::pool(database.url(), DbRole::Engine, 4).await.unwrap();
        let target: PgConnectOptions = database.url().parse().unwrap();
        let target = target.username("trastienda_engine");
        let writer = PostgresWriter::connect_with(target, WriterOptions::default())
            .await
            .unwrap();
        Self {
            database,
            nats: testkit::private_nats().await,
            pool,
            writer,
            version: 0,
        }
    }

    fn start(&self) -> Process {
        Process::start(self.database.url(), &self.nats.url())
    }

    /// Appends a receipt of one piece and returns its position.
    async fn receive(&mut self) -> i64 {
        let event = received("centro", "A", 1);
        let meta = EventMeta {
            actor: Actor::System {
                name: "test".to_owned(),
            },
            reason: None,
            command_id: format!("command-{}", self.version),
            command: "receive_stock".to_owned(),
            traceparent: None,
        };
        let append = Append {
            tenant: TenantId::new("t1").unwrap(),
            writes: vec![StreamWrite {
                stream: StreamName::stored("stock/centro/A"),
                expected: Version(self.version),
                events: vec![NewEvent {
                    id: platform::clock::fresh_id(),
                    event_type: event.event_type(),
                    schema_version: event.schema_version(),
                    data: event.encode().unwrap(),
                }],
            }],
            meta: to_raw_value(&meta).unwrap(),
            recorded_at: OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap(),
            record: CommandRecord {
                id: meta.command_id,
                fingerprint: [0; 32],
                keyed: false,
                outcome: to_raw_value(&()).unwrap(),
            },
        };
        self.version += 1;
        self.writer.append(&[append]).await.unwrap()[0].position.0
    }

    /// Waits until read models and relay are at a position, and returns how long that took.
    async fn reaches(&self, position: i64) -> Duration {
        let started = Instant::now();
        loop {
            let (serving, relay): (i64, i64) = sqlx::query_as(
                "select position, (select position from projection_checkpoint where name = 'relay')
                 from projection_serving",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            if serving.min(relay) >= position {
                return started.elapsed();
            }
            assert!(
                started.elapsed() < testkit::PATIENCE,
                "at {serving} and {relay}, not at {position}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The backends behind the two leases.
    async fn holders(&self) -> Vec<i32> {
        sqlx::query_scalar("select pid from leases where key in ($1, $2) order by key")
            .bind(keys::PROJECTOR)
            .bind(keys::RELAY)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until somebody else tries to get one of the leases.
    async fn has_standby(&self) {
        let started = Instant::now();
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity where datname = current_database()
                 and query like '%from leases where key%' and pid <> pg_backend_pid() and not pid = any($1)",
            )
            .bind(self.holders().await)
            .fetch_one(&self.pool)
            .await
            .unwrap();
            if waiting >= 2 {
                return;
            }
            assert!(started.elapsed() < testkit::PATIENCE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn on_hand(&self) -> i64 {
        sqlx::query_scalar("select on_hand from rm_stock")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_stopped_or_killed_projector_is_replaced_and_finds_that_it_lost() {
    let mut world = World::new().await;
    let mut first = world.start();
    let position = world.receive().await;
    world.reaches(position).await;
    let holders = world.holders().await;
    let second = world.start();
    world.has_standby().await;

    first.signal(testkit::signal::STOP);
    let position = world.receive().await;
    let took = world.reaches(position).await;
    println!("takeover from a stopped projector after {took:?}");
    assert!(took < TAKEOVER_MAX + ROOM, "{took:?}");
    let after = world.holders().await;
    assert!(holders.iter().all(|holder| !after.contains(holder)));

    first.signal(testkit::signal::CONT);
    for _ in 0..20 {
        let position = world.receive().await;
        world.reaches(position).await;
    }
    world.has_standby().await;
    assert!(first.is_running(), "it stands by now");
    // The relay that came back may have had a message under way, which makes the other one start over: its lease may be a
    // new one, the old one's it is not.
    let now = world.holders().await;
    assert_eq!(now.first(), after.first(), "the read models keep their leader");
    assert!(holders.iter().all(|holder| !now.contains(holder)));

    drop(second);
    let position = world.receive().await;
    let took = world.reaches(position).await;
    println!("takeover from a killed projector after {took:?}");
    assert!(took < TAKEOVER_MAX + ROOM, "{took:?}");
    assert_eq!(world.on_hand().await, position, "each event counted once");
}
