//! What is appended: commands with their events, streams and records.

use schemas::ids::TenantId;
use schemas::{Position, StreamName, Version};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use uuid::Uuid;

/// One event to append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: Uuid,
    pub event_type: &'static str,
    pub schema_version: i16,
    /// The payload; these exact bytes are kept.
    pub data: Box<RawValue>,
}

/// Events for one stream.
#[derive(Debug, Clone)]
pub struct StreamWrite {
    pub stream: StreamName,
    /// The stream's version before this write, earlier writes of the same batch included.
    pub expected: Version,
    pub events: Vec<NewEvent>,
}

/// What is remembered of a command beside its events: its idempotency record.
#[derive(Debug, Clone)]
pub struct CommandRecord {
    /// The caller's key or a generated id; unique per tenant.
    pub id: String,
    /// Keyed hash of method, path, query and body.
    pub fingerprint: [u8; 32],
    /// Whether `id` was the caller's key (kept 30 days) or generated (kept for a day, to decide unknown commits).
    pub keyed: bool,
    /// The outcome as JSON: an answer or a refusal. Without personal data.
    pub outcome: Box<RawValue>,
}

/// One decided command. Its events get positions in the order of `writes`, stream by stream; a command that touches a
/// stream twice has one write with both events.
#[derive(Debug, Clone)]
pub struct Append {
    pub tenant: TenantId,
    /// Empty for refusals and commands that change nothing: only the record is stored.
    pub writes: Vec<StreamWrite>,
    /// `EventMeta` as JSON, shared by all events of the command.
    pub meta: Box<RawValue>,
    /// When the command was accepted; `recorded_at` never decreases, so the writer may move it forward.
    pub recorded_at: OffsetDateTime,
    pub record: CommandRecord,
}

/// Where a command's events landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The position of the command's last event; for a command without events, the head before it.
    pub position: Position,
}

/// A command that was answered before.
#[derive(Debug, Clone)]
pub struct StoredCommand {
    pub fingerprint: [u8; 32],
    pub outcome: Box<RawValue>,
    pub position: Position,
    pub recorded_at: OffsetDateTime,
}
