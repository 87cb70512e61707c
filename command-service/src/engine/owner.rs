//! The decision loop: the one task that owns the cache and the log's writer.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use event_store::{Append, AppendError, Appended, LogReader, LogWriter};
use schemas::Position;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use domain::State;
use platform::telemetry;
use schemas::StreamName;

use super::cache::{Cache, Resident};
use super::decide::{Decided, Overlay, decide};
use super::job::Job;
use super::loader::{LoadRequest, Waiter};
use super::measure::Measures;
use super::outcome::{Outcome, replay};
use super::snapshots::{Snapshot, SnapshotWriter};
use super::{EngineOptions, Peek, Reply, SubmitError};

/// What reaches the loop.
pub(super) enum ToLoop {
    Decide(Job),
    Loaded {
        job: Job,
        states: Vec<(StreamName, Resident)>,
        epoch: u64,
    },
    /// Its streams could not be read.
    Unloaded(Job),
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
    pub stop: CancellationToken,
}

/// How often a command goes to the loaders before it is told to come back; a draft by IMEI needs three.
const LOADS_MAX: u32 = 16;
/// How often an idle owner makes sure that the log is still its own.
const IDLE_CHECK: Duration = Duration::from_secs(2);
/// How often a command is decided again because its batch did not land.
const ATTEMPTS_MAX: u32 = 16;

pub(super) struct Owner<R, W> {
    channels: Channels,
    reader: R,
    writer: W,
    signals: Signals,
    options: EngineOptions,
    cache: Cache,
    /// Raised whenever the cache is cleared.
    epoch: u64,
    measures: Measures,
    /// Decided next, before anything new.
    waiting: VecDeque<Job>,
}

/// Requests that one append's span is linked to.
const LINKS_MAX: usize = 64;

