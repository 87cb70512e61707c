//! Sales by store, business day and item (REP-1): at the till, and by invoices of orders.
//!
//! An order's goods count once they are invoiced, as in `daily_sales`. Not here: voids. Their event names no lines, so the report takes voided sales off by their own lines.

use schemas::Event;
use schemas::events::{OrderEvent, SaleEvent};

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add, add_said};

crate::read_model_row! {
    /// One item on one store's day. Amounts are in minor units of `currency`, tax included.
    ItemSalesRow, ItemSalesKey {
        key { tenant: String, day: String, store: String, sku: String }
        currency: String,
        sold_quantity: i64,
        /// Before discounts, as the till or the order reckons prices, with the tax or without it; of invoices that say it.
        gross_minor: i64,
        discount_minor: i64,
        sales_minor: i64,
        returned_quantity: i64,
        returned_minor: i64,
        last_position: i64,
    }
}

impl ReadModel for ItemSalesRow {
    const NAME: &'static str = "item_sales";
    const VERSION: i32 = 3;

    fn keys(fact: &Fact) -> Vec<ItemSalesKey> {
        let key = |store: &schemas::StoreId, day: &str, sku: &schemas::Sku| ItemSalesKey {
            tenant: fact.tenant.clone(),
            store: store.to_string(),
            day: day.to_owned(),
            sku: sku.to_string(),
        };
        match &fact.event {
            Event::Sale(SaleEvent::Completed(e)) => e
                .lines
                .iter()
                .map(|line| key(&e.store, &e.business_day, &line.sku))
                .collect(),
            Event::Sale(SaleEvent::Returned(e)) => e
                .lines
                .iter()
                .map(|line| key(&e.store, &e.business_day, &line.sku))
                .collect(),
            Event::Order(OrderEvent::Invoiced(e)) => e
                .lines
                .iter()
                .map(|line| key(&e.store, &e.business_day, &line.sku))
                .collect(),
            Event::Order(OrderEvent::Returned(e)) => e
                .lines
                .iter()
                .filter(|line| line.credited_quantity > 0)
                .map(|line| key(&e.store, &e.business_day, &line.sku))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn fold(row: Option<Self>, key: &ItemSalesKey, fact: &Fact) -> Result<Self, FoldError> {
        let mut row = row.unwrap_or_else(|| ItemSalesRow {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            day: key.day.clone(),
            sku: key.sku.clone(),
            currency: String::new(),
            sold_quantity: 0,
            gross_minor: 0,
            discount_minor: 0,
            sales_minor: 0,
            returned_quantity: 0,
            returned_minor: 0,
            last_position: 0,
        });
        let currency = match &fact.event {
            Event::Sale(SaleEvent::Completed(e)) => {
                for line in e.lines.iter().filter(|line| line.sku.as_str() == key.sku) {
                    add(&mut row.sold_quantity, line.quantity.get(), "sold_quantity")?;
                    add(&mut row.gross_minor, line.gross_minor.get(), "gross_minor")?;
                    add(
                        &mut row.discount_minor,
                        line.discount_minor.get(),
                        "discount_minor",
                    )?;
                    add(&mut row.sales_minor, line.total_minor.get(), "sales_minor")?;
                }
                e.currency
            }
            Event::Sale(SaleEvent::Returned(e)) => {
                for line in e.lines.iter().filter(|line| line.sku.as_str() == key.sku) {
                    add(
                        &mut row.returned_quantity,
                        line.quantity.get(),
                        "returned_quantity",
                    )?;
                    add(&mut row.returned_minor, line.total_minor.get(), "returned_minor")?;
                }
                e.currency
            }
            Event::Order(OrderEvent::Invoiced(e)) => {
                for line in e.lines.iter().filter(|line| line.sku.as_str() == key.sku) {
                    add(&mut row.sold_quantity, line.quantity.get(), "sold_quantity")?;
                    add_said(&mut row.gross_minor, line.gross_minor, "gross_minor")?;
                    add_said(&mut row.discount_minor, line.discount_minor, "discount_minor")?;
                    add(&mut row.sales_minor, line.total_minor.get(), "sales_minor")?;
                }
                e.currency
            }
            Event::Order(OrderEvent::Returned(e)) => {
                for line in e.lines.iter().filter(|line| line.sku.as_str() == key.sku) {
                    let pieces = line.credited_quantity;
                    add(&mut row.returned_quantity, pieces, "returned_quantity")?;
                    add(&mut row.returned_minor, line.total_minor.get(), "returned_minor")?;
                }
                e.currency
            }
            _ => return Err(FoldError::foreign(fact)),
        };
        row.currency = currency.code().to_owned();
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::orders::samples as orders;
    use super::super::sales::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn lines_of_one_item_add_up_and_count_once() {
        let mut sale = samples::completed();
        let Event::Sale(SaleEvent::Completed(e)) = &mut sale else {
            panic!("a completed sale")
        };
        e.lines[1].sku = e.lines[0].sku.clone();
        let rows = folded::<ItemSalesRow>([sale]).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].sold_quantity, rows[0].sales_minor), (3, 238));
    }

    #[test]
    fn a_return_is_kept_apart_from_what_was_sold() {
        let rows = folded::<ItemSalesRow>([samples::completed(), samples::returned("r1")]).unwrap();
        let back = rows.iter().find(|row| row.store == "norte").unwrap();
        assert_eq!(
            (back.sold_quantity, back.returned_quantity, back.returned_minor),
            (0, 1, 90)
        );
    }

    #[test]
    fn goods_of_an_order_count_once_they_are_invoiced() {
        let rows = folded::<ItemSalesRow>([
            orders::placed(),
            orders::delivered("e1", 3, 1),
            orders::invoiced(2, 180),
            orders::returned(),
        ])
        .unwrap();
        let figures: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.sku.as_str(),
                    row.sold_quantity,
                    row.discount_minor,
                    row.sales_minor,
                    row.returned_minor,
                )
            })
            .collect();
        assert_eq!(figures, [("A", 2, 20, 180, 0), ("A", 0, 0, 0, 90)]);
    }
}
