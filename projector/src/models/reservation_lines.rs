//! The lines of reservations, as they were asked for; they never change.

use schemas::Event;
use schemas::events::ReservationEvent;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One line of a reservation.
    ReservationLineRow, ReservationLineKey {
        key { tenant: String, reservation_id: String, line: i64 }
        sku: String,
        unit: Option<String>,
        quantity: i64,
    }
}

impl ReadModel for ReservationLineRow {
    const NAME: &'static str = "reservation_lines";
    const VERSION: i32 = 1;
    const INDEXES: &'static str =
        "create index rm_reservation_lines_sku on rm_reservation_lines (tenant, sku, reservation_id);";
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<ReservationLineKey> {
        let Event::Reservation(ReservationEvent::Created(created)) = &fact.event else {
            return Vec::new();
        };
        let key = |line| ReservationLineKey {
            tenant: fact.tenant.clone(),
            reservation_id: created.reservation_id.to_string(),
            line,
        };
        created.lines.iter().map(|line| key(line.line)).collect()
    }

    fn fold(_: Option<Self>, key: &ReservationLineKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Reservation(ReservationEvent::Created(created)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let line = created
            .lines
            .iter()
            .find(|line| line.line == key.line)
            .ok_or_else(|| FoldError::foreign(fact))?;
        Ok(ReservationLineRow {
            tenant: key.tenant.clone(),
            reservation_id: key.reservation_id.clone(),
            line: key.line,
            sku: line.sku.to_string(),
            unit: line.unit.as_ref().map(ToString::to_string),
            quantity: line.quantity.get(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reservations::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn each_line_names_its_goods() {
        let rows = folded::<ReservationLineRow>([samples::created(), samples::ended("expired")]).unwrap();
        let goods: Vec<_> = rows
            .iter()
            .map(|row| (row.sku.as_str(), row.unit.as_deref(), row.quantity))
            .collect();
        assert_eq!(goods, [("A", None, 3), ("P", Some("serial:1"), 1)]);
    }
}
