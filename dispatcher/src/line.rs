//! One endpoint's line: how much it may keep, and how many attempts it may have under way now.
//!
//! Pure; whose turn it is belongs to `queue`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::queue::Job;
use crate::registry::Endpoint;

/// Deliveries that wait for one endpoint.
pub const LINE_MAX: usize = 2_048;
/// Failures in a row after which an endpoint is spared: one attempt at a time.
pub const SPARED_AFTER: u32 = 5;
/// What waits for each attempt that a spared endpoint may have under way.
pub const SPARED_LINE_MAX: usize = 4;

/// An endpoint's waiting deliveries and how its receiver fares.
#[derive(Default)]
pub struct Line {
    /// As the newest delivery knows it; none before the first.
    pub endpoint: Option<Arc<Endpoint>>,
    pub jobs: VecDeque<Job>,
    /// Places promised to rows that are being inserted.
    pub reserved: usize,
    pub in_flight: usize,
    pub in_turns: bool,
    /// Whether the database holds more that is due.
    pub backlog: bool,
    /// In a row.
    failures: u32,
    spared: Option<Spared>,
}

/// An endpoint that failed, and is on its way back.
#[derive(Clone, Copy)]
struct Spared {
    /// Attempts at the same time.
    allowed: usize,
    /// Since `allowed` changed.
    successes: usize,
}

impl Line {
    fn limit(&self) -> usize {
        self.spared.map_or(LINE_MAX, |spared| {
            spared.allowed.saturating_mul(SPARED_LINE_MAX).min(LINE_MAX)
        })
    }

    /// What waits, or is about to.
    pub fn length(&self) -> usize {
        self.jobs.len() + self.reserved
    }

    pub fn room(&self) -> usize {
        self.limit().saturating_sub(self.length())
    }

    /// Whether it is time to look for more in the database.
    pub fn is_hungry(&self) -> bool {
        self.backlog && self.jobs.len() < self.limit() / 2
    }

    /// Whether the endpoint may have one more attempt under way; `share` is what any endpoint may have at most.
    pub fn may_send(&self, share: usize) -> bool {
        let full = self.full_width(share);
        let allowed = self.spared.map_or(full, |spared| spared.allowed.min(full));
        !self.jobs.is_empty() && self.in_flight < allowed
    }

    fn full_width(&self, share: usize) -> usize {
        self.endpoint
            .as_ref()
            .map_or(share, |endpoint| endpoint.concurrency.min(share))
    }

    /// Counts an attempt that arrived. A spared endpoint gets one more place per round of successes, so that a
    /// receiver that is back is not flooded with what it missed.
    pub fn succeeded(&mut self, share: usize) {
        self.failures = 0;
        let full = self.full_width(share);
        let Some(spared) = &mut self.spared else { return };
        spared.successes += 1;
        if spared.successes >= spared.allowed {
            spared.allowed += 1;
            spared.successes = 0;
        }
        if spared.allowed >= full {
            self.spared = None;
        }
    }

    /// Counts an attempt that failed. Failures in a row spare the endpoint; on its way back each halves its places.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let allowed = match self.spared {
            _ if self.failures >= SPARED_AFTER => 1,
            Some(spared) => (spared.allowed / 2).max(1),
            None => return,
        };
        self.spared = Some(Spared {
            allowed,
            successes: 0,
        });
    }

    /// Takes out what a spared endpoint's line may not keep.
    pub fn shed(&mut self) -> Vec<Job> {
        let keep = self.limit().min(self.jobs.len());
        let shed: Vec<Job> = self.jobs.drain(keep..).collect();
        self.backlog |= !shed.is_empty();
        shed
    }

    /// Whether nothing waits, is promised or under way.
    pub fn is_empty(&self) -> bool {
        self.length() == 0 && self.in_flight == 0 && !self.in_turns
    }

    /// Whether a new line would say the same.
    pub fn is_forgettable(&self) -> bool {
        self.is_empty() && self.failures == 0 && self.spared.is_none() && !self.backlog
    }
}
