//! The end of the log in memory: what this process appended a moment ago, for followers in the same process.
//!
//! Four of them read every event; without this each asks the database for what the engine had in its hands
//! (docs/adr/0018). It holds events only after their commit, without a gap, and within a bound of bytes; whoever is
//! behind what it holds, or at its end, asks the log. Losing all of it costs reads, nothing else. Not here: events that
//! other processes appended, and following itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};

use crate::chain::{ChainReader, ChainedEvent};
use crate::{LogReader, MAX_READ, ReadError, StoredCommand};

/// What an event takes in memory beside its payload and metadata.
const EVENT_BYTES: usize = 320;

/// The last events of the log, up to a bound; clones share them. A writer fills it, [`Tailed`] reads it.
#[derive(Debug, Clone)]
pub struct Tail(Arc<Mutex<Ring>>);

#[derive(Debug)]
struct Ring {
    /// Every event of the log after this position is here, up to the last one that is.
    after: Position,
    events: VecDeque<Arc<RecordedEvent>>,
    bytes: usize,
    bytes_max: usize,
}

impl Default for Tail {
    /// 16 MiB: some 20,000 small events, seconds of full load.
    fn default() -> Self {
        Self::new(16 << 20)
    }
}

impl Tail {
    /// Holds at most so many bytes, those of the newest append apart.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Ring {
            after: Position::START,
            events: VecDeque::new(),
            bytes: 0,
            bytes_max,
        })))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // A panic elsewhere can leave it short of events at worst, which `push` notices.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up events that are durable and follow upon `after`. When what is here does not end there, it is given up:
    /// there must be no gap.
    pub(crate) fn push(&self, after: Position, events: impl IntoIterator<Item = RecordedEvent>) {
        let events: Vec<Arc<RecordedEvent>> = events.into_iter().map(Arc::new).collect();
        let mut ring = self.ring();
        if ring.end() != after {
            ring.clear(after);
        }
        ring.bytes += events.iter().map(|event| size(event)).sum::<usize>();
        ring.events.extend(events);
        while ring.bytes > ring.bytes_max {
            let Some(oldest) = ring.events.pop_front() else {
                break;
            };
            ring.bytes -= size(&oldest);
            ring.after = oldest.position;
        }
    }

    /// Forgets everything: the log may not be what this process believes.
    pub(crate) fn clear(&self) {
        self.ring().clear(Position::START);
    }

    /// Events after a position; `None` when the log must be asked.
    fn after(&self, after: Position, max: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let ring = self.ring();
        if after < ring.after || after >= ring.end() {
            return None;
        }
        let start = ring.events.partition_point(|event| event.position <= after);
        Some(
            ring.events
                .range(start..)
                .take(max.min(MAX_READ))
                .cloned()
                .collect(),
        )
    }

    /// As [`LogReader::read_types`]; `None` when the log must be asked.
    fn of_types(
        &self,
        after: Position,
        until: Position,
        types: &[&str],
        max: usize,
    ) -> Option<Vec<RecordedEvent>> {
        let ring = self.ring();
        if after < ring.after || until > ring.end() {
            return None;
        }
        let start = ring.events.partition_point(|event| event.position <= after);
        let wanted = ring
            .events
            .range(start..)
            .take_while(|event| event.position <= until)
            .filter(|event| types.contains(&&*event.event_type));
        Some(
            wanted
                .take(max.min(MAX_READ))
                .map(|event| RecordedEvent::clone(event))
                .collect(),
        )
    }
}

impl Ring {
    fn end(&self) -> Position {
        self.events.back().map_or(self.after, |event| event.position)
    }

    fn clear(&mut self, after: Position) {
        self.events.clear();
        self.bytes = 0;
        self.after = after;
    }
}

fn size(event: &RecordedEvent) -> usize {
    EVENT_BYTES + event.data.get().len() + event.meta.get().len()
}

/// A reader that looks into the tail first.
#[derive(Debug, Clone)]
pub struct Tailed<R> {
    log: R,
    tail: Tail,
}

impl<R> Tailed<R> {
    /// `tail` is filled by the writer of the log that `log` reads.
    pub fn new(log: R, tail: Tail) -> Self {
        Self { log, tail }
    }
}

impl<R: LogReader> LogReader for Tailed<R> {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        match self.tail.after(after, max) {
            Some(events) => Ok(events.iter().map(|event| RecordedEvent::clone(event)).collect()),
            None => self.log.read_all(after, max).await,
        }
    }

    async fn read_shared(&self, after: Position, max: usize) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        match self.tail.after(after, max) {
            Some(events) => Ok(events),
            None => self.log.read_shared(after, max).await,
        }
    }

    async fn read_types(
        &self,
        after: Position,
        until: Position,
        types: &[&str],
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        match self.tail.of_types(after, until, types, max) {
            Some(events) => Ok(events),
            None => self.log.read_types(after, until, types, max).await,
        }
    }

    async fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read_stream(tenant, stream, after, max).await
    }

    async fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
        max_each: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        self.log.read_streams(streams, max_each).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.log.head().await
    }

    async fn commands(&self, ids: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        self.log.commands(ids).await
    }
}

impl<R: ChainReader> ChainReader for Tailed<R> {
    async fn read_chained(&self, after: Position, max: usize) -> Result<Vec<ChainedEvent>, ReadError> {
        self.log.read_chained(after, max).await
    }
}
