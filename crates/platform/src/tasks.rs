//! Background tasks that say what their failure means, and one orderly stop for all of them.
//!
//! A panicked or ended essential task takes the process down: a half-dead service is worse than a restarted one.
//! Deliberately absent: a static shutdown token; whoever owns the tasks owns their stop.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the end of a task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEnd {
    /// It must run until the stop: ending or panicking before takes the process down.
    Fatal,
    /// It may finish by itself; only a panic takes the process down.
    MayFinish,
}

/// The tasks of a process.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    failed: Arc<watch::Sender<Option<String>>>,
    names: Arc<Mutex<Vec<&'static str>>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    pub fn new() -> Self {
        Self {
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            failed: Arc::new(watch::Sender::new(None)),
            names: Arc::default(),
        }
    }

    /// Cancelled when the process should stop; every loop of every task watches it.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task.
    pub fn spawn(
        &self,
        name: &'static str,
        on_end: OnEnd,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.names
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(name);
        let failed = Arc::clone(&self.failed);
        let stop = self.stop.clone();
        let work = self.tracker.track_future(task);
        #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
        let handle = tokio::spawn(work);
        #[expect(
            clippy::disallowed_methods,
            reason = "watches the task above, does nothing that can panic"
        )]
        tokio::spawn(async move {
            let cause = match handle.await {
                Ok(Ok(())) if on_end == OnEnd::MayFinish || stop.is_cancelled() => return,
                Ok(Ok(())) => format!("task {name} ended by itself"),
                Ok(Err(error)) => format!("task {name} failed: {error:#}"),
                Err(panic) => format!("task {name} panicked: {panic}"),
            };
            tracing::error!(task = name, %cause, "a task ended that must not");
            failed.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(cause);
                is_first
            });
        });
    }

    /// Resolves with the cause when an essential task ended before the stop.
    pub async fn failure(&self) -> String {
        let mut failed = self.failed.subscribe();
        loop {
            if let Some(cause) = failed.borrow_and_update().clone() {
                return cause;
            }
            if failed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Asks every task to stop and waits for them, at most `limit`.
    ///
    /// # Errors
    /// When some task still ran at the limit.
    pub async fn stop(&self, limit: Duration) -> Result<(), StillRunning> {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait())
            .await
            .map_err(|_| StillRunning {
                tasks: self.tracker.len(),
            })
    }
}

/// Some tasks did not stop in time.
#[derive(Debug, thiserror::Error)]
#[error("{tasks} tasks still ran when the time to stop was over")]
pub struct StillRunning {
    pub tasks: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_an_essential_task_is_reported() {
        let tasks = Tasks::new();
        tasks.spawn("doomed", OnEnd::Fatal, async { panic!("on purpose") });
        assert!(tasks.failure().await.contains("doomed"));
    }

    #[tokio::test]
    async fn a_stop_waits_for_tasks_that_watch_the_token() {
        let tasks = Tasks::new();
        let token = tasks.stop_token();
        tasks.spawn("patient", OnEnd::Fatal, async move {
            token.cancelled().await;
            Ok(())
        });
        tasks.stop(Duration::from_secs(5)).await.unwrap();
    }
}
