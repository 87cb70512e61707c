//! The lines of transfers: asked for, dispatched, received, lost, back, what is between the stores, and what came beyond
//! (TRD-3).
//!
//! In transit is dispatched less received, lost and back; queries derive it, the checker too. A surplus is none of these.

use std::collections::HashSet;

use schemas::events::TransferEvent;
use schemas::events::transfer::{DifferenceDecision, MovedTransferLine, SurplusDecision};
use schemas::{Event, UnitId};

use super::transfers::id_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One line of a transfer. Amounts are in minor units of the tenant's currency.
    TransferLineRow, TransferLineKey {
        key { tenant: String, transfer_id: String, line: i64 }
        from_store: String,
        to_store: String,
        sku: String,
        requested: i64,
        dispatched: i64,
        received: i64,
        lost: i64,
        back: i64,
        /// Pieces that came beyond what was dispatched: those that nobody has decided about, and those that were handed
        /// over.
        surplus: i64,
        surplus_accepted: i64,
        dispatched_value_minor: i64,
        /// What the pieces that are not in transit any more had cost.
        settled_value_minor: i64,
        /// Of serialised goods the units in transit, as a JSON array in the order of the dispatch.
        units_in_transit: String,
    }
}

fn moved(event: &TransferEvent) -> &[MovedTransferLine] {
    match event {
        TransferEvent::Dispatched(e) => &e.lines,
        TransferEvent::Received(e) => &e.lines,
        TransferEvent::DifferenceResolved(e) => &e.lines,
        TransferEvent::SurplusResolved(e) => &e.lines,
        TransferEvent::Requested(_) | TransferEvent::Closed(_) | TransferEvent::Cancelled(_) => &[],
    }
}

/// Pieces of a line that a reception brought beyond what was dispatched.
fn surplus(event: &TransferEvent, line: i64) -> i64 {
    match event {
        TransferEvent::Received(e) => e
            .surplus
            .iter()
            .filter(|more| more.line == line)
            .map(|more| more.quantity.get())
            .sum(),
        TransferEvent::Requested(_)
        | TransferEvent::Dispatched(_)
        | TransferEvent::DifferenceResolved(_)
        | TransferEvent::SurplusResolved(_)
        | TransferEvent::Closed(_)
        | TransferEvent::Cancelled(_) => 0,
    }
}

impl ReadModel for TransferLineRow {
    const NAME: &'static str = "transfer_lines";
    const VERSION: i32 = 3;
    const INDEXES: &'static str = "
        create index rm_transfer_lines_sku on rm_transfer_lines (tenant, sku, transfer_id);
        create index rm_transfer_lines_open on rm_transfer_lines (tenant, to_store, sku)
          where dispatched > received + lost + back;";

    fn keys(fact: &Fact) -> Vec<TransferLineKey> {
        let Event::Transfer(event) = &fact.event else {
            return Vec::new();
        };
        let key = |line| TransferLineKey {
            tenant: fact.tenant.clone(),
            transfer_id: id_of(event).to_string(),
            line,
        };
        if let TransferEvent::Requested(requested) = event {
            return requested.lines.iter().map(|line| key(line.line)).collect();
        }
        let mut lines: Vec<i64> = moved(event).iter().map(|line| line.line).collect();
        if let TransferEvent::Received(received) = event {
            lines.extend(received.surplus.iter().map(|more| more.line));
        }
        lines.sort_unstable();
        lines.dedup();
        lines.into_iter().map(key).collect()
    }

