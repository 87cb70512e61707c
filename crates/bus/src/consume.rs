//! The dispatcher's durable consumer: it hears that the log has grown, and how far.
//!
//! Headers only. Events themselves are read from the log, so a lost, repeated or foreign message can delay but
//! never falsify anything.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::{FutureExt, StreamExt};

use crate::{Bus, BusError, POSITION, PREVIOUS, position_header};

/// After it an unacknowledged message comes again.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Unacknowledged messages after which the server waits.
const MAX_ACK_PENDING: i64 = 20_000;
/// The server says that it lives this often while nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(5);
const PULL_EXPIRES: Duration = Duration::from_secs(20);
const PULL_BATCH: usize = 500;
/// Most messages taken at once.
const TAKE_MAX: usize = 5_000;

/// A durable pull consumer over the whole stream.
pub struct WakeConsumer {
    messages: pull::Stream,
}

/// One message's headers.
pub struct WakeMessage {
    /// `None` when somebody else published into our subjects.
    pub position: Option<i64>,
    pub previous: Option<i64>,
    message: Message,
}

impl Bus {
    /// Opens the durable consumer, creating it when the server does not have it.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn wake_consumer(&self, durable: &str) -> Result<WakeConsumer, BusError> {
        self.ensure_stream().await?;
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| match self.is_connected() {
            true => BusError::Stream(source),
            false => BusError::Away,
        };
        let consumer = self
            .context
            .create_consumer_on_stream(
                pull::Config {
                    durable_name: Some(durable.to_owned()),
                    description: Some("Wakes the dispatcher; it reads the log".to_owned()),
                    deliver_policy: DeliverPolicy::All,
                    ack_policy: AckPolicy::All,
                    ack_wait: ACK_WAIT,
                    max_ack_pending: MAX_ACK_PENDING,
                    headers_only: true,
                    ..pull::Config::default()
                },
                &self.options.stream,
            )
            .await
            .map_err(|source| refused(Box::new(source)))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_BATCH)
            .heartbeat(HEARTBEAT)
            .expires(PULL_EXPIRES)
            .messages()
            .await
            .map_err(|source| refused(Box::new(source)))?;
        Ok(WakeConsumer { messages })
    }
}

impl WakeConsumer {
    /// Waits for a message, then takes what has arrived meanwhile.
    ///
    /// # Errors
    /// When the consumer is gone or the server stopped answering: open another one.
    pub async fn next(&mut self) -> Result<Vec<WakeMessage>, BusError> {
        let mut taken = vec![read(self.messages.next().await)?];
        while taken.len() < TAKE_MAX {
            match self.messages.next().now_or_never() {
                Some(message) => taken.push(read(message)?),
                None => break,
            }
        }
        Ok(taken)
    }
}

impl WakeMessage {
    /// Acknowledges this message and all before it, and waits until the server has noted it.
    ///
    /// # Errors
    /// When the server does not answer; the messages then come again, which does no harm.
    pub async fn acknowledge(&self) -> Result<(), BusError> {
        self.message.double_ack().await.map_err(BusError::Stream)
    }
}

fn read(message: Option<Result<Message, pull::MessagesError>>) -> Result<WakeMessage, BusError> {
    let message = message
        .ok_or(BusError::Away)?
        .map_err(|source| BusError::Stream(Box::new(source)))?;
    let header = |name| {
        message
            .headers
            .as_ref()
            .and_then(|headers| position_header(headers, name))
    };
    Ok(WakeMessage {
        position: header(POSITION),
        previous: header(PREVIOUS),
        message,
    })
}
