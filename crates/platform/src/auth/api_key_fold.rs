//! Calls beyond a key's limit, of which a row each would let whoever knocks fill the disk.
//!
//! The first refused calls of a key in an hour leave a row each; those beyond are folded together by key, kind and minute,
//! and the row counts them. Each process folds what it refused itself, so that a row's count is absolute: writing it
//! again, with the same or a larger count, is what the store does anyway. Not here: the limit (`api_key_limit`), and
//! writing (`api_key_log`).

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use super::api_key::KeyRef;
use super::api_key_log::CallRow;

/// Refused calls of a key that leave a row each, by process and hour.
pub(super) const ROWS_PER_HOUR: u32 = 100;
const HOUR: Duration = Duration::HOUR;

/// What this process refused lately; bounded by the keys that were refused within an hour.
#[derive(Default)]
pub(super) struct Folds(HashMap<KeyRef, Refused>);

struct Refused {
    /// The first refused call of its hour.
    since: OffsetDateTime,
    rows: u32,
    /// The rows of the last minute with folded calls, by kind.
    minute: i64,
    folded: HashMap<&'static str, CallRow>,
}

impl Refused {
    fn new(since: OffsetDateTime) -> Self {
        Self {
            since,
            rows: 0,
            minute: 0,
            folded: HashMap::new(),
        }
    }
}

impl Folds {
    /// Replaces the calls beyond the limit in a batch by the rows that stand for them; each row is there once.
    pub fn fold(&mut self, batch: &mut Vec<CallRow>) {
        let mut touched: HashMap<uuid::Uuid, CallRow> = HashMap::new();
        batch.retain(|call| match self.stands_for(call) {
            None => true,
            Some(row) => {
                touched.insert(row.id, row);
                false
            }
        });
        batch.extend(touched.into_values());
    }

    /// The row that a call goes into, if it is not its own.
    fn stands_for(&mut self, call: &CallRow) -> Option<CallRow> {
        if !call.is_beyond_limit {
            return None;
        }
        let known = self.0.entry(call.key.clone());
        let refused = known.or_insert_with(|| Refused::new(call.at));
        // A clock that was set back begins another hour, too.
        if (call.at - refused.since).abs() >= HOUR {
            *refused = Refused::new(call.at);
        }
        if refused.rows < ROWS_PER_HOUR {
            refused.rows += 1;
            return None;
        }
        let minute = call.at.unix_timestamp().div_euclid(60);
        if refused.minute != minute {
            refused.minute = minute;
            refused.folded.clear();
        }
        let row = refused
            .folded
            .entry(call.kind)
            .and_modify(|row| {
                row.calls = row.calls.saturating_add(call.calls);
                row.duration_ms = row.duration_ms.max(call.duration_ms);
            })
            .or_insert_with(|| call.clone());
        Some(row.clone())
    }

    /// Forgets keys that were not refused for an hour.
    pub fn forget(&mut self, now: OffsetDateTime) {
        self.0.retain(|_, refused| (now - refused.since).abs() < HOUR);
    }
}

#[cfg(test)]
mod tests {
    use schemas::{ApiKeyId, TenantId};
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);

    fn call(second: i64, kind: &'static str, is_beyond_limit: bool) -> CallRow {
        CallRow {
            id: uuid::Uuid::from_u128(u128::try_from(second).unwrap() + 1),
            key: KeyRef {
                tenant: TenantId::new("tienda").unwrap(),
                api_key_id: ApiKeyId::new("key-1").unwrap(),
            },
            system: "Mercado".to_owned(),
            kind,
            sent: "{}".to_owned(),
            received: None,
            error: String::new(),
            http_status: Some(429),
            duration_ms: second,
            at: NOON + Duration::seconds(second),
            calls: 1,
            is_beyond_limit,
        }
    }

    /// Calls by kind and count after folding them in batches of three.
    fn folded(folds: &mut Folds, calls: Vec<CallRow>) -> HashMap<uuid::Uuid, CallRow> {
        let mut rows = HashMap::new();
        for batch in calls.chunks(3) {
            let mut batch = batch.to_vec();
            folds.fold(&mut batch);
            let ids: Vec<_> = batch.iter().map(|row| row.id).collect();
            assert!(
                ids.iter()
                    .all(|id| ids.iter().filter(|other| *other == id).count() == 1),
                "a statement cannot write a row twice"
            );
            rows.extend(batch.into_iter().map(|row| (row.id, row)));
        }
        rows
    }

    #[test]
    fn the_first_refused_calls_of_an_hour_have_rows_of_their_own_and_the_rest_one_a_minute() {
        let mut folds = Folds::default();
        let calls = (0..3_599)
            .map(|second| call(second, "stock:leer", true))
            .collect();
        let rows = folded(&mut folds, calls);
        assert_eq!(rows.values().map(|row| row.calls).sum::<i64>(), 3_599);
        // The first 100 seconds, and the minutes from 1:40 to 59:59.
        assert_eq!(rows.len(), 100 + 59);
        let last = rows.values().max_by_key(|row| row.at).unwrap();
        assert_eq!((last.calls, last.duration_ms), (59, 3_598));
        let again = folded(&mut folds, vec![call(3_600, "stock:leer", true)]);
        assert_eq!(again.values().map(|row| row.calls).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn kinds_are_kept_apart_and_other_calls_are_never_folded() {
        let mut folds = Folds::default();
        let calls = (0..200)
            .map(|number| CallRow {
                id: uuid::Uuid::from_u128(1_000 + number),
                ..call(0, "stock:leer", true)
            })
            .chain([call(1, "articulos:leer", true), call(2, "articulos:leer", true)])
            .chain((3..50).map(|second| call(second, "stock:leer", false)));
        let rows = folded(&mut folds, calls.collect());
        let rare: Vec<i64> = rows
            .values()
            .filter(|row| row.kind == "articulos:leer")
            .map(|row| row.calls)
            .collect();
        assert_eq!(rare, [2]);
        assert_eq!(rows.values().filter(|row| !row.is_beyond_limit).count(), 47);
        folds.forget(NOON + Duration::hours(2));
        assert!(folds.0.is_empty());
    }
}
