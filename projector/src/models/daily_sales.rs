//! Sales by store and business day (REP-1). A void shrinks the day of the sale that it undoes; a return counts on its
//! own day and in the store that took the goods.

use schemas::Event;
use schemas::events::SaleEvent;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One store's day. Amounts are in minor units of `currency`.
    DailySalesRow, DailySalesKey {
        key { tenant: String, day: String, store: String }
        currency: String,
        /// Sales completed, those voided later included.
        sales: i64,
        returns: i64,
        voids: i64,
        /// Before discounts, of all `sales`.
        gross_minor: i64,
        discount_minor: i64,
        /// Tax in `sales_minor`.
        tax_minor: i64,
        /// Totals of all `sales`.
        sales_minor: i64,
        returned_minor: i64,
        returned_tax_minor: i64,
        voided_minor: i64,
        voided_tax_minor: i64,
        /// `sales_minor` − `returned_minor` − `voided_minor`.
        net_minor: i64,
        last_position: i64,
    }
}

impl ReadModel for DailySalesRow {
    const NAME: &'static str = "daily_sales";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<DailySalesKey> {
        let Event::Sale(event) = &fact.event else {
            return Vec::new();
        };
        let (store, day) = match event {
            SaleEvent::Completed(e) => (&e.store, &e.business_day),
            SaleEvent::Voided(e) => (&e.store, &e.business_day),
            SaleEvent::Returned(e) => (&e.store, &e.business_day),
            SaleEvent::Drafted(_)
            | SaleEvent::DraftChanged(_)
            | SaleEvent::DraftDiscarded(_)
            | SaleEvent::ReturnRegistered(_)
            | SaleEvent::Exchanged(_) => {
                return Vec::new();
            }
        };
        vec![DailySalesKey {
            tenant: fact.tenant.clone(),
            store: store.to_string(),
            day: day.clone(),
        }]
    }

    fn fold(row: Option<Self>, key: &DailySalesKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Sale(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let mut row = row.unwrap_or_else(|| DailySalesRow {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            day: key.day.clone(),
            currency: String::new(),
            sales: 0,
            returns: 0,
            voids: 0,
            gross_minor: 0,
            discount_minor: 0,
            tax_minor: 0,
            sales_minor: 0,
            returned_minor: 0,
            returned_tax_minor: 0,
            voided_minor: 0,
            voided_tax_minor: 0,
            net_minor: 0,
            last_position: 0,
        });
        let currency = match event {
            SaleEvent::Completed(e) => {
                add(&mut row.sales, 1, "sales")?;
                add(&mut row.gross_minor, e.gross_minor.get(), "gross_minor")?;
                add(&mut row.discount_minor, e.discount_minor.get(), "discount_minor")?;
                add(&mut row.tax_minor, e.tax_minor.get(), "tax_minor")?;
                add(&mut row.sales_minor, e.total_minor.get(), "sales_minor")?;
                add(&mut row.net_minor, e.total_minor.get(), "net_minor")?;
                e.currency
            }
            SaleEvent::Voided(e) => {
                add(&mut row.voids, 1, "voids")?;
                add(&mut row.voided_minor, e.total_minor.get(), "voided_minor")?;
                add(&mut row.voided_tax_minor, e.tax_minor.get(), "voided_tax_minor")?;
                add(&mut row.net_minor, -e.total_minor.get(), "net_minor")?;
                e.currency
            }
            SaleEvent::Returned(e) => {
                add(&mut row.returns, 1, "returns")?;
                add(&mut row.returned_minor, e.total_minor.get(), "returned_minor")?;
                add(
                    &mut row.returned_tax_minor,
                    e.tax_minor.get(),
                    "returned_tax_minor",
                )?;
                add(&mut row.net_minor, -e.total_minor.get(), "net_minor")?;
                e.currency
            }
            SaleEvent::Drafted(_)
            | SaleEvent::DraftChanged(_)
            | SaleEvent::DraftDiscarded(_)
            | SaleEvent::ReturnRegistered(_)
            | SaleEvent::Exchanged(_) => {
                return Err(FoldError::foreign(fact));
            }
        };
        row.currency = currency.code().to_owned();
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sales::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn a_return_counts_on_its_own_day_and_in_its_own_store() {
        let rows = folded::<DailySalesRow>([samples::completed(), samples::returned("r1")]).unwrap();
        assert_eq!(
            (rows[0].store.as_str(), rows[0].day.as_str(), rows[0].net_minor),
            ("centro", "2026-11-01", 238)
        );
        assert_eq!(
            (rows[1].store.as_str(), rows[1].day.as_str(), rows[1].net_minor),
            ("norte", "2026-11-02", -90)
        );
    }

    #[test]
    fn a_void_shrinks_the_day_of_the_sale() {
        let rows =
            folded::<DailySalesRow>([samples::completed(), samples::returned("r1"), samples::voided()])
                .unwrap();
        assert_eq!(
            (rows[0].sales, rows[0].voids, rows[0].net_minor),
            (1, 1, 238 - 148)
        );
        assert_eq!(
            rows.iter().map(|row| row.net_minor).sum::<i64>(),
            0,
            "all that was sold came back"
        );
    }
}
