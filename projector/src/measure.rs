//! What the projector tells Prometheus.

use std::time::Duration;

use platform::clock::SharedClock;
use platform::metrics;
use prometheus::{Histogram, IntCounter, IntGauge};
use time::OffsetDateTime;

/// The projector's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Measures {
    pub position: IntGauge,
    pub restarts: IntCounter,
    pub serving_group: IntGauge,
    pub rebuild_running: IntGauge,
    pub rebuild_position: IntGauge,
    pub rebuild_differences: IntGauge,
    events: IntCounter,
    lag_ms: IntGauge,
    frozen_rows: IntGauge,
    batch_seconds: Histogram,
}

impl Measures {
    /// Registers them, or finds those that are registered.
    pub fn register() -> Self {
        Self {
            position: metrics::gauge(
                "trastienda_projection_position",
                "The serving read models' checkpoint.",
            ),
            restarts: metrics::counter(
                "trastienda_projection_restarts_total",
                "Times the projector started over.",
            ),
            serving_group: metrics::gauge(
                "trastienda_projection_serving_group",
                "Number of the group of read models that queries read.",
            ),
            rebuild_running: metrics::gauge(
                "trastienda_rebuild_running",
                "1 while a request for the groups of read models is carried out.",
            ),
            rebuild_position: metrics::gauge(
                "trastienda_rebuild_position",
                "How far the group is that is being filled.",
            ),
            rebuild_differences: metrics::gauge(
                "trastienda_rebuild_differences",
                "Rows in which the last comparison of two groups found a difference.",
            ),
            events: metrics::counter(
                "trastienda_projection_events_total",
                "Events folded into the read models.",
            ),
            lag_ms: metrics::gauge(
                "trastienda_projection_lag_milliseconds",
                "Age of the last folded event when it was folded; 0 once the end of the log is reached.",
            ),
            frozen_rows: metrics::gauge(
                "trastienda_projection_frozen_rows",
                "Rows that wait for a rebuild.",
            ),
            batch_seconds: metrics::histogram(
                "trastienda_projection_batch_seconds",
                "Reading ahead, folding and committing one batch.",
                metrics::FAST_SECONDS,
            ),
        }
    }

    /// Counts a committed batch.
    pub fn batch(&self, events: usize, took: Duration, frozen_rows: usize) {
        self.events.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
        self.batch_seconds.observe(took.as_secs_f64());
        self.frozen_rows
            .set(i64::try_from(frozen_rows).unwrap_or(i64::MAX));
    }

    /// How old the last folded event is; `None` at the end of the log.
    pub fn lag(&self, clock: &SharedClock, recorded_at: Option<OffsetDateTime>) {
        let lag_ms = recorded_at.map_or(0, |at| (clock.now() - at).whole_milliseconds().max(0));
        self.lag_ms.set(i64::try_from(lag_ms).unwrap_or(i64::MAX));
    }
}
