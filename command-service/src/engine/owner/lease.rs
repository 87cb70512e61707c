//! Having the log, losing it, and standing by until it can be had.
//!
//! While another process owns the log nothing is decided and nothing is cached: whatever reaches the loop is told to go
//! to the owner. Not here: what becomes of a batch whose append failed (`landing`).

use std::time::Duration;

use event_store::{AppendError, LogReader, LogWriter};
use schemas::Position;

use super::{Owner, ToLoop};
use crate::engine::SubmitError;

/// How often a standby looks at the lease.
const STANDBY_POLL: Duration = Duration::from_millis(250);
/// Between attempts while the database does not answer.
const RETRY: Duration = Duration::from_millis(200);
/// What callers of a standby are told; a takeover takes a few seconds.
const ELSEWHERE: SubmitError = SubmitError::Unavailable { retry_after_s: 2 };

/// What a try to have the log again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Regained {
    Ours,
    /// Another process owns the log now, and our own session has ended.
    Lost,
    /// The process stops.
    Stopping,
}

impl<R: LogReader, W: LogWriter> Owner<R, W> {
    /// An owner that has nothing to append would not notice that it lost the log.
    pub(super) async fn check_lease(&mut self) -> anyhow::Result<()> {
        match self.writer.check().await {
            Ok(()) => Ok(()),
            Err(AppendError::Unusable(cause)) => Err(anyhow::anyhow!("the log cannot be written: {cause}")),
            Err(error) => {
                tracing::warn!(%error, "the lease was lost while nothing was appended");
                self.recover().await.map(|_| ())
            }
        }
    }

    /// After a lost session: the lease first, since it proves that the old transaction has ended. Until then new commands
    /// are turned away; those that wait already are decided afterwards if the log is ours again.
    pub(super) async fn recover(&mut self) -> anyhow::Result<Regained> {
        self.vitals.wait();
        self.signals.ready.send_replace(false);
        self.measures.owner.set(0);
        loop {
            let stop = self.signals.stop.clone();
            let recovered = tokio::select! {
                () = stop.cancelled() => return Ok(Regained::Stopping),
                recovered = self.writer.recover() => recovered,
            };
            match recovered {
                Ok(head) => {
                    self.begin_ownership(head);
                    return Ok(Regained::Ours);
                }
                Err(AppendError::Fenced) => {
                    tracing::warn!("another process owns the log now");
                    self.owns = false;
                    return Ok(Regained::Lost);
                }
                Err(AppendError::Unusable(cause)) => anyhow::bail!("the log cannot be written: {cause}"),
                Err(error) => tracing::warn!(%error, "the lease cannot be taken yet"),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(Regained::Stopping),
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Waits until the log can be had, and answers whatever comes that it is elsewhere. Ends without it at a stop.
    pub(super) async fn stand_by(&mut self) -> anyhow::Result<()> {
        tracing::info!("standing by: another process owns the log");
        self.vitals.wait();
        self.forget_everything();
        for job in std::mem::take(&mut self.waiting) {
            self.answer(job, Err(ELSEWHERE));
        }
        if let Some(head) = self.turn_away_until_owned().await? {
            self.begin_ownership(head);
        }
        Ok(())
    }

    /// The head as it is when the lease is taken; `None` at a stop.
    async fn turn_away_until_owned(&mut self) -> anyhow::Result<Option<Position>> {
        let Self {
            channels,
            writer,
            signals,
            loads,
            measures,
            ..
        } = self;
        let mut lease = std::pin::pin!(wait_for_lease(writer));
        loop {
            let job = tokio::select! {
                biased;
                () = signals.stop.cancelled() => return Ok(None),
                head = &mut lease => return head.map(Some),
                Some(message) = channels.inbox.recv() => match message {
                    ToLoop::Decide(job) => job,
                    ToLoop::Loaded { job, load, .. } | ToLoop::Unloaded(job, load) => {
                        loads.end(load);
                        job
                    }
                },
                Some(peek) = channels.peeks.recv() => {
                    let _ = peek.reply.send(Err(ELSEWHERE));
                    continue;
                }
            };
            measures.commands.with_label_values(&["failed"]).inc();
            job.answer(Err(ELSEWHERE));
        }
    }

    /// Another owner may have written meanwhile, and loads that are under way may be from before that.
    fn begin_ownership(&mut self, head: Position) {
        tracing::info!(%head, "the log is ours");
        self.forget_everything();
        self.owns = true;
        self.measures.owner.set(1);
        self.signals.caution.raise();
        self.signals.head.send_replace(head);
        self.signals.ready.send_replace(true);
    }

    fn forget_everything(&mut self) {
        self.cache.clear();
        self.loads.outdate();
        self.epoch += 1;
    }
}

async fn wait_for_lease<W: LogWriter>(writer: &mut W) -> anyhow::Result<Position> {
    loop {
        match writer.recover().await {
            Ok(head) => return Ok(head),
            Err(AppendError::Fenced) => {}
            Err(AppendError::Unusable(cause)) => anyhow::bail!("the log cannot be written: {cause}"),
            Err(error) => tracing::warn!(%error, "the lease cannot be looked at now"),
        }
        tokio::time::sleep(STANDBY_POLL).await;
    }
}
