//! One endpoint's line: how much it may keep, and how many attempts it may have under way now.
//!
//! Pure; whose turn it is belongs to `queue`, and whether an endpoint is spared to `breaker`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::breaker::{Breaker, BreakerOptions, BreakerState};
use crate::queue::Job;
use crate::registry::Endpoint;

/// Deliveries that wait for one endpoint.
pub const LINE_MAX: usize = 2_048;
/// A drain keeps in memory what it can send in this time: well within a lease.
const AHEAD: Duration = Duration::from_secs(2);

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
    pub breaker: Breaker,
    /// The breaker's state as it was told last.
    pub noted: BreakerState,
}

impl Line {
    fn limit(&self, now: Instant) -> usize {
        self.breaker.worth_keeping(now, AHEAD, LINE_MAX)
    }

    /// What waits, or is about to.
    pub fn length(&self) -> usize {
        self.jobs.len() + self.reserved
    }

    pub fn room(&self, now: Instant) -> usize {
        self.limit(now).saturating_sub(self.length())
    }

    /// Whether it is time to look for more in the database.
    pub fn is_hungry(&self, now: Instant) -> bool {
        self.backlog && self.jobs.len() < self.limit(now).div_ceil(2)
    }

    /// Whether the endpoint may have one more attempt under way; `share` is what any endpoint may have at most.
    pub fn may_send(&self, share: usize, now: Instant) -> bool {
        let places = self
            .endpoint
            .as_ref()
            .map_or(share, |endpoint| endpoint.concurrency.min(share));
        !self.jobs.is_empty() && self.in_flight < places && self.breaker.allows(now)
    }

    /// Takes the next delivery for an attempt that begins now; [`Line::may_send`] was asked.
    pub fn take(&mut self, now: Instant) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.in_flight += 1;
        self.breaker.begin(now);
        Some(job)
    }

    /// Counts how an attempt ended; `None` when none was made. `options` is `None` where nobody is spared.
    pub fn done(&mut self, succeeded: Option<bool>, options: Option<&BreakerOptions>, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(options) = options else { return };
        match succeeded {
            Some(true) => self.breaker.succeeded(now),
            Some(false) => self.breaker.failed(options, now),
            None => self.breaker.abandoned(now),
        }
        self.note_end();
    }

    /// Says whether the database holds more that is due.
    pub fn claimed(&mut self, more: bool) {
        self.backlog = more;
        self.note_end();
    }

    /// Ends a drain once nothing waits anywhere.
    fn note_end(&mut self) {
        if self.length() == 0 && self.in_flight == 0 && !self.backlog {
            self.breaker.caught_up();
        }
    }

    /// Takes out what a spared endpoint's line may not keep.
    pub fn shed(&mut self, now: Instant) -> Vec<Job> {
        let spared = !matches!(
            self.breaker.state(),
            BreakerState::Closed | BreakerState::Draining
        );
        if !spared {
            return Vec::new();
        }
        let keep = self.limit(now).min(self.jobs.len());
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
        self.is_empty() && self.breaker.is_forgettable() && !self.backlog
    }
}
