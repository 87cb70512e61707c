//! A folder of its own for each test, a holder process that can be killed, and ways to look at both servers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use private_servers::{Health, Nats, NatsOptions, Postgres, PostgresOptions, find};
use serde::Deserialize;
use sqlx::{Connection, Executor, PgConnection};

/// Long enough for a loaded machine; a condition that holds ends the wait at once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A folder that is removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
    }

    pub fn below(parent: &Path, name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Where user namespaces are refused, the clusters are elsewhere.
        for place in ["", "postgres", "data/postgres"] {
            if let Ok(home) = self.0.join(place).join("elsewhere").canonicalize() {
                drop(std::fs::remove_dir_all(home));
            }
        }
        // The servers may still be writing their last words.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Where the cluster of a Postgres folder is: in it, unless it had to go elsewhere.
pub fn cluster_of(folder: &Path) -> PathBuf {
    folder
        .join("elsewhere")
        .canonicalize()
        .unwrap_or_else(|_| folder.to_path_buf())
        .join("cluster")
}

pub fn nats_server() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "`cargo xtask test` names the server that it installed"
    )]
    let named = std::env::var("TRASTIENDA_NATS_SERVER").ok().map(PathBuf::from);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    find::nats_server(named.as_deref(), Some(&repository)).unwrap()
}

pub async fn postgres_in(folder: &Path) -> Postgres {
    Postgres::start(PostgresOptions::new(folder, find::postgres(None).unwrap()))
        .await
        .unwrap()
}

pub async fn nats_in(folder: &Path) -> Nats {
    Nats::start(NatsOptions::new(folder, nats_server()))
        .await
        .unwrap()
}

/// What the holder says about its servers.
#[derive(Debug, Clone, Deserialize)]
pub struct Held {
    pub postgres_url: String,
    pub postgres_pid: u32,
    pub nats_url: String,
    pub nats_pid: u32,
}

/// A process that holds both servers.
pub struct Holder {
    pub child: Child,
    pub held: Held,
    _stdout: BufReader<ChildStdout>,
}

impl Holder {
    pub fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hold-private-servers"))
            .arg(data)
            .arg(nats_server())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let held =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("the holder said {line:?}: {error}"));
        Self {
            child,
            held,
            _stdout: stdout,
        }
    }

    /// SIGKILL: no destructor runs.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Neither running nor waiting for its parent's interest.
pub fn is_gone(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

pub fn kill_9(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn pid_of(health: &Health) -> Option<u32> {
    match health {
        Health::Running { pid } => Some(*pid),
        Health::Starting | Health::Failed(_) | Health::Stopped => None,
    }
}

/// Everything that runs with this folder as its current one or names something below it.
pub fn processes_on(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != std::process::id())
        .filter_map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).ok();
            let is_on =
                !line.is_empty() && (line.contains(folder) || cwd.is_some_and(|cwd| cwd.starts_with(folder)));
            is_on.then(|| format!("{pid}: {line}"))
        })
        .collect()
}

/// Adds a row that must survive, and counts what is there.
pub async fn remember(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection
        .execute("create table if not exists remembered (at timestamptz not null default now())")
        .await
        .unwrap();
    connection
        .execute("insert into remembered default values")
        .await
        .unwrap();
    remembered(&mut connection).await
}

pub async fn remembered(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from remembered")
        .fetch_one(connection)
        .await
        .unwrap()
}

/// Publishes an acknowledged message, and counts what the stream holds.
pub async fn remember_in_jetstream(url: &str) -> u64 {
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let config = async_nats::jetstream::stream::Config {
        name: "REMEMBERED".into(),
        subjects: vec!["remembered.>".into()],
        ..Default::default()
    };
    let stream = jetstream.get_or_create_stream(config).await.unwrap();
    jetstream
        .publish("remembered.one", "1".into())
        .await
        .unwrap()
        .await
        .unwrap();
    stream.get_info().await.unwrap().state.messages
}
