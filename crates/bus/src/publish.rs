//! Publishing a run of events so that the stream keeps the log's order whatever fails.
//!
//! Every message names the stream's sequence and message before it: when one is refused, all behind it are, too.

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures::future::join_all;
use schemas::RecordedEvent;
use uuid::Uuid;

use crate::{Bus, BusError, CloudEvent, POSITION, PREVIOUS, Payload, Wake};

/// First token of every subject.
pub const SUBJECT_ROOT: &str = "trastienda";
/// What headers may take beside the body.
const HEADER_ALLOWANCE: usize = 1_024;

/// One message to publish.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// `trastienda.<tenant>.<module>.<event>`.
    pub subject: String,
    /// The event's id, by which the stream drops repeats.
    pub id: Uuid,
    pub position: i64,
    /// Position of the event before it in the log, 0 before the first.
    pub previous: i64,
    /// W3C trace context of what caused the event.
    pub traceparent: Option<String>,
    pub body: Bytes,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Published {
    /// So many messages from the front are in the stream, in order.
    pub stored: usize,
    /// The stream's last sequence after them.
    pub last_sequence: u64,
    /// Why the others are not.
    pub failure: Option<BusError>,
}

/// How one pipelined run ended.
enum Run {
    Stored,
    /// One message was a repeat; those behind it are to be published again.
    Repeat,
    Failed(BusError),
}

impl Bus {
    /// Wraps an event: CloudEvents, without personal data. One that is larger than the server takes goes without its
    /// data (extension attribute `dataomitted`), because a message that can never be stored would block all others.
    pub fn wrap(&self, event: &RecordedEvent, previous: i64) -> Outgoing {
        let cloud_event = CloudEvent {
            event,
            sequence: None,
        };
        let limit = self
            .context
            .client()
            .max_payload()
            .saturating_sub(HEADER_ALLOWANCE);
        let mut body = cloud_event.to_bytes(Payload::Full);
        if limit > 0 && body.len() > limit {
            body = cloud_event.without_data();
        }
        Outgoing {
            subject: format!("{SUBJECT_ROOT}.{}.{}", event.tenant, event.event_type),
            id: event.id,
            position: event.position.0,
            previous,
            traceparent: traceparent(event.meta.get()),
            body,
        }
    }

    /// Publishes a run of consecutive events, pipelined; at most [`Bus::window`] of them. `last_sequence` is the
    /// stream's before the first. The stream never gets an event of the run without those before it.
    pub async fn publish_batch(&self, messages: &[Outgoing], last_sequence: u64) -> Published {
        let mut published = Published {
            stored: 0,
            last_sequence,
            failure: None,
        };
        self.wake_for(messages).await;
        while let Some(rest) = messages.get(published.stored..).filter(|rest| !rest.is_empty()) {
            match self.publish_run(rest, &mut published).await {
                // A repeat was in the stream already, so that what followed it named the wrong sequence.
                Run::Repeat => {}
                Run::Stored => break,
                Run::Failed(failure) => {
                    published.failure = Some(failure);
                    break;
                }
            }
        }
        published
    }

    /// As [`Bus::publish_batch`], with one acknowledgement for all: each message names the one before it, so the last is
    /// stored at its place only if all are. That spares the server and us an answer per message. Whatever goes wrong,
    /// nothing counts as stored: look where the stream is, and go on with `publish_batch`, which also passes repeats.
    pub async fn publish_linked(&self, messages: &[Outgoing], last_sequence: u64) -> Published {
        let failure = match self.send_linked(messages, last_sequence).await {
            Ok(last_sequence) => {
                return Published {
                    stored: messages.len(),
                    last_sequence,
                    failure: None,
                };
            }
            Err(failure) => failure,
        };
        Published {
            stored: 0,
            last_sequence,
            failure: Some(failure),
        }
    }

