//! The dispatcher's numbers. Labels never name a tenant or an endpoint.

use platform::metrics::{SLOW_SECONDS, counter, counter_vec, gauge, gauge_vec, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::record::{Outcome, Verdict};

/// Registered once per process; clones count together.
#[derive(Clone)]
pub struct Metrics {
    pub matched: IntCounter,
    pub attempts: IntCounterVec,
    pub attempt_seconds: Histogram,
    pub checkpoint: IntGauge,
    pub wakes: IntCounter,
    pub holes: IntCounter,
    pub leases_run_out: IntCounter,
    pub database_errors: IntCounter,
    pub waiting: IntGauge,
    pub open: IntGaugeVec,
    pub overdue_seconds: IntGauge,
    pub stalled: IntGauge,
    pub unbalanced: IntGauge,
    pub audits: IntCounterVec,
    pub matcher_lag: IntGauge,
    pub matcher_stalled: IntGauge,
    pub relay_lag: IntGauge,
    pub relay_stalled: IntGauge,
}

impl Metrics {
    pub fn new() -> Self {
        Self {
            matched: counter("trastienda_webhook_matched_total", "Deliveries created."),
            attempts: counter_vec(
                "trastienda_webhook_attempts_total",
                "Attempts by outcome.",
                &["outcome"],
            ),
            attempt_seconds: histogram(
                "trastienda_webhook_attempt_seconds",
                "How long receivers take to answer.",
                SLOW_SECONDS,
            ),
            checkpoint: gauge(
                "trastienda_dispatcher_checkpoint_position",
                "Events up to here are matched.",
            ),
            wakes: counter("trastienda_dispatcher_wakes_total", "Messages from the broker."),
            holes: counter(
                "trastienda_dispatcher_broker_holes_total",
                "Messages that did not continue what was matched; the log filled in.",
            ),
            leases_run_out: counter(
                "trastienda_webhook_leases_run_out_total",
                "Deliveries that waited in memory longer than their lease.",
            ),
            database_errors: counter(
                "trastienda_dispatcher_database_errors_total",
                "Statements tried again.",
            ),
            waiting: gauge(
                "trastienda_webhook_waiting",
                "Deliveries in memory, about to be sent.",
            ),
            open: gauge_vec(
                "trastienda_webhook_deliveries",
                "Deliveries by state.",
                &["status"],
            ),
            overdue_seconds: gauge(
                "trastienda_webhook_overdue_seconds",
                "Age of the oldest due delivery that nobody has taken.",
            ),
            stalled: gauge(
                "trastienda_webhook_stalled",
                "1 while a due delivery waits longer than its bound and its endpoint is not being tried.",
            ),
            unbalanced: gauge(
                "trastienda_webhook_endpoints_unbalanced",
                "Endpoints whose matched deliveries are not the sum of their states.",
            ),
            audits: counter_vec(
                "trastienda_webhook_audits_total",
                "Endpoints whose rows were counted, by whether the counters agreed.",
                &["outcome"],
            ),
            matcher_lag: gauge(
                "trastienda_webhook_matcher_lag_events",
                "Events of the log that are not matched yet.",
            ),
            matcher_stalled: gauge(
                "trastienda_webhook_matcher_stalled",
                "1 while no event is matched for longer than the bound although the log goes on.",
            ),
            relay_lag: gauge(
                "trastienda_webhook_relay_lag_events",
                "Events of the log that the broker has not acknowledged, as the dispatcher sees it.",
            ),
            relay_stalled: gauge(
                "trastienda_webhook_relay_stalled",
                "1 while the relay does not move for longer than the bound although the log goes on.",
            ),
        }
    }

    /// Counts a batch of outcomes that has been written.
    pub fn observe(&self, batch: &[Outcome]) {
        for outcome in batch {
            let label = match outcome.verdict {
                Verdict::Delivered => "delivered",
                Verdict::Gone => "gone",
                Verdict::Failed { .. } => "failed",
                Verdict::Released | Verdict::Postponed => continue,
            };
            self.attempts.with_label_values(&[label]).inc();
            self.attempt_seconds.observe(outcome.latency.as_secs_f64());
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
