//! Logs and traces.
//!
//! Logs are lines on standard error, JSON or text. Fields are an allowlist by convention: ids, codes, counts, positions,
//! durations, addresses of our own listeners and causes of errors; never a body, a header, a token, a secret, a
//! personal field, or a URL's query. Types that hold secrets hide them in `Debug`.
//!
//! Traces leave only with an OTLP endpoint configured. Without one spans cost next to nothing and carry no ids:
//! `current_traceparent` is none, and callers pass on the `traceparent` that they were given.
//!
//! Not here: metrics (`metrics`), and opening spans for requests (`http`).

mod span_fields;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use self::span_fields::SpanFields;
use crate::config::{Config, LogFormat, TelemetryConfig};

static EXPORTS: AtomicBool = AtomicBool::new(false);

/// One export, and the last one at the stop.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the exporter itself uses: its spans would be exported, which makes spans, and so on.
const EXPORTERS_OWN: [&str; 7] = [
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_otlp",
    "opentelemetry_http",
    "reqwest",
    "hyper_util",
    "h2",
];

/// The header's name (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// Why there is no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("telemetry.log_level is malformed")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("the traces' exporter cannot be built")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// A process has one.
    #[error("telemetry is set up already")]
    Twice,
}

/// Sends what is left when it is dropped: keep it to the end of `main`.
#[must_use = "dropping it ends the export of traces"]
#[derive(Debug)]
pub struct TelemetryGuard {
    provider: Option<SdkTracerProvider>,
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown_with_timeout(EXPORT_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// Starts logging, and tracing if an endpoint is configured, for the whole process.
///
/// # Errors
/// When something is malformed, or telemetry is set up already (tests may ignore that).
pub fn init(config: &Config, service_name: &'static str) -> Result<TelemetryGuard, TelemetryError> {
    let config = &config.telemetry;
    let filter = EnvFilter::try_new(&config.log_level)?;
    let lines = match config.log_format {
        LogFormat::Json => json_lines(std::io::stderr).boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
    };
    let provider = tracer_provider(config, service_name)?;
    EXPORTS.store(provider.is_some(), Ordering::Relaxed);
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(provider.as_ref().map(|provider| traces(provider, service_name)))
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    Ok(TelemetryGuard { provider })
}

/// One object per line, with the fields of the innermost span.
fn json_lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .fmt_fields(SpanFields)
}

/// Whether spans leave this process; where making one costs more than it says, ask first.
pub fn exports() -> bool {
    EXPORTS.load(Ordering::Relaxed)
}

fn tracer_provider(
    config: &TelemetryConfig,
    service_name: &'static str,
) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok(None);
    };
    crate::crypto::install_default_provider();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    let share = f64::from(config.trace_sample_percent) / 100.0;
    let provider = SdkTracerProvider::builder()
        // On a thread of its own, with a bounded queue: a collector that is down costs spans, never requests.
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
        .with_resource(
            Resource::builder()
                .with_service_name(service_name)
                .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                .build(),
        )
        .build();
    Ok(Some(provider))
}

/// Spans of level info and above, whatever the log's level.
fn traces<S>(provider: &SdkTracerProvider, service_name: &'static str) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let filter = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(EXPORTERS_OWN.map(|target| (target, LevelFilter::OFF)));
    tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_tracer(provider.tracer(service_name))
        .with_filter(filter)
}

/// The current span as a W3C `traceparent`; none outside a trace or without an OTLP endpoint.
pub fn current_traceparent() -> Option<String> {
    let context = Span::current().context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Makes a new span the child of a remote one. Call it before the span is entered. A malformed value changes nothing.
pub fn set_parent_from(traceparent: &str, span: &Span) {
    let context = remote(traceparent);
    if context.span().span_context().is_valid() {
        // Without an OTLP endpoint there is no layer that could keep it.
        let _ = span.set_parent(context);
    }
}

/// Links a span to a remote one: for batches, which have many causes and so no parent.
pub fn link_to(traceparent: &str, span: &Span) {
    span.add_link(remote_span(traceparent));
}

fn remote_span(traceparent: &str) -> SpanContext {
    remote(traceparent).span().span_context().clone()
}

fn remote(traceparent: &str) -> Context {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

#[cfg(test)]
mod tests;
