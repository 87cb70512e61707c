//! What is about to be sent: one line per endpoint, served in turn, so that no endpoint waits for another's receiver.
//!
//! In memory only. Everything here has a row with a lease in the database; what is dropped comes back by itself.
//! An endpoint that keeps failing is served one at a time and keeps a short line only.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::Payload;
use schemas::RecordedEvent;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::registry::Endpoint;

/// Deliveries that wait, over all endpoints.
const WAITING_MAX: usize = 16_384;
/// Deliveries that wait for one endpoint.
const LINE_MAX: usize = 2_048;
/// Failures in a row after which an endpoint is spared: one attempt at a time.
const SPARED_AFTER: u32 = 5;
/// What waits for a spared endpoint.
const SPARED_LINE_MAX: usize = 4;

/// One attempt to be made.
#[derive(Debug, Clone)]
pub struct Job {
    pub endpoint: Arc<Endpoint>,
    pub sequence: i64,
    pub event: Arc<RecordedEvent>,
    pub payload: Payload,
    /// From 1.
    pub attempt: u32,
    /// When the row's lease ends, with the margin taken off already.
    pub lease_ends: Instant,
}

/// Waiting deliveries of one lane. Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Notify,
    /// Told when a line with more in the database behind it has room.
    hungry: Arc<Notify>,
}

#[derive(Default)]
struct State {
    lines: HashMap<i64, Line>,
    /// Endpoints with something to send and a place to send it, each once.
    turns: VecDeque<i64>,
    waiting: usize,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    /// Places promised to rows that are being inserted.
    reserved: usize,
    in_flight: usize,
    failures: u32,
    in_turns: bool,
    /// Whether the database holds more that is due.
    backlog: bool,
}

impl Line {
    fn limit(&self) -> usize {
        if self.failures >= SPARED_AFTER {
            SPARED_LINE_MAX
        } else {
            LINE_MAX
        }
    }

    fn room(&self) -> usize {
        self.limit().saturating_sub(self.jobs.len() + self.reserved)
    }

    fn may_send(&self) -> bool {
        let allowed = match self.jobs.front() {
            Some(_) if self.failures >= SPARED_AFTER => 1,
            Some(job) => job.endpoint.concurrency,
            None => 0,
        };
        self.in_flight < allowed
    }

    fn is_idle(&self) -> bool {
        self.jobs.is_empty()
            && self.reserved == 0
            && self.in_flight == 0
            && self.failures == 0
            && !self.backlog
    }
}

