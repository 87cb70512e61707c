//! One command on its way through the engine.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Command, Ctx};
use schemas::StreamName;
use schemas::envelope::EventMeta;
use schemas::ids::TenantId;
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use super::{Reply, Submission, SubmitError};

/// A command, its fixed circumstances, and who waits for it.
pub(super) struct Job {
    pub ctx: Ctx,
    /// The caller's key or a generated id.
    pub id: String,
    pub keyed: bool,
    pub fingerprint: [u8; 32],
    pub command: Command,
    pub meta: Box<RawValue>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// Streams that the cache keeps for this command, as of the cache's epoch when they were pinned.
    pub pinned: HashSet<StreamName>,
    pub pinned_in: u64,
    /// How often it went to the loaders.
    pub loads: u32,
    /// How often it was decided and its batch did not land.
    pub attempts: u32,
    /// Held from admission to answer.
    pub permit: Option<OwnedSemaphorePermit>,
    reply: oneshot::Sender<Result<Reply, SubmitError>>,
    _key: Option<HeldKey>,
}

impl Job {
    /// Makes a command ready to be decided at `now`; without a key of its caller's its id is the seed. Holds the key
    /// until the job is dropped.
    ///
    /// # Errors
    /// That another request holds the key now, or that the command's metadata cannot be written as JSON.
    pub fn new(
        submission: Submission,
        now: OffsetDateTime,
        seed: Uuid,
        in_flight: &InFlight,
        reply: oneshot::Sender<Result<Reply, SubmitError>>,
    ) -> Result<Self, SubmitError> {
        let held = match &submission.key {
            Some(key) => Some(in_flight.hold(&submission.tenant, key, submission.fingerprint)?),
            None => None,
        };
        let keyed = submission.key.is_some();
        let id = submission.key.unwrap_or_else(|| seed.to_string());
        let meta = EventMeta {
            actor: submission.actor.clone(),
            reason: submission.reason,
            command_id: id.clone(),
            command: submission.command.name().to_owned(),
            traceparent: submission.traceparent.clone(),
        };
        let meta = to_raw_value(&meta).map_err(|_| SubmitError::Rejected)?;
        Ok(Self {
            ctx: Ctx {
                tenant: submission.tenant,
                actor: submission.actor,
                now,
                seed,
            },
            id,
            keyed,
            fingerprint: submission.fingerprint,
            command: submission.command,
            meta,
            traceparent: submission.traceparent,
            pinned: HashSet::new(),
            pinned_in: 0,
            loads: 0,
            attempts: 0,
            permit: None,
            reply,
            _key: held,
        })
    }

    /// Answers; a caller that went away is no error. The key is free again afterwards.
    pub fn answer(self, result: Result<Reply, SubmitError>) {
        // The key is let go before the caller can see the answer and use it again.
        let Self {
            reply, _key, permit, ..
        } = self;
        drop(_key);
        drop(permit);
        let _ = reply.send(result);
    }
}

type Keys = Arc<Mutex<HashMap<(TenantId, String), [u8; 32]>>>;

/// Keys whose first request is not answered yet.
#[derive(Clone, Default)]
pub(super) struct InFlight(Keys);

impl InFlight {
    fn hold(&self, tenant: &TenantId, key: &str, fingerprint: [u8; 32]) -> Result<HeldKey, SubmitError> {
        let name = (tenant.clone(), key.to_owned());
        match self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name.clone())
        {
            Entry::Occupied(first) if *first.get() == fingerprint => Err(SubmitError::KeyInFlight),
            Entry::Occupied(_) => Err(SubmitError::KeyReused),
            Entry::Vacant(free) => {
                free.insert(fingerprint);
                Ok(HeldKey {
                    keys: Arc::clone(&self.0),
                    name,
                })
            }
        }
    }
}

/// A key in flight; dropping it lets the key go.
struct HeldKey {
    keys: Keys,
    name: (TenantId, String),
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}
