//! Metrics in Prometheus' text format: one registry, and constructors that register a name once.
//!
//! Conventions: names start with `trastienda_`, units last (`_seconds`, `_bytes`, `_total`); labels come from small
//! closed sets, never a tenant, a store or a person. Not here: the listener that serves them.

mod process;

use std::any::Any;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Buckets in seconds for work within the machine: a flush, a batch, a query.
pub const FAST_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Buckets in seconds for what waits on others: deliveries, lags.
pub const SLOW_SECONDS: &[f64] = &[
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0,
];

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let registry = Registry::new();
    if let Err(error) = registry.register(Box::new(process::ProcessCollector::new())) {
        tracing::error!(%error, "the process has no metrics of its own");
    }
    registry
});

/// What is registered, by name, so that asking twice gives the same metric.
static REGISTERED: LazyLock<Mutex<HashMap<String, Box<dyn Any + Send>>>> = LazyLock::new(Mutex::default);

/// The process's registry.
pub fn registry() -> &'static Registry {
    &REGISTRY
}

/// Everything registered, as a scrape answers it.
pub fn render() -> String {
    TextEncoder::new()
        .encode_to_string(&REGISTRY.gather())
        .unwrap_or_else(|error| {
            tracing::error!(%error, "metrics could not be written");
            String::new()
        })
}

/// Registers a metric under its name, or returns the one that stands there.
///
/// A name that is taken by another kind is a mistake in the code: the new metric works but is not shown, and the log
/// says so, since metrics must not take a process down.
fn once<M: Collector + Clone + Any + Send>(name: &str, make: impl FnOnce() -> prometheus::Result<M>) -> M {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metric) = registered.get(name).and_then(|metric| metric.downcast_ref::<M>()) {
        return metric.clone();
    }
    let metric = make().expect("metric names, labels and buckets are constants in the code");
    match REGISTRY.register(Box::new(metric.clone())) {
        Ok(()) => {
            registered.insert(name.to_owned(), Box::new(metric.clone()));
        }
        Err(error) => tracing::error!(name, %error, "a metric is not shown"),
    }
    metric
}

/// A count that only grows.
pub fn counter(name: &str, help: &str) -> IntCounter {
    once(name, || IntCounter::new(name, help))
}

/// Counts by label.
pub fn counter_vec(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    once(name, || IntCounterVec::new(Opts::new(name, help), labels))
}

/// A value that goes up and down.
pub fn gauge(name: &str, help: &str) -> IntGauge {
    once(name, || IntGauge::new(name, help))
}

/// Values by label.
pub fn gauge_vec(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    once(name, || IntGaugeVec::new(Opts::new(name, help), labels))
}

/// Durations; buckets in seconds, ascending.
pub fn histogram(name: &str, help: &str, buckets_seconds: &[f64]) -> Histogram {
    once(name, || {
        Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets_seconds.to_vec()))
    })
}

/// Durations by label; buckets in seconds, ascending.
pub fn histogram_vec(name: &str, help: &str, buckets_seconds: &[f64], labels: &[&str]) -> HistogramVec {
    once(name, || {
        HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets_seconds.to_vec()),
            labels,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_asked_for_twice_is_the_same() {
        counter("trastienda_test_total", "Test.").inc();
        counter("trastienda_test_total", "Test.").inc();
        assert!(render().contains("trastienda_test_total 2"));
    }

    #[test]
    fn a_name_taken_by_another_kind_does_no_harm() {
        counter("trastienda_test_taken", "Test.").inc();
        gauge("trastienda_test_taken", "Test.").set(7);
        assert!(render().contains("trastienda_test_taken 1"));
    }

    #[test]
    fn a_histogram_has_its_buckets_in_seconds() {
        histogram_vec("trastienda_test_seconds", "Test.", FAST_SECONDS, &["kind"])
            .with_label_values(&["a"])
            .observe(0.004);
        let text = render();
        assert!(
            text.contains(r#"trastienda_test_seconds_bucket{kind="a",le="0.005"} 1"#),
            "{text}"
        );
        assert!(
            text.contains(r#"trastienda_test_seconds_bucket{kind="a",le="0.0025"} 0"#),
            "{text}"
        );
    }

    #[test]
    fn the_process_reports_its_memory_time_and_files() {
        let text = render();
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{name} ")))
                .unwrap();
            line.split_once(' ').unwrap().1.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}
