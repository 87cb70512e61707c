//! The engine: takes commands, decides them one after the other, appends them in batches, and answers.
//!
//! ```text
//!  submit ─▶ fair queue ─▶ admission (known keys may be answered here) ─▶ decision loop ─▶ log
//!                                                        ▲     │ needs more streams
//!                                                        └─ loaders
//! ```
//! The loop owns the cache of aggregates, so there is nothing to lock. A command that reads a stream which is not
//! resident goes to the loaders and comes back; the others go on. Nothing is answered before its batch is durable.
//! Several processes may run an engine on one log: one owns it, the others stand by, decide nothing and take over.
//! Deliberately absent: HTTP, and what commands mean (crates/domain).

mod admission;
mod cache;
mod decide;
pub mod inbox;
mod job;
mod loader;
mod measure;
mod outcome;
mod owner;
mod queue;
pub mod snapshots;
#[cfg(test)]
mod tests;
mod under_way;
mod vitals;

use std::sync::Arc;
use std::time::Duration;

use domain::{Command, Refusal, State};
use event_store::{LogReader, LogWriter};
use platform::clock::{SharedClock, fresh_id};
use platform::config::{Config, EngineConfig};
use platform::tasks::{OnEnd, Tasks};
use schemas::envelope::Actor;
use schemas::ids::TenantId;
use schemas::{Position, StreamName};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};

use self::job::{InFlight, Job};
use self::queue::FairQueue;
use self::snapshots::Snapshots;

/// A command with its circumstances.
#[derive(Debug, Clone)]
pub struct Submission {
    pub tenant: TenantId,
    pub actor: Actor,
    pub reason: Option<String>,
    pub traceparent: Option<String>,
    /// The caller's idempotency key; `None` draws an id.
    pub key: Option<String>,
    /// Keyed hash of the request, so that another request under the same key is noticed.
    pub fingerprint: [u8; 32],
    pub command: Command,
}

/// What a command came to. Both kinds are durable before they are seen.
#[derive(Debug)]
pub enum Reply {
    Accepted {
        /// A JSON object without the position.
        answer: Box<RawValue>,
        /// Of the command's last event; a read with this `min_position` sees its effect.
        position: Position,
        /// Whether an earlier answer was given again.
        replayed: bool,
    },
    Refused {
        refusal: Refusal,
        replayed: bool,
    },
}

/// Why a command came to no answer. None of these is remembered: the same key may try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("too many commands are waiting")]
    Busy { retry_after_s: u64 },
    #[error("the first request under this key is still being decided")]
    KeyInFlight,
    #[error("this key belongs to another request")]
    KeyReused,
    /// The log cannot be reached now. The command may have landed; the same key tells.
    #[error("the log is unavailable")]
    Unavailable { retry_after_s: u64 },
    #[error("the command touches more streams than one command may")]
    TooLarge,
    /// The database refused this very command's rows.
    #[error("the command cannot be stored")]
    Rejected,
}

/// Bounds of the engine; every one is a limit, not a goal.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    pub queue_per_tenant: usize,
    pub queue_total: usize,
    /// Commands that were taken from the queue and are not answered yet.
    pub in_flight_max: usize,
    /// Commands in one append.
    pub batch_max: usize,
    /// Events in one append.
    pub batch_events_max: usize,
    pub streams_per_command_max: usize,
    pub cache_bytes: usize,
    /// A stream gets a snapshot each time it has grown by this many events.
    pub snapshot_every: i64,
    /// Events that the loaders hold at a time; longer streams are folded page by page.
    pub load_events_max: usize,
    /// How long a caller waits for an answer before it is told to ask again.
    pub answer_within: Duration,
    /// How long keys are looked up in advance after one was repeated, or the log became ours.
    pub cautious_for: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self::of(&Config::default().engine)
    }
}

impl EngineOptions {
    /// What a configuration says; the rest is nobody's to set.
    pub fn of(config: &EngineConfig) -> Self {
        Self {
            queue_per_tenant: config.queue_per_tenant,
            queue_total: config.queue_total,
            batch_max: config.batch_max,
            cache_bytes: config.cache_mib << 20,
            streams_per_command_max: config.max_streams_per_command,
            snapshot_every: i64::from(config.snapshot_every),
            in_flight_max: 4_096,
            batch_events_max: 8_192,
            load_events_max: 32_768,
            answer_within: Duration::from_secs(30),
            cautious_for: Duration::from_secs(5),
        }
    }
}

/// The handle that HTTP and the inbox submit through. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    queue: Arc<FairQueue>,
    in_flight: InFlight,
    peeks: mpsc::Sender<Peek>,
    ready: watch::Receiver<bool>,
    head: watch::Receiver<Position>,
    clock: SharedClock,
    answer_within: Duration,
}

/// A question for a stream's committed state.
struct Peek {
    tenant: TenantId,
    stream: StreamName,
    reply: oneshot::Sender<Result<State, SubmitError>>,
}

