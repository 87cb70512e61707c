//! What is about to be sent: one line per endpoint, served in turn, so that no endpoint waits for another's receiver.
//!
//! Tenants take turns, and within a tenant its endpoints. Receivers that are slow, even while they answer 200, take up
//! their share of the workers and no more. In memory only: everything here has a row with a lease in the database;
//! what is dropped comes back by itself.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::{RecordedEvent, TenantId};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::body::Body;
use crate::breaker::{Breaker, BreakerOptions, BreakerState};
use crate::line::{LINE_MAX, Line};
use crate::registry::Endpoint;

/// Deliveries that wait, over all endpoints; beyond it every endpoint still has [`LINE_MIN`].
const WAITING_MAX: usize = 16_384;
/// Room that an endpoint has even when the others' full lines take up all of [`WAITING_MAX`].
const LINE_MIN: usize = 32;
/// One endpoint never has more than a fourth of the workers, however many attempts at once it asks for …
const ENDPOINT_SHARE: usize = 4;
/// … and all endpoints of one tenant not more than half of them.
const TENANT_SHARE: usize = 2;

/// One attempt to be made.
#[derive(Debug, Clone)]
pub struct Job {
    pub endpoint: Arc<Endpoint>,
    pub sequence: i64,
    pub event: Arc<RecordedEvent>,
    pub body: Body,
    /// From 1.
    pub attempt: u32,
    /// Attempts before the last replay; the schedule counts from there.
    pub attempt_base: u32,
    /// When the row's lease ends, with the margin taken off already.
    pub lease_ends: Instant,
}

impl Job {
    /// Whether the lease still holds. After it the row is not even ours to give back: somebody may have taken it.
    pub fn is_ours(&self) -> bool {
        Instant::now() < self.lease_ends
    }
}

/// Waiting deliveries of one lane. Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    /// When an endpoint is spared; `None` where nobody is: each security event is tried at its own time, whatever
    /// became of the others.
    breaker: Option<BreakerOptions>,
    /// Attempts at the same time that one endpoint may have at most.
    endpoint_share: usize,
    /// And all endpoints of one tenant.
    tenant_share: usize,
    state: Mutex<State>,
    ready: Notify,
    /// Told when a line with more in the database behind it has room.
    hungry: Arc<Notify>,
}

#[derive(Default)]
struct State {
    lines: HashMap<i64, Line>,
    tenants: HashMap<TenantId, Tenant>,
    /// Tenants with an endpoint to serve and a place to serve it, each once.
    turns: VecDeque<TenantId>,
    waiting: usize,
    /// Endpoints whose breaker has moved since somebody asked.
    moved: HashSet<i64>,
    /// Endpoints whose breaker is not closed: time alone may give them a turn.
    paced: HashSet<i64>,
}

/// An endpoint's breaker, as others may know it.
#[derive(Debug, Clone)]
pub struct BreakerNote {
    pub endpoint: i64,
    pub state: BreakerState,
    pub usual_per_s: f64,
}

#[derive(Default)]
struct Tenant {
    /// Endpoints with something to send and a place to send it, each once.
    turns: VecDeque<i64>,
    in_flight: usize,
    in_turns: bool,
}

impl State {
    /// Room in a line: its own, as far as the lines together leave any.
    fn room(&self, line: Option<&Line>, share: usize, now: Instant) -> usize {
        let (room, length) = line.map_or((LINE_MAX, 0), |line| (line.room(now), line.length()));
        room.min(share.max(LINE_MIN.saturating_sub(length)))
    }

    fn free(&self) -> usize {
        WAITING_MAX.saturating_sub(self.waiting)
    }
}

impl Queue {
    /// `workers` is how many call [`Queue::next`]; the claimer of this lane waits on `hungry`.
    pub fn new(breaker: Option<BreakerOptions>, workers: usize, hungry: Arc<Notify>) -> Self {
        Self(Arc::new(Shared {
            breaker,
            endpoint_share: (workers / ENDPOINT_SHARE).max(1),
            tenant_share: (workers / TENANT_SHARE).max(1),
            state: Mutex::default(),
            ready: Notify::new(),
            hungry,
        }))
    }

