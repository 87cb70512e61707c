//! The log in memory: for unit tests and simulation. It keeps every promise of the Postgres backend but durability.
//!
//! Not here: anything that survives the process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::ids::TenantId;
use schemas::{Position, RecordedEvent, StreamName, Version};

use crate::chain::{ChainReader, ChainedEvent};
use crate::staging::{self, Staged, StreamKey, Tip};
use crate::{
    Append, AppendError, Appended, Heartbeat, LogReader, LogWriter, MAX_READ, ReadError, StoredCommand,
};

/// A log in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    inner: Arc<Mutex<Inner>>,
}

/// How the next append goes wrong, for simulations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost after the commit: [`AppendError::Unknown`], and the batch is there.
    LostAfterCommit,
    /// The connection is lost before the commit: [`AppendError::Unknown`], and the batch is not there.
    LostBeforeCommit,
}

/// The owner's handle. Dropping it gives the lease back.
#[derive(Debug)]
pub struct MemoryWriter {
    log: MemoryLog,
    lease: Arc<AtomicU64>,
}

/// Counts in the log.
#[derive(Debug)]
pub struct MemoryHeartbeat {
    log: MemoryLog,
    lease: Arc<AtomicU64>,
}

/// No lease has this number.
const NO_LEASE: u64 = 0;

#[derive(Debug)]
struct Inner {
    events: Vec<ChainedEvent>,
    /// Per stream the indices of its events; its length is the stream's version.
    streams: HashMap<StreamKey, Vec<usize>>,
    commands: HashMap<(TenantId, String), StoredCommand>,
    tip: Tip,
    /// Who owns the log; leases are numbered from 1.
    owner: Option<u64>,
    last_lease: u64,
    beats: u64,
    fault: Option<Fault>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            streams: HashMap::new(),
            commands: HashMap::new(),
            tip: Tip::EMPTY,
            owner: None,
            last_lease: NO_LEASE,
            beats: 0,
            fault: None,
        }
    }
}

impl MemoryLog {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the lease.
    ///
    /// # Errors
    /// [`AppendError::Fenced`] while another writer holds it.
    pub fn writer(&self) -> Result<MemoryWriter, AppendError> {
        let lease = self.lock().take_lease()?;
        Ok(MemoryWriter {
            log: self.clone(),
            lease: Arc::new(AtomicU64::new(lease)),
        })
    }

    /// A writer that does not hold the lease yet: [`LogWriter::recover`] takes it once it is free.
    pub fn standby(&self) -> MemoryWriter {
        MemoryWriter {
            log: self.clone(),
            lease: Arc::new(AtomicU64::new(NO_LEASE)),
        }
    }

    /// How often an owner has said that it lives.
    pub fn beats(&self) -> u64 {
        self.lock().beats
    }

    /// Ends the owner's session from outside, as an administrator or a network can.
    pub fn end_owner(&self) {
        self.lock().owner = None;
    }

