//! The lines of transfers: asked for, dispatched, received, lost, back, and what is between the stores (TRD-3).
//!
//! In transit is dispatched less the other three; queries derive it, the checker too.

use schemas::Event;
use schemas::events::TransferEvent;
use schemas::events::transfer::{DifferenceDecision, MovedTransferLine};

use super::transfers::id_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

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
        dispatched_value_minor: i64,
        /// What the pieces that are not in transit any more had cost.
        settled_value_minor: i64,
    }
}

fn moved(event: &TransferEvent) -> &[MovedTransferLine] {
    match event {
        TransferEvent::Dispatched(e) => &e.lines,
        TransferEvent::Received(e) => &e.lines,
        TransferEvent::DifferenceResolved(e) => &e.lines,
        TransferEvent::Requested(_) | TransferEvent::Closed(_) | TransferEvent::Cancelled(_) => &[],
    }
}

impl ReadModel for TransferLineRow {
    const NAME: &'static str = "transfer_lines";
    const VERSION: i32 = 1;
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
        moved(event).iter().map(|line| key(line.line)).collect()
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
                dispatched_value_minor: 0,
                settled_value_minor: 0,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        let line = moved(event).iter().find(|line| line.line == key.line);
        let line = line.ok_or_else(|| FoldError::foreign(fact))?;
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
            TransferEvent::Requested(_) | TransferEvent::Closed(_) | TransferEvent::Cancelled(_) => {
                return Err(FoldError::foreign(fact));
            }
        };
        *figure = figure.saturating_add(pieces);
        if !matches!(event, TransferEvent::Dispatched(_)) {
            row.settled_value_minor = row.settled_value_minor.saturating_add(value);
        }
        Ok(row)
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
}
