//! The hash chain over the stored bytes: whoever keeps one link can show later that nothing before it was changed.
//!
//! The event hash leaves the position out, so that a tenant's events can move to another log with their hashes intact;
//! the chain binds each hash to its position and to everything before it. Not here: who keeps links elsewhere. Without a
//! link from outside, rows cut off at the end of the log cannot be noticed.

use schemas::{Position, RecordedEvent};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{LogReader, MAX_READ, ReadError};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// A place in the chain: a position, and the chain's value after the event there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub position: Position,
    pub chain: Hash,
}

impl Link {
    /// Before the first event.
    pub const GENESIS: Link = Link {
        position: Position::START,
        chain: [0; 32],
    };
}

/// An event with the chain's value that is stored beside it.
#[derive(Debug, Clone)]
pub struct ChainedEvent {
    pub event: RecordedEvent,
    pub chain: Hash,
}

/// A log that shows its chain.
pub trait ChainReader: LogReader {
    /// As [`LogReader::read_all`], with the stored chain values.
    fn read_chained(
        &self,
        after: Position,
        max: usize,
    ) -> impl Future<Output = Result<Vec<ChainedEvent>, ReadError>> + Send;
}

/// Why a log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// What is stored at this position, or was before it, is not what was appended.
    #[error("the chain does not hold at position {0}")]
    Broken(Position),
    #[error("the log cannot be read for verification")]
    Read(#[from] ReadError),
}

/// Recomputes the chain over events that follow `from` without a gap, and answers the last link.
///
/// # Errors
/// [`VerifyError::Broken`] at the first event whose stored chain value is not the computed one.
pub fn verify_chain(from: Link, events: &[ChainedEvent]) -> Result<Link, VerifyError> {
    events.iter().try_fold(from, |previous, row| {
        let chain = link(&previous.chain, row.event.position, &hash_recorded(&row.event));
        if chain == row.chain && row.event.position > previous.position {
            Ok(Link {
                position: row.event.position,
                chain,
            })
        } else {
            Err(VerifyError::Broken(row.event.position))
        }
    })
}

/// Verifies the whole log after a link, batch by batch.
///
/// # Errors
/// As [`verify_chain`], and when reading fails.
pub async fn verify_log(reader: &impl ChainReader, from: Link) -> Result<Link, VerifyError> {
    let mut link = from;
    loop {
        let events = reader.read_chained(link.position, MAX_READ).await?;
        if events.is_empty() {
            return Ok(link);
        }
        link = verify_chain(link, &events)?;
    }
}

/// The columns that an event's hash covers.
pub(crate) struct HashedColumns<'a> {
    pub tenant: &'a str,
    pub stream: &'a str,
    pub version: i64,
    pub id: &'a [u8; 16],
    pub event_type: &'a str,
    pub schema_version: i16,
    pub data: &'a str,
    pub meta: &'a str,
    pub recorded_at: OffsetDateTime,
}

/// SHA-256 over the columns in this order, each as its length (four bytes, big endian) and its bytes; numbers are big
/// endian, the time is microseconds since 1970.
pub(crate) fn event_hash(columns: &HashedColumns<'_>) -> Hash {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        // Postgres holds no value of 4 GiB; saturating keeps this total without a branch that cannot be tested.
        hasher.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    field(columns.tenant.as_bytes());
    field(columns.stream.as_bytes());
    field(&columns.version.to_be_bytes());
    field(columns.id);
    field(columns.event_type.as_bytes());
    field(&columns.schema_version.to_be_bytes());
    field(columns.data.as_bytes());
    field(columns.meta.as_bytes());
    field(&micros(columns.recorded_at).to_be_bytes());
    hasher.finalize().into()
}

/// SHA-256 over the previous chain value, the position (big endian) and the event's hash.
pub(crate) fn link(previous: &Hash, position: Position, event: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(position.0.to_be_bytes());
    hasher.update(event);
    hasher.finalize().into()
}

fn hash_recorded(event: &RecordedEvent) -> Hash {
    event_hash(&HashedColumns {
        tenant: event.tenant.as_str(),
        stream: event.stream.as_str(),
        version: event.version.0,
        id: event.id.as_bytes(),
        event_type: &event.event_type,
        schema_version: event.schema_version,
        data: event.data.get(),
        meta: event.meta.get(),
        recorded_at: event.recorded_at,
    })
}

/// Microseconds since 1970; what Postgres keeps of a time.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    // The years that `time` knows (±9999) fit.
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_hash_is_what_the_documentation_says() {
        let id = [7_u8; 16];
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_789).unwrap();
        let columns = HashedColumns {
            tenant: "t",
            stream: "sale/1",
            version: 3,
            id: &id,
            event_type: "sale.completed",
            schema_version: 1,
            data: "{}",
            meta: "[]",
            recorded_at: at,
        };
        let mut bytes: Vec<u8> = Vec::new();
        bytes.extend(b"\0\0\0\x01t\0\0\0\x06sale/1\0\0\0\x08\0\0\0\0\0\0\0\x03\0\0\0\x10");
        bytes.extend(id);
        bytes.extend(b"\0\0\0\x0esale.completed\0\0\0\x02\0\x01\0\0\0\x02{}\0\0\0\x02[]\0\0\0\x08");
        bytes.extend(1_700_000_000_123_456_i64.to_be_bytes());
        let expected: Hash = Sha256::digest(&bytes).into();
        assert_eq!(event_hash(&columns), expected);
    }
}
