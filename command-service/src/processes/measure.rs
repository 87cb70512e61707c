//! Figures about processes. Label `process` is from the closed list of the domain.

use platform::metrics::{SLOW_SECONDS, counter_vec, gauge_vec, histogram_vec};
use prometheus::{Histogram, IntCounter, IntGauge};

/// One process's figures.
pub(super) struct Measures {
    /// Positions that it has not looked at.
    pub lag_events: IntGauge,
    /// Timers whose time has come; counted up to the bound of one look.
    pub timers_due: IntGauge,
    /// How long the oldest of them has been due.
    pub oldest_due_seconds: IntGauge,
    /// How late timers were settled.
    pub late_seconds: Histogram,
    pub accepted: IntCounter,
    pub refused: IntCounter,
    pub failed: IntCounter,
}

impl Measures {
    /// The figures under this process's label.
    pub fn register(process: &str) -> Self {
        let gauge = |name, help| gauge_vec(name, help, &["process"]).with_label_values(&[process]);
        let commands = counter_vec(
            "trastienda_process_commands_total",
            "Commands that processes asked for.",
            &["process", "outcome"],
        );
        let outcome = |outcome| commands.with_label_values(&[process, outcome]);
        Self {
            lag_events: gauge(
                "trastienda_process_lag_events",
                "Positions of the log that the process has not looked at.",
            ),
            timers_due: gauge(
                "trastienda_process_timers_due",
                "Timers whose time has come and that are not settled.",
            ),
            oldest_due_seconds: gauge(
                "trastienda_process_oldest_due_seconds",
                "How long the oldest unsettled timer has been due.",
            ),
            late_seconds: histogram_vec(
                "trastienda_process_timer_late_seconds",
                "From a timer's time to its settlement.",
                SLOW_SECONDS,
                &["process"],
            )
            .with_label_values(&[process]),
            accepted: outcome("accepted"),
            refused: outcome("refused"),
            failed: outcome("failed"),
        }
    }
}
