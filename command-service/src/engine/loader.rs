//! Reads what commands need and the cache does not hold: many streams in one round trip, beside the loop.

use std::collections::{HashMap, HashSet};

use domain::State;
use event_store::{LogReader, ReadError};
use schemas::ids::TenantId;
use schemas::{StreamName, Version};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::SubmitError;
use super::cache::Resident;
use super::job::Job;
use super::owner::ToLoop;
use super::snapshots::Snapshots;

/// What somebody waits for.
pub(super) struct LoadRequest {
    pub tenant: TenantId,
    pub streams: Vec<StreamName>,
    /// Of the cache when this was asked: what was read before the cache was cleared must not enter it afterwards.
    pub epoch: u64,
    pub waiter: Waiter,
}

pub(super) enum Waiter {
    Job(Box<Job>),
    Peek {
        stream: StreamName,
        reply: oneshot::Sender<Result<State, SubmitError>>,
    },
}

/// Streams in one round trip; what is beyond goes into the next.
const STREAMS_PER_READ: usize = 4_096;

pub(super) struct Loader<R> {
    reader: R,
    snapshots: Option<Snapshots>,
    to_loop: mpsc::UnboundedSender<ToLoop>,
    inbox: mpsc::UnboundedReceiver<LoadRequest>,
}

/// A stream within a tenant.
type Key = (TenantId, StreamName);

impl<R: LogReader> Loader<R> {
    pub fn new(
        reader: R,
        snapshots: Option<Snapshots>,
        to_loop: mpsc::UnboundedSender<ToLoop>,
        inbox: mpsc::UnboundedReceiver<LoadRequest>,
    ) -> Self {
        Self {
            reader,
            snapshots,
            to_loop,
            inbox,
        }
    }

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
            self.serve(batch).await?;
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
            Waiter::Job(job) => self.send(ToLoop::Unloaded(*job)),
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
            epoch,
            waiter,
        } = request;
        match waiter {
            Waiter::Job(job) => {
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
                    epoch,
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

    /// Snapshots first, then the events after them.
    async fn read(&self, wanted: Vec<Key>) -> Result<HashMap<Key, Resident>, ReadError> {
        let mut bases = match &self.snapshots {
            Some(snapshots) => snapshots.read(&wanted).await,
            None => HashMap::new(),
        };
        let request: Vec<(TenantId, StreamName, Version)> = wanted
            .iter()
            .map(|key| {
                let after = bases.get(key).map_or(Version::EMPTY, |(_, version)| *version);
                (key.0.clone(), key.1.clone(), after)
            })
            .collect();
        let events = self.reader.read_streams(&request).await?;
        let mut loaded = HashMap::with_capacity(wanted.len());
        for (key, events) in wanted.into_iter().zip(events) {
            let (mut state, snapshot) = bases
                .remove(&key)
                .unwrap_or_else(|| (State::initial(&key.1), Version::EMPTY));
            let mut version = snapshot;
            for recorded in events {
                let event = recorded
                    .event()
                    .map_err(|error| ReadError::Corrupt(error.to_string()))?;
                state.evolve(&event);
                version = recorded.version;
            }
            loaded.insert(
                key,
                Resident {
                    state,
                    version,
                    snapshot,
                },
            );
        }
        Ok(loaded)
    }
}
