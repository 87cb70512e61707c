//! JetStream: wakes the dispatcher and serves outsiders. A cache of the log, never the truth.
//!
//! The relay publishes in the log's order; whoever consumes must be able to lose the whole stream and read the log
//! instead. Deliberately absent: reading the log, checkpoints, and any decision that rests on the broker's disk.

pub mod cloud_event;
mod error;
pub mod publish;
mod strip;
pub mod wake;
mod withheld;

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{self, stream};
use time::OffsetDateTime;

pub use cloud_event::{CloudEvent, Payload};
pub use error::BusError;
pub use publish::{Outgoing, Published, SUBJECT_ROOT};
pub use wake::{Wake, WakeListener};
pub use withheld::withheld;

/// Position of the event in the log.
pub const POSITION: &str = "Trastienda-Position";
/// Position of the event before it in the log; 0 before the first.
pub const PREVIOUS: &str = "Trastienda-Previous";

/// The oldest server whose JetStream API this crate was tried on, as (major, minor).
const OLDEST_SERVER: (i64, i64) = (2, 12);
/// How long `connect` waits for a server that does not answer before it goes on without one.
const FIRST_CONNECTION: Duration = Duration::from_secs(2);
/// How long a request or an acknowledgement may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest pause between two attempts to reach the server again.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(2);

/// What may be configured of the stream.
#[derive(Debug, Clone)]
pub struct BusOptions {
    /// The stream's name; its subjects are `trastienda.>`.
    pub stream: String,
    /// How long messages are kept.
    pub max_age: Duration,
    /// How large the stream may grow before the oldest messages go.
    pub max_bytes: i64,
    /// Within it a repeated event id is stored once. A convenience, never the guarantee.
    pub dedupe_window: Duration,
    /// 1, or 3 in a cluster.
    pub replicas: usize,
    /// Publishes that may wait for their acknowledgement; a batch holds at most as many.
    pub window: usize,
}

impl Default for BusOptions {
    fn default() -> Self {
        Self {
            stream: "TRASTIENDA".to_owned(),
            max_age: Duration::from_secs(7 * 24 * 3_600),
            max_bytes: 8 * 1_024 * 1_024 * 1_024,
            dedupe_window: Duration::from_secs(120),
            replicas: 1,
            window: 512,
        }
    }
}

/// What tells whether the stream is still the one that was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// When the server created it; another value means that it was recreated.
    pub created: OffsetDateTime,
    /// Sequence of the last message ever stored; falling means that messages were lost.
    pub last_sequence: u64,
    /// Messages still there.
    pub messages: u64,
}

/// A connection to NATS. Cheap to clone; reconnects by itself for ever.
#[derive(Clone)]
pub struct Bus {
    context: jetstream::Context,
    options: BusOptions,
}

impl Bus {
    /// Connects and makes sure of the stream. A server that does not answer is not an error, since the log decides
    /// and the broker may come later; one that answers and is too old is.
    ///
    /// # Errors
    /// [`BusError::Url`], [`BusError::TooOld`], or the stream cannot be created.
    pub async fn connect(url: &str, options: BusOptions) -> Result<Bus, BusError> {
        let address: async_nats::ServerAddr =
            url.parse().map_err(|source| BusError::Url(Box::new(source)))?;
        // The client does not take them from the address by itself.
        let mut connect = async_nats::ConnectOptions::new();
        if let (Some(user), Some(password)) = (address.username(), address.password()) {
            connect = connect.user_and_password(user.to_owned(), password.to_owned());
        }
        let client = connect
            .name("trastienda")
            .retry_on_initial_connect()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .reconnect_delay_callback(reconnect_pause)
            .connect(address)
            .await
            .map_err(|source| BusError::Url(Box::new(source)))?;
        // Twice the window, so that a batch that is given up while its acknowledgements are outstanding does not
        // keep the next one waiting.
        let context = jetstream::context::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(REQUEST_TIMEOUT)
            .max_ack_inflight(options.window * 2)
            .build(client);
        let bus = Bus { context, options };
        let first = tokio::time::timeout(FIRST_CONNECTION, bus.ensure_stream()).await;
        match first {
            Ok(Ok(_)) => Ok(bus),
            Ok(Err(BusError::Away)) | Err(_) => {
                tracing::warn!("NATS does not answer yet; going on without it");
                Ok(bus)
            }
            Ok(Err(error)) => Err(error),
        }
    }

    /// Whether a connection stands at this moment.
    pub fn is_connected(&self) -> bool {
        self.context.client().connection_state() == State::Connected
    }

    /// Most messages of one batch.
    pub fn window(&self) -> usize {
        self.options.window
    }

    /// Creates the stream when it is missing and tells its state.
    ///
    /// # Errors
    /// [`BusError::Away`] while the server does not answer, [`BusError::TooOld`], [`BusError::Stream`].
    pub async fn ensure_stream(&self) -> Result<StreamState, BusError> {
        self.check_version().await?;
        let stream = self
            .context
            .get_or_create_stream(stream::Config {
                name: self.options.stream.clone(),
                description: Some("Events in the order of the log; a cache, the log decides".to_owned()),
                subjects: vec![format!("{}.>", publish::SUBJECT_ROOT)],
                storage: stream::StorageType::File,
                discard: stream::DiscardPolicy::Old,
                max_age: self.options.max_age,
                max_bytes: self.options.max_bytes,
                duplicate_window: self.options.dedupe_window,
                num_replicas: self.options.replicas,
                ..stream::Config::default()
            })
            .await
            .map_err(|source| BusError::stream(&self.context, source))?;
        Ok(state_of(stream.cached_info()))
    }

    /// Position of the last message, when it is still there: an expired, quiet stream has none, which does not mean
    /// position 0.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn last_position(&self, state: &StreamState) -> Result<Option<i64>, BusError> {
        if state.messages == 0 {
            return Ok(None);
        }
        let stream = self
            .context
            .get_stream_no_info(&self.options.stream)
            .await
            .map_err(|source| BusError::stream(&self.context, source))?;
        match stream.get_raw_message(state.last_sequence).await {
            Ok(message) => Ok(position_header(&message.headers, POSITION)),
            // Expired or removed between the two requests.
            Err(error) if error.kind() == stream::LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(source) => Err(BusError::stream(&self.context, source)),
        }
    }

    async fn check_version(&self) -> Result<(), BusError> {
        let client = self.context.client();
        if client.try_server_info().is_none() {
            // Nothing has connected yet: a round trip waits for it, within the request's limit.
            tokio::time::timeout(REQUEST_TIMEOUT, client.flush())
                .await
                .map_err(|_| BusError::Away)?
                .map_err(|_| BusError::Away)?;
        }
        let Some(info) = client.try_server_info() else {
            return Err(BusError::Away);
        };
        if client.is_server_compatible(OLDEST_SERVER.0, OLDEST_SERVER.1, 0) {
            Ok(())
        } else {
            Err(BusError::TooOld {
                version: info.version,
            })
        }
    }
}

fn state_of(info: &stream::Info) -> StreamState {
    StreamState {
        created: info.created,
        last_sequence: info.state.last_sequence,
        messages: info.state.messages,
    }
}

pub(crate) fn position_header(headers: &async_nats::HeaderMap, name: &str) -> Option<i64> {
    headers.get(name).and_then(|value| value.as_str().parse().ok())
}

/// Doubles from 25 ms, so that a restarted server is found at once and a missing one is not hammered.
fn reconnect_pause(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.min(8)).unwrap_or(8);
    (Duration::from_millis(25) * 2_u32.pow(doublings)).min(RECONNECT_PAUSE_MAX)
}