    /// Makes the next append fail.
    pub fn fail_next(&self, fault: Fault) {
        self.lock().fault = Some(fault);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere cannot leave the log half written: `land` only moves values that exist already.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take_lease(&mut self) -> Result<u64, AppendError> {
        if self.owner.is_some() {
            return Err(AppendError::Fenced);
        }
        self.last_lease += 1;
        self.owner = Some(self.last_lease);
        Ok(self.last_lease)
    }

    fn append(&mut self, batch: &[Append]) -> Result<Vec<Appended>, AppendError> {
        staging::check_versions(batch, |key| {
            Version(
                self.streams
                    .get(key)
                    .map_or(0, |events| i64::try_from(events.len()).unwrap_or(i64::MAX)),
            )
        })?;
        self.refuse_what_postgres_would(batch)?;
        let staged = staging::stage(batch, self.tip);
        let appended = staged.appended();
        match self.fault.take() {
            Some(Fault::LostBeforeCommit) => {
                self.owner = None;
                Err(AppendError::Unknown("simulated: lost before the commit".into()))
            }
            Some(Fault::LostAfterCommit) => {
                self.land(staged);
                self.owner = None;
                Err(AppendError::Unknown("simulated: lost after the commit".into()))
            }
            None => {
                self.land(staged);
                Ok(appended)
            }
        }
    }

    fn refuse_what_postgres_would(&self, batch: &[Append]) -> Result<(), AppendError> {
        let mut seen = HashMap::with_capacity(batch.len());
        for append in batch {
            let nul = append.record.id.contains('\0')
                || append
                    .writes
                    .iter()
                    .any(|write| write.stream.as_str().contains('\0'));
            if nul {
                return Err(AppendError::Rejected("a text holds NUL".into()));
            }
            let key = (append.tenant.clone(), append.record.id.clone());
            if self.commands.contains_key(&key) || seen.insert(key, ()).is_some() {
                return Err(AppendError::DuplicateCommand);
            }
        }
        Ok(())
    }

    fn land(&mut self, staged: Staged<'_>) {
        for row in &staged.events {
            let key = (row.append.tenant.clone(), row.stream.clone());
            self.streams.entry(key).or_default().push(self.events.len());
            self.events.push(ChainedEvent {
                event: row.recorded(),
                chain: row.link.chain,
            });
        }
        for row in &staged.commands {
            let record = &row.append.record;
            let stored = StoredCommand {
                fingerprint: record.fingerprint,
                outcome: record.outcome.clone(),
                position: row.position,
                recorded_at: row.recorded_at,
            };
            self.commands
                .insert((row.append.tenant.clone(), record.id.clone()), stored);
        }
        self.tip = staged.tip;
    }

    /// The events after a position; positions are dense from 1, so an index is a position.
    fn after(&self, after: Position, max: usize) -> &[ChainedEvent] {
        let start = usize::try_from(after.0.max(0))
            .unwrap_or(usize::MAX)
            .min(self.events.len());
        let end = start.saturating_add(max.min(MAX_READ)).min(self.events.len());
        &self.events[start..end]
    }

    fn stream(&self, key: &StreamKey, after: Version, max: usize) -> Vec<RecordedEvent> {
        let skip = usize::try_from(after.0.max(0)).unwrap_or(usize::MAX);
        let indices = self.streams.get(key).map(Vec::as_slice).unwrap_or_default();
        indices
            .iter()
            .skip(skip)
            .take(max)
            .map(|index| self.events[*index].event.clone())
            .collect()
    }
}

impl LogReader for MemoryLog {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        Ok(self
            .lock()
            .after(after, max)
            .iter()
            .map(|row| row.event.clone())
            .collect())
    }

    async fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        Ok(self
            .lock()
            .stream(&(tenant.clone(), stream.clone()), after, max.min(MAX_READ)))
    }

    async fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
        max_each: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        let inner = self.lock();
        Ok(streams
            .iter()
            .map(|(tenant, stream, after)| {
                inner.stream(&(tenant.clone(), stream.clone()), *after, max_each.min(MAX_READ))
            })
            .collect())
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(self.lock().tip.link.position)
    }

    async fn commands(&self, ids: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        let inner = self.lock();
        Ok(ids.iter().map(|id| inner.commands.get(id).cloned()).collect())
    }
}

impl ChainReader for MemoryLog {
    async fn read_chained(&self, after: Position, max: usize) -> Result<Vec<ChainedEvent>, ReadError> {
        Ok(self.lock().after(after, max).to_vec())
    }
}

impl Inner {
    fn is_owned_by(&self, lease: &AtomicU64) -> bool {
        self.owner == Some(lease.load(Ordering::SeqCst))
    }
}

impl Heartbeat for MemoryHeartbeat {
    async fn beat(&mut self) -> Result<bool, ReadError> {
        let mut inner = self.log.lock();
        let is_owner = inner.is_owned_by(&self.lease);
        inner.beats += u64::from(is_owner);
        Ok(is_owner)
    }
}

impl LogWriter for MemoryWriter {
    type Heartbeat = MemoryHeartbeat;

    fn heartbeat(&self) -> MemoryHeartbeat {
        MemoryHeartbeat {
            log: self.log.clone(),
            lease: Arc::clone(&self.lease),
        }
    }

    async fn append(&mut self, batch: &[Append]) -> Result<Vec<Appended>, AppendError> {
        let mut inner = self.log.lock();
        if !inner.is_owned_by(&self.lease) {
            return Err(AppendError::Fenced);
        }
        inner.append(batch)
    }

    async fn check(&mut self) -> Result<(), AppendError> {
        if self.log.lock().is_owned_by(&self.lease) {
            Ok(())
        } else {
            Err(AppendError::Fenced)
        }
    }

    async fn recover(&mut self) -> Result<Position, AppendError> {
        let mut inner = self.log.lock();
        if !inner.is_owned_by(&self.lease) {
            self.lease.store(inner.take_lease()?, Ordering::SeqCst);
        }
        Ok(inner.tip.link.position)
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        let mut inner = self.log.lock();
        if inner.is_owned_by(&self.lease) {
            inner.owner = None;
        }
    }
}
