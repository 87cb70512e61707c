//! One process at work: events into timers, due timers into commands, outcomes into timers again.

use std::time::Duration;

use domain::processes::{Fact, Process, Reaction, Timer};
use domain::{Command, Refusal};
use event_store::{LogReader, ReadError};
use futures::future::join_all;
use schemas::envelope::Actor;
use schemas::{DecodeError, Position, RecordedEvent};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::changes::{Cause, Changes};
use super::measure::Measures;
use super::store::{Due, Settled, Store, Work};
use super::{ProcessOptions, WriteSide};
use crate::engine::{Reply, Submission, SubmitError};

/// Positions that one look at the log covers, so that no statement runs for long.
const LOOK_AHEAD: i64 = 50_000;
/// Positions without an event of the process after which the checkpoint moves all the same.
const CHECKPOINT_EVERY: i64 = 10_000;
/// The pause after a failure, doubled up to the second.
const FAILURE_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why a process starts over.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("the process's tables do not answer")]
    Database(#[from] sqlx::Error),
    #[error("the log holds what this build does not know")]
    Unknown(#[from] DecodeError),
    #[error("the process's checkpoint {checkpoint} is ahead of the log, which ends at {head}")]
    AheadOfLog { checkpoint: Position, head: Position },
}

/// Where a process stands.
struct Place {
    store: Store,
    /// As it is stored.
    checkpoint: Position,
    /// As far as this runner has looked; there is nothing for the process in between.
    looked: Position,
}

/// What one look found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Some,
    /// As much as one look takes; there may be more at once.
    More,
}

impl Step {
    /// Both together.
    fn and(self, other: Step) -> Step {
        match (self, other) {
            (Step::More, _) | (_, Step::More) => Step::More,
            (Step::Some, _) | (_, Step::Some) => Step::Some,
            (Step::Nothing, Step::Nothing) => Step::Nothing,
        }
    }
}

pub(super) struct Runner<R> {
    pub process: Process,
    pub write_side: WriteSide,
    pub reader: R,
    pub pool: PgPool,
    pub options: ProcessOptions,
    pub stop: CancellationToken,
    pub measures: Measures,
}

