//! Decides a batch on an overlay over the cache: each command sees what the ones before it did.
//!
//! Synchronous and without I/O; the overlay is applied to the cache only when its append is durable.

use std::collections::HashMap;

use domain::{Decide, Decision, Missing, State, View, Work};
use event_store::{Append, CommandRecord, NewEvent, StreamWrite};
use schemas::ids::TenantId;
use schemas::{Event, StreamName, Version};
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::SubmitError;
use super::cache::{Cache, Resident};
use super::job::Job;
use super::outcome::Outcome;

/// What a batch changed so far, not durable yet.
#[derive(Default)]
pub(super) struct Overlay {
    tenants: HashMap<TenantId, HashMap<StreamName, (State, Version)>>,
}

impl Overlay {
    fn get(&self, tenant: &TenantId, stream: &StreamName) -> Option<&(State, Version)> {
        self.tenants.get(tenant)?.get(stream)
    }

    /// Makes the overlay the cache's content: the append is durable. `offer` tells whether it took a snapshot.
    pub fn commit(self, cache: &mut Cache, mut offer: impl FnMut(&TenantId, &StreamName, &Resident) -> bool) {
        for (tenant, streams) in self.tenants {
            for (stream, (state, version)) in streams {
                let snapshot = cache
                    .get(&tenant, &stream)
                    .map_or(Version::EMPTY, |resident| resident.snapshot);
                let mut resident = Resident {
                    state,
                    version,
                    snapshot,
                };
                if offer(&tenant, &stream, &resident) {
                    resident.snapshot = version;
                }
                cache.put(&tenant, stream, resident);
            }
        }
    }
}

struct BatchView<'a> {
    tenant: &'a TenantId,
    overlay: &'a Overlay,
    cache: &'a Cache,
}

impl View for BatchView<'_> {
    fn state(&self, stream: &StreamName) -> Option<&State> {
        match self.overlay.get(self.tenant, stream) {
            Some((state, _)) => Some(state),
            None => self
                .cache
                .get(self.tenant, stream)
                .map(|resident| &resident.state),
        }
    }
}

/// What became of one command in a batch.
pub(super) enum Decided {
    /// Goes into the append; `outcome` is answered once that is durable.
    Ready { append: Append, outcome: Outcome },
    /// Reads streams that are not resident.
    Missing(Vec<StreamName>),
    /// Cannot be stored whatever happens.
    Broken(SubmitError),
}

/// Decides one command and, if it came to an answer, moves the overlay on.
pub(super) fn decide(job: &Job, overlay: &mut Overlay, cache: &Cache) -> Decided {
    let tenant = &job.ctx.tenant;
    let decided = loop {
        let view = BatchView {
            tenant,
            overlay,
            cache,
        };
        match job.command.decide(Work::new(&view), &job.ctx) {
            Ok(decision) => break accepted(job, decision, overlay, cache),
            Err(Missing::Refused(refusal)) => break append(job, Vec::new(), Outcome::Refusal(refusal)),
            Err(Missing::Streams(streams)) => {
                let (own, others): (Vec<_>, Vec<_>) =
                    streams.into_iter().partition(|stream| is_own(job, stream));
                if own.is_empty() || !others.is_empty() {
                    return Decided::Missing(others);
                }
                let streams = overlay.tenants.entry(tenant.clone()).or_default();
                streams.extend(own.into_iter().map(|stream| {
                    let state = State::initial(&stream);
                    (stream, (state, Version::EMPTY))
                }));
            }
        }
    };
    decided.unwrap_or_else(Decided::Broken)
}

/// Whether a stream that is not resident is named by an id that was drawn for this command, so that it is known to be
/// empty without a look. The append expects that, too; a command whose append failed looks.
fn is_own(job: &Job, stream: &StreamName) -> bool {
    let kind = stream.kind();
    job.attempts == 0
        && stream
            .as_str()
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|key| Uuid::try_parse(key).ok())
            .is_some_and(|key| key == job.ctx.fresh_id(kind))
}

fn accepted(
    job: &Job,
    decision: Decision,
    overlay: &mut Overlay,
    cache: &Cache,
) -> Result<Decided, SubmitError> {
    let answer = to_raw_value(&decision.answer).map_err(|_| SubmitError::Rejected)?;
    let tenant = &job.ctx.tenant;
    let mut writes: Vec<StreamWrite> = Vec::with_capacity(decision.states.len());
    let mut place: HashMap<StreamName, usize> = HashMap::with_capacity(decision.states.len());
    for (number, (stream, event)) in decision.events.into_iter().enumerate() {
        let event = encode(job, number, &event)?;
        let index = *place.entry(stream.clone()).or_insert_with(|| {
            let expected = version(tenant, &stream, overlay, cache);
            writes.push(StreamWrite {
                stream,
                expected,
                events: Vec::new(),
            });
            writes.len() - 1
        });
        writes[index].events.push(event);
    }
    if !writes.is_empty() {
        let streams = overlay.tenants.entry(tenant.clone()).or_default();
        let mut states = decision.states;
        for write in &writes {
            let grown = i64::try_from(write.events.len()).map_err(|_| SubmitError::TooLarge)?;
            if let Some(state) = states.remove(&write.stream) {
                streams.insert(write.stream.clone(), (state, Version(write.expected.0 + grown)));
            }
        }
    }
    append(job, writes, Outcome::Answer(answer))
}

fn encode(job: &Job, number: usize, event: &Event) -> Result<NewEvent, SubmitError> {
    let data = event.encode().map_err(|error| {
        tracing::error!(%error, event_type = event.event_type(), "an event cannot be encoded");
        SubmitError::Rejected
    })?;
    Ok(NewEvent {
        id: job.ctx.fresh_id(&format!("event {number}")),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        data,
    })
}

fn version(tenant: &TenantId, stream: &StreamName, overlay: &Overlay, cache: &Cache) -> Version {
    match overlay.get(tenant, stream) {
        Some((_, version)) => *version,
        None => cache
            .get(tenant, stream)
            .map_or(Version::EMPTY, |resident| resident.version),
    }
}

fn append(job: &Job, writes: Vec<StreamWrite>, outcome: Outcome) -> Result<Decided, SubmitError> {
    let record = CommandRecord {
        id: job.id.clone(),
        fingerprint: job.fingerprint,
        keyed: job.keyed,
        outcome: outcome.encode()?,
    };
    let append = Append {
        tenant: job.ctx.tenant.clone(),
        writes,
        meta: job.meta.clone(),
        recorded_at: job.ctx.now,
        record,
    };
    Ok(Decided::Ready { append, outcome })
}
