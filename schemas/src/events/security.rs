//! What a SIEM wants to know. Stream `security/<username>`, append-only; nothing decides from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;

module_events! {
    /// Security-relevant acts.
    SecurityEvent {
        Audit(SecurityAudit) = "security.audit_event" v 1,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecurityOutcome {
    Success,
    Failure,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecurityAudit {
    pub action: SecurityAction,
    pub outcome: SecurityOutcome,
    /// Who it is about, as known to the tenant; `unknown` for a name that does not exist.
    pub subject: String,
    /// A stable code of the cause when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
