//! The queue in front of the engine: bounded, and fair between tenants.
//!
//! One tenant's import does not make another's till wait: tenants take turns, one command each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemas::ids::TenantId;
use tokio::sync::Notify;

use super::SubmitError;
use super::job::Job;

/// Commands that wait for admission, in one line per tenant; tenants take turns.
pub(super) struct FairQueue {
    lines: Mutex<Lines>,
    arrived: Notify,
    per_tenant: usize,
    total: usize,
}

#[derive(Default)]
struct Lines {
    of_tenant: HashMap<TenantId, VecDeque<Job>>,
    /// Tenants with waiting commands, in the order of their turns.
    turns: VecDeque<TenantId>,
    waiting: usize,
    /// Nobody takes any more: what comes is refused.
    is_closed: bool,
}

impl FairQueue {
    /// Bounds on waiting commands: of one tenant, and of all together.
    pub fn new(per_tenant: usize, total: usize) -> Self {
        Self {
            lines: Mutex::default(),
            arrived: Notify::new(),
            per_tenant,
            total,
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enqueues, or refuses when the tenant's or the whole queue is full.
    pub fn push(&self, job: Job) -> Result<(), SubmitError> {
        {
            let mut lines = self.lines();
            if lines.is_closed {
                return Err(SubmitError::Unavailable { retry_after_s: 2 });
            }
            let tenant = job.ctx.tenant.clone();
            let line_len = lines.of_tenant.get(&tenant).map_or(0, VecDeque::len);
            if lines.waiting >= self.total || line_len >= self.per_tenant {
                return Err(SubmitError::Busy { retry_after_s: 1 });
            }
            if line_len == 0 {
                lines.turns.push_back(tenant.clone());
            }
            lines.of_tenant.entry(tenant).or_default().push_back(job);
            lines.waiting += 1;
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until something is there and takes at most `max`, tenants in turns.
    pub async fn take(&self, max: usize) -> Vec<Job> {
        loop {
            let arrived = self.arrived.notified();
            let taken = self.try_take(max);
            if !taken.is_empty() {
                return taken;
            }
            arrived.await;
        }
    }

    fn try_take(&self, max: usize) -> Vec<Job> {
        let mut lines = self.lines();
        let mut taken = Vec::with_capacity(max.min(lines.waiting));
        while taken.len() < max
            && let Some(tenant) = lines.turns.pop_front()
        {
            let Some(line) = lines.of_tenant.get_mut(&tenant) else {
                continue;
            };
            let job = line.pop_front();
            if line.is_empty() {
                lines.of_tenant.remove(&tenant);
            } else {
                lines.turns.push_back(tenant);
            }
            if let Some(job) = job {
                lines.waiting -= 1;
                taken.push(job);
            }
        }
        taken
    }

    /// Refuses whatever comes from now on, and gives back what waits.
    pub fn close(&self) -> Vec<Job> {
        let mut lines = self.lines();
        lines.is_closed = true;
        lines.waiting = 0;
        lines.turns.clear();
        lines.of_tenant.drain().flat_map(|(_, line)| line).collect()
    }
}
