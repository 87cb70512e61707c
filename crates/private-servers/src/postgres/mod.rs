//! A private Postgres: a cluster in a folder, reached by a Unix socket in a folder that only its owner may enter.
//!
//! Durability is Postgres' default (fsync, full_page_writes, synchronous_commit on). Deliberately absent: roles,
//! schemas and migrations, which are the services' own.

mod cluster;
mod wire;

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::supervisor::{Health, Supervisor};
use crate::{Error, Result};
use cluster::Cluster;

/// The user that owns the cluster and everything that migrations create.
pub const OWNER: &str = "trastienda_owner";

/// What the socket's name ends with. No TCP port is opened, so there is no reason for another one.
const PORT: u16 = 5432;

/// How to run a private Postgres.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Holds cluster, socket, log and lock; made when absent.
    pub data_dir: PathBuf,
    /// Where `postgres` and `initdb` are; see [`crate::find::postgres`].
    pub bin_dir: PathBuf,
    /// Connections at the same time.
    pub max_connections: u32,
    /// Further settings, by name and value.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// The options that the standalone starts with.
    pub fn new(data_dir: impl Into<PathBuf>, bin_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            bin_dir: bin_dir.into(),
            max_connections: 200,
            settings: Vec::new(),
        }
    }
}

/// A running private Postgres. Dropping it stops the server in the background; [`Postgres::stop`] waits for that.
#[derive(Debug)]
pub struct Postgres {
    supervisor: Supervisor,
    socket_dir: PathBuf,
}

impl Postgres {
    /// Makes the cluster if there is none, starts the server and waits until it takes connections.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process holds the folder, [`Error::NotStarted`] with the end of the log.
    pub async fn start(options: PostgresOptions) -> Result<Self> {
        let (supervisor, ready) = Supervisor::start(Cluster::new(options))?;
        let socket_dir = ready.await.unwrap_or_else(|_| Err(thread_ended()))?;
        Ok(Self {
            supervisor,
            socket_dir,
        })
    }

    /// [`Postgres::start`] for a caller outside of any runtime.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_blocking(options: PostgresOptions) -> Result<Self> {
        let (supervisor, ready) = Supervisor::start(Cluster::new(options))?;
        let socket_dir = ready.blocking_recv().unwrap_or_else(|_| Err(thread_ended()))?;
        Ok(Self {
            supervisor,
            socket_dir,
        })
    }

    /// The URL of a database for its owner, for sqlx and libpq alike. It stays the same when the server restarts.
    pub fn url(&self, database: &str) -> String {
        self.url_as(database, OWNER)
    }

    /// The URL of a database for another role; on the private socket every role is trusted.
    pub fn url_as(&self, database: &str, user: &str) -> String {
        let host = escape(&self.socket_dir.to_string_lossy());
        format!("postgres:///{database}?host={host}&user={user}&port={PORT}")
    }

    /// Creates a database unless it is there already.
    ///
    /// # Errors
    /// [`Error::Refused`] with Postgres' own words.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let is_plain = !name.is_empty()
            && name.len() <= 63
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_plain {
            let message = format!("{name:?} is not a plain database name");
            return Err(Error::Refused {
                code: "42602".into(),
                message,
            });
        }
        let statement = format!("create database \"{name}\"");
        match wire::run(&socket_in(&self.socket_dir), OWNER, "postgres", Some(&statement)).await {
            // 42P04: it exists.
            Err(Error::Refused { code, .. }) if code == "42P04" => Ok(()),
            other => other,
        }
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

    /// Stops the server: open transactions are rolled back, everything is flushed. At most about 9 s.
    pub async fn stop(&self) {
        self.supervisor.stop().await;
    }

    /// Removes a cluster that nobody uses, wherever it had to be put; ends what an earlier run left of it.
    ///
    /// # Errors
    /// [`Error::InUse`] when a process holds it.
    pub async fn remove(data_dir: &Path) -> Result<()> {
        cluster::remove(data_dir).await
    }
}

fn thread_ended() -> Error {
    Error::Io {
        what: "the supervisor's thread ended".into(),
        source: std::io::Error::other("no word from it"),
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// Percent-encodes what has a meaning in a query.
fn escape(path: &str) -> String {
    path.bytes()
        .fold(String::with_capacity(path.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_and_accents_is_escaped_in_the_url() {
        assert_eq!(escape("/mnt/caja ñ/x-1_2.d"), "/mnt/caja%20%C3%B1/x-1_2.d");
    }
}
