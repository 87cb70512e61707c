//! The lines of purchases: what was ordered of each item, and what of it came, was given up and went back.

use schemas::Event;
use schemas::events::PurchaseEvent;
use schemas::events::catalogue::ItemKind;
use schemas::events::purchase::PurchaseLine;

use super::purchases::id_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One line of a purchase. Amounts are in minor units of the tenant's currency.
    PurchaseLineRow, PurchaseLineKey {
        key { tenant: String, purchase_id: String, line: i64 }
        /// Rows are never deleted: one that a change took away is not listed.
        removed: bool,
        sku: String,
        /// `counted` or `serialised`.
        kind: String,
        ordered: i64,
        received: i64,
        cancelled: i64,
        returned: i64,
        /// Of one piece, without tax, as ordered.
        unit_cost_minor: i64,
        tax_code: Option<String>,
        tax_rate_ppm: i64,
        /// Later costs without tax, and of these what was an expense.
        adjusted_minor: i64,
        expensed_minor: i64,
        /// What returns were credited with, without tax.
        credited_minor: i64,
    }
}

/// The wire name of a kind of item.
fn kind_name(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Counted => "counted",
        ItemKind::Serialised => "serialised",
        ItemKind::Service => "service",
    }
}

/// The numbers of the lines that an event touches.
fn lines_of(event: &PurchaseEvent) -> Vec<i64> {
    match event {
        PurchaseEvent::Ordered(e) => e.lines.iter().map(|line| line.line).collect(),
        // Lines are numbered from 1 in their order, before and after.
        PurchaseEvent::Changed(e) => {
            let lines = i64::try_from(e.lines.len()).unwrap_or(i64::MAX);
            (1..=lines.max(e.lines_before)).collect()
        }
        PurchaseEvent::Received(e) => e.lines.iter().map(|line| line.line).collect(),
        PurchaseEvent::CostAdjusted(e) => e.lines.iter().map(|line| line.line).collect(),
        PurchaseEvent::Returned(e) => e.lines.iter().map(|line| line.line).collect(),
        PurchaseEvent::Cancelled(e) => e.lines.iter().map(|line| line.line).collect(),
        PurchaseEvent::Sent(_) | PurchaseEvent::Invoiced(_) | PurchaseEvent::Closed(_) => Vec::new(),
    }
}

/// All lines of an order, where the event says them.
fn written(event: &PurchaseEvent) -> Option<&[PurchaseLine]> {
    match event {
        PurchaseEvent::Ordered(e) => Some(&e.lines),
        PurchaseEvent::Changed(e) => Some(&e.lines),
        _ => None,
    }
}

impl PurchaseLineRow {
    fn new(key: &PurchaseLineKey, line: &PurchaseLine) -> Self {
        PurchaseLineRow {
            tenant: key.tenant.clone(),
            purchase_id: key.purchase_id.clone(),
            line: key.line,
            removed: false,
            sku: line.sku.to_string(),
            kind: kind_name(line.kind).to_owned(),
            ordered: line.quantity.get(),
            received: 0,
            cancelled: 0,
            returned: 0,
            unit_cost_minor: line.unit_cost_minor.get(),
            tax_code: line.tax_code.as_ref().map(ToString::to_string),
            tax_rate_ppm: line.tax_rate_ppm,
            adjusted_minor: 0,
            expensed_minor: 0,
            credited_minor: 0,
        }
    }

    fn take(&mut self, event: &PurchaseEvent) -> Result<(), FoldError> {
        let number = self.line;
        match event {
            PurchaseEvent::Received(e) => {
                for line in e.lines.iter().filter(|line| line.line == number) {
                    add(&mut self.received, line.quantity.get(), "received")?;
                }
            }
            PurchaseEvent::CostAdjusted(e) => {
                for line in e.lines.iter().filter(|line| line.line == number) {
                    add(&mut self.adjusted_minor, line.delta_minor.get(), "adjusted_minor")?;
                    add(
                        &mut self.expensed_minor,
                        line.expensed_minor.get(),
                        "expensed_minor",
                    )?;
                }
            }
            PurchaseEvent::Returned(e) => {
                for line in e.lines.iter().filter(|line| line.line == number) {
                    add(&mut self.returned, line.quantity.get(), "returned")?;
                    add(
                        &mut self.credited_minor,
                        line.credit_minor.get(),
                        "credited_minor",
                    )?;
                }
            }
            PurchaseEvent::Cancelled(e) => {
                for line in e.lines.iter().filter(|line| line.line == number) {
                    add(&mut self.cancelled, line.quantity.get(), "cancelled")?;
                }
            }
            PurchaseEvent::Ordered(_)
            | PurchaseEvent::Changed(_)
            | PurchaseEvent::Sent(_)
            | PurchaseEvent::Invoiced(_)
            | PurchaseEvent::Closed(_) => {}
        }
        Ok(())
    }
}

impl ReadModel for PurchaseLineRow {
    const NAME: &'static str = "purchase_lines";
    const VERSION: i32 = 2;
    const INDEXES: &'static str = "create index rm_purchase_lines_sku on rm_purchase_lines (tenant, sku, purchase_id) where not removed;";

    fn keys(fact: &Fact) -> Vec<PurchaseLineKey> {
        let Event::Purchase(event) = &fact.event else {
            return Vec::new();
        };
        let key = |line| PurchaseLineKey {
            tenant: fact.tenant.clone(),
            purchase_id: id_of(event).to_string(),
            line,
        };
        lines_of(event).into_iter().map(key).collect()
    }

    fn opens(fact: &Fact) -> bool {
        matches!(&fact.event, Event::Purchase(PurchaseEvent::Ordered(_)))
    }

    fn fold(row: Option<Self>, key: &PurchaseLineKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Purchase(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let Some(lines) = written(event) {
            let index = usize::try_from(key.line - 1).ok();
            if let Some(line) = index.and_then(|index| lines.get(index)) {
                return Ok(Self::new(key, line));
            }
            let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
            row.removed = true;
            return Ok(row);
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        row.take(event)?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::purchases::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn lines_add_up_what_came_was_given_up_and_went_back() {
        let rows = folded::<PurchaseLineRow>(samples::life()).unwrap();
        let pieces: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.sku.as_str(),
                    row.ordered,
                    row.received,
                    row.cancelled,
                    row.returned,
                )
            })
            .collect();
        assert_eq!(pieces, [("A", 5, 6, 0, 1), ("P", 2, 1, 1, 0)]);
        assert_eq!(
            (
                rows[0].adjusted_minor,
                rows[0].expensed_minor,
                rows[0].credited_minor
            ),
            (60, 10, 100)
        );
        assert_eq!(
            (rows[0].tax_code.as_deref(), rows[1].kind.as_str()),
            (Some("ISV15"), "serialised")
        );
    }
    #[test]
    fn a_change_replaces_lines_and_takes_away_those_that_it_does_not_have() {
        let rows = folded::<PurchaseLineRow>([samples::ordered(), samples::changed()]).unwrap();
        let lines: Vec<_> = rows
            .iter()
            .map(|row| (row.line, row.removed, row.sku.as_str(), row.ordered))
            .collect();
        assert_eq!(lines, [(1, false, "P", 3), (2, true, "P", 2)]);
    }
}
