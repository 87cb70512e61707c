//! What a SIEM wants to know. Stream `security/<username>`, append-only; nothing decides from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;

module_events! {
    /// Security-relevant acts.
    SecurityEvent {
        Audit(SecurityAudit) = "security.audit_event" v 2,
    }
}

/// Version 1 knew no denied access, and neither `operation` nor `times`.
#[derive(Deserialize)]
struct SecurityAuditV1 {
    action: SecurityAction,
    outcome: SecurityOutcome,
    subject: String,
    #[serde(default)]
    detail: Option<String>,
}

impl SecurityEvent {
    /// Reads an earlier version as the newest.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("security.audit_event", 1) => Some(serde_json::from_str(data).map(|old: SecurityAuditV1| {
                Self::Audit(SecurityAudit {
                    action: old.action,
                    outcome: old.outcome,
                    subject: old.subject,
                    detail: old.detail,
                    operation: None,
                    times: None,
                })
            })),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecurityAction {
    SignIn,
    RoleChange,
    PasswordChange,
    UserDisabled,
    UserEnabled,
    UserCreated,
    AccessDenied,
    ApiKeyCreated,
    ApiKeyChanged,
    ApiKeyRotated,
    ApiKeyDeactivated,
    ApiKeyActivated,
    ApiKeyRevoked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecurityOutcome {
    Success,
    Failure,
}

/// Something that matters to security: sign-ins, denied access, changes of users, roles and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityAudit {
    pub action: SecurityAction,
    pub outcome: SecurityOutcome,
    /// Who it is about, as known to the tenant; `unknown` for a name that does not exist.
    pub subject: String,
    /// A stable code of the cause when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The `operationId` that was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How often, when one event stands for several acts of the same kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}
