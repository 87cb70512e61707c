//! The gate of the external API: from a secret to a key that is accepted, counted and recorded.
//!
//! Two things are remembered of a key: whose a hash is, which never changes, and the fold of its stream up to a
//! version. Each request reads what the stream got since, usually nothing, so that a revocation holds at once in every
//! process. Every way of being wrong gets the same answer. Not here: scopes of rows and headers (the guard).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use schemas::Version;
use tokio::sync::Semaphore;

use super::api_key::{ApiKeySecrets, Ended, KeyRef, KeyStanding};
use super::api_key_limit::{Limiter, NotNow, Quota};
use super::api_key_log::{Call, CallLog};
use super::api_key_store::{KeyStore, KeyStoreError, event_of};
use super::sign_in::SignInLimits;
use super::throttle::{Throttle, ThrottleLimits};
use crate::bounded_cache::BoundedCache;
use crate::clock::SharedClock;
use crate::http::{Problem, codes, counted_as_one};
use crate::tasks::{OnEnd, Tasks};

/// Keys that are remembered.
const REMEMBERED: usize = 20_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(3_600);
/// Addresses whose wrong keys are counted.
const ADDRESSES: usize = 100_000;

/// Secrets that nobody remembers and that are looked up at once; whoever guesses leaves the database's connections to
/// those who do not.
const LOOKUPS: usize = 4;

/// A key, as of now.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    pub key: KeyRef,
    pub standing: Arc<KeyStanding>,
}

/// Why somebody is not let in.
#[derive(Debug)]
pub struct NotAdmitted {
    pub problem: Problem,
    /// Whose key it was before it ended; of no use to who holds it, and not told. `None` also when the same address
    /// knocks too often to be recorded each time.
    pub whose: Option<(KeyHolder, Ended)>,
}

impl From<Problem> for NotAdmitted {
    fn from(problem: Problem) -> Self {
        Self { problem, whose: None }
    }
}

/// Judges, counts and records calls with keys. Cheap to clone.
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

struct Inner {
    secrets: ApiKeySecrets,
    store: Arc<dyn KeyStore>,
    owners: BoundedCache<[u8; 32], KeyRef>,
    standings: BoundedCache<KeyRef, Arc<KeyStanding>>,
    failures: Throttle<IpAddr>,
    lookups: Semaphore,
    limiter: Arc<Limiter>,
    log: CallLog,
    clock: SharedClock,
}

impl ApiKeys {
    /// Starts the task that records; it ends once every clone is gone and everything is written.
    pub fn start(
        tasks: &Tasks,
        secrets: ApiKeySecrets,
        store: Arc<dyn KeyStore>,
        guesses: SignInLimits,
        retention_days: u32,
        clock: SharedClock,
    ) -> Self {
        let limiter = Arc::new(Limiter::new(Arc::clone(&store)));
        let (log, writer) = CallLog::new(
            Arc::clone(&store),
            Arc::clone(&limiter),
            Arc::clone(&clock),
            retention_days,
        );
        let stop = tasks.stop_token();
        tasks.spawn("calls of external systems", OnEnd::MayFinish, async move {
            writer.run(stop).await;
            Ok(())
        });
        Self(Arc::new(Inner {
            secrets,
            store,
            owners: BoundedCache::new(REMEMBERED, REMEMBERED_FOR),
            standings: BoundedCache::new(REMEMBERED, REMEMBERED_FOR),
            failures: Throttle::new(ThrottleLimits {
                failures: guesses.per_address,
                window: guesses.window,
                max_keys: ADDRESSES,
            }),
            lookups: Semaphore::new(LOOKUPS),
            limiter,
            log,
            clock,
        }))
    }

