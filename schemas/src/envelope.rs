//! What stands around an event: where it is in the log, whose it is, who caused it and why.
//!
//! Not here: the events themselves (`events`) and how they are stored (crates/event-store).

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ids::TenantId;

/// A strictly increasing checkpoint in the log; opaque but for its order. 0 is before the first event.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    pub const START: Position = Position(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's number within its stream; the first is 1, and 0 means that the stream is empty.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Version(pub i64);

impl Version {
    pub const EMPTY: Version = Version(0);
}

/// The stream of one aggregate within a tenant, such as `stock/centro/USB-C-1M`: the kind, then its keys.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StreamName(#[schemars(with = "String")] Arc<str>);

impl StreamName {
    /// Builds `kind/key`; only the last part may hold free text (`crates/domain` has one constructor per aggregate).
    pub fn new(kind: &str, key: &str) -> Self {
        Self(Arc::from(format!("{kind}/{key}")))
    }

    /// A stream as it was stored.
    pub fn stored(text: &str) -> Self {
        Self(Arc::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first slash: the aggregate's kind.
    pub fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Actor {
    /// A person who signed in.
    User { username: String, role: String },
    /// The platform itself: the command line, a process, the dispatcher.
    System { name: String },
    /// An external system by its key; `name` as it was then.
    ApiKey { api_key_id: String, name: String },
}

/// Stored beside each event: who, why, with which command. Holds no personal data beyond the username.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventMeta {
    pub actor: Actor,
    /// The business reason (`X-Reason`), as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command's id: the caller's idempotency key or a generated one. All events of one command share it.
    pub command_id: String,
    /// The command's type, such as `complete_sale`.
    pub command: String,
    /// W3C trace context of the request that caused this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// An event as the log has it.
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    pub position: Position,
    pub tenant: TenantId,
    pub stream: StreamName,
    pub version: Version,
    pub id: Uuid,
    /// Such as `sale.completed`.
    pub event_type: Arc<str>,
    pub schema_version: i16,
    /// The exact bytes that were appended.
    pub data: Box<RawValue>,
    /// [`EventMeta`] as JSON, the exact bytes.
    pub meta: Box<RawValue>,
    pub recorded_at: OffsetDateTime,
}

impl RecordedEvent {
    /// The payload, upcast to the newest version.
    pub fn event(&self) -> Result<crate::Event, crate::DecodeError> {
        crate::Event::decode(&self.event_type, self.schema_version, self.data.get())
    }

    pub fn meta(&self) -> Result<EventMeta, serde_json::Error> {
        serde_json::from_str(self.meta.get())
    }
}
