//! The lines of completed sales, with what came back of each.

use schemas::Event;
use schemas::events::SaleEvent;

use super::sales::sale_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One line as it was sold. Amounts are in minor units of the sale's currency.
    SaleLineRow, SaleLineKey {
        key { tenant: String, sale_id: String, line: i64 }
        sku: String,
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
        returned_quantity: i64,
        returned_minor: i64,
    }
}

impl ReadModel for SaleLineRow {
    const NAME: &'static str = "sale_lines";
    const VERSION: i32 = 1;
    /// A line changes once more at most, when its goods come back.
    const IS_CACHED: bool = false;

    /// A sale is completed once.
    fn opens(fact: &Fact) -> bool {
        matches!(fact.event, Event::Sale(SaleEvent::Completed(_)))
    }

    fn keys(fact: &Fact) -> Vec<SaleLineKey> {
        let Event::Sale(event) = &fact.event else {
            return Vec::new();
        };
        let Some(sale_id) = sale_of(event) else {
            return Vec::new();
        };
        let key = |line| SaleLineKey {
            tenant: fact.tenant.clone(),
            sale_id: sale_id.to_string(),
            line,
        };
        match event {
            SaleEvent::Completed(e) => e.lines.iter().map(|line| key(line.line)).collect(),
            SaleEvent::Returned(e) => e
                .lines
                .iter()
                .filter_map(|line| line.sale_line)
                .map(key)
                .collect(),
            SaleEvent::Drafted(_)
            | SaleEvent::DraftChanged(_)
            | SaleEvent::DraftDiscarded(_)
            | SaleEvent::Voided(_)
            | SaleEvent::ReturnRegistered(_)
            | SaleEvent::Exchanged(_) => Vec::new(),
        }
    }

    fn fold(row: Option<Self>, key: &SaleLineKey, fact: &Fact) -> Result<Self, FoldError> {
        match &fact.event {
            Event::Sale(SaleEvent::Completed(e)) => {
                let line = e
                    .lines
                    .iter()
                    .find(|line| line.line == key.line)
                    .ok_or_else(|| FoldError::foreign(fact))?;
                Ok(SaleLineRow {
                    tenant: key.tenant.clone(),
                    sale_id: key.sale_id.clone(),
                    line: key.line,
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
                    returned_quantity: 0,
                    returned_minor: 0,
                })
            }
            Event::Sale(SaleEvent::Returned(e)) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                for line in e.lines.iter().filter(|line| line.sale_line == Some(key.line)) {
                    add(
                        &mut row.returned_quantity,
                        line.quantity.get(),
                        "returned_quantity",
                    )?;
                    add(&mut row.returned_minor, line.total_minor.get(), "returned_minor")?;
                }
                Ok(row)
            }
            _ => Err(FoldError::foreign(fact)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sales::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn each_line_knows_what_came_back_of_it() {
        let rows = folded::<SaleLineRow>([samples::completed(), samples::returned("r1")]).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].returned_quantity, rows[0].returned_minor), (1, 90));
        assert_eq!((rows[1].returned_quantity, rows[1].total_minor), (0, 58));
    }
}
