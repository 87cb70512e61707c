//! Spares an endpoint that is down, and fills it up slowly once it is back (WHK-3). Pure: time is an argument.
//!
//! Failures in a row open the breaker: nothing is sent for a pause, then one attempt probes, and each failed probe
//! doubles the pause. An answer ends that; from then on what has piled up is sent at no more than twice the rate that
//! the endpoint had before, as measured while it was well, until nothing waits any more.
//! Deliberately absent: security events, which have a lane without a breaker, and where the state is kept (`health`).

use std::time::Duration;

use tokio::time::Instant;

/// The window of the usual rate: older deliveries count exponentially less.
const WINDOW_S: f64 = 60.0;
/// A usual rate is not taken for lower than this, so that an endpoint with few events gets them back within reason.
const USUAL_MIN_PER_S: f64 = 1.0;
/// What is taken for usual when nothing has ever arrived.
const USUAL_UNKNOWN_PER_S: f64 = 10.0;
/// How much faster than usual an endpoint is filled up.
const DRAIN_FACTOR: f64 = 2.0;
/// What a drain may send at once, as time at its rate: the pacer looks this often.
pub const PACE: Duration = Duration::from_millis(50);

/// What may be configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Before the first probe; doubled by each that fails …
    pub pause: Duration,
    /// … up to this.
    pub pause_max: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(1),
            pause_max: Duration::from_secs(30),
        }
    }
}

/// What others may know of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BreakerState {
    /// Everything is sent.
    #[default]
    Closed,
    /// Nothing is.
    Open,
    /// One attempt finds out.
    HalfOpen,
    /// It answers again, and is filled up slowly.
    Draining,
}

impl BreakerState {
    pub const ALL: [BreakerState; 4] = [
        BreakerState::Closed,
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::Draining,
    ];

    /// As stored; anything else counts as closed.
    pub fn stored(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or_default()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
            BreakerState::Draining => "draining",
        }
    }
}

/// One endpoint's breaker.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    /// In a row.
    failures: u32,
    phase: Phase,
    usual: Rate,
}

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    #[default]
    Closed,
    /// Nothing is sent before `until`; `pause` is what led to it.
    Open {
        until: Instant,
        pause: Duration,
    },
    /// A probe is under way.
    HalfOpen {
        pause: Duration,
    },
    Draining(Bucket),
}

/// Permits at a steady rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    per_s: f64,
    permits: f64,
    at: Instant,
}

/// Successes per second over the last minute or so.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    /// Deliveries, the older the less they count, as of the second figure; and when counting began.
    counted: Option<(f64, Instant, Instant)>,
    /// From an earlier life of this process.
    remembered_per_s: f64,
}

impl Breaker {
    /// As an earlier life of this process left it.
    pub fn remembered(state: BreakerState, usual_per_s: f64, now: Instant) -> Self {
        let phase = match state {
            BreakerState::Closed => Phase::Closed,
            BreakerState::Open | BreakerState::HalfOpen => Phase::Open {
                until: now,
                pause: Duration::ZERO,
            },
            BreakerState::Draining => Phase::Draining(Bucket::new(usual_per_s * DRAIN_FACTOR, now)),
        };
        Self {
            failures: 0,
            phase,
            usual: Rate {
                counted: None,
                remembered_per_s: usual_per_s,
            },
        }
    }

