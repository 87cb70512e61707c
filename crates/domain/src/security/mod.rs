//! Security-relevant acts, written for whoever watches. Nothing decides from them.

mod record_denied_access;
mod record_sign_in;

use schemas::Username;
use schemas::events::security::{SecurityAction, SecurityAudit, SecurityOutcome};

use crate::streams;
use crate::work::{Missing, Work};

pub use record_denied_access::RecordDeniedAccess;
pub use record_sign_in::RecordSignIn;

/// Adds a successful act about a user beside the event that did it.
///
/// # Errors
/// [`Missing::Streams`] when the subject's security stream is not loaded.
pub(crate) fn audit_success(
    work: &mut Work<'_>,
    subject: &Username,
    action: SecurityAction,
    detail: Option<&str>,
) -> Result<(), Missing> {
    let audit = SecurityAudit {
        action,
        outcome: SecurityOutcome::Success,
        subject: subject.as_str().to_owned(),
        detail: detail.map(str::to_owned),
        operation: None,
        times: None,
    };
    work.emit(streams::security(subject.as_str()), audit)
}

#[cfg(test)]
mod tests;
