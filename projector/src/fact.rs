//! One event as folds see it: decoded once per batch, with its envelope.
//!
//! Not here: what any read model makes of it (`models`).

use std::sync::Arc;

use schemas::envelope::Actor;
use schemas::{DecodeError, Event, EventMeta, RecordedEvent};
use time::OffsetDateTime;
use uuid::Uuid;

/// A decoded event of the log.
#[derive(Debug, Clone)]
pub struct Fact {
    pub position: i64,
    pub tenant: String,
    pub stream: String,
    /// The event's number within its stream.
    pub version: i64,
    pub id: Uuid,
    pub event_type: Arc<str>,
    pub recorded_at: OffsetDateTime,
    /// Length of the stored payload, to bound batches.
    pub payload_bytes: usize,
    pub event: Event,
    /// Shared by the events of one command.
    pub meta: Arc<EventMeta>,
}

impl Fact {
    /// The username of who caused it, the name of the platform's part that did, or the id of the external system's key.
    pub fn actor(&self) -> &str {
        match &self.meta.actor {
            Actor::User { username, .. } => username,
            Actor::System { name } => name,
            Actor::ApiKey { api_key_id, .. } => api_key_id,
        }
    }
}

/// The log holds something that this build cannot read. The projector stops: skipping it would make every figure that
/// it touches silently wrong.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the event at position {position} cannot be decoded: {source}")]
    Event { position: i64, source: DecodeError },
    #[error("the metadata at position {position} cannot be decoded")]
    Meta {
        position: i64,
        source: serde_json::Error,
    },
}

/// Decodes a batch. Metadata is parsed once per run of equal bytes, since the events of a command share it.
///
/// # Errors
/// At the first event that this build does not know.
pub fn decode(batch: &[Arc<RecordedEvent>]) -> Result<Vec<Fact>, Unreadable> {
    let mut facts = Vec::with_capacity(batch.len());
    let mut last_meta: Option<(&str, Arc<EventMeta>)> = None;
    for recorded in batch {
        let position = recorded.position.0;
        let event = recorded
            .event()
            .map_err(|source| Unreadable::Event { position, source })?;
        let meta = match &last_meta {
            Some((bytes, meta)) if *bytes == recorded.meta.get() => Arc::clone(meta),
            _ => Arc::new(
                recorded
                    .meta()
                    .map_err(|source| Unreadable::Meta { position, source })?,
            ),
        };
        last_meta = Some((recorded.meta.get(), Arc::clone(&meta)));
        facts.push(Fact {
            position,
            tenant: recorded.tenant.as_str().to_owned(),
            stream: recorded.stream.as_str().to_owned(),
            version: recorded.version.0,
            id: recorded.id,
            event_type: Arc::clone(&recorded.event_type),
            recorded_at: recorded.recorded_at,
            payload_bytes: recorded.data.get().len(),
            event,
            meta,
        });
    }
    Ok(facts)
}

#[cfg(test)]
pub(crate) mod given {
    //! Facts for the folds' own tests.

    use super::*;
    use crate::row::{FoldError, ReadModel};

    /// An event of tenant `t1`, caused by `ana`, recorded `position` seconds into 1970.
    pub fn fact(position: i64, event: impl Into<Event>) -> Fact {
        let event = event.into();
        Fact {
            position,
            tenant: "t1".to_owned(),
            stream: "stream/of-test".to_owned(),
            version: position,
            id: Uuid::from_u128(u128::try_from(position).unwrap()),
            event_type: Arc::from(event.event_type()),
            recorded_at: OffsetDateTime::from_unix_timestamp(position).unwrap(),
            payload_bytes: 0,
            event,
            meta: Arc::new(EventMeta {
                actor: Actor::User {
                    username: "ana".to_owned(),
                    role: "cashier".to_owned(),
                },
                reason: Some("prueba de razón".to_owned()),
                command_id: format!("command-{position}"),
                command: "test_command".to_owned(),
                traceparent: None,
            }),
        }
    }

    /// A payload of the newest version written as JSON, so that tests read like the wire.
    pub fn event(event_type: &str, data: serde_json::Value) -> Event {
        let newest = Event::types().find(|known| known.name == event_type);
        event_of(newest.unwrap().version, event_type, data)
    }

    /// A payload as some version had it.
    pub fn event_of(version: i16, event_type: &str, data: serde_json::Value) -> Event {
        Event::decode(event_type, version, &data.to_string()).unwrap()
    }

    /// Folds events at positions 1, 2, … as the runner would, and returns the rows in the order of their keys.
    pub fn folded<M: ReadModel>(events: impl IntoIterator<Item = Event>) -> Result<Vec<M>, FoldError> {
        let mut rows = std::collections::BTreeMap::<M::Key, M>::new();
        for (index, event) in events.into_iter().enumerate() {
            let fact = fact(i64::try_from(index).unwrap() + 1, event);
            let mut keys = M::keys(&fact);
            keys.sort();
            keys.dedup();
            for key in keys {
                let row = M::fold(rows.get(&key).cloned(), &key, &fact)?;
                assert_eq!(row.key(), key, "a fold must not change its row's key");
                rows.insert(key, row);
            }
        }
        Ok(rows.into_values().collect())
    }
}
