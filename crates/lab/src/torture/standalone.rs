//! The product as a child process: started, killed, started again on the same data.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use super::victims::{self, Victim};
use crate::api::READY_PATH;
use crate::client::plain_http;
use crate::clock::Deadline;
use crate::demo::Demo;

/// From start or kill to ready.
const READY_PATIENCE: Duration = Duration::from_secs(120);
/// A graceful stop takes at most ten seconds by design.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How to start it, the same each time.
pub(super) struct Program {
    pub binary: PathBuf,
    /// When the product does not find it by itself.
    pub nats_server: Option<PathBuf>,
    /// Where webhooks may go besides the public network.
    pub receiver_port: u16,
}

pub(super) struct Standalone {
    program: Program,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    child: Child,
    http: reqwest::Client,
}

impl Standalone {
    /// Starts on a new data folder inside `folder`, and waits until it is ready.
    pub(super) async fn start(program: Program, folder: &Path) -> anyhow::Result<Self> {
        let (data, log) = (folder.join("data"), folder.join("standalone.log"));
        let port = free_port()?;
        let child = program.spawn(&data, &log, port)?;
        let http = plain_http(Duration::from_secs(2))?;
        let mut standalone = Self {
            program,
            data,
            log,
            port,
            child,
            http,
        };
        anyhow::ensure!(
            standalone.wait_until_ready().await?,
            "it ended at once (see {})",
            standalone.log.display()
        );
        Ok(standalone)
    }

    pub(super) fn demo(&self) -> anyhow::Result<Demo> {
        Demo::read(&self.data.join("demo.json"))
    }

    /// Kills one process at once, waiting for it to be there if it is just being restarted. Answers its pid.
    pub(super) async fn kill(&mut self, victim: Victim) -> anyhow::Result<u32> {
        let deadline = Deadline::after(READY_PATIENCE);
        loop {
            if let Some(standalone) = self.child.id()
                && let Some(pid) = victim.find(standalone)
                && victims::kill(pid).is_ok()
            {
                if victim == Victim::Standalone {
                    self.child.wait().await?;
                }
                return Ok(pid);
            }
            if !deadline.pause(LOOK_EVERY).await {
                bail!("{victim:?} is not running (see {})", self.log.display());
            }
        }
    }

    /// Starts it again if it does not run, then waits until it is ready. True when it had to be started.
    pub(super) async fn revive(&mut self) -> anyhow::Result<bool> {
        let mut started = false;
        // It may end once more because a server that it needs was just killed; more than that is a defect.
        for _ in 0..3 {
            if self.child.try_wait()?.is_some() {
                self.child = self.program.spawn(&self.data, &self.log, self.port)?;
                started = true;
            }
            if self.wait_until_ready().await? {
                return Ok(started);
            }
        }
        bail!("the standalone does not stay up (see {})", self.log.display())
    }

    /// False when it ended instead.
    async fn wait_until_ready(&mut self) -> anyhow::Result<bool> {
        let url = format!("http://127.0.0.1:{}{READY_PATH}", self.port);
        let deadline = Deadline::after(READY_PATIENCE);
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            let answer = self.http.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK) {
                return Ok(true);
            }
            if !deadline.pause(LOOK_EVERY).await {
                bail!(
                    "the standalone is not ready after {READY_PATIENCE:?} (see {})",
                    self.log.display()
                );
            }
        }
    }

    /// Asks it to stop, and waits.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().context("the standalone ended by itself")?;
        victims::terminate(pid)?;
        let status = tokio::time::timeout(STOP_PATIENCE, self.child.wait())
            .await
            .context("the standalone does not stop within 20 s")??;
        anyhow::ensure!(
            status.success(),
            "the standalone stopped with {status} (see {})",
            self.log.display()
        );
        Ok(())
    }
}

impl Program {
    fn spawn(&self, data: &Path, log: &Path, port: u16) -> anyhow::Result<Child> {
        let out: File = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.binary);
        // They are the bench's own; the product refuses settings that it does not know.
        command
            .env_remove("TRASTIENDA_BIN")
            .env_remove("TRASTIENDA_NATS_SERVER");
        command
            .args(["standalone", "--demo", "--data"])
            .arg(data)
            .args(["--port", &port.to_string()]);
        command.args(["--allow-outbound", &format!("127.0.0.1:{}", self.receiver_port)]);
        if let Some(nats_server) = &self.nats_server {
            command.arg("--nats-server").arg(nats_server);
        }
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true);
        command
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }
}

/// A port that is free now; the standalone keeps it over all restarts.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
