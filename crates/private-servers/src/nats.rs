//! A private NATS with JetStream on the loopback address, with a password of its own if the options say so.
//!
//! JetStream is a cache of the log here: it flushes once a second, and nothing correct leans on its disk.
//! Deliberately absent: streams and consumers, which are the bus's own.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::Context;
use crate::folder::{FolderLock, private_folder};
use crate::process::{self, Ask};
use crate::run_as::RunAs;
use crate::supervisor::{Health, Program, Supervisor, pid_file_in};
use crate::{Error, Result};

const USER: &str = "trastienda";
/// The probe's answer is a line of JSON.
const PROBE_LIMIT_BYTES: u64 = 4_096;
const PROBE_WITHIN: Duration = Duration::from_secs(2);
const STOP: &[Ask] = &[
    (Signal::INT, Duration::from_secs(4)),
    (Signal::TERM, Duration::from_secs(2)),
];
const STOP_LEFTOVER: &[Ask] = &[
    (Signal::INT, Duration::from_secs(4)),
    (Signal::KILL, Duration::from_secs(2)),
];

/// How to run a private NATS.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Holds JetStream's store, configuration, log and lock; made when absent.
    pub store_dir: PathBuf,
    /// The server's binary; see [`crate::find::nats_server`].
    pub server: PathBuf,
    /// What JetStream may take on disk.
    pub max_store_bytes: u64,
    /// Loopback is open to every user of the machine; a password in a private file keeps them out. The URL then
    /// carries it, and clients such as async-nats want it as an option of the connection, too.
    pub require_password: bool,
}

impl NatsOptions {
    /// The options that the standalone starts with.
    pub fn new(store_dir: impl Into<PathBuf>, server: impl Into<PathBuf>) -> Self {
        let max_store_bytes = 16 * 1024 * 1024 * 1024;
        Self {
            store_dir: store_dir.into(),
            server: server.into(),
            max_store_bytes,
            require_password: false,
        }
    }
}

/// A running private NATS. Dropping it stops the server in the background; [`Nats::stop`] waits for that.
#[derive(Debug)]
pub struct Nats {
    supervisor: Supervisor,
    endpoint: Endpoint,
}

impl Nats {
    /// Starts the server and waits until JetStream is ready.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process holds the folder, [`Error::NotStarted`] with the end of the log.
    pub async fn start(options: NatsOptions) -> Result<Self> {
        let (supervisor, ready) = Supervisor::start(Server::new(options))?;
        let endpoint = ready.await.unwrap_or_else(|_| Err(thread_ended()))?;
        Ok(Self { supervisor, endpoint })
    }

    /// [`Nats::start`] for a caller outside of any runtime.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub fn start_blocking(options: NatsOptions) -> Result<Self> {
        let (supervisor, ready) = Supervisor::start(Server::new(options))?;
        let endpoint = ready.blocking_recv().unwrap_or_else(|_| Err(thread_ended()))?;
        Ok(Self { supervisor, endpoint })
    }

    /// The URL for clients; with a password in it, do not log it. It stays the same when the server restarts.
    pub fn url(&self) -> String {
        let port = self.endpoint.ports.nats;
        match &self.endpoint.password {
            Some(password) => format!("nats://{USER}:{password}@127.0.0.1:{port}"),
            None => format!("nats://127.0.0.1:{port}"),
        }
    }

    /// User and password, when the options asked for them.
    pub fn credentials(&self) -> Option<(&'static str, &str)> {
        self.endpoint.password.as_deref().map(|password| (USER, password))
    }

    /// How often the server was started again because it died.
    pub fn restarts(&self) -> u64 {
        self.supervisor.restarts()
    }

    /// Follows the server's health.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.supervisor.health()
    }

    /// Resolves with the cause when the supervisor has given up; otherwise never.
    pub async fn failed(&self) -> String {
        self.supervisor.failed().await
    }

    /// Stops the server. At most about 7 s.
    pub async fn stop(&self) {
        self.supervisor.stop().await;
    }
}

fn thread_ended() -> Error {
    Error::Io {
        what: "the supervisor's thread ended".into(),
        source: std::io::Error::other("no word from it"),
    }
}

#[derive(Debug, Clone)]
struct Endpoint {
    ports: Ports,
    password: Option<String>,
}

/// Remembered in the folder, so that clients find the server where it was, if nobody else took the ports meanwhile.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Ports {
    nats: u16,
    monitoring: u16,
}

impl Ports {
    fn are_free(self) -> bool {
        [self.nats, self.monitoring]
            .iter()
            .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
    }
}

