//! The baseline that every ratio refers to: `pgbench`, one single-row insert per transaction, on the product's own server
//! and over its Unix socket.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// What `pgbench` runs; every durability setting is at its default.
const SCRIPT: &str = include_str!("baseline.sql");
const TABLE: &str = "create table baseline_events (
  global_position bigint generated always as identity primary key, stream_id text not null, version int not null,
  type text not null, data jsonb not null, metadata jsonb not null, event_id uuid not null,
  recorded_at timestamptz not null default now(), unique (stream_id, version))";
/// Threads of `pgbench`.
const THREADS: &str = "2";

/// One run's figures.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Transactions, hence rows, per second.
    pub tps: f64,
    /// On average.
    pub latency_ms: f64,
}

/// How long one run is.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    Seconds(u32),
    /// Of each client: for machines on which 256 connections take longer than a second.
    Transactions(u32),
}

impl Length {
    /// Connecting is inside `pgbench`'s duration, though not inside its rate.
    fn arguments(self, clients: u32) -> [String; 2] {
        match self {
            Length::Seconds(seconds) => ["-T".to_owned(), (seconds + clients / 256).to_string()],
            Length::Transactions(count) => ["-t".to_owned(), count.to_string()],
        }
    }
}

/// A baseline ready to run, in a database of its own.
pub struct Baseline {
    program: PathBuf,
    script: PathBuf,
    url: String,
    length: Length,
    runs: Mutex<Vec<(u32, Rate)>>,
}

impl Baseline {
    /// Creates the table. `url` is of an empty database, for its owner.
    ///
    /// # Errors
    /// When there is no `pgbench`, or the database refuses.
    pub async fn new(url: String, folder: &Path, length: Length) -> anyhow::Result<Self> {
        let script = folder.join("baseline.sql");
        std::fs::write(&script, SCRIPT)?;
        execute(&url, TABLE).await?;
        Ok(Self {
            program: pgbench()?,
            script,
            url,
            length,
            runs: Mutex::default(),
        })
    }

    /// Empties the table, so that every block begins alike.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear(&self) -> anyhow::Result<()> {
        execute(&self.url, "truncate baseline_events restart identity").await
    }

    /// Runs it once with this many clients.
    ///
    /// # Errors
    /// When `pgbench` fails or prints something else.
    pub async fn run(&self, clients: u32) -> anyhow::Result<Rate> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(["-n", "-M", "prepared", "-j", THREADS, "-f"])
            .arg(&self.script);
        command
            .args(["-c", &clients.to_string()])
            .args(self.length.arguments(clients));
        let output = command.arg(&self.url).kill_on_drop(true).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "pgbench: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let rate = read(&text).with_context(|| format!("pgbench printed {text}"))?;
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push((clients, rate));
        Ok(rate)
    }

    /// Every run with this many clients so far.
    pub fn runs(&self, clients: u32) -> Vec<Rate> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = runs.iter().filter(|(count, _)| *count == clients);
        matching.map(|(_, rate)| *rate).collect()
    }
}

/// Of the same version as the server, where possible.
fn pgbench() -> anyhow::Result<PathBuf> {
    let beside = private_servers::find::postgres(None)?.join("pgbench");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(beside)
        .chain(std::env::split_paths(&path).map(|folder| folder.join("pgbench")))
        .find(|program| program.is_file())
        .context("pgbench is neither beside postgres nor in PATH (Debian: postgresql-15)")
}

fn read(text: &str) -> Option<Rate> {
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Rate {
        tps: figure("tps = ")?,
        latency_ms: figure("latency average = ")?,
    })
}

/// Runs statements on a connection of its own.
///
/// # Errors
/// When the database refuses.
pub async fn execute(url: &str, sql: impl Into<String>) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(AssertSqlSafe(sql.into())).await?;
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pgbenchs_own_words_are_read() {
        let text = "transaction type: baseline.sql\nlatency average = 3.942 ms\ninitial connection time = 40 ms\n\
                    tps = 16234.519 (without initial connection time)\n";
        let rate = read(text).unwrap();
        assert!((16_234.0..16_235.0).contains(&rate.tps));
        assert!((3.9..4.0).contains(&rate.latency_ms));
        assert!(read("pgbench: error").is_none());
    }
}