    /// Whoever listens reads the log, which has the events already.
    async fn wake_for(&self, messages: &[Outgoing]) {
        if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
            let wake = Wake {
                previous: first.previous,
                position: last.position,
            };
            self.wake(wake).await;
        }
    }

    /// Returns the sequence of the last message.
    async fn send_linked(&self, messages: &[Outgoing], last_sequence: u64) -> Result<u64, BusError> {
        let Some((last, others)) = messages.split_last() else {
            return Ok(last_sequence);
        };
        self.wake_for(messages).await;
        let (mut expected, mut previous) = (last_sequence, None);
        for message in others {
            let headers = headers(message, expected, previous);
            let (subject, body) = (message.subject.clone(), message.body.clone());
            let client = self.context.client();
            let sent = client.publish_with_headers(subject, headers, body).await;
            sent.map_err(|error| BusError::stream(&self.context, error))?;
            (expected, previous) = (expected + 1, Some(message.id));
        }
        let acknowledged = self.send(last, expected, previous).await?.await;
        let acknowledged = acknowledged.map_err(|error| self.publish_error(error))?;
        if acknowledged.duplicate || acknowledged.sequence != expected + 1 {
            return Err(BusError::Moved);
        }
        Ok(acknowledged.sequence)
    }

    async fn publish_run(&self, messages: &[Outgoing], published: &mut Published) -> Run {
        let mut acknowledgements = Vec::with_capacity(messages.len());
        let mut send_failure = None;
        let mut previous: Option<Uuid> = None;
        for (expected, message) in (published.last_sequence..).zip(messages) {
            match self.send(message, expected, previous).await {
                Ok(acknowledgement) => acknowledgements.push(acknowledgement),
                Err(error) => {
                    send_failure = Some(error);
                    break;
                }
            }
            previous = Some(message.id);
        }
        for outcome in join_all(acknowledgements.into_iter().map(IntoFuture::into_future)).await {
            match outcome {
                Ok(acknowledged) if acknowledged.duplicate => {
                    published.stored += 1;
                    return Run::Repeat;
                }
                Ok(acknowledged) if acknowledged.sequence == published.last_sequence + 1 => {
                    published.stored += 1;
                    published.last_sequence = acknowledged.sequence;
                }
                Ok(_) => return Run::Failed(BusError::Moved),
                Err(error) => return Run::Failed(self.publish_error(error)),
            }
        }
        send_failure.map_or(Run::Stored, Run::Failed)
    }

    async fn send(
        &self,
        message: &Outgoing,
        expected: u64,
        previous: Option<Uuid>,
    ) -> Result<PublishAckFuture, BusError> {
        let publish = PublishMessage::build()
            .headers(headers(message, expected, previous))
            .payload(message.body.clone());
        self.context
            .send_publish(message.subject.clone(), publish)
            .await
            .map_err(|error| self.publish_error(error))
    }

    fn publish_error(&self, error: async_nats::jetstream::context::PublishError) -> BusError {
        match error.kind() {
            PublishErrorKind::WrongLastSequence
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::StreamNotFound => BusError::Moved,
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => BusError::Away,
            PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => BusError::stream(&self.context, error),
        }
    }
}

/// The trace that an event came of, out of its metadata. Most have none, and are not parsed to learn that.
fn traceparent(meta: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Traced {
        traceparent: Option<String>,
    }
    if !meta.contains("traceparent") {
        return None;
    }
    serde_json::from_str::<Traced>(meta).ok()?.traceparent
}

/// The expected sequence alone would not do: if somebody else published one message, the second of a run would find the
/// sequence that it names, and the first would be missing. Hence also the id of the message before it. The first of a run
/// goes without, since a server that restarts forgets the last id.
fn headers(message: &Outgoing, expected: u64, previous: Option<Uuid>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/cloudevents+json");
    headers.insert(POSITION, message.position.to_string());
    headers.insert(PREVIOUS, message.previous.to_string());
    // A header with control characters would break the protocol; a malformed trace context is dropped.
    if let Some(traceparent) = message
        .traceparent
        .as_deref()
        .filter(|text| text.bytes().all(|b| b.is_ascii_graphic()))
    {
        headers.insert("traceparent", traceparent);
    }
    headers.insert(NATS_MESSAGE_ID, message.id.to_string());
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
    if let Some(previous) = previous {
        headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, previous.to_string());
    }
    headers
}
