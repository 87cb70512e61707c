//! The lines of movements that were asked for; they never change.

use schemas::Event;
use schemas::events::MovementEvent;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One line of a movement.
    MovementRequestLineRow, MovementRequestLineKey {
        key { tenant: String, movement_id: String, line: i64 }
        sku: String,
        item_name: String,
        /// Pieces; a difference, and perhaps negative, in an adjustment.
        quantity: i64,
        unit_cost_minor: Option<i64>,
        /// A list of units as JSON.
        units: String,
        cause: Option<String>,
    }
}

impl ReadModel for MovementRequestLineRow {
    const NAME: &'static str = "movement_request_lines";
    const VERSION: i32 = 1;
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<MovementRequestLineKey> {
        let Event::Movement(MovementEvent::Created(created)) = &fact.event else {
            return Vec::new();
        };
        let key = |line| MovementRequestLineKey {
            tenant: fact.tenant.clone(),
            movement_id: created.movement_id.to_string(),
            line,
        };
        created.lines.iter().map(|line| key(line.line)).collect()
    }

    fn fold(_: Option<Self>, key: &MovementRequestLineKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Movement(MovementEvent::Created(created)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let line = created
            .lines
            .iter()
            .find(|line| line.line == key.line)
            .ok_or_else(|| FoldError::foreign(fact))?;
        Ok(MovementRequestLineRow {
            tenant: key.tenant.clone(),
            movement_id: key.movement_id.clone(),
            line: key.line,
            sku: line.sku.to_string(),
            item_name: line.item_name.clone(),
            quantity: line.quantity,
            unit_cost_minor: line.unit_cost_minor.map(schemas::Minor::get),
            units: document(&line.units)?,
            cause: line.cause.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::movement_requests::tests::created;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn each_line_names_its_goods() {
        let rows = folded::<MovementRequestLineRow>([created()]).unwrap();
        let goods: Vec<_> = rows
            .iter()
            .map(|row| (row.sku.as_str(), row.quantity, row.units.as_str()))
            .collect();
        assert_eq!(goods, [("A", 2, "[]"), ("P", 1, r#"["serial:1"]"#)]);
    }
}