/// A span of an append, linked to the requests in it; none where spans do not leave the process.
fn span_of(batch: &Batch) -> Span {
    if !telemetry::exports() {
        return Span::none();
    }
    let span = tracing::info_span!(
        "engine.append",
        commands = batch.jobs.len(),
        events = batch.events
    );
    for parent in batch
        .jobs
        .iter()
        .filter_map(|(job, _)| job.traceparent.as_ref())
        .take(LINKS_MAX)
    {
        telemetry::link_to(parent, &span);
    }
    span
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
    pub fn new(channels: Channels, reader: R, writer: W, signals: Signals, options: EngineOptions) -> Self {
        let cache = Cache::new(options.cache_bytes);
        let measures = Measures::register();
        Self {
            channels,
            reader,
            writer,
            signals,
            options,
            cache,
            epoch: 1,
            measures,
            waiting: VecDeque::new(),
        }
    }

    pub async fn run(mut self) -> anyhow::Result<()> {
        loop {
            if self.waiting.is_empty() {
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
            self.gather();
            if self.waiting.is_empty() {
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
            ToLoop::Loaded { job, states, epoch } => self.take_loaded(job, states, epoch),
            ToLoop::Unloaded(job) => self.answer(job, Err(SubmitError::Unavailable { retry_after_s: 2 })),
        }
    }

    /// Puts what was read into the cache; what was read before the cache was cleared is read again instead.
    fn take_loaded(&mut self, mut job: Job, states: Vec<(StreamName, Resident)>, epoch: u64) {
        if epoch != self.epoch {
            let streams = states.into_iter().map(|(stream, _)| stream).collect();
            self.load(LoadRequest {
                tenant: job.ctx.tenant.clone(),
                streams,
                epoch: self.epoch,
                waiter: Waiter::Job(Box::new(job)),
            });
            return;
        }
        if job.pinned_in != epoch {
            job.pinned.clear();
            job.pinned_in = epoch;
        }
        for (stream, resident) in states {
            self.cache.load(&job.ctx.tenant, stream.clone(), resident);
            if !job.pinned.contains(&stream) {
                self.cache.pin(&job.ctx.tenant, &stream);
                job.pinned.insert(stream);
            }
        }
        self.waiting.push_back(job);
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
                    epoch: self.epoch,
                    waiter: Waiter::Peek { stream, reply },
                };
                self.load(request);
            }
        }
    }

    fn load(&mut self, request: LoadRequest) {
        if let Err(mpsc::error::SendError(request)) = self.channels.to_loader.send(request) {
            match request.waiter {
                Waiter::Job(job) => self.answer(*job, Err(SubmitError::Unavailable { retry_after_s: 2 })),
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
        self.load(LoadRequest {
            tenant: job.ctx.tenant.clone(),
            streams,
            epoch: self.epoch,
            waiter: Waiter::Job(Box::new(job)),
        });
    }

    /// Appends a batch, or parts of it, until each of its commands is answered or waits to be decided again.
    async fn land(&mut self, batch: Batch) -> anyhow::Result<()> {
        if batch.appends.is_empty() {
            return Ok(());
        }
        self.measures
            .batch_commands
            .set(i64::try_from(batch.jobs.len()).unwrap_or(i64::MAX));
        let timer = self.measures.append_seconds.start_timer();
        let appended = self
            .writer
            .append(&batch.appends)
            .instrument(span_of(&batch))
            .await;
        timer.observe_duration();
        match appended {
            Ok(appended) => {
                self.commit(batch, &appended);
                Ok(())
            }
            Err(AppendError::Unusable(cause)) => Err(anyhow::anyhow!("the log cannot be written: {cause}")),
            Err(AppendError::WrongVersion { tenant, stream }) => {
                tracing::warn!(%stream, "a cached stream was behind the log; it is loaded again");
                self.cache.remove(&tenant, &stream);
                for write in batch
                    .appends
                    .iter()
                    .filter(|append| append.tenant == tenant)
                    .flat_map(|a| &a.writes)
                {
                    self.cache.remove(&tenant, &write.stream);
                }
                self.decide_again(batch.jobs);
                Ok(())
            }
            Err(AppendError::DuplicateCommand) => self.look_up(batch).await,
            Err(AppendError::Rejected(error)) => self.bisect(batch, &*error).await,
            Err(error @ (AppendError::Fenced | AppendError::Unknown(_))) => {
                tracing::warn!(%error, commands = batch.jobs.len(), "an append's outcome must be found out");
                self.recover().await?;
                if self.signals.stop.is_cancelled() {
                    return Ok(());
                }
                self.look_up(batch).await
            }
        }
    }

    fn commit(&mut self, batch: Batch, appended: &[Appended]) {
        self.measures
            .events
            .inc_by(u64::try_from(batch.events).unwrap_or(u64::MAX));
        let every = self.options.snapshot_every;
        let writer = self.channels.snapshot_writer.as_ref();
        batch.overlay.commit(&mut self.cache, |tenant, stream, resident| {
            let Some(writer) = writer else { return false };
            if resident.version.0 - resident.snapshot.0 < every {
                return false;
            }
            writer.offer(Snapshot {
                tenant: tenant.clone(),
                stream: stream.clone(),
                version: resident.version,
                state: resident.state.clone(),
            });
            true
        });
        self.measures
            .cache_bytes
            .set(i64::try_from(self.cache.bytes()).unwrap_or(i64::MAX));
        if let Some(last) = appended.last() {
            self.measures.head.set(last.position.0);
            self.signals.head.send_if_modified(|head| {
                let moved = last.position > *head;
                *head = (*head).max(last.position);
                moved
            });
        }
        for ((job, outcome), appended) in batch.jobs.into_iter().zip(appended) {
            let reply = match outcome {
                Outcome::Answer(answer) => Reply::Accepted {
                    answer,
                    position: appended.position,
                    replayed: false,
                },
                Outcome::Refusal(refusal) => Reply::Refused {
                    refusal,
                    replayed: false,
                },
            };
            self.answer(job, Ok(reply));
        }
    }

    /// Puts commands back in front, in their order; the overlay that they were decided on is gone.
    fn decide_again(&mut self, jobs: Vec<(Job, Outcome)>) {
        for (mut job, _) in jobs.into_iter().rev() {
            job.attempts += 1;
            job.loads = 0;
            if job.attempts > ATTEMPTS_MAX {
                self.answer(job, Err(SubmitError::Unavailable { retry_after_s: 5 }));
            } else {
                self.waiting.push_front(job);
            }
        }
    }

    /// One row spoils the batch: its halves are decided and appended on their own until the culprit stands alone.
    async fn bisect(
        &mut self,
        batch: Batch,
        error: &(dyn std::error::Error + Send + Sync),
    ) -> anyhow::Result<()> {
        let mut jobs = batch.jobs;
        if jobs.len() == 1 {
            for (job, _) in jobs {
                tracing::error!(%error, command = job.command.name(), command_id = %job.id, "the database refused a command");
                self.answer(job, Err(SubmitError::Rejected));
            }
            return Ok(());
        }
        let half = jobs.len() / 2;
        let second = jobs.split_off(half);
        // What waits already comes after both halves.
        let later = std::mem::take(&mut self.waiting);
        for part in [jobs, second] {
            let size = part.len();
            self.waiting.extend(part.into_iter().map(|(job, _)| job));
            let part = self.decide_waiting(size);
            Box::pin(self.land(part)).await?;
        }
        self.waiting.extend(later);
        Ok(())
    }

    /// Answers those whose command is stored; the others did not land and are decided again.
    async fn look_up(&mut self, batch: Batch) -> anyhow::Result<()> {
        let ids: Vec<_> = batch
            .jobs
            .iter()
            .map(|(job, _)| (job.ctx.tenant.clone(), job.id.clone()))
            .collect();
        let stored = loop {
            match self.reader.commands(&ids).await {
                Ok(stored) => break stored,
                Err(error) => {
                    tracing::warn!(%error, "command ids cannot be looked up yet");
                    tokio::select! {
                        () = self.signals.stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(Duration::from_millis(200)) => {}
                    }
                }
            }
        };
        let touched: HashSet<_> = batch
            .appends
            .iter()
            .flat_map(|append| {
                append
                    .writes
                    .iter()
                    .map(|write| (append.tenant.clone(), write.stream.clone()))
            })
            .collect();
        for (tenant, stream) in touched {
            self.cache.remove(&tenant, &stream);
        }
        let mut again = Vec::new();
        for ((job, outcome), stored) in batch.jobs.into_iter().zip(stored) {
            match stored {
                Some(stored) => {
                    let reply = replay(&stored, &job.fingerprint, false);
                    self.answer(job, reply);
                }
                None => again.push((job, outcome)),
            }
        }
        self.decide_again(again);
        Ok(())
    }

    /// An owner that has nothing to append would not notice that it lost the log.
    async fn check_lease(&mut self) -> anyhow::Result<()> {
        match self.writer.check().await {
            Ok(()) => Ok(()),
            Err(AppendError::Unusable(cause)) => Err(anyhow::anyhow!("the log cannot be written: {cause}")),
            Err(error) => {
                tracing::warn!(%error, "the lease was lost while nothing was appended");
                self.recover().await
            }
        }
    }

    fn forget_everything(&mut self) {
        self.cache.clear();
        self.epoch += 1;
    }

    /// The lease first: it proves that the old transaction has ended. Until then new commands are turned away.
    async fn recover(&mut self) -> anyhow::Result<()> {
        self.signals.ready.send_replace(false);
        loop {
            let stop = self.signals.stop.clone();
            let recovered = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                recovered = self.writer.recover() => recovered,
            };
            match recovered {
                Ok(head) => {
                    tracing::info!(%head, "the log is ours again");
                    // Another owner may have written meanwhile; loads that are under way may be from before that.
                    self.forget_everything();
                    self.signals.head.send_replace(head);
                    self.signals.ready.send_replace(true);
                    return Ok(());
                }
                Err(AppendError::Unusable(cause)) => anyhow::bail!("the log cannot be written: {cause}"),
                Err(error) => tracing::warn!(%error, "the lease cannot be taken yet"),
            }
        }
    }
}
