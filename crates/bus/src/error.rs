//! How the broker fails, told apart by what the caller must do next.

use async_nats::connection::State;
use async_nats::jetstream;

/// The broker's error as it came.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Nothing here loses an event: the log has them all.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the NATS address cannot be used")]
    Url(#[source] BoxError),
    /// The server's JetStream lacks what is needed; older servers ignore unknown headers silently.
    #[error("NATS {version} is too old, 2.12 is needed")]
    TooOld { version: String },
    /// Try again after a pause.
    #[error("NATS does not answer")]
    Away,
    /// The stream is not where it was left: look at its state again before publishing.
    #[error("the stream is not at the expected sequence")]
    Moved,
    /// Try again after a pause.
    #[error("the stream refused")]
    Stream(#[source] BoxError),
}

impl BusError {
    pub(crate) fn stream(
        context: &jetstream::Context,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        if context.client().connection_state() == State::Connected {
            BusError::Stream(Box::new(source))
        } else {
            BusError::Away
        }
    }
}
