//! What each repair took of each article and gave back; the difference was used, or is on the workbench.

use schemas::Event;
use schemas::events::RepairEvent;
use schemas::events::repair::MovedPart;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One article in one repair.
    RepairPartRow, RepairPartKey {
        key { tenant: String, repair_id: String, sku: String }
        taken: i64,
        given_back: i64,
        /// What those cost that were taken and not given back, as far as their cost is known; minor units.
        cost_minor: i64,
        last_position: i64,
        changed_at: OffsetDateTime,
    }
}

/// The lines that moved, and whether they were taken.
fn moved(event: &RepairEvent) -> Option<(&[MovedPart], bool, String)> {
    match event {
        RepairEvent::PartsTaken(e) => Some((&e.lines, true, e.repair_id.to_string())),
        RepairEvent::PartsGivenBack(e) => Some((&e.lines, false, e.repair_id.to_string())),
        _ => None,
    }
}

impl ReadModel for RepairPartRow {
    const NAME: &'static str = "repair_parts";
    const VERSION: i32 = 1;
    const INDEXES: &'static str =
        "create index rm_repair_parts_sku on rm_repair_parts (tenant, sku, repair_id);";

    fn keys(fact: &Fact) -> Vec<RepairPartKey> {
        let Event::Repair(event) = &fact.event else {
            return Vec::new();
        };
        let Some((lines, _, repair_id)) = moved(event) else {
            return Vec::new();
        };
        let key = |line: &MovedPart| RepairPartKey {
            tenant: fact.tenant.clone(),
            repair_id: repair_id.clone(),
            sku: line.sku.to_string(),
        };
        lines.iter().map(key).collect()
    }

    fn fold(row: Option<Self>, key: &RepairPartKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Repair(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let (lines, taken, _) = moved(event).ok_or_else(|| FoldError::foreign(fact))?;
        let mut row = match row {
            Some(row) => row,
            None if taken => RepairPartRow {
                tenant: key.tenant.clone(),
                repair_id: key.repair_id.clone(),
                sku: key.sku.clone(),
                taken: 0,
                given_back: 0,
                cost_minor: 0,
                last_position: 0,
                changed_at: fact.recorded_at,
            },
            None => return Err(FoldError::missing_row(fact)),
        };
        for line in lines.iter().filter(|line| line.sku.as_str() == key.sku) {
            let (quantity, cost) = (line.quantity.get(), line.cost_minor.get());
            if taken {
                add(&mut row.taken, quantity, "taken")?;
                add(&mut row.cost_minor, cost, "cost_minor")?;
            } else {
                add(&mut row.given_back, quantity, "given_back")?;
                add(&mut row.cost_minor, -cost, "cost_minor")?;
            }
        }
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::repairs::samples::next;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn lines_of_one_article_add_up_and_what_goes_back_takes_its_cost_along() {
        let line = |sku: &str, quantity: i64, cost: i64| json!({"sku": sku, "quantity": quantity, "costed_quantity": quantity, "cost_minor": cost});
        let taken = next(
            "parts_taken",
            json!({"lines": [line("A", 2, 20), line("B", 1, 5), line("A", 1, 11)]}),
        );
        let back = next("parts_given_back", json!({"lines": [line("A", 1, 10)]}));
        let rows = folded::<RepairPartRow>([taken, back.clone()]).unwrap();
        let figures: Vec<_> = rows
            .iter()
            .map(|row| (row.sku.as_str(), row.taken, row.given_back, row.cost_minor))
            .collect();
        assert_eq!(figures, [("A", 3, 1, 21), ("B", 1, 0, 5)]);
        assert!(folded::<RepairPartRow>([back]).is_err());
    }
}
