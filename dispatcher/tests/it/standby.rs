//! Two dispatcher processes on one database: when the one that matches is killed or stopped, the other goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use event_store::{LogWriter, PostgresWriter, WriterOptions};
use platform::db;
use rustix::process::{Pid, Signal, kill_process};
use schemas::Event;
use schemas::events::webhook::StartFrom;
use sqlx::PgPool;

use super::support::*;
use testkit::Receiver;

/// The other goes on within five seconds; three times that counts here, since the machine also runs other tests.
const TAKEOVER: Duration = Duration::from_secs(15);

struct Process(Child);

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

struct Two {
    world: World,
    writer: PostgresWriter,
    versions: BTreeMap<String, i64>,
    config: PathBuf,
    receiver: Receiver,
}

impl Two {
    async fn new(name: &str) -> Self {
        let world = World::new(name).await;
        let log: Vec<db::Migration> = event_store::MIGRATIONS
            .iter()
            .map(|&(version, sql)| db::Migration {
                module: "log",
                version,
                sql,
            })
            .collect();
        db::migrate(&world.database_url, &log).await.unwrap();
        let target = db::options(&world.database_url, db::DbRole::Engine).unwrap();
        let writer = PostgresWriter::connect_with(target, WriterOptions::default())
            .await
            .unwrap();
        let receiver = Receiver::start().await;
        let config = testkit::scratch_folder(name).join("trastienda.toml");
        std::fs::write(
            &config,
            format!(
                "database_url = \"{}\"\nnats_url = \"nats://127.0.0.1:1\"\nmetrics_listen = \"127.0.0.1:0\"\n\
                 [http]\nlisten = \"127.0.0.1:0\"\n[keys]\nkek_file = \"{}\"\n\
                 [outbound]\nallow = [\"{}\"]\n[database]\nengine_connections = 8\napi_connections = 2\n",
                world.database_url,
                world.kek_file.display(),
                receiver.address(),
            ),
        )
        .unwrap();
        let mut two = Self {
            world,
            writer,
            versions: BTreeMap::new(),
            config,
            receiver,
        };
        let mut hook = settings(&two.receiver.url("/hook"), &["catalogue.*"]);
        hook.concurrency = 64;
        two.append(vec![created("e", hook, StartFrom::Now)]).await;
        two
    }

    /// Starts a process and waits until it listens.
    async fn start(&self) -> Process {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new(env!("CARGO_BIN_EXE_dispatcher"))
            .env_clear()
            .arg("--config")
            .arg(&self.config)
            .env("TRASTIENDA_HTTP__LISTEN", address.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(|| async { tokio::net::TcpStream::connect(address).await.is_ok() }).await;
        Process(child)
    }

    async fn append(&mut self, events: Vec<Event>) -> i64 {
        let batch = appends(&mut self.versions, &tenant(), events);
        let appended = self.writer.append(&batch).await.unwrap();
        appended.last().unwrap().position.0
    }

    fn pool(&self) -> &PgPool {
        &self.world.pool
    }

    async fn matched(&self, position: i64) {
        until(|| async {
            let at: i64 =
                sqlx::query_scalar("select position from dispatcher_checkpoint where name = 'matcher'")
                    .fetch_one(self.pool())
                    .await
                    .unwrap();
            at >= position
        })
        .await;
    }

    /// Starts one, waits until it matches, starts another.
    async fn leader_and_standby(&mut self) -> (Process, Process) {
        let leader = self.start().await;
        let head = self.append(vec![item(0)]).await;
        self.matched(head).await;
        self.delivered(1).await;
        let standby = self.start().await;
        (leader, standby)
    }

    async fn delivered(&self, count: i64) {
        until(|| async { self.world.count("delivered").await == count }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leading_dispatcher_is_killed_the_standby_matches_and_sends_within_five_seconds() {
    let mut two = Two::new("standby_kill").await;
    let (leader, _standby) = two.leader_and_standby().await;
    two.append(items(400)).await;
    until(|| async { two.world.count("delivered").await > 50 }).await;
    leader.signal(Signal::KILL);
    let killed = Instant::now();
    let head = two.append(items(400)).await;
    two.matched(head).await;
    assert!(killed.elapsed() < TAKEOVER, "{:?}", killed.elapsed());
    // What the killed one had taken comes back when its leases end; this test does not wait for that.
    sqlx::query("update webhook_open set lease_until = now()")
        .execute(two.pool())
        .await
        .unwrap();
    two.delivered(801).await;
    two.world.assert_sound().await;
    let received = two.receiver.received();
    let numbers: std::collections::BTreeSet<i64> = received.iter().map(sequence).collect();
    assert!(numbers.into_iter().eq(1..=801), "nothing is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leading_dispatcher_is_stopped_the_standby_ends_its_lease_and_the_old_one_finds_that_it_lost()
 {
    let mut two = Two::new("standby_stop").await;
    let (leader, _standby) = two.leader_and_standby().await;
    leader.signal(Signal::STOP);
    let stopped = Instant::now();
    let head = two.append(items(300)).await;
    two.matched(head).await;
    assert!(stopped.elapsed() < TAKEOVER, "{:?}", stopped.elapsed());
    two.delivered(301).await;
    leader.signal(Signal::CONT);
    two.append(items(300)).await;
    two.delivered(601).await;
    two.world.assert_sound().await;
    assert_eq!(two.receiver.received().len(), 601, "and nothing came twice");
}