impl Queue {
    /// `hungry` is shared by the lanes: whoever claims rows waits on it.
    pub fn new(hungry: Arc<Notify>) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            ready: Notify::new(),
            hungry,
        }))
    }

    /// Promises places for rows that are about to be inserted with a lease, if the line has room and nothing older
    /// of this endpoint waits in the database.
    pub fn reserve(&self, endpoint: i64, count: usize) -> bool {
        let mut state = self.state();
        let free = WAITING_MAX.saturating_sub(state.waiting);
        let line = state.lines.entry(endpoint).or_default();
        if line.backlog || line.room() < count || free < count {
            return false;
        }
        line.reserved += count;
        state.waiting += count;
        true
    }

    /// Takes a promise back.
    pub fn unreserve(&self, endpoint: i64, count: usize) {
        let mut state = self.state();
        if let Some(line) = state.lines.get_mut(&endpoint) {
            line.reserved = line.reserved.saturating_sub(count);
        }
        state.waiting = state.waiting.saturating_sub(count);
    }

    /// Queues leased deliveries, in their order. Reserved places must have been given back before.
    pub fn push(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut state = self.state();
        for job in jobs {
            let number = job.endpoint.number;
            state.waiting += 1;
            state.lines.entry(number).or_default().jobs.push_back(job);
            state.offer(number);
        }
        drop(state);
        self.0.ready.notify_one();
    }

    /// Says that the database holds due rows of this endpoint.
    pub fn note_backlog(&self, endpoint: i64) {
        self.state().lines.entry(endpoint).or_default().backlog = true;
        self.0.hungry.notify_one();
    }

    /// Endpoints that a claim should look at, with their room: those with a backlog, or `all` of them.
    pub fn rooms(&self, all: Option<&[i64]>) -> Vec<(i64, usize)> {
        let mut state = self.state();
        let free = WAITING_MAX.saturating_sub(state.waiting);
        let wanted: Vec<(i64, usize)> = match all {
            Some(endpoints) => endpoints
                .iter()
                .map(|&e| (e, state.lines.get(&e).map_or(LINE_MAX, Line::room)))
                .collect(),
            None => state
                .lines
                .iter()
                .filter(|(_, line)| line.backlog)
                .map(|(&e, line)| (e, line.room()))
                .collect(),
        };
        let wanted: Vec<(i64, usize)> = wanted.into_iter().filter(|&(_, room)| room > 0).collect();
        let share = free / wanted.len().max(1);
        if share == 0 {
            return Vec::new();
        }
        // Lines that nothing speaks of any more are forgotten here, so that deleted endpoints leave no trace.
        if all.is_some() {
            state.lines.retain(|_, line| !line.is_idle());
        }
        wanted
            .into_iter()
            .map(|(endpoint, room)| (endpoint, room.min(share)))
            .collect()
    }

    /// After a claim: whether the database had at least as much as there was room for.
    pub fn claimed(&self, endpoint: i64, more: bool) {
        self.state().lines.entry(endpoint).or_default().backlog = more;
    }

    /// Waits for the next delivery, endpoint by endpoint in turn. Call [`Queue::done`] afterwards.
    pub async fn next(&self) -> Job {
        loop {
            if let Some(job) = self.try_next() {
                return job;
            }
            self.0.ready.notified().await;
        }
    }

    fn try_next(&self) -> Option<Job> {
        let mut state = self.state();
        let (number, line) = loop {
            let number = state.turns.pop_front()?;
            // A turn that was given before its endpoint turned out to be down is void.
            if let Some(line) = state.lines.get_mut(&number) {
                line.in_turns = false;
                if line.may_send() {
                    break (number, state.lines.get_mut(&number)?);
                }
            }
        };
        let job = line.jobs.pop_front()?;
        line.in_flight += 1;
        let hungry = line.backlog && line.jobs.len() < line.limit() / 2;
        state.waiting = state.waiting.saturating_sub(1);
        state.offer(number);
        let more = !state.turns.is_empty();
        drop(state);
        if more {
            self.0.ready.notify_one();
        }
        if hungry {
            self.0.hungry.notify_one();
        }
        Some(job)
    }

    /// Ends an attempt. `succeeded` is `None` when none was made. Returns deliveries whose lease should be given
    /// back, because their endpoint turned out to be down.
    pub fn done(&self, endpoint: i64, succeeded: Option<bool>) -> Vec<Job> {
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(&endpoint) else {
            return Vec::new();
        };
        line.in_flight = line.in_flight.saturating_sub(1);
        match succeeded {
            Some(true) => line.failures = 0,
            Some(false) => line.failures = line.failures.saturating_add(1),
            None => {}
        }
        let keep = line.limit().min(line.jobs.len());
        let shed: Vec<Job> = line.jobs.drain(keep..).collect();
        line.backlog |= !shed.is_empty();
        state.waiting = state.waiting.saturating_sub(shed.len());
        state.offer(endpoint);
        let more = !state.turns.is_empty();
        drop(state);
        if more {
            self.0.ready.notify_one();
        }
        shed
    }

    /// Empties the queue, for an orderly stop.
    pub fn drain(&self) -> Vec<Job> {
        let mut state = self.state();
        state.turns.clear();
        state.waiting = 0;
        state.lines.drain().flat_map(|(_, line)| line.jobs).collect()
    }

    /// Deliveries that wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives the endpoint a turn if it can use one and has none.
    fn offer(&mut self, number: i64) {
        if let Some(line) = self.lines.get_mut(&number)
            && !line.in_turns
            && line.may_send()
        {
            line.in_turns = true;
            self.turns.push_back(number);
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
