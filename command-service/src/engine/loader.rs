//! Reads what commands need and the cache does not hold: many streams in one round trip, beside the loop.

use std::collections::{HashMap, HashSet};

use domain::State;
use event_store::{LogReader, MAX_READ, ReadError};
use schemas::ids::TenantId;
use schemas::{RecordedEvent, StreamName, Version};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::SubmitError;
use super::cache::Resident;
use super::job::Job;
use super::owner::ToLoop;
use super::snapshots::{SnapshotWriter, Snapshots};
use super::under_way::Load;

/// What somebody waits for.
pub(super) struct LoadRequest {
    pub tenant: TenantId,
    pub streams: Vec<StreamName>,
    pub waiter: Waiter,
}

pub(super) enum Waiter {
    /// With the number by which the loop knows whether what was read may enter the cache.
    Job(Box<Job>, Load),
    Peek {
        stream: StreamName,
        reply: oneshot::Sender<Result<State, SubmitError>>,
    },
}

/// Streams in one round trip; what is beyond goes into the next.
const STREAMS_PER_READ: usize = 4_096;

/// Where loads start from, and who is told where the next ones may.
#[derive(Default)]
pub(super) struct Bases {
    pub snapshots: Option<Snapshots>,
    pub writer: Option<SnapshotWriter>,
}

/// Reads states for commands that miss them, several commands in one round trip.
pub(super) struct Loader<R> {
    reader: R,
    bases: Bases,
    /// Events in memory at a time.
    events_max: usize,
    to_loop: mpsc::UnboundedSender<ToLoop>,
    inbox: mpsc::UnboundedReceiver<LoadRequest>,
}

/// A stream within a tenant.
type Key = (TenantId, StreamName);

impl<R: LogReader> Loader<R> {
    /// Holds at most `events_max` events in memory at a time.
    pub fn new(
        reader: R,
        bases: Bases,
        events_max: usize,
        to_loop: mpsc::UnboundedSender<ToLoop>,
        inbox: mpsc::UnboundedReceiver<LoadRequest>,
    ) -> Self {
        Self {
            reader,
            bases,
            events_max,
            to_loop,
            inbox,
        }
    }

    /// Loads until the stop. What cannot be read is said to the commands that asked for it, not returned.
    ///
    /// # Errors
    /// A decision loop that is gone without a stop.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                request = self.inbox.recv() => match request {
                    Some(request) => request,
                    None => return Ok(()),
                },
            };
            let mut streams = first.streams.len();
            let mut batch = vec![first];
            while streams < STREAMS_PER_READ
                && let Ok(next) = self.inbox.try_recv()
            {
                streams += next.streams.len();
                batch.push(next);
            }
            match self.serve(batch).await {
                // At a stop the loop may have ended first, and with its jobs their callers' waits.
                Err(_) if stop.is_cancelled() => return Ok(()),
                served => served?,
            }
        }
    }

    async fn serve(&self, batch: Vec<LoadRequest>) -> anyhow::Result<()> {
        let wanted: HashSet<Key> = batch
            .iter()
            .flat_map(|request| {
                request
                    .streams
                    .iter()
                    .map(|stream| (request.tenant.clone(), stream.clone()))
            })
            .collect();
        match self.read(wanted.into_iter().collect()).await {
            Ok(loaded) => batch
                .into_iter()
                .try_for_each(|request| self.hand_over(request, &loaded)),
            // One stream that cannot be read must not fail those that were asked for beside it.
            Err(ReadError::Corrupt(cause)) if batch.len() > 1 => {
                tracing::warn!(
                    cause,
                    commands = batch.len(),
                    "streams are loaded one command at a time"
                );
                for request in batch {
                    Box::pin(self.serve(vec![request])).await?;
                }
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, commands = batch.len(), "streams cannot be loaded");
                batch.into_iter().try_for_each(|request| self.give_up(request))
            }
        }
    }

    fn give_up(&self, request: LoadRequest) -> anyhow::Result<()> {
        match request.waiter {
            Waiter::Job(job, load) => self.send(ToLoop::Unloaded(*job, load)),
            Waiter::Peek { reply, .. } => {
                let _ = reply.send(Err(SubmitError::Unavailable { retry_after_s: 2 }));
                Ok(())
            }
        }
    }

    fn hand_over(&self, request: LoadRequest, loaded: &HashMap<Key, Resident>) -> anyhow::Result<()> {
        let LoadRequest {
            tenant,
            streams,
            waiter,
        } = request;
        match waiter {
            Waiter::Job(job, load) => {
                let states: Vec<(StreamName, Resident)> = streams
                    .into_iter()
                    .filter_map(|stream| {
                        let resident = loaded.get(&(tenant.clone(), stream.clone()))?.clone();
                        Some((stream, resident))
                    })
                    .collect();
                self.send(ToLoop::Loaded {
                    job: *job,
                    states,
                    load,
                })
            }
            Waiter::Peek { stream, reply } => {
                let state = loaded
                    .get(&(tenant, stream))
                    .map(|resident| resident.state.clone());
                let _ = reply.send(state.ok_or(SubmitError::Unavailable { retry_after_s: 2 }));
                Ok(())
            }
        }
    }

    fn send(&self, message: ToLoop) -> anyhow::Result<()> {
        self.to_loop
            .send(message)
            .map_err(|_| anyhow::anyhow!("the decision loop is gone"))
    }

    /// Snapshots first, then the events after them, page by page: each page is folded before the next is read.
    pub(super) async fn read(&self, wanted: Vec<Key>) -> Result<HashMap<Key, Resident>, ReadError> {
        let mut bases = match &self.bases.snapshots {
            Some(snapshots) => snapshots.read(&wanted).await,
            None => HashMap::new(),
        };
        let mut open: Vec<(Key, Resident)> = wanted
            .into_iter()
            .map(|key| {
                let base = bases.remove(&key);
                let (state, version) = base.unwrap_or_else(|| (State::initial(&key.1), Version::EMPTY));
                let resident = Resident {
                    state,
                    version,
                    snapshot: version,
                };
                (key, resident)
            })
            .collect();
        let mut loaded = HashMap::with_capacity(open.len());
        while !open.is_empty() {
            let each = (self.events_max / open.len()).clamp(1, MAX_READ);
            let request: Vec<(TenantId, StreamName, Version)> = open
                .iter()
                .map(|((tenant, stream), resident)| (tenant.clone(), stream.clone(), resident.version))
                .collect();
            let pages = self.reader.read_streams(&request, each).await?;
            let mut longer = Vec::new();
            for ((key, mut resident), page) in open.into_iter().zip(pages) {
                let is_whole = page.len() < each;
                fold(&mut resident, page)?;
                if is_whole {
                    self.offer_snapshot(&key, &mut resident);
                    loaded.insert(key, resident);
                } else {
                    longer.push((key, resident));
                }
            }
            open = longer;
        }
        Ok(loaded)
    }

    /// The next load of a stream that was long need not be.
    fn offer_snapshot(&self, key: &Key, resident: &mut Resident) {
        if let Some(writer) = &self.bases.writer
            && writer.offer(&key.0, &key.1, resident)
        {
            resident.snapshot = resident.version;
        }
    }
}

fn fold(resident: &mut Resident, page: Vec<RecordedEvent>) -> Result<(), ReadError> {
    for recorded in page {
        let event = recorded
            .event()
            .map_err(|error| ReadError::Corrupt(error.to_string()))?;
        resident.state.evolve(&event);
        resident.version = recorded.version;
    }
    Ok(())
}
