//! How far each till has come with the sales that it took offline, by incarnation (POS-5).
//!
//! Not here: the sales (`sales`), and those that collided (`offline_sales`).

use schemas::Event;
use schemas::events::OfflineEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One incarnation of one till.
    OfflineTillRow, OfflineTillKey {
        key { tenant: String, terminal: String, incarnation: String }
        store: String,
        /// The last number that was taken care of; the next one is expected.
        last_sequence: i64,
        /// How many of them were quarantined when they came.
        quarantined: i64,
        last_position: i64,
        last_recorded_at: OffsetDateTime,
    }
}

impl ReadModel for OfflineTillRow {
    const NAME: &'static str = "offline_tills";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<OfflineTillKey> {
        let Event::Offline(OfflineEvent::Recorded(recorded)) = &fact.event else {
            return Vec::new();
        };
        vec![OfflineTillKey {
            tenant: fact.tenant.clone(),
            terminal: recorded.terminal.to_string(),
            incarnation: recorded.incarnation.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &OfflineTillKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Offline(OfflineEvent::Recorded(recorded)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let quarantined = row.map_or(0, |row| row.quarantined);
        Ok(OfflineTillRow {
            tenant: key.tenant.clone(),
            terminal: key.terminal.clone(),
            incarnation: key.incarnation.clone(),
            store: recorded.store.to_string(),
            last_sequence: recorded.sequence,
            quarantined: quarantined + i64::from(recorded.quarantine_id.is_some()),
            last_position: fact.position,
            last_recorded_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::offline_sales::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn a_till_comes_on_number_by_number() {
        let rows =
            folded::<OfflineTillRow>([samples::recorded(1, false), samples::recorded(2, true)]).unwrap();
        assert_eq!(
            (rows.len(), rows[0].last_sequence, rows[0].quarantined),
            (1, 2, 1)
        );
    }
}
