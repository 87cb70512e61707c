//! The decision loop: the one task that owns the cache and the log's writer.
//!
//! How a decided batch becomes durable, and what is done when that fails, is in `landing`; having and losing the log is
//! in `lease`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Append, LogReader, LogWriter};
use schemas::Position;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use domain::State;
use schemas::StreamName;

use super::admission::Caution;
use super::cache::{Cache, Resident};
use super::decide::{Decided, Overlay, decide};
use super::job::Job;
use super::loader::{LoadRequest, Waiter};
use super::measure::Measures;
use super::outcome::Outcome;
use super::snapshots::SnapshotWriter;
use super::under_way::{Load, LoadsUnderWay};
use super::vitals::Vitals;
use super::{EngineOptions, Peek, Reply, SubmitError};

mod landing;
mod lease;

/// What reaches the loop.
pub(super) enum ToLoop {
    Decide(Job),
    Loaded {
        job: Job,
        states: Vec<(StreamName, Resident)>,
        load: Load,
    },
    /// Its streams could not be read.
    Unloaded(Job, Load),
}

pub(super) struct Channels {
    pub inbox: mpsc::UnboundedReceiver<ToLoop>,
    pub peeks: mpsc::Receiver<Peek>,
    pub to_loader: mpsc::UnboundedSender<LoadRequest>,
    pub snapshot_writer: Option<SnapshotWriter>,
}

pub(super) struct Signals {
    pub ready: watch::Sender<bool>,
    pub head: watch::Sender<Position>,
    pub vitals: Arc<Vitals>,
    /// Raised when repeated keys are to be expected.
    pub caution: Arc<Caution>,
    pub stop: CancellationToken,
}

/// How often a command goes to the loaders before it is told to come back; a draft by IMEI needs three.
const LOADS_MAX: u32 = 16;
/// How often an idle owner makes sure that the log is still its own.
const IDLE_CHECK: Duration = Duration::from_secs(1);
/// How often a command is decided again because its batch did not land.
const ATTEMPTS_MAX: u32 = 16;

/// The decision loop: the only place where commands are decided and events are appended, one batch after the other.
pub(super) struct Owner<R, W> {
    channels: Channels,
    reader: R,
    writer: W,
    signals: Signals,
    options: EngineOptions,
    cache: Cache,
    /// Whether this process owns the log; while it does not, nothing is decided and nothing is cached.
    owns: bool,
    vitals: Arc<Vitals>,
    /// Raised whenever the cache is cleared; pins of an earlier epoch pin nothing.
    epoch: u64,
    loads: LoadsUnderWay,
    measures: Measures,
    /// Decided next, before anything new.
    waiting: VecDeque<Job>,
}

/// A batch that was decided and is to be appended.
#[derive(Default)]
struct Batch {
    jobs: Vec<(Job, Outcome)>,
    appends: Vec<Append>,
    events: usize,
    overlay: Overlay,
}

impl<R: LogReader, W: LogWriter> Owner<R, W> {
    /// Begins with an empty cache, and as the owner only if the signals say so.
    pub fn new(channels: Channels, reader: R, writer: W, signals: Signals, options: EngineOptions) -> Self {
        let cache = Cache::new(options.cache_bytes);
        let measures = Measures::register();
        let owns = *signals.ready.borrow();
        measures.owner.set(i64::from(owns));
        Self {
            channels,
            reader,
            writer,
            owns,
            vitals: Arc::clone(&signals.vitals),
            signals,
            options,
            cache,
            epoch: 1,
            loads: LoadsUnderWay::default(),
            measures,
            waiting: VecDeque::new(),
        }
    }