/// What the server writes about its ports.
#[derive(Deserialize)]
struct PortsFile {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

struct Server {
    options: NatsOptions,
    password: Option<String>,
    ports: Option<Ports>,
    has_served: bool,
    lock: Option<FolderLock>,
}

impl Server {
    fn new(options: NatsOptions) -> Self {
        Self {
            options,
            password: None,
            ports: None,
            has_served: false,
            lock: None,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.options.store_dir.join(name)
    }

    fn configuration_file(&self) -> PathBuf {
        self.file("nats-server.conf")
    }

    /// The first start takes the ports of the run before if they are free; every later one takes the first one's,
    /// for clients are connected to those.
    fn write_configuration(&self) -> Result<()> {
        let ports = self.ports.map_or((-1, -1), |ports| {
            (i32::from(ports.nats), i32::from(ports.monitoring))
        });
        let folder = quote(&self.options.store_dir);
        let authorization = self.password.as_ref().map_or_else(String::new, |password| {
            format!("authorization {{ user: {USER}, password: \"{password}\" }}\n")
        });
        let text = format!(
            "server_name: trastienda-private\n\
             listen: \"127.0.0.1:{}\"\n\
             http: \"127.0.0.1:{}\"\n\
             ports_file_dir: {folder}\n\
             {authorization}\
             jetstream {{\n  store_dir: {}\n  sync_interval: \"1s\"\n  max_file_store: {}\n}}\n",
            ports.0,
            ports.1,
            quote(&self.file("jetstream")),
            self.options.max_store_bytes,
        );
        write_private(&self.configuration_file(), &text)
    }

    /// The ports of our child; files of servers that were killed stay around under their own pids.
    fn ports_of(&self, pid: u32) -> Option<Ports> {
        let text = fs::read(self.file(&format!("nats-server_{pid}.ports"))).ok()?;
        let file: PortsFile = serde_json::from_slice(&text).ok()?;
        let port = |urls: &[String]| urls.first()?.rsplit(':').next()?.parse().ok();
        Some(Ports {
            nats: port(&file.nats)?,
            monitoring: port(&file.monitoring)?,
        })
    }
}

impl Program for Server {
    type Endpoint = Endpoint;
    const NAME: &'static str = "nats";
    const STOP: &'static [Ask] = STOP;

    async fn set_up(&mut self) -> Result<()> {
        self.options.store_dir = private_folder(&self.options.store_dir)?;
        // A second server would start on the same store without a word.
        self.lock = Some(FolderLock::take(&self.options.store_dir)?);
        if self.options.require_password {
            self.password = Some(password_in(&self.file("password"))?);
        }
        let remembered = fs::read(self.file("ports.json")).ok();
        self.ports = remembered.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(())
    }

    async fn clear_leftovers(&mut self) -> Result<()> {
        let folder = &self.options.store_dir;
        process::end_leftover(&[pid_file_in(folder)], &self.configuration_file(), STOP_LEFTOVER).await;
        // Clients of this run are connected to its ports; those of an earlier run may have gone to somebody else.
        if !self.has_served && !self.ports.is_some_and(Ports::are_free) {
            self.ports = None;
        }
        let entries = fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().ends_with(".ports") {
                fs::remove_file(entry.path())
                    .context(|| format!("cannot remove {}", entry.path().display()))?;
            }
        }
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        self.write_configuration()?;
        let mut command = RunAs::Ourselves.command(&self.options.server);
        command.arg("-c").arg(self.configuration_file());
        Ok(command)
    }

    async fn ready(&mut self, pid: u32) -> Option<Endpoint> {
        let ports = self.ports_of(pid)?;
        if !timeout(PROBE_WITHIN, is_healthy(ports.monitoring))
            .await
            .is_ok_and(|healthy| healthy)
        {
            return None;
        }
        self.ports = Some(ports);
        self.has_served = true;
        let text = serde_json::to_string(&ports).ok()?;
        if let Err(error) = write_private(&self.file("ports.json"), &text) {
            tracing::warn!(%error, "the ports are not remembered");
        }
        Some(Endpoint {
            ports,
            password: self.password.clone(),
        })
    }

    fn folder(&self) -> &Path {
        &self.options.store_dir
    }
}

/// The server's own word that JetStream is up.
async fn is_healthy(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(b"GET /healthz?js-enabled-only=true HTTP/1.0\r\nHost: localhost\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        stream.take(PROBE_LIMIT_BYTES).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await
        .is_ok_and(|answer| answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"))
}

/// The password of the run before, so that the URL stays the same; a new one at first.
fn password_in(file: &Path) -> Result<String> {
    if let Ok(known) = fs::read_to_string(file)
        && known.len() == 48
        && known.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Ok(known);
    }
    let mut bytes = [0_u8; 24];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .context(|| "cannot read /dev/urandom".into())?;
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(file, &password)?;
    Ok(password)
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut opened = options
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(file)?;
        std::io::Write::write_all(&mut opened, text.as_bytes())
    };
    write().context(|| format!("cannot write {}", file.display()))
}

fn quote(path: &Path) -> String {
    format!(
        "\"{}\"",
        path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"")
    )
}