    /// Whose secret it is, if it is accepted now.
    ///
    /// # Errors
    /// 401 for anything but a live secret of an active key, 429 after too many of those from one address, 503 when the
    /// database does not answer.
    pub async fn admit(&self, presented: &str, client: IpAddr) -> Result<KeyHolder, NotAdmitted> {
        let found = if ApiKeySecrets::is_secret(presented) {
            self.find(presented).await.map_err(|error| unavailable(&error))?
        } else {
            None
        };
        let whose = match found {
            Some((holder, Ok(()))) => return Ok(holder),
            Some((holder, Err(ended))) => Some((holder, ended)),
            None => None,
        };
        match self.0.failures.begin(&counted_as_one(client), self.0.clock.now()) {
            Ok(()) => Err(NotAdmitted {
                problem: Problem::new(&codes::API_KEY_INVALID),
                whose,
            }),
            Err(wait) => Err(Problem::new(&codes::AUTH_TOO_MANY_ATTEMPTS)
                .retry_after(wait)
                .into()),
        }
    }

    /// Whose secret it is or was, and whether it is accepted now.
    async fn find(&self, presented: &str) -> Result<Option<(KeyHolder, Result<(), Ended>)>, KeyStoreError> {
        let hash = self.0.secrets.hash(presented);
        let key = match self.0.owners.get(&hash) {
            Some(key) => key,
            None => {
                // A semaphore that is never closed.
                let _turn = self.0.lookups.acquire().await;
                let Some(key) = self.0.store.owner(&hash).await? else {
                    return Ok(None);
                };
                self.0.owners.insert(hash, key.clone());
                key
            }
        };
        let standing = self.standing(&key).await?;
        let now = self.0.clock.now();
        Ok(standing.map(|standing| {
            let judged = standing.accept(&hash, now);
            (KeyHolder { key, standing }, judged)
        }))
    }

    /// What holds of the key, up to the last event that is durable now.
    async fn standing(&self, key: &KeyRef) -> Result<Option<Arc<KeyStanding>>, KeyStoreError> {
        let known = self.0.standings.get(key);
        let after = known.as_ref().map_or(Version::EMPTY, |standing| standing.version);
        let since = self.0.store.life(key, after).await?;
        if since.is_empty() {
            return Ok(known);
        }
        let mut slot = known.map(|standing| KeyStanding::clone(&standing));
        for recorded in &since {
            if let Some(event) = event_of(recorded)? {
                KeyStanding::evolve(&mut slot, &event, recorded.version);
            }
        }
        let standing = slot.map(Arc::new);
        if let Some(standing) = &standing {
            self.0.standings.insert(key.clone(), Arc::clone(standing));
        }
        Ok(standing)
    }

    /// Opens a call's record.
    ///
    /// # Errors
    /// 503 when more calls wait to be recorded than can be kept.
    pub fn begin(&self, holder: &KeyHolder, kind: &'static str) -> Result<Call, Problem> {
        self.0
            .log
            .begin(&holder.key, &holder.standing.settings.system, kind)
            .ok_or_else(|| Problem::new(&codes::SERVICE_BUSY).retry_after(1))
    }

    /// Records that a key was used after its end.
    pub fn note_ended(&self, holder: &KeyHolder, kind: &'static str, ended: Ended) {
        let system = &holder.standing.settings.system;
        match self.0.log.begin_unused(&holder.key, system, kind) {
            Some(call) => call.finish(401, Some(ended.code()), None),
            None => tracing::warn!("a call with a key that ended is not recorded: too many wait"),
        }
    }

    /// Counts the request.
    ///
    /// # Errors
    /// Where the key stands, when its hour is used up; 503 when the database does not answer.
    pub async fn count(&self, holder: &KeyHolder) -> Result<Result<Quota, Quota>, Problem> {
        let limit = holder.standing.settings.requests_per_hour;
        match self.0.limiter.take(&holder.key, limit).await {
            Ok(quota) => Ok(Ok(quota)),
            Err(NotNow::UsedUp(quota)) => Ok(Err(quota)),
            Err(NotNow::Store(error)) => Err(unavailable(&error)),
        }
    }
}

fn unavailable(error: &KeyStoreError) -> Problem {
    tracing::error!(%error, "a key cannot be looked up");
    Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(1)
}