    /// Decides whenever this process owns the log and stands by while it does not, until the stop.
    ///
    /// # Errors
    /// A log that cannot be written to.
    pub async fn run(mut self) -> anyhow::Result<()> {
        loop {
            if !self.owns {
                self.stand_by().await?;
                if !self.owns {
                    return Ok(());
                }
            }
            if self.waiting.is_empty() {
                self.vitals.wait();
                let stop = self.signals.stop.clone();
                tokio::select! {
                    biased;
                    message = self.channels.inbox.recv() => match message {
                        Some(message) => self.take(message),
                        None => return Ok(()),
                    },
                    Some(peek) = self.channels.peeks.recv() => self.peek(peek),
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(IDLE_CHECK) => self.check_lease().await?,
                }
            }
            self.vitals.work();
            self.gather();
            if !self.owns || self.waiting.is_empty() {
                continue;
            }
            self.cache.next_turn();
            let limit = self.options.batch_max;
            let batch = self.decide_waiting(limit);
            let had_company = batch.jobs.len() > 1;
            self.land(batch).await?;
            if had_company {
                // The callers just answered get to submit again, so that the next batch is as full as this one was.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes everything that is ready, without waiting.
    fn gather(&mut self) {
        while self.waiting.len() < self.options.batch_max
            && let Ok(message) = self.channels.inbox.try_recv()
        {
            self.take(message);
        }
        while let Ok(peek) = self.channels.peeks.try_recv() {
            self.peek(peek);
        }
    }

    fn take(&mut self, message: ToLoop) {
        match message {
            ToLoop::Decide(job) => self.waiting.push_back(job),
            ToLoop::Loaded { job, states, load } => self.take_loaded(job, states, load),
            ToLoop::Unloaded(job, load) => {
                self.loads.end(load);
                self.answer(job, Err(SubmitError::Unavailable { retry_after_s: 2 }));
            }
        }
    }

    /// Puts what was read into the cache, unless it was written since or the cache was cleared: that is read again.
    fn take_loaded(&mut self, mut job: Job, states: Vec<(StreamName, Resident)>, load: Load) {
        if job.pinned_in != self.epoch {
            job.pinned.clear();
            job.pinned_in = self.epoch;
        }
        let mut again = Vec::new();
        for (stream, resident) in states {
            let tenant = &job.ctx.tenant;
            if self.cache.get(tenant, &stream).is_none() {
                if self.loads.is_outdated(load, tenant, &stream) {
                    again.push(stream);
                    continue;
                }
                self.cache.put(tenant, stream.clone(), resident);
            }
            if !job.pinned.contains(&stream) {
                self.cache.pin(tenant, &stream);
                job.pinned.insert(stream);
            }
        }
        self.loads.end(load);
        if again.is_empty() {
            self.waiting.push_back(job);
        } else {
            self.send_to_loader(job, again);
        }
    }

    fn peek(&mut self, peek: Peek) {
        match self.cache.get(&peek.tenant, &peek.stream) {
            Some(resident) => {
                let state: State = resident.state.clone();
                let _ = peek.reply.send(Ok(state));
            }
            None => {
                let Peek {
                    tenant,
                    stream,
                    reply,
                } = peek;
                let request = LoadRequest {
                    tenant,
                    streams: vec![stream.clone()],
                    waiter: Waiter::Peek { stream, reply },
                };
                self.load(request);
            }
        }
    }

    fn load(&mut self, request: LoadRequest) {
        if let Err(mpsc::error::SendError(request)) = self.channels.to_loader.send(request) {
            match request.waiter {
                Waiter::Job(job, load) => {
                    self.loads.end(load);
                    self.answer(*job, Err(SubmitError::Unavailable { retry_after_s: 2 }));
                }
                Waiter::Peek { reply, .. } => drop(reply),
            }
        }
    }

    fn answer(&mut self, job: Job, result: Result<Reply, SubmitError>) {
        if job.pinned_in == self.epoch {
            self.cache.unpin(&job.ctx.tenant, &job.pinned);
        }
        let outcome = match &result {
            Ok(Reply::Accepted { .. }) => "accepted",
            Ok(Reply::Refused { .. }) => "refused",
            Err(_) => "failed",
        };
        self.measures.commands.with_label_values(&[outcome]).inc();
        job.answer(result);
    }

    /// Decides waiting commands in order, at most `limit` of them and at most as many events as one append may hold.
    fn decide_waiting(&mut self, limit: usize) -> Batch {
        let mut batch = Batch::default();
        while batch.jobs.len() < limit
            && batch.events < self.options.batch_events_max
            && let Some(job) = self.waiting.pop_front()
        {
            match decide(&job, &mut batch.overlay, &self.cache) {
                Decided::Ready { append, outcome } => {
                    batch.events += append
                        .writes
                        .iter()
                        .map(|write| write.events.len())
                        .sum::<usize>();
                    batch.appends.push(append);
                    batch.jobs.push((job, outcome));
                }
                Decided::Missing(streams) => self.send_to_loader(job, streams),
                Decided::Broken(error) => self.answer(job, Err(error)),
            }
        }
        batch
    }

    fn send_to_loader(&mut self, mut job: Job, streams: Vec<StreamName>) {
        job.loads += 1;
        if job.loads > LOADS_MAX {
            // Under pressure the cache may have let go what was loaded first.
            self.answer(job, Err(SubmitError::Unavailable { retry_after_s: 1 }));
            return;
        }
        let held = if job.pinned_in == self.epoch {
            job.pinned.len()
        } else {
            0
        };
        if held + streams.len() > self.options.streams_per_command_max {
            self.answer(job, Err(SubmitError::TooLarge));
            return;
        }
        let load = self.loads.begin();
        self.load(LoadRequest {
            tenant: job.ctx.tenant.clone(),
            streams,
            waiter: Waiter::Job(Box::new(job), load),
        });
    }
}
