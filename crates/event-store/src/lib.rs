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
mod tail;

pub use batch::{Append, Appended, CommandRecord, NewEvent, StoredCommand, StreamWrite};
pub use chain::{ChainReader, ChainedEvent, Link, VerifyError, verify_chain, verify_log};
pub use error::{AppendError, ReadError};
pub use memory::{MemoryHeartbeat, MemoryLog, MemoryWriter};
pub use postgres::{
    MIGRATIONS, PostgresHeartbeat, PostgresReader, PostgresWriter, WriterOptions, purge_commands,
};
pub use tail::{Tail, Tailed};

use std::pin::Pin;
use std::sync::Arc;

use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};

/// Most events that one read returns.
pub const MAX_READ: usize = 10_000;

/// [`LogReader::read_stream`] as a function, for a crate that does not know this one: tenant, stream, after, at most.
pub type StreamReader = Arc<
    dyn Fn(
            TenantId,
            StreamName,
            Version,
            usize,
        ) -> Pin<Box<dyn Future<Output = Result<Vec<RecordedEvent>, String>> + Send>>
        + Send
        + Sync,
>;

/// The function of a reader.
pub fn stream_reader(reader: impl LogReader) -> StreamReader {
    Arc::new(move |tenant, stream, after, max| {
        let reader = reader.clone();
        Box::pin(async move {
            let events = reader.read_stream(&tenant, &stream, after, max).await;
            events.map_err(|error| error.to_string())
        })
    })
}

/// Follows the log. Cheap to clone; any number of processes may read.
pub trait LogReader: Clone + Send + Sync + 'static {
    /// Events after `after`, in order, at most `max` (capped at [`MAX_READ`]). Nothing ever appears behind a position
    /// that was returned once.
    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send;

    /// As [`Self::read_all`], for followers, which only look: what is in memory already is shared with them.
    fn read_shared(
        &self,
        after: Position,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Arc<RecordedEvent>>, ReadError>> + Send {
        async move {
            let events = self.read_all(after, max).await?;
            Ok(events.into_iter().map(Arc::new).collect())
        }
    }

    /// Events of these types after `after` and not after `until`, in order, at most `max` (capped at [`MAX_READ`]): for
    /// followers that look at few of them. Fewer than `max` means that there are no more up to `until`.
    fn read_types(
        &self,
        after: Position,
        until: Position,
        types: &[&str],
        max: usize,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send {
        async move {
            let (mut found, mut after, max) = (Vec::new(), after, max.min(MAX_READ));
            while after < until && found.len() < max {
                let page = self.read_all(after, MAX_READ).await?;
                let Some(last) = page.last() else { break };
                after = last.position;
                let wanted = page
                    .into_iter()
                    .filter(|event| event.position <= until && types.contains(&&*event.event_type));
                found.extend(wanted.take(max - found.len()));
            }
            Ok(found)
        }
    }

    /// One stream's events after a version.
    fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> impl Future<Output = Result<Vec<RecordedEvent>, ReadError>> + Send;

    /// Many streams, each from after its version (a snapshot's), in one round trip: the loaders' bulk read.
    /// Events come grouped in the order asked for, of each stream at most `max_each` (capped at [`MAX_READ`]): one that
    /// fills its share may go on.
    fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
        max_each: usize,
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
    type Heartbeat: Heartbeat;

    /// What tells standbys that this owner lives; it follows the writer through every loss and recovery.
    fn heartbeat(&self) -> Self::Heartbeat;

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

    /// After [`AppendError::Fenced`] or [`AppendError::Unknown`], and for a standby: takes the lease if it is free or its
    /// holder has been silent for too long, then reads the head. Either way what we appended before has ended, so that
    /// looking the commands up tells the truth. Waits, at most the backend's configured time, only for an old session to
    /// go; a standby calls again and again, a few times a second.
    ///
    /// # Errors
    /// [`AppendError::Fenced`] when somebody else holds the lease: our old session has ended, too. After any other the
    /// old transaction may still land.
    fn recover(&mut self) -> impl Future<Output = Result<Position, AppendError>> + Send;
}

/// The owner's sign of life, on a way of its own: a long append does not hold it up.
pub trait Heartbeat: Send + 'static {
    /// Says once that the owner lives; tells whether there was an owner to speak for.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`]; the next beat may succeed.
    fn beat(&mut self) -> impl Future<Output = Result<bool, ReadError>> + Send;
}