/// Most questions for states that wait at a time.
const PEEKS_MAX: usize = 256;

impl Engine {
    /// Starts the engine's tasks. `at` is the log's head as `writer` found it when it took the lease; without it the
    /// engine stands by until the lease can be had.
    pub fn start<R: LogReader, W: LogWriter>(
        tasks: &Tasks,
        reader: R,
        writer: W,
        at: Option<Position>,
        snapshots: Option<Snapshots>,
        clock: SharedClock,
        options: EngineOptions,
    ) -> Self {
        let queue = Arc::new(FairQueue::new(options.queue_per_tenant, options.queue_total));
        let (peeks, peeks_asked) = mpsc::channel(PEEKS_MAX);
        let (ready_sender, ready) = watch::channel(at.is_some());
        let (head_sender, head) = watch::channel(at.unwrap_or_default());
        let vitals = Arc::new(vitals::Vitals::default());
        let caution = Arc::new(admission::Caution::new(options.cautious_for));
        let heart = vitals::beat(
            writer.heartbeat(),
            Arc::clone(&vitals),
            ready.clone(),
            tasks.stop_token(),
        );
        tasks.spawn("engine heartbeat", OnEnd::Fatal, heart);
        // Unbounded by type, bounded by `in_flight_max`: only admitted jobs travel in them.
        let (to_loop, loop_inbox) = mpsc::unbounded_channel();
        let (to_loader, loader_inbox) = mpsc::unbounded_channel();

        let admission = admission::Admission::new(
            Arc::clone(&queue),
            reader.clone(),
            to_loop.clone(),
            options.in_flight_max,
            Arc::clone(&caution),
            tasks.stop_token(),
        );
        tasks.spawn("engine admission", OnEnd::Fatal, admission.run());
        let snapshot_writer = snapshots
            .as_ref()
            .map(|s| s.start_writer(tasks, options.snapshot_every));
        let loaders = loader::Loader::new(
            reader.clone(),
            loader::Bases {
                snapshots,
                writer: snapshot_writer.clone(),
            },
            options.load_events_max,
            to_loop,
            loader_inbox,
        );
        tasks.spawn("engine loader", OnEnd::Fatal, loaders.run(tasks.stop_token()));
        let owner = owner::Owner::new(
            owner::Channels {
                inbox: loop_inbox,
                peeks: peeks_asked,
                to_loader,
                snapshot_writer,
            },
            reader,
            writer,
            owner::Signals {
                ready: ready_sender,
                head: head_sender,
                vitals,
                caution,
                stop: tasks.stop_token(),
            },
            options.clone(),
        );
        tasks.spawn("engine loop", OnEnd::Fatal, owner.run());
        Self {
            queue,
            in_flight: InFlight::default(),
            peeks,
            ready,
            head,
            clock,
            answer_within: options.answer_within,
        }
    }

    /// Decides a command. Dropping the future does not cancel the command.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, submission: Submission) -> Result<Reply, SubmitError> {
        if !*self.ready.borrow() {
            return Err(SubmitError::Unavailable { retry_after_s: 2 });
        }
        let (reply, answer) = oneshot::channel();
        let job = Job::new(submission, self.clock.now(), fresh_id(), &self.in_flight, reply)?;
        self.queue.push(job)?;
        match tokio::time::timeout(self.answer_within, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(SubmitError::Unavailable { retry_after_s: 2 }),
        }
    }

    /// A stream's committed state; the initial one when it has no events.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] and [`SubmitError::Unavailable`].
    pub async fn peek(&self, tenant: &TenantId, stream: &StreamName) -> Result<State, SubmitError> {
        if !self.is_ready() {
            return Err(SubmitError::Unavailable { retry_after_s: 2 });
        }
        let (reply, answer) = oneshot::channel();
        let peek = Peek {
            tenant: tenant.clone(),
            stream: stream.clone(),
            reply,
        };
        self.peeks
            .try_send(peek)
            .map_err(|_| SubmitError::Busy { retry_after_s: 1 })?;
        match tokio::time::timeout(self.answer_within, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(SubmitError::Unavailable { retry_after_s: 2 }),
        }
    }

    /// True while this process owns the log. Whatever only the owner may do (drain the inbox, run processes) follows it.
    pub fn ownership(&self) -> watch::Receiver<bool> {
        self.ready.clone()
    }

    /// Whether this process owns the log and can append.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// As a check of readiness.
    ///
    /// # Errors
    /// While another process owns the log, or the lease is being taken again.
    pub fn owns_log(&self) -> Result<(), String> {
        if self.is_ready() {
            Ok(())
        } else {
            Err("standing by: this process does not own the log now".to_owned())
        }
    }

    /// Moves after each append; in-process followers wake on it.
    pub fn head(&self) -> watch::Receiver<Position> {
        self.head.clone()
    }
}
