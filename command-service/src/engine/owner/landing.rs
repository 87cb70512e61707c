//! From a decided batch to answers: the append, and what each kind of failure leads to.
//!
//! Not here: deciding, and what comes in (`super`).

use std::collections::HashSet;
use std::time::Duration;

use event_store::{AppendError, Appended, LogReader, LogWriter};
use platform::{failpoint, telemetry};
use schemas::ids::TenantId;
use tracing::{Instrument, Span};

use super::lease::Regained;
use super::{ATTEMPTS_MAX, Batch, Owner};
use crate::engine::job::Job;
use crate::engine::outcome::{Outcome, replay};
use crate::engine::{Reply, SubmitError};

/// Requests that one append's span is linked to.
const LINKS_MAX: usize = 64;

/// What is known of a batch whose append failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Landed {
    Not,
    Perhaps,
}

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

impl<R: LogReader, W: LogWriter> Owner<R, W> {
    /// Appends a batch, or parts of it, until each of its commands is answered or waits to be decided again.
    pub(super) async fn land(&mut self, batch: Batch) -> anyhow::Result<()> {
        if batch.appends.is_empty() {
            return Ok(());
        }
        self.measures
            .batch_commands
            .set(i64::try_from(batch.jobs.len()).unwrap_or(i64::MAX));
        let timer = self.measures.append_seconds.start_timer();
        self.vitals.wait();
        let appended = self
            .writer
            .append(&batch.appends)
            .instrument(span_of(&batch))
            .await;
        timer.observe_duration();
        self.vitals.work();
        match appended {
            Ok(appended) => {
                failpoint::reached(failpoint::ENGINE_ANSWER);
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
            Err(AppendError::DuplicateCommand) => {
                self.signals.caution.raise();
                self.look_up(batch, Landed::Not).await
            }
            Err(AppendError::Rejected(error)) => self.bisect(batch, &*error).await,
            Err(error @ (AppendError::Fenced | AppendError::Unknown(_))) => {
                tracing::warn!(%error, commands = batch.jobs.len(), "an append's outcome must be found out");
                match self.recover().await? {
                    Regained::Ours => self.look_up(batch, Landed::Perhaps).await,
                    Regained::Lost => {
                        self.settle(batch).await;
                        Ok(())
                    }
                    Regained::Stopping => Ok(()),
                }
            }
        }
    }

    fn commit(&mut self, batch: Batch, appended: &[Appended]) {
        self.measures
            .events
            .inc_by(u64::try_from(batch.events).unwrap_or(u64::MAX));
        let (writer, loads) = (self.channels.snapshot_writer.as_ref(), &mut self.loads);
        batch.overlay.commit(&mut self.cache, |tenant, stream, resident| {
            loads.wrote(tenant, stream);
            writer.is_some_and(|writer| writer.offer(tenant, stream, resident))
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
            if !self.owns {
                continue;
            }
            let part = self.decide_waiting(size);
            Box::pin(self.land(part)).await?;
        }
        self.waiting.extend(later);
        Ok(())
    }

    /// Answers those whose command is stored; the others did not land and are decided again.
    async fn look_up(&mut self, batch: Batch, landed: Landed) -> anyhow::Result<()> {
        self.vitals.wait();
        let ids = command_ids(&batch);
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
        // A batch lands as a whole: if it did not, those that are there were stored before it, and are repeated.
        let is_repeated = landed == Landed::Not || stored.iter().any(Option::is_none);
        let mut again = Vec::new();
        for ((job, outcome), stored) in batch.jobs.into_iter().zip(stored) {
            match stored {
                Some(stored) => {
                    let reply = replay(&stored, &job.fingerprint, is_repeated);
                    self.answer(job, reply);
                }
                None => again.push((job, outcome)),
            }
        }
        self.decide_again(again);
        Ok(())
    }

    /// Another process owns the log, which proves that our own transaction has ended: what is stored is answered, and
    /// what is not never will be by us. Callers may ask again under the same key.
    async fn settle(&mut self, batch: Batch) {
        let stored = self
            .reader
            .commands(&command_ids(&batch))
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "command ids cannot be looked up; their callers must ask again");
                vec![None; batch.jobs.len()]
            });
        for ((job, _), stored) in batch.jobs.into_iter().zip(stored) {
            let reply = match stored {
                Some(stored) => replay(&stored, &job.fingerprint, false),
                None => Err(SubmitError::Unavailable { retry_after_s: 2 }),
            };
            self.answer(job, reply);
        }
    }
}

fn command_ids(batch: &Batch) -> Vec<(TenantId, String)> {
    batch
        .jobs
        .iter()
        .map(|(job, _)| (job.ctx.tenant.clone(), job.id.clone()))
        .collect()
}
