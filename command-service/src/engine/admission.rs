//! Takes commands from the queue and passes them on; while repetitions are to be expected, it first answers those whose
//! key is stored.
//!
//! Keys are looked up in bulk: one query for all that waited. A key that nobody looked up is found by the append at the
//! latest: the index on command ids refuses the batch, and the loop looks that up (`landing`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_store::LogReader;
use schemas::ids::TenantId;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SubmitError;
use super::job::Job;
use super::outcome::replay;
use super::owner::ToLoop;
use super::queue::FairQueue;

/// Keys in one look-up.
const LOOKUP_MAX: usize = 1_024;

/// Whether keys are looked up before their commands are decided: for a while after one turned out to be stored, and
/// after the log became ours, since callers then repeat what they got no answer to.
pub(super) struct Caution {
    lasts: Duration,
    until: Mutex<Instant>,
}

impl Caution {
    /// Cautious from now on, and for so long each time.
    pub fn new(lasts: Duration) -> Self {
        let until = Mutex::new(Instant::now() + lasts);
        Self { lasts, until }
    }

    /// Repetitions are to be expected.
    pub fn raise(&self) {
        *self.until() = Instant::now() + self.lasts;
    }

    fn is_raised(&self) -> bool {
        Instant::now() < *self.until()
    }

    fn until(&self) -> MutexGuard<'_, Instant> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes commands from the queue to the loop, no more at a time than there are slots, and looks up keys that may have
/// been used before.
pub(super) struct Admission<R> {
    queue: Arc<FairQueue>,
    reader: R,
    to_loop: mpsc::UnboundedSender<ToLoop>,
    slots: Arc<Semaphore>,
    caution: Arc<Caution>,
    stop: CancellationToken,
}

impl<R: LogReader> Admission<R> {
    /// `in_flight_max` commands may be between admission and answer.
    pub fn new(
        queue: Arc<FairQueue>,
        reader: R,
        to_loop: mpsc::UnboundedSender<ToLoop>,
        in_flight_max: usize,
        caution: Arc<Caution>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            queue,
            reader,
            to_loop,
            slots: Arc::new(Semaphore::new(in_flight_max)),
            caution,
            stop,
        }
    }

    /// Admits until the stop; then whoever still waits in the queue hears that the engine is unavailable.
    ///
    /// # Errors
    /// A decision loop that is gone without a stop.
    pub async fn run(self) -> anyhow::Result<()> {
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    // Callers that still wait hear it at once, rather than when their patience ends.
                    for job in self.queue.close() {
                        job.answer(Err(SubmitError::Unavailable { retry_after_s: 2 }));
                    }
                    return Ok(());
                }
                batch = self.next_batch() => batch?,
            };
            let is_cautious = self.caution.is_raised();
            let (keyed, fresh): (Vec<Job>, Vec<Job>) =
                batch.into_iter().partition(|job| job.keyed && is_cautious);
            for job in fresh {
                self.pass(job)?;
            }
            self.admit_keyed(keyed).await?;
        }
    }

    /// Takes as many as there are free slots, each with its permit.
    async fn next_batch(&self) -> anyhow::Result<Vec<Job>> {
        let mut permits = Arc::clone(&self.slots).acquire_owned().await?;
        let free = self.slots.available_permits().min(LOOKUP_MAX - 1);
        let mut batch = self.queue.take(free + 1).await;
        // Nobody else takes slots, so what was free still is.
        let others = u32::try_from(batch.len().saturating_sub(1))?;
        permits.merge(Arc::clone(&self.slots).try_acquire_many_owned(others)?);
        for job in &mut batch {
            job.permit = permits.split(1);
        }
        Ok(batch)
    }

    async fn admit_keyed(&self, jobs: Vec<Job>) -> anyhow::Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let ids: Vec<(TenantId, String)> = jobs
            .iter()
            .map(|job| (job.ctx.tenant.clone(), job.id.clone()))
            .collect();
        match self.reader.commands(&ids).await {
            Ok(stored) => {
                for (job, stored) in jobs.into_iter().zip(stored) {
                    match stored {
                        Some(stored) => {
                            let reply = replay(&stored, &job.fingerprint, true);
                            job.answer(reply);
                        }
                        None => self.pass(job)?,
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, commands = jobs.len(), "idempotency keys cannot be looked up");
                for job in jobs {
                    job.answer(Err(SubmitError::Unavailable { retry_after_s: 2 }));
                }
            }
        }
        Ok(())
    }

    fn pass(&self, job: Job) -> anyhow::Result<()> {
        match self.to_loop.send(ToLoop::Decide(job)) {
            Ok(()) => Ok(()),
            // At a stop the loop may hear of it first; with the job its caller's wait ends.
            Err(_) if self.stop.is_cancelled() => Ok(()),
            Err(_) => Err(anyhow::anyhow!("the decision loop is gone")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn caution_begins_at_the_start_and_with_each_repetition_and_ends_by_itself() {
        let lasts = Duration::from_secs(5);
        let caution = Caution::new(lasts);
        assert!(caution.is_raised());
        tokio::time::advance(lasts).await;
        assert!(!caution.is_raised());
        caution.raise();
        tokio::time::advance(lasts - Duration::from_millis(1)).await;
        assert!(caution.is_raised());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!caution.is_raised());
    }
}
