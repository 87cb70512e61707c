//! The workers: take a delivery in turn, sign it, post it, hand the outcome to the recorder.
//!
//! Not here: which delivery is next (`queue`), what a failure leads to (`schedule`, `record`), and which addresses
//! may be dialled (`platform::outbound`).

use std::time::Duration;

use platform::clock::SharedClock;
use platform::failpoint;
use platform::outbound::{HeaderMap, HeaderName, HeaderValue, Outbound, OutboundResponse};
use platform::telemetry;
use platform::vault::Vault;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::metrics::Metrics;
use crate::queue::{Job, Queue};
use crate::record::{Outcome, Verdict};
use crate::registry::{EndpointState, Registry, SecretError};
use crate::sign::{sign_all, webhook_id};

/// The receiver says that it is gone for good.
const GONE: u16 = 410;

/// What every worker of a lane shares.
#[derive(Clone)]
pub struct Sender {
    pub queue: Queue,
    pub registry: Registry,
    pub vault: Vault,
    pub outbound: Outbound,
    pub clock: SharedClock,
    pub outcomes: mpsc::Sender<Outcome>,
    pub metrics: Metrics,
    /// Shorter than the endpoint's own, in the lane of security events.
    pub timeout_max: Duration,
    /// Ends attempts that are still waiting for an answer when the time to stop is nearly over.
    pub abandon: CancellationToken,
}

impl Sender {
    /// Works until the stop; an attempt in flight is finished, or given up when `abandon` says so.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let job = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                job = self.queue.next() => job,
            };
            let endpoint = job.endpoint.number;
            let outcome = if job.is_ours() {
                Some(self.attempt(job).await)
            } else {
                self.metrics.leases_run_out.inc();
                None
            };
            let succeeded = match outcome.as_ref().map(|outcome| &outcome.verdict) {
                Some(Verdict::Delivered) => Some(true),
                Some(Verdict::Gone | Verdict::Failed { .. }) => Some(false),
                Some(Verdict::Released | Verdict::Postponed) | None => None,
            };
            let shed = self.queue.done(endpoint, succeeded);
            let given_back = shed.into_iter().filter(Job::is_ours).map(Outcome::released);
            for outcome in outcome.into_iter().chain(given_back) {
                // The recorder outlives the workers; without it the process is going down.
                if self.outcomes.send(outcome).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn attempt(&self, mut job: Job) -> Outcome {
        // The newest settings count: a changed address, a pause that came while the delivery waited here.
        match self.registry.get(job.endpoint.number) {
            Some(endpoint) if endpoint.state == EndpointState::Active => job.endpoint = endpoint,
            _ => return Outcome::released(job),
        }
        let timeout = job.endpoint.timeout.min(self.timeout_max);
        if Instant::now() + timeout > job.lease_ends {
            self.metrics.leases_run_out.inc();
            return Outcome::released(job);
        }
        let body = job.body.to_bytes(&job.event, job.sequence);
        let span = span_of(&job);
        let headers = match self.headers(&job, &body, &span).await {
            Ok(headers) => headers,
            Err(error) => {
                tracing::error!(%error, endpoint = job.endpoint.number, "a delivery cannot be signed");
                if error.is_own_fault() {
                    return Outcome {
                        verdict: Verdict::Postponed,
                        ..Outcome::released(job)
                    };
                }
                return failed(job, Instant::now(), "secret.unavailable");
            }
        };
        let started = Instant::now();
        let answer = tokio::select! {
            answer = self.outbound.post(&job.endpoint.url, headers, body, timeout).instrument(span) => answer,
            () = self.abandon.cancelled() => return Outcome::released(job),
        };
        match answer {
            Ok(response) => answered(job, started, response),
            Err(error) => failed(job, started, error.code()),
        }
    }

    async fn headers(&self, job: &Job, body: &[u8], span: &Span) -> Result<HeaderMap, SecretError> {
        let now = self.clock.now();
        let secrets = job.endpoint.secrets(&self.vault, now).await?;
        let id = webhook_id(&job.endpoint.endpoint_id, job.event.id);
        let timestamp_s = now.unix_timestamp();
        let signature = sign_all(&secrets, &id, timestamp_s, body);
        let mut headers = HeaderMap::with_capacity(16);
        for (name, value) in &job.endpoint.headers {
            // Checked when the endpoint was created; what is no header is left out rather than blocking deliveries.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
        let traceparent = span
            .in_scope(telemetry::current_traceparent)
            .or_else(|| traceparent_of(job));
        // Receivers of the old kind know one secret: the newest.
        if let (Some(name), Some(secret)) = (&job.endpoint.legacy_signature_header, secrets.first())
            && let Ok(value) = HeaderValue::try_from(secret.sign_body(body))
        {
            headers.insert(name.clone(), value);
        }
        headers.insert("content-type", HeaderValue::from_static(job.body.content_type()));
        let is_bare = !job.body.says_what_it_is();
        let own = [
            (
                "webhook-event-type",
                is_bare.then(|| job.event.event_type.to_string()),
            ),
            ("webhook-sequence", is_bare.then(|| job.sequence.to_string())),
            ("webhook-id", Some(id)),
            ("webhook-timestamp", Some(timestamp_s.to_string())),
            ("webhook-signature", Some(signature)),
            ("traceparent", traceparent),
        ];
        for (name, value) in own {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        Ok(headers)
    }
}

/// The trace that the till began, as the event's metadata keep it.
fn traceparent_of(job: &Job) -> Option<String> {
    job.event.meta().ok().and_then(|meta| meta.traceparent)
}

/// A span of the attempt within that trace; none where spans do not leave the process.
fn span_of(job: &Job) -> Span {
    if !telemetry::exports() {
        return Span::none();
    }
    let span = tracing::info_span!(
        "webhook.delivery",
        otel.kind = "client",
        attempt = job.attempt,
        event_type = %job.event.event_type,
        position = job.event.position.0,
    );
    if let Some(parent) = traceparent_of(job) {
        telemetry::set_parent_from(&parent, &span);
    }
    span
}

fn answered(job: Job, started: Instant, response: OutboundResponse) -> Outcome {
    let (verdict, error_code) = if response.is_success() {
        failpoint::reached(failpoint::DELIVERY_RECORD);
        (Verdict::Delivered, None)
    } else if response.status == GONE {
        (Verdict::Gone, Some("receiver.gone".to_owned()))
    } else {
        (
            Verdict::Failed {
                retry_after: response.retry_after,
            },
            Some("receiver.refused".to_owned()),
        )
    };
    Outcome {
        latency: started.elapsed(),
        started,
        status_code: Some(response.status),
        error_code,
        excerpt: Some(response.body_excerpt),
        verdict,
        ..Outcome::released(job)
    }
}

/// Of an attempt that got no answer.
pub fn failed(job: Job, started: Instant, code: &str) -> Outcome {
    Outcome {
        latency: started.elapsed(),
        started,
        error_code: Some(code.to_owned()),
        verdict: Verdict::Failed { retry_after: None },
        ..Outcome::released(job)
    }
}
