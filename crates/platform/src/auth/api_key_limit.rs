//! Requests per hour of a key (API-2), shared by all processes and kept over restarts.
//!
//! The hour of a key begins with its first request and is counted in one row of the database. A process takes several
//! requests out of it at once (a tenth of what is left, 20 at most) and hands them out from memory, so that not every
//! request writes. So no more than the limit is ever let through. Fewer are when a process keeps some that another could
//! use: what is not used for two seconds is given back, and what a killed process had is lost until the hour is over.
//! Not here: how a refusal looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::api_key::KeyRef;
use super::api_key_store::{KeyStore, KeyStoreError};

/// The window of the limit, in seconds, as `RateLimit-Policy` says it.
pub const WINDOW_S: u64 = 3_600;
/// Requests that a process takes at once.
const MOST_AT_ONCE: i64 = 20;
/// What is unused for this long is given back.
const IDLE: Duration = Duration::from_secs(2);
/// How long a "no" is believed without asking again: another process may have given something back.
const REFUSED_FOR: Duration = Duration::from_secs(1);

/// Where a key stands in its hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub limit: i64,
    /// Requests that are left. What other processes have taken and not used yet counts as used.
    pub left: i64,
    /// Until the hour is over.
    pub reset_s: u64,
}

/// Why a request is not let through.
#[derive(Debug)]
pub enum NotNow {
    UsedUp(Quota),
    Store(KeyStoreError),
}

/// Counts requests by key.
pub struct Limiter {
    store: Arc<dyn KeyStore>,
    lanes: Mutex<HashMap<KeyRef, Arc<Lane>>>,
}

struct Lane {
    /// One at a time asks the store, so that many requests at once do not take the whole hour.
    asking: Semaphore,
    share: Mutex<Share>,
}

/// What this process has of a key's hour.
#[derive(Debug, Clone, Copy)]
struct Share {
    limit: i64,
    unused: i64,
    /// Of the whole hour, beyond this process's share.
    beyond: i64,
    window: OffsetDateTime,
    ends: Instant,
    /// Until then the store's "no" holds.
    refused_until: Option<Instant>,
    touched: Instant,
}

impl Share {
    fn quota(&self, now: Instant) -> Quota {
        Quota {
            limit: self.limit,
            left: self.unused + self.beyond,
            reset_s: whole_seconds(self.ends.saturating_duration_since(now)),
        }
    }
}

/// Whole seconds, rounded up; at least one.
fn whole_seconds(left: Duration) -> u64 {
    (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1)
}

impl Limiter {
    pub fn new(store: Arc<dyn KeyStore>) -> Self {
        Self {
            store,
            lanes: Mutex::default(),
        }
    }

    /// Lets one request through, or not.
    ///
    /// # Errors
    /// [`NotNow`].
    pub async fn take(&self, key: &KeyRef, limit: i64) -> Result<Quota, NotNow> {
        let lane = self.lane(key);
        if let Some(answer) = lane.answer_from_memory(limit) {
            return answer.map_err(NotNow::UsedUp);
        }
        // A semaphore that is never closed.
        let _turn = lane.asking.acquire().await;
        if let Some(answer) = lane.answer_from_memory(limit) {
            return answer.map_err(NotNow::UsedUp);
        }
        if let Some(old) = lane.taken_back() {
            self.store
                .give_back(key, old.window, old.unused)
                .await
                .map_err(NotNow::Store)?;
        }
        let asked = Instant::now();
        let grant = self
            .store
            .lease(key, limit, MOST_AT_ONCE)
            .await
            .map_err(NotNow::Store)?;
        let left = Duration::from_millis(u64::try_from(grant.left_ms).unwrap_or(0));
        let now = Instant::now();
        let share = Share {
            limit,
            unused: grant.granted,
            beyond: (limit - grant.taken).max(0),
            window: grant.window,
            // From before the question, so that no request of this hour is let through in the next one's name.
            ends: asked + left,
            refused_until: (grant.granted == 0).then_some(now + REFUSED_FOR),
            touched: now,
        };
        lane.settle(share).map_err(NotNow::UsedUp)
    }

    fn lane(&self, key: &KeyRef) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(key) {
            return Arc::clone(lane);
        }
        let now = Instant::now();
        let share = Share {
            limit: 0,
            unused: 0,
            beyond: 0,
            window: OffsetDateTime::UNIX_EPOCH,
            ends: now,
            refused_until: None,
            touched: now,
        };
        let lane = Arc::new(Lane {
            asking: Semaphore::new(1),
            share: Mutex::new(share),
        });
        lanes.insert(key.clone(), Arc::clone(&lane));
        lane
    }

    /// Gives back what lay idle, or everything at the end; forgets keys that nobody uses.
    pub async fn give_back(&self, is_last: bool) {
        let now = Instant::now();
        let lanes: Vec<(KeyRef, Arc<Lane>)> = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || !lane.is_forgettable(now));
            let idle = lanes.iter().filter(|(_, lane)| is_last || lane.is_idle(now));
            idle.map(|(key, lane)| (key.clone(), Arc::clone(lane))).collect()
        };
        for (key, lane) in lanes {
            let Some(old) = lane.taken_back() else { continue };
            if let Err(error) = self.store.give_back(&key, old.window, old.unused).await {
                tracing::warn!(%error, "unused requests of a key are lost until its hour is over");
            }
        }
    }
}

impl Lane {
    /// Answers from memory, if that is possible.
    fn answer_from_memory(&self, limit: i64) -> Option<Result<Quota, Quota>> {
        let now = Instant::now();
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        if share.limit != limit || now >= share.ends {
            return None;
        }
        if share.unused > 0 {
            share.unused -= 1;
            share.touched = now;
            return Some(Ok(share.quota(now)));
        }
        let is_refused = share.refused_until.is_some_and(|until| now < until);
        is_refused.then(|| Err(share.quota(now)))
    }

    /// Takes over a fresh share and one request out of it.
    fn settle(&self, fresh: Share) -> Result<Quota, Quota> {
        let now = Instant::now();
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        *share = fresh;
        if share.unused > 0 {
            share.unused -= 1;
            Ok(share.quota(now))
        } else {
            Err(share.quota(now))
        }
    }

    /// What was not used and can still be given back; afterwards the store is asked again.
    fn taken_back(&self) -> Option<Share> {
        let mut share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let old = *share;
        share.unused = 0;
        share.refused_until = None;
        (old.unused > 0 && Instant::now() < old.ends).then_some(old)
    }

    fn is_idle(&self, now: Instant) -> bool {
        let share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        share.unused > 0 && now.saturating_duration_since(share.touched) >= IDLE
    }

    fn is_forgettable(&self, now: Instant) -> bool {
        let share = self.share.lock().unwrap_or_else(PoisonError::into_inner);
        share.unused == 0 && now.saturating_duration_since(share.touched) >= IDLE * 30
    }
}
