//! Latencies with three significant digits, in microseconds.
//!
//! The load is a closed loop: a connection sends its next request when the last one is answered. While the product stalls
//! nobody sends, so a stall counts once per connection and not once per request that an open world would have sent
//! (coordinated omission). `pgbench` measures in the same way, which is what these figures stand beside.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longer ones count as this: the product gives up earlier.
const LONGEST_US: u64 = 120_000_000;

/// Latencies of one stretch.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// # Errors
    /// Never with these bounds; the crate checks them at run time.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST_US, 3)?))
    }

    pub fn record(&mut self, latency: Duration) {
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(microseconds.clamp(1, LONGEST_US));
    }

    /// # Errors
    /// Never between histograms of the same bounds.
    pub fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// In milliseconds; `quantile` from 0 to 1.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        Duration::from_micros(self.0.value_at_quantile(quantile)).as_secs_f64() * 1_000.0
    }
}

/// Per second.
pub fn rate(count: u64, took: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / took.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_answer_in_a_hundred_is_the_maximum_and_not_the_median() {
        let mut latencies = Latencies::new().unwrap();
        for _ in 0..99 {
            latencies.record(Duration::from_millis(2));
        }
        latencies.record(Duration::from_millis(80));
        assert!((1.9..2.1).contains(&latencies.quantile_ms(0.5)));
        assert!((1.9..2.1).contains(&latencies.quantile_ms(0.99)));
        assert!((79.0..81.0).contains(&latencies.quantile_ms(1.0)));
    }
}
