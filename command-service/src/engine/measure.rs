//! What the engine tells about itself on the metrics page. No tenant is a label.

use platform::metrics::{FAST_SECONDS, counter_vec, gauge, histogram};
use prometheus::{Histogram, IntCounterVec, IntGauge};

pub(super) struct Measures {
    /// From a batch's first byte to its durable end.
    pub append_seconds: Histogram,
    pub commands: IntCounterVec,
    pub events: prometheus::IntCounter,
    pub batch_commands: IntGauge,
    pub cache_bytes: IntGauge,
    pub head: IntGauge,
    /// 1 in the process that owns the log.
    pub owner: IntGauge,
}

impl Measures {
    /// Finds these figures in the process's registry, or puts them there.
    pub fn register() -> Self {
        Self {
            append_seconds: histogram(
                "trastienda_engine_append_seconds",
                "Time of one append: write and flush of a batch.",
                FAST_SECONDS,
            ),
            commands: counter_vec(
                "trastienda_engine_commands_total",
                "Commands that were answered, by outcome.",
                &["outcome"],
            ),
            events: platform::metrics::counter("trastienda_engine_events_total", "Events appended."),
            batch_commands: gauge("trastienda_engine_batch_commands", "Commands in the last append."),
            cache_bytes: gauge(
                "trastienda_engine_cache_bytes",
                "Approximate size of the cached aggregates.",
            ),
            owner: gauge("trastienda_engine_owner", "1 while this process owns the log."),
            head: gauge("trastienda_log_head_position", "Position of the last event."),
        }
    }
}