    fn fold(row: Option<Self>, key: &TransferLineKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Transfer(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let TransferEvent::Requested(requested) = event {
            let line = requested.lines.iter().find(|line| line.line == key.line);
            let line = line.ok_or_else(|| FoldError::foreign(fact))?;
            return Ok(TransferLineRow {
                tenant: key.tenant.clone(),
                transfer_id: key.transfer_id.clone(),
                line: key.line,
                from_store: requested.from.to_string(),
                to_store: requested.to.to_string(),
                sku: line.sku.to_string(),
                requested: line.quantity.get(),
                dispatched: 0,
                received: 0,
                lost: 0,
                back: 0,
                surplus: 0,
                surplus_accepted: 0,
                dispatched_value_minor: 0,
                settled_value_minor: 0,
                units_in_transit: "[]".to_owned(),
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        let more = surplus(event, key.line);
        row.surplus = row.surplus.saturating_add(more);
        let line = match moved(event).iter().find(|line| line.line == key.line) {
            Some(line) => line,
            None if more > 0 => return Ok(row),
            None => return Err(FoldError::foreign(fact)),
        };
        let (pieces, value) = (line.quantity.get(), line.value_minor.get());
        let figure = match event {
            TransferEvent::Dispatched(_) => {
                row.dispatched_value_minor = value;
                &mut row.dispatched
            }
            TransferEvent::Received(_) => &mut row.received,
            TransferEvent::DifferenceResolved(e) => match e.decision {
                DifferenceDecision::Lost => &mut row.lost,
                DifferenceDecision::BackAtOrigin => &mut row.back,
            },
            // On no way at any time: what it cost left one shelf and entered the other.
            TransferEvent::SurplusResolved(e) => {
                row.surplus = row.surplus.saturating_sub(pieces);
                if e.decision == SurplusDecision::SentByOrigin {
                    row.surplus_accepted = row.surplus_accepted.saturating_add(pieces);
                }
                return Ok(row);
            }
            TransferEvent::Requested(_) | TransferEvent::Closed(_) | TransferEvent::Cancelled(_) => {
                return Err(FoldError::foreign(fact));
            }
        };
        *figure = figure.saturating_add(pieces);
        if matches!(event, TransferEvent::Dispatched(_)) {
            row.units_in_transit = document(&line.units)?;
        } else {
            row.settled_value_minor = row.settled_value_minor.saturating_add(value);
            row.take_units(&line.units)?;
        }
        Ok(row)
    }
}

impl TransferLineRow {
    /// These units are not in transit any more.
    fn take_units(&mut self, settled: &[UnitId]) -> Result<(), FoldError> {
        if settled.is_empty() {
            return Ok(());
        }
        let before: Vec<UnitId> = serde_json::from_str(&self.units_in_transit)
            .map_err(|error| FoldError::Document(error.to_string()))?;
        let settled: HashSet<&UnitId> = settled.iter().collect();
        let left: Vec<UnitId> = before
            .into_iter()
            .filter(|unit| !settled.contains(unit))
            .collect();
        self.units_in_transit = document(&left)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::transfers::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn each_line_accounts_for_every_piece() {
        let events = [
            samples::requested(),
            samples::dispatched(),
            samples::received(),
            samples::lost(),
            samples::closed(),
        ];
        let rows = folded::<TransferLineRow>(events).unwrap();
        let cables = &rows[0];
        assert_eq!(
            (
                cables.requested,
                cables.dispatched,
                cables.received,
                cables.lost,
                cables.back
            ),
            (5, 4, 3, 1, 0)
        );
        assert_eq!(
            (cables.dispatched_value_minor, cables.settled_value_minor),
            (400, 400)
        );
        assert_eq!(
            (rows[1].requested, rows[1].dispatched, rows[1].received),
            (2, 1, 1)
        );
    }

    #[test]
    fn a_line_names_the_units_that_are_on_their_way_until_they_came() {
        let mut events = vec![samples::requested(), samples::dispatched()];
        let units = |events: &[Event]| {
            let rows = folded::<TransferLineRow>(events.to_vec()).unwrap();
            rows.into_iter()
                .map(|row| row.units_in_transit)
                .collect::<Vec<_>>()
        };
        assert_eq!(units(&events), ["[]", r#"["serial:1"]"#]);
        events.extend([samples::received(), samples::came_along()]);
        assert_eq!(units(&events), ["[]", "[]"]);
        events.push(samples::sent_by_origin());
        assert_eq!(units(&events), ["[]", "[]"]);
    }

    #[test]
    fn a_surplus_is_beside_what_was_dispatched() {
        let mut events = vec![
            samples::requested(),
            samples::dispatched(),
            samples::received(),
            samples::came_along(),
        ];
        let figures = |row: &TransferLineRow| {
            let settled = row.settled_value_minor;
            (row.received, row.surplus, row.surplus_accepted, settled)
        };
        let noted = folded::<TransferLineRow>(events.clone()).unwrap();
        assert_eq!(figures(&noted[1]), (1, 1, 0, 0));
        events.push(samples::sent_by_origin());
        let decided = folded::<TransferLineRow>(events).unwrap();
        assert_eq!(figures(&decided[1]), (1, 0, 1, 0));
        assert_eq!(figures(&decided[0]), (3, 0, 0, 300));
    }
}
