//! How reading and appending fail, told apart by what the caller must do next.

use schemas::StreamName;
use schemas::ids::TenantId;

/// Reading failed; nothing was changed. Try again after a pause.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the log cannot be read")]
    Unavailable(#[source] BoxError),
    #[error("a stored row is not what the log writes: {0}")]
    Corrupt(String),
}

/// Appending failed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing landed: a stream was not at its expected version. Reload those streams and decide again.
    #[error("stream {stream} of {tenant} is not at the expected version")]
    WrongVersion { tenant: TenantId, stream: StreamName },
    /// Nothing landed: the command id is there already. Look it up and answer from it.
    #[error("a command id of the batch is stored already")]
    DuplicateCommand,
    /// Nothing landed: a row was refused. Split the batch until the culprit stands alone.
    #[error("the database refused a row of the batch")]
    Rejected(#[source] BoxError),
    /// Nothing landed: somebody else owns the log. Drop every cache and recover.
    #[error("the lease was lost")]
    Fenced,
    /// The connection failed: the batch landed or it did not. Recover, then look the command ids up.
    #[error("the outcome of the append is unknown")]
    Unknown(#[source] BoxError),
    /// Nothing landed and nothing will: unsafe settings, missing rights, a corrupt log.
    #[error("the log cannot be written: {0}")]
    Unusable(String),
}

/// A backend's own error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