    pub fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
            Phase::Draining(_) => BreakerState::Draining,
        }
    }

    /// Deliveries a second while the endpoint was well, as measured.
    pub fn usual_per_s(&self) -> f64 {
        if self.usual.is_unknown() {
            return USUAL_UNKNOWN_PER_S;
        }
        self.usual.per_s().max(USUAL_MIN_PER_S)
    }

    /// Whether one more attempt may begin.
    pub fn allows(&self, now: Instant) -> bool {
        match self.phase {
            Phase::Closed => true,
            Phase::Open { until, .. } => now >= until,
            Phase::HalfOpen { .. } => false,
            Phase::Draining(bucket) => bucket.refilled(now).permits >= 1.0,
        }
    }

    /// How many deliveries are worth keeping in memory: what the next `ahead` can take, at most `max`.
    pub fn worth_keeping(&self, now: Instant, ahead: Duration, max: usize) -> usize {
        match self.phase {
            Phase::Closed => max,
            Phase::Open { until, .. } => usize::from(now >= until).min(max),
            Phase::HalfOpen { .. } => 1.min(max),
            Phase::Draining(bucket) => whole(bucket.per_s * ahead.as_secs_f64()).clamp(1, max.max(1)),
        }
    }

    /// Counts an attempt that begins; [`Breaker::allows`] was asked.
    pub fn begin(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Open { pause, .. } => self.phase = Phase::HalfOpen { pause: *pause },
            Phase::Draining(bucket) => {
                *bucket = bucket.refilled(now);
                bucket.permits -= 1.0;
            }
            Phase::Closed | Phase::HalfOpen { .. } => {}
        }
    }

    /// An attempt that had begun was not made after all: a probe is due again.
    pub fn abandoned(&mut self, now: Instant) {
        if let Phase::HalfOpen { pause } = self.phase {
            self.phase = Phase::Open { until: now, pause };
        }
    }

    /// Counts an attempt that arrived.
    pub fn succeeded(&mut self, now: Instant) {
        self.failures = 0;
        match self.phase {
            Phase::Closed => self.usual.count(now),
            Phase::Open { .. } | Phase::HalfOpen { .. } => {
                self.phase = Phase::Draining(Bucket::new(self.usual_per_s() * DRAIN_FACTOR, now));
            }
            Phase::Draining(_) => {}
        }
    }

    /// Counts an attempt that failed.
    pub fn failed(&mut self, options: &BreakerOptions, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let pause = match self.phase {
            Phase::Closed | Phase::Draining(_) if self.failures >= options.failures => options.pause,
            Phase::HalfOpen { pause } => (pause * 2).clamp(options.pause, options.pause_max),
            Phase::Closed | Phase::Draining(_) | Phase::Open { .. } => return,
        };
        self.phase = Phase::Open {
            until: now + pause,
            pause,
        };
    }

    /// Nothing waits any more: what comes from now on is the endpoint's usual life.
    pub fn caught_up(&mut self) {
        if matches!(self.phase, Phase::Draining(_)) {
            self.phase = Phase::Closed;
        }
    }

    /// Whether a new one would say the same.
    pub fn is_forgettable(&self) -> bool {
        self.failures == 0 && matches!(self.phase, Phase::Closed) && self.usual.per_s() <= 0.0
    }
}

impl Bucket {
    fn new(per_s: f64, now: Instant) -> Self {
        Self {
            per_s: per_s.max(USUAL_MIN_PER_S * DRAIN_FACTOR),
            permits: 0.0,
            at: now,
        }
    }

    /// With what has come in since: at most what the pacer's next look could use, and one that is on its way.
    fn refilled(self, now: Instant) -> Self {
        let elapsed_s = now.saturating_duration_since(self.at).as_secs_f64();
        let most = self.per_s * PACE.as_secs_f64() + 1.0;
        Self {
            permits: (self.permits + elapsed_s * self.per_s).min(most),
            at: now,
            ..self
        }
    }
}

impl Rate {
    fn is_unknown(&self) -> bool {
        self.counted.is_none() && self.remembered_per_s <= 0.0
    }

    fn count(&mut self, now: Instant) {
        let (counted, since) = match self.counted {
            Some((counted, at, since)) => (counted * decay(at, now), since),
            None => (0.0, now),
        };
        self.counted = Some((counted + 1.0, now, since));
    }

    /// As of the last delivery. Right after the beginning there was less than a window: what there was is held against
    /// the part of the window that it had.
    fn per_s(&self) -> f64 {
        let Some((counted, at, since)) = self.counted else {
            return self.remembered_per_s;
        };
        let age_s = at.saturating_duration_since(since).as_secs_f64().max(1.0);
        let measured = counted / (WINDOW_S * (1.0 - (-age_s / WINDOW_S).exp()));
        if age_s < WINDOW_S {
            measured.max(self.remembered_per_s)
        } else {
            measured
        }
    }
}

fn decay(from: Instant, to: Instant) -> f64 {
    (-to.saturating_duration_since(from).as_secs_f64() / WINDOW_S).exp()
}

