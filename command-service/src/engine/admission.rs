//! Takes commands from the queue, answers those whose key is stored, and passes the others on.
//!
//! Keys are looked up in bulk: one query for all that waited.

use std::sync::Arc;

use event_store::LogReader;
use schemas::ids::TenantId;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::SubmitError;
use super::job::Job;
use super::outcome::replay;
use super::owner::ToLoop;
use super::queue::FairQueue;

/// Keys in one look-up.
const LOOKUP_MAX: usize = 1_024;

pub(super) struct Admission<R> {
    queue: Arc<FairQueue>,
    reader: R,
    to_loop: mpsc::UnboundedSender<ToLoop>,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
}

impl<R: LogReader> Admission<R> {
    pub fn new(
        queue: Arc<FairQueue>,
        reader: R,
        to_loop: mpsc::UnboundedSender<ToLoop>,
        in_flight_max: usize,
        stop: CancellationToken,
    ) -> Self {
        Self {
            queue,
            reader,
            to_loop,
            slots: Arc::new(Semaphore::new(in_flight_max)),
            stop,
        }
    }

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
            let (keyed, fresh): (Vec<Job>, Vec<Job>) = batch.into_iter().partition(|job| job.keyed);
            for job in fresh {
                self.pass(job)?;
            }
            self.admit_keyed(keyed).await?;
        }
    }

    /// Takes as many as there are free slots, each with its permit.
    async fn next_batch(&self) -> anyhow::Result<Vec<Job>> {
        let first = Arc::clone(&self.slots).acquire_owned().await?;
        let free = self.slots.available_permits().min(LOOKUP_MAX - 1);
        let mut permits = vec![first];
        while permits.len() <= free
            && let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned()
        {
            permits.push(permit);
        }
        let mut batch = self.queue.take(permits.len()).await;
        for (job, permit) in batch.iter_mut().zip(permits) {
            job.permit = Some(permit);
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
