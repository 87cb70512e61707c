//! The product under load: a release standalone with all its services, as a child process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lab::clock::Deadline;
use lab::demo::Demo;
use private_servers::{Postgres, PostgresOptions, find};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::process::{Child, Command};

use crate::profile::statements;

/// `initdb` and the demo included, on a busy machine.
const READY_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const SETTLE_PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How far everybody is, in one look.
const SETTLED: &str = "select
  (select coalesce(max(position), 0) from events) as head,
  least((select position from projection_serving),
        (select position from projection_checkpoint where name = 'relay'),
        (select min(position) from dispatcher_checkpoint)) as behind";

/// The product's database on the server.
const DATABASE: &str = "trastienda";
/// The baseline alone opens 256.
const MAX_CONNECTIONS: u32 = 500;

/// A running standalone.
pub struct Product {
    child: Child,
    log: PathBuf,
    /// Started here and not by the standalone, whose own server takes too few connections for the baseline.
    postgres: Postgres,
    pub data: PathBuf,
    pub demo: Demo,
    pub address: SocketAddr,
    /// As the owner of everything, on the product's own server.
    pub pool: PgPool,
}

/// How to start one.
pub struct Program {
    pub binary: PathBuf,
    pub nats_server: Option<PathBuf>,
    /// Where webhooks may go although it is no public address.
    pub receiver: SocketAddr,
    /// Whether the server counts what each statement costs.
    pub with_statements: bool,
}

impl Product {
    /// Starts on a new data folder inside `folder`, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready within two minutes.
    pub async fn start(program: &Program, folder: &Path) -> anyhow::Result<Self> {
        let (data, log) = (folder.join("data"), folder.join("standalone.log"));
        let mut options = PostgresOptions::new(folder.join("postgres"), find::postgres(None)?);
        options.max_connections = MAX_CONNECTIONS;
        if program.with_statements {
            let (name, value) = statements::SETTING;
            options.settings.push((name.to_owned(), value.to_owned()));
        }
        let postgres = Postgres::start(options).await?;
        postgres.create_database(DATABASE).await?;
        let url = postgres.url(DATABASE);
        let mut child = program.spawn(&data, &log, &url)?;
        let demo = wait_until_ready(&mut child, &data)
            .await
            .with_context(|| format!("the standalone did not start (see {})", log.display()))?;
        let host = demo.base_url.trim_start_matches("http://");
        Ok(Self {
            child,
            log,
            address: host.parse().context("the standalone's address")?,
            pool: PgPoolOptions::new().max_connections(4).connect(&url).await?,
            postgres,
            data,
            demo,
        })
    }

    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the standalone has ended")
    }

    /// Makes another database on the same server, empty or as a copy; its URL for the owner.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&self, name: &str, template: Option<&str>) -> anyhow::Result<String> {
        let template = template.unwrap_or("template1");
        let sql = format!("create database {name} template {template} strategy file_copy");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&self.pool)
            .await?;
        Ok(self.postgres.url(name))
    }

    /// The URL of the product's own database, for the owner.
    pub fn database_url(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// # Errors
    /// When there is no such database.
    pub async fn drop_database(&self, name: &str) -> anyhow::Result<()> {
        let sql = format!("drop database {name} with (force)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The log's end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head(&self) -> anyhow::Result<u64> {
        let head: i64 = sqlx::query_scalar("select coalesce(max(position), 0) from events")
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(head)?)
    }

    /// Waits until read models, relay and matching are at the log's end: a baseline beside their work would be too slow,
    /// and the ratio too good.
    ///
    /// # Errors
    /// When they are not there within five minutes.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let deadline = Deadline::after(SETTLE_PATIENCE);
        loop {
            let (head, behind): (i64, Option<i64>) = sqlx::query_as(SETTLED).fetch_one(&self.pool).await?;
            if behind.is_some_and(|behind| behind >= head) {
                return Ok(());
            }
            if !deadline.pause(LOOK_EVERY * 4).await {
                bail!("the followers are at {behind:?} of {head} after {SETTLE_PATIENCE:?}");
            }
        }
    }

    /// Resident memory in MiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn rss_mib(&self) -> anyhow::Result<f64> {
        rss_mib(self.pid()?)
    }

    /// Asks it to stop, and waits.
    ///
    /// # Errors
    /// When it does not stop in time, or badly.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.pool.close().await;
        let pid = Pid::from_raw(i32::try_from(self.pid()?)?).context("no such process")?;
        kill_process(pid, Signal::TERM)?;
        let status = tokio::time::timeout(STOP_PATIENCE, self.child.wait())
            .await
            .context("the standalone does not stop within 20 s")??;
        ensure!(
            status.success(),
            "the standalone stopped with {status} (see {})",
            self.log.display()
        );
        self.postgres.stop().await;
        Ok(())
    }
}

/// Resident memory of a process in MiB.
///
/// # Errors
/// When the process is gone.
pub fn rss_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: u32 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("no VmRSS")?
        .parse()?;
    Ok(f64::from(kib) / 1_024.0)
}

impl Program {
    fn spawn(&self, data: &Path, log: &Path, database_url: &str) -> anyhow::Result<Child> {
        let out = File::create(log)?;
        let mut command = Command::new(&self.binary);
        // They are the bench's own; the product refuses settings that it does not know.
        command
            .env_remove("TRASTIENDA_BIN")
            .env_remove("TRASTIENDA_NATS_SERVER")
            .env_remove("TRASTIENDA_TOOLS")
            .env("DATABASE_URL", database_url);
        command
            .args(["standalone", "--demo", "--port", "0", "--data"])
            .arg(data)
            .args(["--allow-outbound", &self.receiver.to_string()]);
        if let Some(nats_server) = &self.nats_server {
            command.arg("--nats-server").arg(nats_server);
        }
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }
}

async fn wait_until_ready(child: &mut Child, data: &Path) -> anyhow::Result<Demo> {
    let http = lab::client::plain_http(Duration::from_secs(2))?;
    let deadline = Deadline::after(READY_PATIENCE);
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("it ended with {status}");
        }
        if let Ok(demo) = Demo::read(&data.join("demo.json")) {
            let url = format!("{}{}", demo.base_url, lab::api::READY_PATH);
            let answer = http.get(url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(demo);
            }
        }
        if !deadline.pause(LOOK_EVERY * 4).await {
            bail!("it is not ready after {READY_PATIENCE:?}");
        }
    }
}
