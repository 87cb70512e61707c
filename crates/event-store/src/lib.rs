//! The log: the only truth about the business.
//!
//! A writer (one owner per log) appends batches; readers follow by position. Backends: Postgres (the default) and
//! memory (unit tests). Deliberately absent: what events mean, and subscriptions (readers poll or are woken).

pub mod batch;
pub mod chain;
pub mod error;
pub mod memory;
pub mod postgres;
mod staging;

pub use batch::{Append, Appended, CommandRecord, NewEvent, StoredCommand, StreamWrite};
pub use chain::{ChainReader, ChainedEvent, Link, VerifyError, verify_chain, verify_log};
pub use error::{AppendError, ReadError};
pub use memory::{MemoryLog, MemoryWriter};
pub use postgres::{MIGRATIONS, PostgresReader, PostgresWriter, WriterOptions, purge_commands};

use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};

/// Most events that one read returns.
pub const MAX_READ: usize = 10_000;

/// Follows the log. Cheap to clone; any number of processes may read.
pub trait LogReader: Clone + Send + Sync + 'static {
    /// Events after `after`, in order, at most `max` (capped at [`MAX_READ`]). Nothing ever appears behind a position
    /// that was returned once.
    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send;

    /// One stream's events after a version.
    fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send;

    /// Whole streams, each from after its version (a snapshot's), in one round trip: the loaders' bulk read.
    /// Events come grouped in the order asked for.
    fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
    ) -> impl Future<Output = Result<Vec<Vec<RecordedEvent>>, ReadError>> + Send;

    /// The last position, or [`Position::START`] when the log is empty.
    fn head(&self) -> impl Future<Output = Result<Position, ReadError>> + Send;

    /// What is stored for these command ids, in the order asked for.
    fn commands(
        &self,
        ids: &[(TenantId, String)],
    ) -> impl Future<Output = Result<Vec<Option<StoredCommand>>, ReadError>> + Send;
}

/// Appends to the log. One owner at a time; `&mut` since its one connection serves one batch at a time.
pub trait LogWriter: Send + 'static {
    /// Appends all or nothing: events and command records of the whole batch land in one transaction and one flush.
    ///
    /// # Errors
    /// See [`AppendError`]; only [`AppendError::Unknown`] may have landed.
    fn append(&mut self, batch: &[Append])
    -> impl Future<Output = Result<Vec<Appended>, AppendError>> + Send;

    /// Makes sure that the lease is still held, without appending.
    ///
    /// # Errors
    /// [`AppendError::Fenced`] when it is not, or the connection does not answer: recover.
    fn check(&mut self) -> impl Future<Output = Result<(), AppendError>> + Send;

    /// After [`AppendError::Fenced`] or [`AppendError::Unknown`]: takes the lease again (which proves that the old
    /// transaction has ended one way or the other), then reads the head. Waits at most the backend's configured time.
    fn recover(&mut self) -> impl Future<Output = Result<Position, AppendError>> + Send;
}
