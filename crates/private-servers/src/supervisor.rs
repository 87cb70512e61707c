//! Keeps one server running: starts it, starts it again when it dies alone, gives up when that does not help, and
//! stops it for good.
//!
//! One thread per server does all of this, because the parent-death signal fires when the thread that spawned the
//! child ends, not the process. The thread lives as long as its server may.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::error::Context;
use crate::process::{self, Ask};
use crate::{Error, Result};

/// A server that died sooner than this after it was ready has not recovered.
const STEADY_AFTER: Duration = Duration::from_secs(2);
/// So many failures in a row, within [`STREAK_WITHIN`], end the attempts.
const STREAK_LIMIT: usize = 5;
const STREAK_WITHIN: Duration = Duration::from_secs(60);
/// The first pause before another start; it doubles up to [`PAUSE_LIMIT`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LIMIT: Duration = Duration::from_secs(3);
/// How long a server may take to become ready; a Postgres that replays much WAL needs a while.
const READY_WITHIN: Duration = Duration::from_secs(120);
const READY_LOOK_EVERY: Duration = Duration::from_millis(15);
/// A log that outgrows this is emptied: it is a help, not a record.
const LOG_LIMIT_BYTES: u64 = 32 * 1024 * 1024;
const LOG_LOOK_EVERY: Duration = Duration::from_secs(60);
const LOG_TAIL_BYTES: u64 = 2_048;

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Not ready yet, at first or again.
    Starting,
    /// Ready, with this process id.
    Running {
        /// The server's process.
        pid: u32,
    },
    /// It died too often: nobody tries any more.
    Failed(String),
    /// It was stopped.
    Stopped,
}

/// What the supervisor must know about a server.
pub(crate) trait Program: Send + 'static {
    /// How clients reach it.
    type Endpoint: Send + 'static;
    const NAME: &'static str;
    /// The signals that stop it, each with the time it gets; SIGKILL comes after the last.
    const STOP: &'static [Ask];

    /// Takes the folder and makes what the server needs; once.
    async fn set_up(&mut self) -> Result<()>;
    /// Ends what an earlier run left, before each start.
    async fn clear_leftovers(&mut self) -> Result<()>;
    fn command(&self) -> Result<Command>;
    /// How to reach the server once it answers; None while it does not.
    async fn ready(&mut self, pid: u32) -> Option<Self::Endpoint>;
    /// Where its output and its pid go.
    fn folder(&self) -> &Path;
}

/// The owner's end of a supervisor. Dropping it stops the server, too, but nobody waits for that.
#[derive(Debug)]
pub(crate) struct Supervisor {
    stop: watch::Sender<bool>,
    health: watch::Receiver<Health>,
    restarts: Arc<AtomicU64>,
}

impl Supervisor {
    /// Starts the thread; the receiver resolves when the server is ready, or could not be started.
    pub(crate) fn start<P: Program>(program: P) -> Result<(Self, oneshot::Receiver<Result<P::Endpoint>>)> {
        let (stop, stopped) = watch::channel(false);
        let (health, health_seen) = watch::channel(Health::Starting);
        let (first, first_seen) = oneshot::channel();
        let restarts = Arc::new(AtomicU64::new(0));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context(|| format!("cannot make the runtime of the {} supervisor", P::NAME))?;
        let watched = Watched {
            program,
            stop: stopped,
            health,
            restarts: Arc::clone(&restarts),
            first: Some(first),
        };
        std::thread::Builder::new()
            .name(format!("{}-supervisor", P::NAME))
            .spawn(move || runtime.block_on(watched.run()))
            .context(|| format!("cannot start the {} supervisor's thread", P::NAME))?;
        Ok((
            Self {
                stop,
                health: health_seen,
                restarts,
            },
            first_seen,
        ))
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// The cause, once the supervisor has given up; pending for ever otherwise.
    pub(crate) async fn failed(&self) -> String {
        let mut health = self.health.clone();
        let cause = health
            .wait_for(|health| matches!(health, Health::Failed(_)))
            .await
            .map(|seen| seen.clone());
        match cause {
            Ok(Health::Failed(cause)) => cause,
            _ => std::future::pending().await,
        }
    }

    /// Stops the server; returns when it is gone. Bounded by the program's stop signals.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut health = self.health.clone();
        // An error means that the thread is gone, and so is the server.
        drop(
            health
                .wait_for(|health| matches!(health, Health::Stopped | Health::Failed(_)))
                .await,
        );
    }
}

/// Everything that the thread holds.
struct Watched<P: Program> {
    program: P,
    stop: watch::Receiver<bool>,
    health: watch::Sender<Health>,
    restarts: Arc<AtomicU64>,
    first: Option<oneshot::Sender<Result<P::Endpoint>>>,
}

/// How one run of the server ended.
enum End {
    Asked,
    Died { cause: String, served: Duration },
}

impl<P: Program> Watched<P> {
    async fn run(mut self) {
        let last = match self.keep_running().await {
            Ok(()) => Health::Stopped,
            Err(error) => {
                let cause = error.to_string();
                match self.first.take() {
                    // The caller of start hears of it, and nobody else could know of this server.
                    Some(first) => drop(first.send(Err(error))),
                    None => tracing::error!(server = P::NAME, %cause, "the server cannot be kept running"),
                }
                Health::Failed(cause)
            }
        };
        // The folder's lock goes with the program, before anybody can hear that the server has stopped.
        drop(self.program);
        self.health.send_replace(last);
    }

