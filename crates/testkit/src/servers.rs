//! One cluster and one NATS per test process, started by whoever needs them first; private ones for tests that kill.
//!
//! Their data is below `target/testkit/<pid>`. A test process does not stop its servers: they end with it, and the
//! next one removes what it left.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use private_servers::{Nats, NatsOptions, Postgres, PostgresOptions, find};
use rustix::process::{Pid, test_kill_process};

/// Tests run in parallel and open several pools each.
const MAX_CONNECTIONS: u32 = 500;

static POSTGRES: OnceLock<Postgres> = OnceLock::new();
static NATS: OnceLock<Nats> = OnceLock::new();

/// The test process's cluster. Most tests want [`crate::database`].
pub async fn postgres() -> &'static Postgres {
    off_the_runtime(|| POSTGRES.get_or_init(|| start_postgres(&process_folder().join("postgres")))).await
}

/// The test process's NATS. Streams are shared by all tests of the process: give each its own name and subjects.
pub async fn nats() -> &'static Nats {
    off_the_runtime(|| NATS.get_or_init(|| start_nats(&process_folder().join("nats")))).await
}

/// A cluster for one test alone, for example to kill it; dropping it stops it.
pub async fn private_postgres() -> Postgres {
    off_the_runtime(|| start_postgres(&scratch_folder("postgres"))).await
}

/// A NATS for one test alone, for example to kill it or to wipe its store; dropping it stops it.
pub async fn private_nats() -> Nats {
    off_the_runtime(|| start_nats(&scratch_folder("nats"))).await
}

/// An empty folder for one test; it goes when the process is gone.
pub fn scratch_folder(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = process_folder().join(format!("{name}-{number}"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The nats-server that `cargo xtask test` installed, or the one of this repository, or the one in PATH.
pub fn nats_server() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "`cargo xtask test` says so where it installed the server"
    )]
    let named = std::env::var("TRASTIENDA_NATS_SERVER").ok().map(PathBuf::from);
    find::nats_server(named.as_deref(), Some(&repository())).unwrap_or_else(|error| panic!("{error}"))
}

fn start_postgres(folder: &Path) -> Postgres {
    let bin_dir = find::postgres(None).unwrap_or_else(|error| panic!("{error}"));
    let mut options = PostgresOptions::new(folder, bin_dir);
    options.max_connections = MAX_CONNECTIONS;
    Postgres::start_blocking(options).unwrap_or_else(|error| panic!("{error}"))
}

fn start_nats(folder: &Path) -> Nats {
    Nats::start_blocking(NatsOptions::new(folder, nats_server())).unwrap_or_else(|error| panic!("{error}"))
}

/// Starting takes a second and must outlive the test that happens to ask first: not on that test's runtime.
async fn off_the_runtime<T: Send + 'static>(start: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || drop(done.send(start())));
    result
        .await
        .expect("the server did not start; its thread says why above")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// This process's folder; the first call removes those of processes that are gone.
fn process_folder() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let all = repository().join("target/testkit");
        let own = all.join(std::process::id().to_string());
        std::fs::create_dir_all(&all).unwrap();
        remove_abandoned(&all);
        std::fs::create_dir_all(&own).unwrap();
        own
    });
    folder.clone()
}

/// Two test processes may do this at once: what the other one removes first is no error.
fn remove_abandoned(all: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let own = std::process::id();
    for entry in std::fs::read_dir(all).unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        // A folder under our own number is of an earlier process that had it.
        let lives = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
        if lives && u32::try_from(pid) != Ok(own) {
            continue;
        }
        for inner in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            if inner.file_name().to_string_lossy().starts_with("postgres") {
                // Its servers may still be on their way out.
                drop(std::thread::scope(|scope| {
                    scope.spawn(|| runtime_remove(&runtime, &inner.path())).join()
                }));
            }
        }
        drop(std::fs::remove_dir_all(entry.path()));
    }
}

/// On a thread of its own: the caller may be on a runtime, where another one may not block.
fn runtime_remove(runtime: &tokio::runtime::Runtime, folder: &Path) {
    drop(runtime.block_on(Postgres::remove(folder)));
}
