//! The lines of quotes and orders, with what was delivered, returned and invoiced of each (TRD-1).

use schemas::Event;
use schemas::events::OrderEvent;
use schemas::events::sale::SaleLine;

use super::orders::id_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One line. Amounts are in minor units of the order's currency.
    OrderLineRow, OrderLineKey {
        key { tenant: String, order_id: String, line: i64 }
        /// Rows are never deleted: one that a change took away is not listed.
        removed: bool,
        sku: String,
        /// The one unit that was ordered, when it was named.
        unit: Option<String>,
        name: String,
        quantity: i64,
        unit_price_minor: i64,
        gross_minor: i64,
        discount_minor: i64,
        tax_code: Option<String>,
        tax_rate_ppm: i64,
        tax_minor: i64,
        total_minor: i64,
        delivered_quantity: i64,
        returned_quantity: i64,
        /// Less what was credited.
        invoiced_quantity: i64,
    }
}

/// The line of that number, with its quantities' changes.
fn changes(event: &OrderEvent, number: i64) -> Option<(i64, i64, i64)> {
    match event {
        OrderEvent::Delivered(e) => {
            let line = e.lines.iter().find(|line| line.line == number)?;
            Some((line.quantity.get(), 0, 0))
        }
        OrderEvent::Invoiced(e) => {
            let line = e.lines.iter().find(|line| line.line == number)?;
            Some((0, 0, line.quantity.get()))
        }
        OrderEvent::Returned(e) => {
            let line = e.lines.iter().find(|line| line.line == number)?;
            Some((0, line.quantity.get(), -line.credited_quantity))
        }
        _ => None,
    }
}

fn content(event: &OrderEvent) -> Option<&[SaleLine]> {
    match event {
        OrderEvent::Quoted(e) => Some(&e.content.lines),
        OrderEvent::Placed(e) => Some(&e.content.lines),
        OrderEvent::Changed(e) => Some(&e.content.lines),
        _ => None,
    }
}

impl OrderLineRow {
    fn new(key: &OrderLineKey, line: &SaleLine) -> Self {
        OrderLineRow {
            tenant: key.tenant.clone(),
            order_id: key.order_id.clone(),
            line: key.line,
            removed: false,
            sku: line.sku.to_string(),
            unit: line.unit.as_ref().map(ToString::to_string),
            name: line.name.clone(),
            quantity: line.quantity.get(),
            unit_price_minor: line.unit_price_minor.get(),
            gross_minor: line.gross_minor.get(),
            discount_minor: line.discount_minor.get(),
            tax_code: line.tax_code.as_ref().map(ToString::to_string),
            tax_rate_ppm: line.tax_rate_ppm,
            tax_minor: line.tax_minor.get(),
            total_minor: line.total_minor.get(),
            delivered_quantity: 0,
            returned_quantity: 0,
            invoiced_quantity: 0,
        }
    }
}

impl ReadModel for OrderLineRow {
    const NAME: &'static str = "order_lines";
    const VERSION: i32 = 2;
    const INDEXES: &'static str =
        "create index rm_order_lines_sku on rm_order_lines (tenant, sku, order_id) where not removed;";

    fn opens(fact: &Fact) -> bool {
        matches!(
            &fact.event,
            Event::Order(OrderEvent::Quoted(_) | OrderEvent::Placed(_))
        )
    }

    fn keys(fact: &Fact) -> Vec<OrderLineKey> {
        let Event::Order(event) = &fact.event else {
            return Vec::new();
        };
        let key = |line| OrderLineKey {
            tenant: fact.tenant.clone(),
            order_id: id_of(event).to_string(),
            line,
        };
        match event {
            OrderEvent::Quoted(e) => e.content.lines.iter().map(|line| key(line.line)).collect(),
            OrderEvent::Placed(e) => e.content.lines.iter().map(|line| key(line.line)).collect(),
            // Lines are numbered from 1 in their order, before and after.
            OrderEvent::Changed(e) => {
                let lines = i64::try_from(e.content.lines.len()).unwrap_or(i64::MAX);
                (1..=lines.max(e.lines_before)).map(key).collect()
            }
            OrderEvent::Delivered(e) => e.lines.iter().map(|line| key(line.line)).collect(),
            OrderEvent::Invoiced(e) => e.lines.iter().map(|line| key(line.line)).collect(),
            OrderEvent::Returned(e) => e.lines.iter().map(|line| key(line.line)).collect(),
            _ => Vec::new(),
        }
    }

    fn fold(row: Option<Self>, key: &OrderLineKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Order(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let Some(lines) = content(event) {
            if let Some(line) = lines.iter().find(|line| line.line == key.line) {
                return Ok(Self::new(key, line));
            }
            let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
            row.removed = true;
            return Ok(row);
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        let (delivered, returned, invoiced) =
            changes(event, key.line).ok_or_else(|| FoldError::foreign(fact))?;
        add(&mut row.delivered_quantity, delivered, "delivered_quantity")?;
        add(&mut row.returned_quantity, returned, "returned_quantity")?;
        add(&mut row.invoiced_quantity, invoiced, "invoiced_quantity")?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::orders::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn each_line_counts_what_left_came_back_and_was_invoiced() {
        let rows = folded::<OrderLineRow>([
            samples::placed(),
            samples::stage("confirmed"),
            samples::delivered("e1", 3, 0),
            samples::delivered("e2", 0, 1),
            samples::invoiced(2, 180),
            samples::returned(),
        ])
        .unwrap();
        let figures: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.delivered_quantity,
                    row.returned_quantity,
                    row.invoiced_quantity,
                )
            })
            .collect();
        assert_eq!(figures, [(3, 1, 1), (1, 0, 0)]);
        assert_eq!((rows[0].sku.as_str(), rows[0].total_minor), ("A", 270));
    }
    #[test]
    fn a_change_replaces_lines_and_takes_away_those_that_it_does_not_have() {
        let rows = folded::<OrderLineRow>([samples::quoted(), samples::changed(None)]).unwrap();
        let figures: Vec<_> = rows
            .iter()
            .map(|row| (row.line, row.removed, row.quantity, row.unit_price_minor))
            .collect();
        assert_eq!(figures, [(1, false, 5, 110), (2, true, 1, 900)]);
        assert!(folded::<OrderLineRow>([samples::changed(None)]).is_err());
    }
}