    async fn keep_running(&mut self) -> Result<()> {
        self.program.set_up().await?;
        rotate(&log_of(&self.program))?;
        let mut failures: Vec<Instant> = Vec::new();
        let mut pause = PAUSE_FIRST;
        loop {
            let end = self.one_run().await;
            let cause = match end {
                Ok(End::Asked) => return Ok(()),
                Err(error) if self.first.is_some() => return Err(error),
                Ok(End::Died { cause, served }) if served < STEADY_AFTER => cause,
                Ok(End::Died { cause, .. }) => {
                    failures.clear();
                    pause = PAUSE_FIRST;
                    cause
                }
                Err(error) => error.to_string(),
            };
            failures.retain(|failure| failure.elapsed() < STREAK_WITHIN);
            failures.push(Instant::now());
            if failures.len() >= STREAK_LIMIT {
                return Err(self.not_started(format!("it failed {STREAK_LIMIT} times in a row: {cause}")));
            }
            tracing::error!(server = P::NAME, %cause, pause_ms = pause.as_millis(), "a private server died: it is started again");
            self.health.send_replace(Health::Starting);
            self.restarts.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.stop.wait_for(|stop| *stop) => return Ok(()),
            }
            pause = (pause * 2).min(PAUSE_LIMIT);
        }
    }

    /// From the start of the process to its end.
    async fn one_run(&mut self) -> Result<End> {
        self.program.clear_leftovers().await?;
        let log = open_log(&log_of(&self.program))?;
        let errors = log.try_clone().context(|| "cannot open the log twice".into())?;
        // A process group of its own: Ctrl-C in a terminal reaches the services first.
        let mut child = self
            .program
            .command()?
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .context(|| format!("cannot start {} (setpriv and unshare are in util-linux)", P::NAME))?;
        let pid = child.id().unwrap_or_default();
        let pid_file = pid_file_in(self.program.folder());
        fs::write(&pid_file, format!("{pid}\n"))
            .context(|| format!("cannot write {}", pid_file.display()))?;

        let mut stop = self.stop.clone();
        let ready = tokio::select! {
            ready = wait_until_ready(&mut self.program, pid) => ready,
            status = child.wait() => return Err(self.not_started(describe(status))),
            _ = stop.wait_for(|stop| *stop) => {
                end::<P>(&mut child, pid).await;
                return Ok(End::Asked);
            }
        };
        let Some(endpoint) = ready else {
            end::<P>(&mut child, pid).await;
            return Err(self.not_started(format!("it was not ready after {} s", READY_WITHIN.as_secs())));
        };
        tracing::info!(server = P::NAME, pid, "a private server is ready");
        self.health.send_replace(Health::Running { pid });
        if let Some(first) = self.first.take() {
            drop(first.send(Ok(endpoint)));
        }
        let since = Instant::now();
        let mut log_check = interval(LOG_LOOK_EVERY);
        loop {
            tokio::select! {
                status = child.wait() => {
                    return Ok(End::Died { cause: describe(status), served: since.elapsed() });
                }
                _ = stop.wait_for(|stop| *stop) => break,
                _ = log_check.tick() => empty_if_large(&log_of(&self.program)),
            }
        }
        end::<P>(&mut child, pid).await;
        if let Err(error) = fs::remove_file(&pid_file) {
            tracing::debug!(%error, "the pid file stays; the next start looks whom it names");
        }
        Ok(End::Asked)
    }

    fn not_started(&self, cause: String) -> Error {
        let log = log_of(&self.program);
        Error::NotStarted {
            server: P::NAME,
            cause,
            tail: tail(&log),
            log,
        }
    }
}

async fn wait_until_ready<P: Program>(program: &mut P, pid: u32) -> Option<P::Endpoint> {
    let look = async {
        loop {
            if let Some(endpoint) = program.ready(pid).await {
                return endpoint;
            }
            sleep(READY_LOOK_EVERY).await;
        }
    };
    timeout(READY_WITHIN, look).await.ok()
}

/// Asks ever less politely, and waits for the child, so that it does not stay as a zombie.
async fn end<P: Program>(child: &mut Child, pid: u32) {
    for (signal, patience) in P::STOP {
        process::signal(pid, *signal);
        if timeout(*patience, child.wait()).await.is_ok() {
            return;
        }
        tracing::warn!(server = P::NAME, pid, signal = ?signal, "the server does not stop");
    }
    if let Err(error) = child.kill().await {
        tracing::warn!(server = P::NAME, pid, %error, "the server could not be killed");
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("it ended ({status})"),
        Err(error) => format!("it cannot be waited for ({error})"),
    }
}

/// The pid file of the server in this folder.
pub(crate) fn pid_file_in(folder: &Path) -> PathBuf {
    folder.join("server.pid")
}

fn log_of<P: Program>(program: &P) -> PathBuf {
    program.folder().join(format!("{}.log", P::NAME))
}

/// Keeps the log of the run before, and no more: together with the limit that bounds what logs take.
fn rotate(log: &Path) -> Result<()> {
    if log.exists() {
        let previous = log.with_extension("log.1");
        fs::rename(log, &previous).context(|| format!("cannot rename {}", log.display()))?;
    }
    Ok(())
}

fn open_log(log: &Path) -> Result<File> {
    // Append mode: the file can be emptied under the server's hands.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)
        .context(|| format!("cannot open {}", log.display()))
}

fn empty_if_large(log: &Path) {
    let is_large = fs::metadata(log).is_ok_and(|found| found.len() > LOG_LIMIT_BYTES);
    if is_large && let Err(error) = OpenOptions::new().write(true).truncate(true).open(log) {
        tracing::warn!(log = %log.display(), %error, "the server's log cannot be emptied");
    }
}

fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    read().unwrap_or_else(|error| format!("(unreadable: {error})"))
}
