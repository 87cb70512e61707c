//! Where time and fresh ids come from: the only place that asks the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// Tells the time. Handed to whoever needs it, so that tests can turn it.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the machine")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The last id's time and number: milliseconds since 1970 and, in the low 12 bits, a counter within one.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// A fresh id (UUID version 7), greater than every one before it in this process.
///
/// `Uuid::now_v7` asks the kernel for each one's random bits; two system calls for every command were its price. These
/// come from the thread's own generator, which the kernel seeds.
#[expect(clippy::disallowed_methods, reason = "the one place that may draw ids")]
pub fn fresh_id() -> Uuid {
    let millis = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    let now = u64::try_from(millis).unwrap_or_default() << COUNTER_BITS;
    // More ids than fit in a millisecond, or a clock that goes back, take their time from the future.
    let after = |last: u64| now.max(last + 1);
    let last = LAST_ID
        .try_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)))
        .map_or(now, after);
    let mut bytes: [u8; 10] = rand::random();
    let [.., high, low] = (last & ((1 << COUNTER_BITS) - 1)).to_be_bytes();
    (bytes[0], bytes[1]) = (high, low);
    Builder::from_unix_timestamp_millis(last >> COUNTER_BITS, &bytes).into_uuid()
}

/// As many as version 7 leaves between its time and its variant.
const COUNTER_BITS: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "compared with the machine's clock")]
    fn ids_are_of_version_7_and_grow_also_within_a_millisecond() {
        let before = OffsetDateTime::now_utc().unix_timestamp();
        let ids: Vec<Uuid> = (0..20_000).map(|_| fresh_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        for id in &ids {
            assert_eq!(
                (id.get_version_num(), id.get_variant()),
                (7, uuid::Variant::RFC4122)
            );
        }
        let (seconds, _) = ids[0].get_timestamp().unwrap().to_unix();
        assert!(
            i64::try_from(seconds).unwrap() - before < 60,
            "the time is in them"
        );
    }
}
