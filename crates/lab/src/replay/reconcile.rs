//! Compares what the read models say with what the file says: in all, per day, per customer, per item.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::api;
use crate::client::Client;
use crate::retail::plan::{Expected, ItemFigures};

/// A figure that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub key: String,
    pub expected: String,
    pub found: String,
}

/// Both sides.
#[derive(Debug, Default)]
pub struct Reconciliation {
    /// Sum over days, from the read model.
    pub net_minor: i64,
    pub net_expected_minor: i64,
    pub net_rounded_once_minor: i64,
    pub days: Vec<Mismatch>,
    pub customers: Vec<Mismatch>,
    pub items: Vec<Mismatch>,
    pub days_compared: usize,
    pub customers_compared: usize,
    pub items_compared: usize,
}

impl Reconciliation {
    /// Reads models that have seen `position`, and compares.
    ///
    /// # Errors
    /// When a list cannot be read.
    pub async fn read(client: &Client, expected: &Expected, position: i64) -> anyhow::Result<Self> {
        let daily: Vec<api::DailyRow> = client.list(&api::daily_sales().at_least(position)).await?;
        let items: Vec<api::ItemRow> = client.list(&api::item_sales().at_least(position)).await?;
        let customers: Vec<api::CustomerRow> = client.list(&api::customers().at_least(position)).await?;
        Ok(Self::compare(expected, &daily, &items, &customers))
    }

    fn compare(
        expected: &Expected,
        daily: &[api::DailyRow],
        items: &[api::ItemRow],
        customers: &[api::CustomerRow],
    ) -> Self {
        let mut days: BTreeMap<String, i64> = BTreeMap::new();
        daily
            .iter()
            .for_each(|row| *days.entry(row.day.clone()).or_default() += row.net_minor);
        let mut found_items: BTreeMap<String, ItemFigures> = BTreeMap::new();
        for row in items {
            let figures = found_items.entry(row.sku.clone()).or_default();
            figures.sold_quantity += row.sold_quantity;
            figures.returned_quantity += row.returned_quantity;
            figures.net_minor += row.net_minor;
        }
        let balances: BTreeMap<String, i64> = customers
            .iter()
            .map(|row| (row.customer_id.clone(), row.balance_minor))
            .collect();
        Self {
            net_minor: days.values().sum(),
            net_expected_minor: expected.net_minor,
            net_rounded_once_minor: expected.net_rounded_once_minor,
            days: mismatches(&expected.days, &days),
            customers: mismatches(&expected.customers, &balances),
            items: mismatches(&expected.items, &found_items),
            days_compared: expected.days.len(),
            customers_compared: expected.customers.len(),
            items_compared: expected.items.len(),
        }
    }

    pub fn is_right(&self) -> bool {
        self.net_minor == self.net_expected_minor
            && self.days.is_empty()
            && self.customers.is_empty()
            && self.items.is_empty()
    }
}

/// Every key of either side whose figures differ; an absent row is as wrong as a false one.
fn mismatches<F: PartialEq + Debug>(
    expected: &BTreeMap<String, F>,
    found: &BTreeMap<String, F>,
) -> Vec<Mismatch> {
    let text =
        |figure: Option<&F>| figure.map_or_else(|| "absent".to_owned(), |figure| format!("{figure:?}"));
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    keys.into_iter()
        .filter(|key| expected.get(*key) != found.get(*key))
        .map(|key| Mismatch {
            key: key.clone(),
            expected: text(expected.get(key)),
            found: text(found.get(key)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        Expected {
            net_minor: 300,
            net_rounded_once_minor: 300,
            days: [("2010-12-01".to_owned(), 300)].into(),
            customers: [("7".to_owned(), 300)].into(),
            items: [(
                "A".to_owned(),
                ItemFigures {
                    sold_quantity: 3,
                    returned_quantity: 0,
                    net_minor: 300,
                },
            )]
            .into(),
        }
    }

    fn compared(day_minor: i64, customers: &[api::CustomerRow]) -> Reconciliation {
        let day = |store_minor| api::DailyRow {
            day: "2010-12-01".to_owned(),
            net_minor: store_minor,
        };
        let item = api::ItemRow {
            sku: "A".to_owned(),
            sold_quantity: 3,
            returned_quantity: 0,
            net_minor: 300,
        };
        Reconciliation::compare(&expected(), &[day(100), day(day_minor)], &[item], customers)
    }

    #[test]
    fn rows_of_several_stores_add_up() {
        let customer = api::CustomerRow {
            customer_id: "7".to_owned(),
            balance_minor: 300,
        };
        assert!(compared(200, &[customer]).is_right());
    }

    #[test]
    fn a_penny_or_a_row_too_few_is_a_mismatch() {
        let customer = api::CustomerRow {
            customer_id: "7".to_owned(),
            balance_minor: 300,
        };
        let penny = compared(199, &[customer]);
        assert!(!penny.is_right());
        assert_eq!(penny.days[0].found, "299");
        let absent = compared(200, &[]);
        assert_eq!(
            absent.customers,
            [Mismatch {
                key: "7".into(),
                expected: "300".into(),
                found: "absent".into()
            }]
        );
    }
}
