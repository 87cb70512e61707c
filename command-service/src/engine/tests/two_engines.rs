//! Two engines on one real log: the owner is killed, stopped for a while, or ends in order, and the other takes over.

use std::sync::mpsc as blocking;
use std::thread;
use std::time::Instant;

use event_store::{PostgresReader, PostgresWriter, WriterOptions};
use platform::db::{self, DbRole};

use super::*;
use crate::engine::inbox;
use crate::start::migrations;

/// An engine in a thread of its own, which can be held like a stopped process.
struct Process {
    engine: Engine,
    tasks: Tasks,
    hold: tokio::sync::mpsc::UnboundedSender<blocking::Receiver<()>>,
    ended: Option<thread::JoinHandle<()>>,
    /// Of the process's own connection to the log, while it has one.
    instance: String,
}

impl Process {
    /// Starts an engine, with its inbox, as the service does.
    async fn start(url: &str, instance: &str) -> Self {
        let (hold, mut holds) = tokio::sync::mpsc::unbounded_channel::<blocking::Receiver<()>>();
        let (started, start) = oneshot::channel();
        let tasks = Tasks::new();
        let (url, name, running) = (url.to_owned(), instance.to_owned(), tasks.clone());
        let ended = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let pool = db::pool(&url, DbRole::Engine, 4).await.unwrap();
                let target = db::options(&url, DbRole::Engine).unwrap();
                let options = WriterOptions {
                    instance: name,
                    ..WriterOptions::default()
                };
                let writer = PostgresWriter::open(target, options).await.unwrap();
                let head = writer.head();
                let engine = Engine::start(
                    &running,
                    PostgresReader::new(pool.clone()),
                    writer,
                    head,
                    Some(Snapshots::new(pool.clone())),
                    Arc::new(SystemClock),
                    EngineOptions::default(),
                );
                inbox::start(&running, engine.clone(), pool);
                started.send(engine).ok().unwrap();
                let stop = running.stop_token();
                loop {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        // Blocks the only thread: nothing of this process runs until it is let go.
                        Some(held) = holds.recv() => drop(held.recv()),
                    }
                }
                running.stop(Duration::from_secs(10)).await.unwrap();
            });
        });
        Self {
            engine: start.await.unwrap(),
            tasks,
            hold,
            ended: Some(ended),
            instance: instance.to_owned(),
        }
    }

    /// As SIGSTOP would; dropping the answer is SIGCONT.
    fn hold(&self) -> blocking::Sender<()> {
        let (release, held) = blocking::channel();
        self.hold.send(held).unwrap();
        release
    }

    async fn until_owner(&self, owns: bool) {
        let mut ownership = self.engine.ownership();
        let waited = tokio::time::timeout(testkit::PATIENCE, ownership.wait_for(|now| *now == owns)).await;
        assert!(waited.is_ok(), "{} is still {}", self.instance, !owns);
    }

    /// An orderly end.
    async fn stop(mut self) {
        self.tasks.stop_token().cancel();
        let ended = self.ended.take().unwrap();
        tokio::task::spawn_blocking(move || ended.join().unwrap())
            .await
            .unwrap();
    }

    async fn take(&self, key: &str) -> Result<Reply, SubmitError> {
        self.engine
            .submit(submission(TENANT, Some(key), take_one()))
            .await
    }

    /// Asks until it is answered, as a client with a key does.
    async fn take_patiently(&self, key: &str) -> Reply {
        loop {
            match self.take(key).await {
                Ok(reply) => return reply,
                Err(SubmitError::Unavailable { .. } | SubmitError::KeyInFlight) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{key}: {error:?}"),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.tasks.stop_token().cancel();
    }
}

async fn database() -> testkit::Database {
    testkit::database_from_template("write side", |url| async move {
        Ok(db::migrate(&url, &migrations()).await?)
    })
    .await
}

/// A tenant with stock; the owner decides it.
async fn open_shop(owner: &Process, on_hand: i64) {
    let bench = Bench {
        log: MemoryLog::new(),
        engine: owner.engine.clone(),
        tasks: Tasks::new(),
        appends: Arc::default(),
        largest: Arc::default(),
        gate: Arc::new(tokio::sync::Semaphore::new(1)),
    };
    bench.open_shop(TENANT, on_hand).await;
}

/// Ends the session of whoever owns the log; a moment after another session ended, the table may still name that one.
async fn end_session_of_owner(pool: &sqlx::PgPool) {
    let ended = async {
        while !sqlx::query_scalar::<_, bool>("select pg_terminate_backend(backend_pid) from engine_owner")
            .fetch_one(pool)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(testkit::PATIENCE, ended).await.unwrap();
}

async fn adjustments(pool: &sqlx::PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from events where type = 'inventory.adjusted'")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_owner_is_taken_over_from_and_finds_itself_fenced_when_it_comes_back() {
    let database = database().await;
    let pool = sqlx::PgPool::connect(database.url()).await.unwrap();
    let first = Process::start(database.url(), "first").await;
    first.until_owner(true).await;
    open_shop(&first, 100).await;
    let second = Process::start(database.url(), "second").await;
    assert!(!second.engine.is_ready());
    assert!(second.take("early").await.is_err());

    let release = first.hold();
    let stopped_at = Instant::now();
    // The stopped one has this command, and cannot do anything about it.
    let begun = first.take("begun");
    let taken_over = async {
        second.until_owner(true).await;
        let took = stopped_at.elapsed();
        assert!(took >= Duration::from_secs(2), "a moment's silence is not death");
        assert!(matches!(
            second.take_patiently("meanwhile").await,
            Reply::Accepted { .. }
        ));
        drop(release);
        took
    };
    let (begun, took) = tokio::join!(begun, taken_over);
    println!("taken over {took:?} after the stop");
    assert!(took < Duration::from_secs(5));
    assert!(matches!(begun, Err(SubmitError::Unavailable { .. })), "{begun:?}");
    first.until_owner(false).await;
    assert!(first.take("later").await.is_err(), "it stands by now");
    // The caller asks the owner under the same key.
    assert!(matches!(
        second.take_patiently("begun").await,
        Reply::Accepted { replayed: false, .. }
    ));
    second.stop().await;
    first.until_owner(true).await;
    assert!(matches!(
        first.take_patiently("begun").await,
        Reply::Accepted { replayed: true, .. }
    ));
    assert!(matches!(
        first.take_patiently("last").await,
        Reply::Accepted { .. }
    ));
    assert_eq!(adjustments(&pool).await, 3);
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_ended_under_load_lose_and_double_nothing() {
    let database = database().await;
    let pool = sqlx::PgPool::connect(database.url()).await.unwrap();
    let first = Process::start(database.url(), "first").await;
    first.until_owner(true).await;
    open_shop(&first, 10_000).await;
    let second = Process::start(database.url(), "second").await;
    let processes = [first, second];
    // Each client asks either process, and goes on only when its key is answered.
    let clients = join_all((0..16).map(|client| {
        let processes = &processes;
        async move {
            for round in 0..25 {
                let key = format!("{client}-{round}");
                let mut turn = client;
                loop {
                    match processes[turn % 2].take(&key).await {
                        Ok(Reply::Accepted { .. }) => break,
                        Ok(other) => panic!("{other:?}"),
                        Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                    }
                    turn += 1;
                }
            }
        }
    }));
    let kills = async {
        for _ in 0..5 {
            let owner = async {
                tokio::select! {
                    () = processes[0].until_owner(true) => {}
                    () = processes[1].until_owner(true) => {}
                }
            };
            owner.await;
            let before = adjustments(&pool).await;
            // In the midst of the load, once this owner has decided something and said who it is.
            while adjustments(&pool).await < before + 10 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if adjustments(&pool).await >= 390 {
                    return;
                }
            }
            end_session_of_owner(&pool).await;
        }
    };
    tokio::join!(clients, kills);
    assert_eq!(adjustments(&pool).await, 16 * 25);
    let dense: bool = sqlx::query_scalar(
        "select max(position) = count(*) and count(distinct (tenant, stream, version)) = count(*) from events",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(dense);
    for process in processes {
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_is_drained_by_the_owner_and_by_whoever_takes_over() {
    let database = database().await;
    let pool = sqlx::PgPool::connect(database.url()).await.unwrap();
    let first = Process::start(database.url(), "first").await;
    first.until_owner(true).await;
    open_shop(&first, 100).await;
    let second = Process::start(database.url(), "second").await;
    let command = serde_json::to_string(&Command::from(take_one())).unwrap();
    for owner in [first, second] {
        owner.until_owner(true).await;
        let before = adjustments(&pool).await;
        sqlx::query(
            "insert into command_inbox (id, tenant, command, actor) values (gen_random_uuid(), $1, $2::json, 'test')",
        )
        .bind(TENANT)
        .bind(&command)
        .execute(&pool)
        .await
        .unwrap();
        let done = async {
            let query = "select count(*) = 0 from command_inbox where done_at is null";
            while !sqlx::query_scalar::<_, bool>(query)
                .fetch_one(&pool)
                .await
                .unwrap()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(testkit::PATIENCE, done).await.unwrap();
        assert_eq!(adjustments(&pool).await, before + 1);
        owner.stop().await;
    }
}
