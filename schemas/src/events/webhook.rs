//! Webhook endpoints: who gets what is a function of the log. Stream `webhook/<endpoint_id>`.
//!
//! Not here: deliveries, attempts and secrets (the dispatcher's own tables and the vault).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use crate::ids::EndpointId;

module_events! {
    /// The life of one webhook endpoint.
    WebhookEvent {
        EndpointCreated(EndpointCreated) = "webhook.endpoint_created" v 1,
        EndpointChanged(EndpointChanged) = "webhook.endpoint_changed" v 1,
        EndpointPaused(EndpointPaused) = "webhook.endpoint_paused" v 1,
        EndpointResumed(EndpointResumed) = "webhook.endpoint_resumed" v 1,
        EndpointDisabled(EndpointDisabled) = "webhook.endpoint_disabled" v 1,
        EndpointDeleted(EndpointDeleted) = "webhook.endpoint_deleted" v 1,
        TestRequested(EndpointTestRequested) = "webhook.test_requested" v 1,
        SecretRotated(EndpointSecretRotated) = "webhook.secret_rotated" v 1,
        PreviousSecretEnded(EndpointPreviousSecretEnded) = "webhook.previous_secret_ended" v 1,
        ReplayRequested(EndpointReplayRequested) = "webhook.replay_requested" v 1,
    }
}

/// Spanish names under which partners' systems know some types, and the types that they mean.
pub const SPANISH_NAMES: [(&str, &str); 4] = [
    ("movimiento_creado", "inventory.movement_created"),
    ("movimiento_aprobado", "inventory.movement_approved"),
    ("stock_bajo", "inventory.threshold_breach"),
    ("alerta_generada", "inventory.alert_raised"),
];

/// How much of an event is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKind {
    /// Ids, totals and counts; lists such as a sale's lines are left out.
    Summary,
    Full,
}

/// What the body of a delivery is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// A CloudEvents 1.0 document.
    #[default]
    CloudEvent,
    /// The event's data alone.
    Plain,
}

impl BodyFormat {
    /// Whether it is what endpoints have that say nothing, such as all of those before there was a choice.
    pub fn is_cloud_event(&self) -> bool {
        *self == Self::CloudEvent
    }
}

/// Where a new endpoint begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum StartFrom {
    /// With what happens after its creation.
    Now,
    /// With what happened after this position; 0 is everything.
    Position { position: i64 },
}

/// What may be configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointSettings {
    pub name: String,
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Patterns such as `sale.*`, `inventory.adjusted` or `*`; at most 50.
    pub event_types: Vec<String>,
    pub payload: PayloadKind,
    /// Extra request headers, at most 20; their values are not secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Attempts at the same time, 1 to 64.
    pub concurrency: i64,
    /// Of one attempt, 1,000 to 30,000.
    pub timeout_ms: i64,
    /// What the body is; absent for CloudEvents.
    #[serde(default, skip_serializing_if = "BodyFormat::is_cloud_event")]
    pub format: BodyFormat,
    /// The name of a request header that also carries the body's HMAC-SHA256 in hex, under the secret's text; for
    /// receivers that can check nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_signature_header: Option<String>,
}

/// A receiver gets the events that it asked for, from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointCreated {
    pub endpoint_id: EndpointId,
    pub settings: EndpointSettings,
    pub start: StartFrom,
    /// Names the signing secret in the vault.
    pub secret_id: String,
    /// SHA-256 of the secret, in hex, so that a rotation is visible without showing the secret.
    pub secret_fingerprint: String,
}

/// The endpoint's settings as they are from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointChanged {
    pub endpoint_id: EndpointId,
    pub settings: EndpointSettings,
}

/// From here on deliveries are held, not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointPaused {
    pub endpoint_id: EndpointId,
}

/// What was held is sent, and deliveries go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointResumed {
    pub endpoint_id: EndpointId,
}

/// The platform stopped sending: the receiver answered 410 Gone. Resuming enables it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointDisabled {
    pub endpoint_id: EndpointId,
    pub cause: String,
}

/// Nothing is sent to it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointDeleted {
    pub endpoint_id: EndpointId,
}

/// Asks for one delivery of this very event to this endpoint, whatever its filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointTestRequested {
    pub endpoint_id: EndpointId,
}

/// From here on deliveries are signed with the new secret, and until `previous_until` with the one before it, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointSecretRotated {
    pub endpoint_id: EndpointId,
    /// Names the new signing secret in the vault.
    pub secret_id: String,
    /// SHA-256 of the new secret, in hex.
    pub secret_fingerprint: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub previous_until: OffsetDateTime,
}

/// The secret before the last rotation signs nothing from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointPreviousSecretEnded {
    pub endpoint_id: EndpointId,
}

/// Which of an endpoint's finished deliveries are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ReplaySelection {
    /// The one with this sequence number.
    Delivery { sequence: i64 },
    /// Those that were given up.
    Dead,
    /// Those of events at this position of the log and after it.
    FromPosition { position: i64 },
    /// Those of events that were recorded at this time or later.
    Since {
        #[serde(with = "time::serde::rfc3339")]
        #[schemars(with = "String")]
        time: OffsetDateTime,
    },
}

/// Asks for deliveries that are finished by now to be sent again, with their ids, numbers and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointReplayRequested {
    pub endpoint_id: EndpointId,
    pub select: ReplaySelection,
    /// Deliveries a second, at most; 1 to 1,000.
    pub rate_per_s: i64,
}