impl<R: LogReader> Runner<R> {
    /// Works whenever this process owns the log, until the stop.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut pause = FAILURE_PAUSE.0;
        loop {
            let stop = self.stop.clone();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                owned = self.write_side.ownership.wait_for(|owns| *owns) => drop(owned?),
            }
            match self.follow().await {
                Ok(()) => pause = FAILURE_PAUSE.0,
                Err(error @ RunError::AheadOfLog { .. }) => return Err(error.into()),
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    tracing::warn!(process = self.process.name, error = %format!("{error:#}"), "a process starts over");
                    self.rest(pause).await;
                    pause = (pause * 2).min(FAILURE_PAUSE.1);
                }
            }
        }
    }

    /// Works until the log is somebody else's, or the stop.
    async fn follow(&mut self) -> Result<(), RunError> {
        let connection = self.pool.acquire().await?.detach();
        let mut store = Store::open(self.process.name, connection).await?;
        let checkpoint = store.checkpoint().await?;
        let head = self.reader.head().await?;
        if checkpoint > head {
            return Err(RunError::AheadOfLog { checkpoint, head });
        }
        tracing::info!(process = self.process.name, %checkpoint, "a process is at work");
        let mut place = Place {
            store,
            checkpoint,
            looked: checkpoint,
        };
        let mut pause = self.options.poll.0;
        while *self.write_side.ownership.borrow() && !self.stop.is_cancelled() {
            let done = self
                .follow_log(&mut place)
                .await?
                .and(self.fire(&mut place.store).await?);
            pause = match done {
                Step::More => continue,
                Step::Some => self.options.poll.0,
                Step::Nothing => (pause * 2).min(self.options.poll.1),
            };
            self.rest(pause).await;
        }
        for gauge in [
            &self.measures.lag_events,
            &self.measures.timers_due,
            &self.measures.oldest_due_seconds,
        ] {
            // They are the next owner's to tell.
            gauge.set(0);
        }
        Ok(())
    }

    /// Takes the next events up.
    async fn follow_log(&mut self, place: &mut Place) -> Result<Step, RunError> {
        let head = *self.write_side.head.borrow_and_update();
        self.measures.lag_events.set((head.0 - place.looked.0).max(0));
        if head <= place.looked {
            return Ok(Step::Nothing);
        }
        let until = head.min(Position(place.looked.0.saturating_add(LOOK_AHEAD)));
        let batch = self.options.batch;
        let events = self
            .reader
            .read_types(place.looked, until, self.process.event_types, batch)
            .await?;
        let to = match events.last() {
            Some(last) if events.len() >= batch => last.position,
            Some(_) | None => until,
        };
        let mut changes = Changes::default();
        for recorded in &events {
            let reactions = (self.process.react)(&Fact::Happened(&recorded.event()?));
            let traceparent = traceparent(recorded);
            let cause = Cause {
                tenant: &recorded.tenant,
                position: recorded.position,
                traceparent: traceparent.as_deref(),
            };
            changes.take(cause, "", reactions);
        }
        place.looked = to;
        let step = if to < head { Step::More } else { Step::Some };
        if events.is_empty() && to.0 - place.checkpoint.0 < CHECKPOINT_EVERY {
            return Ok(step);
        }
        if place.store.advance((place.checkpoint, to), changes).await? {
            place.checkpoint = to;
        } else {
            let stored = place.store.checkpoint().await?;
            tracing::info!(process = self.process.name, %stored, "another instance has moved the checkpoint");
            (place.checkpoint, place.looked) = (stored, stored);
        }
        Ok(step)
    }

    /// Deals with timers whose time has come.
    async fn fire(&mut self, store: &mut Store) -> Result<Step, RunError> {
        let due = store.due(self.options.batch).await?;
        self.measures.timers_due.set(due.count);
        self.measures.oldest_due_seconds.set(whole_seconds(due.oldest_s));
        if due.timers.is_empty() {
            return Ok(Step::Nothing);
        }
        let step = if due.timers.len() >= self.options.batch {
            Step::More
        } else {
            Step::Some
        };
        let outcomes = join_all(due.timers.iter().map(|timer| self.outcome(timer))).await;
        if !*self.write_side.ownership.borrow() {
            // What came to no outcome did so because the log is not ours: nothing is the timers' fault.
            return Ok(Step::Nothing);
        }
        let mut changes = Changes::default();
        let mut settled = Vec::with_capacity(outcomes.len());
        for (timer, outcome) in due.timers.into_iter().zip(outcomes) {
            let what = self.settle(&timer, outcome, &mut changes);
            if what == Settled::Done {
                self.measures.late_seconds.observe(timer.late_s);
            }
            settled.push((timer, what));
        }
        store.settle(&settled, changes).await?;
        Ok(step)
    }

    /// What comes of a due timer: reactions once every command of it is answered, or why one is not.
    async fn outcome(&self, due: &Due) -> Result<Vec<Reaction>, SubmitError> {
        let timer = Timer {
            key: &due.key,
            due_at: due.due_at,
            attempt: due.attempt,
        };
        let (mut reactions, mut commands) = (Vec::new(), Vec::new());
        match &due.work {
            Work::Ask => {
                for reaction in (self.process.react)(&Fact::Due(timer)) {
                    match reaction {
                        Reaction::Submit(command) => commands.push(*command),
                        other @ (Reaction::Schedule { .. } | Reaction::Cancel { .. }) => {
                            reactions.push(other)
                        }
                    }
                }
            }
            Work::Submit(command) => commands.push(Command::clone(command)),
            Work::Unknown => return Err(SubmitError::Rejected),
        }
        let answers = commands.into_iter().enumerate();
        let answers = join_all(answers.map(|(index, command)| self.submit(due, index, command))).await;
        for answer in answers {
            if let Some(refusal) = &answer? {
                reactions.extend((self.process.react)(&Fact::Refused { timer, refusal }));
            }
        }
        Ok(reactions)
    }

    /// Submits under an id that is the same whoever asks, and another one for each attempt. No client's key holds a
    /// space, so none is in the way.
    async fn submit(
        &self,
        due: &Due,
        index: usize,
        command: Command,
    ) -> Result<Option<Refusal>, SubmitError> {
        let (process, position) = (self.process.name, due.position);
        let text = serde_json::to_string(&command).map_err(|_| SubmitError::Rejected)?;
        let submission = Submission {
            tenant: due.tenant.clone(),
            actor: Actor::System {
                name: format!("process {process}"),
            },
            reason: None,
            traceparent: due.traceparent.clone(),
            key: Some(format!(
                "{process} {position} {} {index} {}",
                due.key, due.attempt
            )),
            fingerprint: Sha256::digest(text).into(),
            command,
        };
        let answer = self.write_side.commands.submit(submission);
        let answer = tokio::time::timeout(self.options.answer_within, answer).await;
        let answer = answer.unwrap_or(Err(SubmitError::Unavailable { retry_after_s: 1 }));
        match answer {
            Ok(Reply::Accepted { .. }) => {
                self.measures.accepted.inc();
                Ok(None)
            }
            Ok(Reply::Refused { refusal, .. }) => {
                self.measures.refused.inc();
                Ok(Some(refusal))
            }
            Err(error) => {
                self.measures.failed.inc();
                tracing::warn!(process, %position, key = due.key, %error, "a process's command came to no answer");
                Err(error)
            }
        }
    }

    fn settle(
        &self,
        due: &Due,
        outcome: Result<Vec<Reaction>, SubmitError>,
        changes: &mut Changes,
    ) -> Settled {
        let reactions = match outcome {
            Ok(reactions) => reactions,
            Err(_) => {
                let pause = self.pause(due.failures);
                return Settled::Postponed { pause };
            }
        };
        let mut settled = Settled::Done;
        let mut others = Vec::new();
        for reaction in reactions {
            match reaction {
                Reaction::Schedule { key, due_at } if key == due.key => {
                    let pause = self.pause(due.attempt);
                    settled = Settled::Again { due_at, pause };
                }
                Reaction::Cancel { key } if key == due.key => settled = Settled::Done,
                other @ (Reaction::Schedule { .. } | Reaction::Cancel { .. } | Reaction::Submit(_)) => {
                    others.push(other);
                }
            }
        }
        let source = format!(".{}.{}", due.key, due.attempt);
        let cause = Cause {
            tenant: &due.tenant,
            position: due.position,
            traceparent: due.traceparent.as_deref(),
        };
        changes.take(cause, &source, others);
        settled
    }

    /// Twice as long each time, within the bounds.
    fn pause(&self, times: i32) -> Duration {
        let (least, most) = self.options.retry;
        let doublings = u32::try_from(times).unwrap_or(0).min(16);
        least.saturating_mul(1 << doublings).min(most)
    }

    async fn rest(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The trace context of the request that caused an event; most have none, and their metadata is not parsed.
fn traceparent(recorded: &RecordedEvent) -> Option<String> {
    if !recorded.meta.get().contains("\"traceparent\"") {
        return None;
    }
    recorded.meta().ok()?.traceparent
}

/// For a gauge; a figure that is out of range says nothing anyway.
fn whole_seconds(seconds: f64) -> i64 {
    Duration::try_from_secs_f64(seconds).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}