    /// Promises places for rows that are about to be inserted with a lease, if the line has room and nothing older
    /// of this endpoint waits in the database.
    pub fn reserve(&self, endpoint: i64, count: usize) -> bool {
        let mut state = self.state();
        let line = state.lines.get(&endpoint);
        if line.is_some_and(|line| line.backlog) || state.room(line, state.free(), Instant::now()) < count {
            return false;
        }
        state.lines.entry(endpoint).or_default().reserved += count;
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
        let now = Instant::now();
        let mut state = self.state();
        for job in jobs {
            let number = job.endpoint.number;
            state.waiting += 1;
            let line = state.lines.entry(number).or_default();
            line.endpoint = Some(Arc::clone(&job.endpoint));
            line.jobs.push_back(job);
            state.offer(number, &self.0, now);
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
        let now = Instant::now();
        let mut state = self.state();
        // Lines that say nothing any more are forgotten here.
        if all.is_some() {
            let State { lines, moved, .. } = &mut *state;
            // A breaker that has moved is told first: what is stored of it would stay as it was for ever.
            lines.retain(|number, line| moved.contains(number) || !line.is_forgettable());
            state.tenants.retain(|_, tenant| !tenant.is_forgettable());
        }
        let wanted: Vec<(i64, Option<&Line>)> = match all {
            Some(endpoints) => endpoints.iter().map(|&e| (e, state.lines.get(&e))).collect(),
            None => state
                .lines
                .iter()
                .filter(|(_, line)| line.backlog)
                .map(|(&e, line)| (e, Some(line)))
                .collect(),
        };
        let share = state.free() / wanted.len().max(1);
        wanted
            .into_iter()
            .map(|(endpoint, line)| (endpoint, state.room(line, share, now)))
            .filter(|&(_, room)| room > 0)
            .collect()
    }

    /// Forgets the lines of endpoints that do not exist any more, whatever their past.
    pub fn keep_only(&self, endpoints: &HashSet<i64>) {
        let mut state = self.state();
        state
            .lines
            .retain(|number, line| endpoints.contains(number) || !line.is_empty());
        state.paced.retain(|number| endpoints.contains(number));
    }

    /// After a claim: whether the database had at least as much as there was room for.
    pub fn claimed(&self, endpoint: i64, more: bool) {
        let mut state = self.state();
        state.lines.entry(endpoint).or_default().claimed(more);
        state.note_breaker(endpoint);
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
        let now = Instant::now();
        let mut guard = self.state();
        let state = &mut *guard;
        let (job, hungry) = loop {
            let name = state.turns.pop_front()?;
            let Some(tenant) = state.tenants.get_mut(&name) else {
                continue;
            };
            tenant.in_turns = false;
            let taken = tenant.take(&mut state.lines, &self.0, now);
            if let Some((job, _)) = &taken {
                state.note_breaker(job.endpoint.number);
                state.offer(job.endpoint.number, &self.0, now);
            }
            state.offer_tenant(name, &self.0);
            if let Some(taken) = taken {
                break taken;
            }
        };
        state.waiting = state.waiting.saturating_sub(1);
        let more = !state.turns.is_empty();
        drop(guard);
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
        let now = Instant::now();
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(&endpoint) else {
            return Vec::new();
        };
        line.done(succeeded, self.0.breaker.as_ref(), now);
        let shed = line.shed(now);
        let hungry = line.is_hungry(now);
        let tenant = line.endpoint.as_ref().map(|endpoint| endpoint.tenant.clone());
        state.waiting = state.waiting.saturating_sub(shed.len());
        state.note_breaker(endpoint);
        if let Some(name) = tenant {
            if let Some(tenant) = state.tenants.get_mut(&name) {
                tenant.in_flight = tenant.in_flight.saturating_sub(1);
            }
            state.offer(endpoint, &self.0, now);
            state.offer_tenant(name, &self.0);
        }
        let more = !state.turns.is_empty();
        drop(state);
        if more {
            self.0.ready.notify_one();
        }
        if hungry {
            self.0.hungry.notify_one();
        }
        shed
    }

    /// Gives turns to endpoints that time alone allows to go on. Call it every [`crate::breaker::PACE`].
    pub fn pace(&self) {
        let now = Instant::now();
        let mut state = self.state();
        let paced: Vec<i64> = state.paced.iter().copied().collect();
        paced
            .into_iter()
            .for_each(|endpoint| state.offer(endpoint, &self.0, now));
        let more = !state.turns.is_empty();
        drop(state);
        if more {
            self.0.ready.notify_one();
        }
    }

    /// Goes on with what an earlier life of this process knew of an endpoint.
    pub fn remember(&self, endpoint: i64, breaker: Breaker) {
        let mut state = self.state();
        let line = state.lines.entry(endpoint).or_default();
        line.noted = breaker.state();
        line.breaker = breaker;
        state.note_paced(endpoint);
    }

    /// The breakers that have moved since the last call.
    pub fn moved_breakers(&self) -> Vec<BreakerNote> {
        let mut state = self.state();
        let moved = std::mem::take(&mut state.moved);
        let note = |number: i64| {
            let line = state.lines.get(&number)?;
            Some(BreakerNote {
                endpoint: number,
                state: line.breaker.state(),
                usual_per_s: line.breaker.usual_per_s(),
            })
        };
        moved.into_iter().filter_map(note).collect()
    }

    /// Endpoints by the state of their breaker, as far as this instance knows them.
    pub fn breakers(&self) -> BTreeMap<BreakerState, usize> {
        let mut counts = BTreeMap::new();
        for line in self.state().lines.values() {
            *counts.entry(line.breaker.state()).or_default() += 1;
        }
        counts
    }

    /// Empties the queue, for an orderly stop.
    pub fn drain(&self) -> Vec<Job> {
        let mut state = self.state();
        state.turns.clear();
        state.tenants.clear();
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
    fn offer(&mut self, number: i64, limits: &Shared, now: Instant) {
        if let Some(line) = self.lines.get_mut(&number)
            && !line.in_turns
            && line.may_send(limits.endpoint_share, now)
            && let Some(endpoint) = &line.endpoint
        {
            let name = endpoint.tenant.clone();
            line.in_turns = true;
            let tenant = self.tenants.entry(name.clone()).or_default();
            tenant.turns.push_back(number);
            self.offer_tenant(name, limits);
        }
    }

    /// Notes that an endpoint's breaker has moved, if it has.
    fn note_breaker(&mut self, number: i64) {
        let Some(line) = self.lines.get_mut(&number) else {
            return;
        };
        let state = line.breaker.state();
        if line.noted != state {
            line.noted = state;
            self.moved.insert(number);
            self.note_paced(number);
        }
    }

    fn note_paced(&mut self, number: i64) {
        let state = self.lines.get(&number).map(|line| line.breaker.state());
        if state.is_none_or(|state| state == BreakerState::Closed) {
            self.paced.remove(&number);
        } else {
            self.paced.insert(number);
        }
    }

    /// Gives the tenant a turn if one of its endpoints can use it and it has none.
    fn offer_tenant(&mut self, name: TenantId, limits: &Shared) {
        if let Some(tenant) = self.tenants.get_mut(&name)
            && !tenant.in_turns
            && !tenant.turns.is_empty()
            && tenant.in_flight < limits.tenant_share
        {
            tenant.in_turns = true;
            self.turns.push_back(name);
        }
    }
}

impl Tenant {
    /// The next delivery of the endpoint whose turn it is, and whether its line wants more.
    fn take(&mut self, lines: &mut HashMap<i64, Line>, limits: &Shared, now: Instant) -> Option<(Job, bool)> {
        loop {
            let number = self.turns.pop_front()?;
            let Some(line) = lines.get_mut(&number) else {
                continue;
            };
            line.in_turns = false;
            // A turn that was given before its endpoint turned out to be down is void.
            if !line.may_send(limits.endpoint_share, now) {
                continue;
            }
            if let Some(job) = line.take(now) {
                self.in_flight += 1;
                return Some((job, line.is_hungry(now)));
            }
        }
    }

    fn is_forgettable(&self) -> bool {
        self.turns.is_empty() && self.in_flight == 0 && !self.in_turns
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