/// The whole part of a small positive number.
fn whole(number: f64) -> usize {
    u32::try_from(Duration::from_secs_f64(number.clamp(0.0, 1e9)).as_secs())
        .ok()
        .and_then(|whole| usize::try_from(whole).ok())
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: BreakerOptions = BreakerOptions {
        failures: 5,
        pause: Duration::from_secs(1),
        pause_max: Duration::from_secs(30),
    };

    fn down(breaker: &mut Breaker, now: Instant) {
        for _ in 0..OPTIONS.failures {
            breaker.failed(&OPTIONS, now);
        }
    }

    /// Well at so many deliveries a second for two minutes; returns the time after that.
    fn well(breaker: &mut Breaker, start: Instant, per_s: u32) -> Instant {
        let step = Duration::from_secs(1) / per_s;
        for number in 0..120 * per_s {
            breaker.succeeded(start + step * number);
        }
        start + Duration::from_secs(120)
    }

    #[test]
    fn failures_in_a_row_open_it_and_each_failed_probe_doubles_the_pause() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..OPTIONS.failures - 1 {
            breaker.failed(&OPTIONS, now);
        }
        breaker.succeeded(now);
        for _ in 0..OPTIONS.failures - 1 {
            breaker.failed(&OPTIONS, now);
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "an answer between them");
        breaker.failed(&OPTIONS, now);
        assert_eq!(breaker.state(), BreakerState::Open);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let asked = now;
            while !breaker.allows(now) {
                now += Duration::from_millis(500);
            }
            pauses.push((now - asked).as_secs());
            breaker.begin(now);
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            assert!(
                !breaker.allows(now + Duration::from_secs(3_600)),
                "one probe at a time"
            );
            breaker.failed(&OPTIONS, now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_drain_is_never_faster_than_twice_the_measured_rate() {
        for per_s in [1, 7, 40, 500] {
            let mut breaker = Breaker::default();
            let mut now = well(&mut breaker, Instant::now(), per_s);
            let usual = breaker.usual_per_s();
            assert!((usual / f64::from(per_s) - 1.0).abs() < 0.15, "{per_s}: {usual}");
            down(&mut breaker, now);
            now += Duration::from_secs(600);
            breaker.begin(now);
            breaker.succeeded(now);
            assert_eq!(breaker.state(), BreakerState::Draining);
            // Every look takes what it may, as a receiver with endless places would.
            let mut sent: Vec<Instant> = Vec::new();
            for _ in 0..600 {
                while breaker.allows(now) {
                    breaker.begin(now);
                    breaker.succeeded(now);
                    sent.push(now);
                }
                now += PACE;
            }
            let total = f64::from(u32::try_from(sent.len()).unwrap());
            assert!(total <= 30.0 * 2.0 * usual, "{per_s}: {total} in half a minute");
            assert!(total >= 30.0 * 1.8 * usual, "{per_s}: {total} in half a minute");
            for window in sent.windows(2 * usize::try_from(per_s).unwrap() + 4) {
                let took = *window.last().unwrap() - window[0];
                assert!(took >= Duration::from_millis(850), "{per_s}: {took:?}");
            }
            assert!(
                (breaker.usual_per_s() - usual).abs() < 1e-6,
                "a drain is not usual"
            );
            breaker.caught_up();
            assert_eq!(breaker.state(), BreakerState::Closed);
        }
    }

    #[test]
    fn a_drain_that_fails_again_opens_it_again() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        down(&mut breaker, now);
        let later = now + OPTIONS.pause;
        breaker.begin(later);
        breaker.succeeded(later);
        breaker.caught_up();
        assert_eq!(breaker.state(), BreakerState::Closed);
        down(&mut breaker, later);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.allows(later));
    }

    #[test]
    fn a_probe_that_was_not_made_is_due_again() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        down(&mut breaker, now);
        breaker.begin(now + OPTIONS.pause);
        breaker.abandoned(now + OPTIONS.pause);
        assert!(breaker.allows(now + OPTIONS.pause));
    }

    #[test]
    fn a_short_life_is_held_against_its_own_length() {
        let mut breaker = Breaker::default();
        let start = Instant::now();
        for number in 0..200_u32 {
            breaker.succeeded(start + Duration::from_millis(10) * number);
        }
        assert!(
            (95.0..=115.0).contains(&breaker.usual_per_s()),
            "{}",
            breaker.usual_per_s()
        );
    }

    #[test]
    fn what_an_earlier_life_knew_goes_on() {
        let now = Instant::now();
        let open = Breaker::remembered(BreakerState::Open, 40.0, now);
        assert!(open.allows(now), "it is probed at once");
        let mut draining = Breaker::remembered(BreakerState::Draining, 40.0, now);
        assert!(!draining.allows(now));
        let later = now + Duration::from_secs(1);
        let mut sent = 0;
        while draining.allows(later) {
            draining.begin(later);
            sent += 1;
        }
        assert_eq!(sent, 5, "at most what one look of the pacer may take");
    }
}
