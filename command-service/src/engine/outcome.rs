//! A command's outcome as it is remembered under its key.

use domain::Refusal;
use event_store::StoredCommand;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Reply, SubmitError};

/// Stored in the append's transaction, given again to whoever repeats the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Answer(Box<RawValue>),
    Refusal(Refusal),
}

impl Outcome {
    /// As it is stored beside the events.
    ///
    /// # Errors
    /// [`SubmitError::Rejected`] for what cannot be written as JSON; then nothing is appended.
    pub fn encode(&self) -> Result<Box<RawValue>, SubmitError> {
        to_raw_value(self).map_err(|error| {
            tracing::error!(%error, "an outcome cannot be encoded");
            SubmitError::Rejected
        })
    }
}

/// The answer for a request whose command id is stored: the same again, or a complaint about another request.
pub(super) fn replay(
    stored: &StoredCommand,
    fingerprint: &[u8; 32],
    replayed: bool,
) -> Result<Reply, SubmitError> {
    if stored.fingerprint != *fingerprint {
        return Err(SubmitError::KeyReused);
    }
    match serde_json::from_str(stored.outcome.get()) {
        Ok(Outcome::Answer(answer)) => Ok(Reply::Accepted {
            answer,
            position: stored.position,
            replayed,
        }),
        Ok(Outcome::Refusal(refusal)) => Ok(Reply::Refused { refusal, replayed }),
        Err(error) => {
            tracing::error!(%error, "a stored outcome cannot be read");
            Err(SubmitError::Unavailable { retry_after_s: 60 })
        }
    }
}
