//! Pull connectors: who may fetch which events, and by which token. Stream `connector/<slug>`.
//!
//! Not here: the tokens themselves (shown once, kept by nobody) and the rows of the feed (the dispatcher's own tables).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use crate::ids::ConnectorSlug;

module_events! {
    /// The life of one connector.
    ConnectorEvent {
        Created(ConnectorCreated) = "connector.created" v 1,
        Changed(ConnectorChanged) = "connector.changed" v 1,
        TokenRotated(ConnectorTokenRotated) = "connector.token_rotated" v 1,
        Disabled(ConnectorDisabled) = "connector.disabled" v 1,
        Enabled(ConnectorEnabled) = "connector.enabled" v 1,
        Revoked(ConnectorRevoked) = "connector.revoked" v 1,
    }
}

/// A token as the log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorToken {
    /// Names the token without telling it.
    pub token_id: String,
    /// HMAC-SHA256 of the token under a key that is not in the database, in hex. Of no use to who reads it.
    pub token_hash: String,
}

/// A consumer may pull the events that it is granted, from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorCreated {
    pub slug: ConnectorSlug,
    pub name: String,
    /// Entities such as `sale`, or event types such as `inventory.adjusted`; at most 50. They count from this event on.
    pub grants: Vec<String>,
    pub token: ConnectorToken,
}

/// Name and grants as they are from here on; grants never work backwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorChanged {
    pub slug: ConnectorSlug,
    pub name: String,
    pub grants: Vec<String>,
}

/// A new token. The one before it lives on for a while, so that the consumer can change over; any older one ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorTokenRotated {
    pub slug: ConnectorSlug,
    pub token: ConnectorToken,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub previous_expires_at: OffsetDateTime,
}

/// Pulling is refused from here on; the feed goes on growing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorDisabled {
    pub slug: ConnectorSlug,
}

/// Pulling goes on where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorEnabled {
    pub slug: ConnectorSlug,
}

/// For good: its tokens end, its feed stops growing, and its slug stays taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorRevoked {
    pub slug: ConnectorSlug,
}
