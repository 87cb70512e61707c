//! How documents of each kind are numbered, and the last number that was handed out.

use schemas::Event;
use schemas::events::SettingsEvent;
use schemas::events::settings::Series;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// The numbers of one kind of documents.
    NumberingRow, NumberingKey {
        key { tenant: String, series: String }
        /// Whether documents of this kind get numbers.
        enabled: bool,
        prefix: String,
        /// As it was set; what was handed out since then is not counted here.
        next: i64,
        /// The count that the next document gets. A setting never goes behind what its prefix handed out.
        next_count: i64,
        digits: i64,
        /// How many were handed out, under any prefix.
        taken: i64,
        last_number: Option<String>,
        last_position: i64,
        changed_at: OffsetDateTime,
    }
}

fn series_of(event: &SettingsEvent) -> Option<Series> {
    match event {
        SettingsEvent::NumberingSet(e) => Some(e.series),
        SettingsEvent::NumberingEnded(e) => Some(e.series),
        SettingsEvent::NumberTaken(e) => Some(e.series),
        SettingsEvent::LetterheadSet(_) | SettingsEvent::RepairTermsSet(_) => None,
    }
}

impl ReadModel for NumberingRow {
    const NAME: &'static str = "numbering";
    const VERSION: i32 = 2;

    fn keys(fact: &Fact) -> Vec<NumberingKey> {
        let Event::Settings(event) = &fact.event else {
            return Vec::new();
        };
        let key = |series: Series| NumberingKey {
            tenant: fact.tenant.clone(),
            series: series.as_str().to_owned(),
        };
        series_of(event).map(key).into_iter().collect()
    }

    fn fold(row: Option<Self>, key: &NumberingKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Settings(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let SettingsEvent::NumberingSet(set) = event {
            return Ok(NumberingRow {
                tenant: key.tenant.clone(),
                series: key.series.clone(),
                enabled: true,
                prefix: set.prefix.clone(),
                next: set.next,
                next_count: set.next,
                digits: set.digits,
                taken: row.as_ref().map_or(0, |row| row.taken),
                last_number: row.and_then(|row| row.last_number),
                last_position: fact.position,
                changed_at: fact.recorded_at,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            SettingsEvent::NumberingEnded(_) => row.enabled = false,
            SettingsEvent::NumberTaken(taken) => {
                add(&mut row.taken, 1, "taken")?;
                add(&mut row.next_count, 1, "next_count")?;
                row.last_number = Some(taken.number.clone());
            }
            SettingsEvent::NumberingSet(_)
            | SettingsEvent::LetterheadSet(_)
            | SettingsEvent::RepairTermsSet(_) => return Err(FoldError::foreign(fact)),
        }
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn what_was_handed_out_outlives_a_new_prefix() {
        let set = |prefix: &str| {
            event(
                "admin.numbering_set",
                json!({"series": "repair", "prefix": prefix, "next": 1, "digits": 3}),
            )
        };
        let taken = event(
            "admin.number_taken",
            json!({"series": "repair", "prefix": "A", "count": 1, "number": "A001", "document": "repair/r"}),
        );
        let ended = event("admin.numbering_ended", json!({"series": "repair"}));
        let rows = folded::<NumberingRow>([set("A"), taken.clone(), set("B"), ended]).unwrap();
        let row = &rows[0];
        assert_eq!((row.enabled, row.prefix.as_str(), row.taken), (false, "B", 1));
        assert_eq!(row.last_number.as_deref(), Some("A001"));
        assert_eq!((row.next, row.next_count), (1, 1));
        let rows = folded::<NumberingRow>([set("A"), taken.clone()]).unwrap();
        assert_eq!((rows[0].next, rows[0].next_count), (1, 2));
        assert!(folded::<NumberingRow>([taken]).is_err());
    }
}
