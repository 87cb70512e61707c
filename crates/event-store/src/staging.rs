//! Turns a batch into rows: positions, versions, times and chain, the same for every backend.
//!
//! Not here: anything that waits. Whether a batch may land at all is `check_versions` plus what the backend enforces.

use std::collections::HashMap;
use std::sync::Arc;

use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};
use time::OffsetDateTime;

use crate::chain::{self, HashedColumns, Link};
use crate::{Append, AppendError, Appended, NewEvent};

/// A stream within the log.
pub(crate) type StreamKey = (TenantId, StreamName);

/// The versions that a batch leaves its streams at.
pub(crate) type NewHeads = HashMap<StreamKey, Version>;

/// The end of the log, as its owner keeps it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tip {
    pub link: Link,
    pub recorded_at: OffsetDateTime,
}

impl Tip {
    pub const EMPTY: Tip = Tip {
        link: Link::GENESIS,
        recorded_at: OffsetDateTime::UNIX_EPOCH,
    };
}

/// An event on its way into the log.
pub(crate) struct EventRow<'a> {
    pub append: &'a Append,
    pub stream: &'a StreamName,
    pub event: &'a NewEvent,
    pub version: Version,
    pub link: Link,
    pub recorded_at: OffsetDateTime,
}

impl EventRow<'_> {
    /// The event as it is read once it has landed.
    pub fn recorded(&self) -> RecordedEvent {
        RecordedEvent {
            position: self.link.position,
            tenant: self.append.tenant.clone(),
            stream: self.stream.clone(),
            version: self.version,
            id: self.event.id,
            event_type: Arc::from(self.event.event_type),
            schema_version: self.event.schema_version,
            data: self.event.data.clone(),
            meta: self.append.meta.clone(),
            recorded_at: self.recorded_at,
        }
    }
}

/// A command record on its way into the log.
pub(crate) struct CommandRow<'a> {
    pub append: &'a Append,
    pub position: Position,
    pub recorded_at: OffsetDateTime,
}

/// A batch as rows, and the tip that the log has once they have landed.
pub(crate) struct Staged<'a> {
    pub events: Vec<EventRow<'a>>,
    pub commands: Vec<CommandRow<'a>>,
    pub tip: Tip,
}

impl Staged<'_> {
    pub fn appended(&self) -> Vec<Appended> {
        self.commands
            .iter()
            .map(|command| Appended {
                position: command.position,
            })
            .collect()
    }
}

/// Checks each write against the version that its stream has by then, earlier writes of the batch included.
/// `current` answers what is known from before the batch.
pub(crate) fn check_versions(
    batch: &[Append],
    mut current: impl FnMut(&StreamKey) -> Version,
) -> Result<NewHeads, AppendError> {
    let mut heads = NewHeads::with_capacity(batch.len());
    for append in batch {
        for write in &append.writes {
            let key = (append.tenant.clone(), write.stream.clone());
            let version = match heads.get(&key) {
                Some(version) => *version,
                None => current(&key),
            };
            if version != write.expected {
                return Err(AppendError::WrongVersion {
                    tenant: key.0,
                    stream: key.1,
                });
            }
            heads.insert(key, Version(version.0 + count(write.events.len())));
        }
    }
    Ok(heads)
}

/// Gives out positions, versions and times, and computes the chain.
pub(crate) fn stage(batch: &[Append], mut tip: Tip) -> Staged<'_> {
    let mut events = Vec::with_capacity(batch.len());
    let mut commands = Vec::with_capacity(batch.len());
    for append in batch {
        let recorded_at = whole_micros(append.recorded_at).max(tip.recorded_at);
        for write in &append.writes {
            for (index, event) in write.events.iter().enumerate() {
                let version = Version(write.expected.0 + 1 + count(index));
                let position = Position(tip.link.position.0 + 1);
                let hash = chain::event_hash(&HashedColumns {
                    tenant: append.tenant.as_str(),
                    stream: write.stream.as_str(),
                    version: version.0,
                    id: event.id.as_bytes(),
                    event_type: event.event_type,
                    schema_version: event.schema_version,
                    data: event.data.get(),
                    meta: append.meta.get(),
                    recorded_at,
                });
                let link = Link {
                    position,
                    chain: chain::link(&tip.link.chain, position, &hash),
                };
                tip = Tip { link, recorded_at };
                events.push(EventRow {
                    append,
                    stream: &write.stream,
                    event,
                    version,
                    link,
                    recorded_at,
                });
            }
        }
        commands.push(CommandRow {
            append,
            position: tip.link.position,
            recorded_at,
        });
    }
    Staged {
        events,
        commands,
        tip,
    }
}

/// What Postgres keeps of a time. The hash is over the stored time, so it is cut before it is hashed.
fn whole_micros(at: OffsetDateTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(chain::micros(at)) * 1_000).unwrap_or(at)
}

fn count(length: usize) -> i64 {
    // No batch has 2^63 events.
    i64::try_from(length).unwrap_or(i64::MAX)
}
