//! Sales by store and business day (REP-1): the till's sales, and the invoices of orders. A void shrinks the day of the
//! sale that it undoes; a return counts on its own day and in the store that took the goods.
//!
//! An order counts when it is invoiced, by what the invoice says: its deliveries move goods and no money, and what came
//! back before it was invoiced was never sold.

use schemas::Event;
use schemas::events::order::{OrderInvoiced, OrderReturned};
use schemas::events::sale::{PaymentMethod, Refund, SaleCompleted, SalePayment, SaleReturned, SaleVoided};
use schemas::events::{OrderEvent, SaleEvent};
use schemas::{Currency, Minor, StoreId};

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add, add_said};

crate::read_model_row! {
    /// One store's day. Amounts are in minor units of `currency`.
    DailySalesRow, DailySalesKey {
        key { tenant: String, day: String, store: String }
        currency: String,
        /// Sales completed at the till, those voided later included.
        sales: i64,
        /// Invoices of orders.
        invoices: i64,
        /// Of sales, and of orders when something of them had been invoiced.
        returns: i64,
        voids: i64,
        /// Before discounts, of all `sales` and of the `invoices` that say it.
        gross_minor: i64,
        /// Of all `sales` and of the `invoices` that say it.
        discount_minor: i64,
        /// Tax in `sales_minor`.
        tax_minor: i64,
        /// Totals of all `sales`.
        sales_minor: i64,
        /// Tax in `invoiced_minor`.
        invoiced_tax_minor: i64,
        /// Totals of all `invoices`.
        invoiced_minor: i64,
        returned_minor: i64,
        returned_tax_minor: i64,
        voided_minor: i64,
        voided_tax_minor: i64,
        /// `sales_minor` + `invoiced_minor` − `returned_minor` − `voided_minor`.
        net_minor: i64,
        /// Pieces of sales and invoices, those of sales voided later included.
        sold_quantity: i64,
        /// Pieces that had been sold or invoiced.
        returned_quantity: i64,
        /// What was paid by each method less what went back by it; together `net_minor`.
        cash_minor: i64,
        card_minor: i64,
        transfer_minor: i64,
        credit_minor: i64,
        store_credit_minor: i64,
        exchange_minor: i64,
        last_position: i64,
    }
}

/// What of an event counts here.
enum Counted<'a> {
    Completed(&'a SaleCompleted),
    Voided(&'a SaleVoided),
    Returned(&'a SaleReturned),
    Invoiced(&'a OrderInvoiced),
    GivenBack(&'a OrderReturned),
}

impl<'a> Counted<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        match event {
            Event::Sale(SaleEvent::Completed(e)) => Some(Self::Completed(e)),
            Event::Sale(SaleEvent::Voided(e)) => Some(Self::Voided(e)),
            Event::Sale(SaleEvent::Returned(e)) => Some(Self::Returned(e)),
            Event::Order(OrderEvent::Invoiced(e)) => Some(Self::Invoiced(e)),
            // Goods that nobody had invoiced were not sold yet.
            Event::Order(OrderEvent::Returned(e))
                if e.lines.iter().any(|line| line.credited_quantity > 0) =>
            {
                Some(Self::GivenBack(e))
            }
            _ => None,
        }
    }

    fn place(&self) -> (&'a StoreId, &'a str, Currency) {
        match self {
            Self::Completed(e) => (&e.store, &e.business_day, e.currency),
            Self::Voided(e) => (&e.store, &e.business_day, e.currency),
            Self::Returned(e) => (&e.store, &e.business_day, e.currency),
            Self::Invoiced(e) => (&e.store, &e.business_day, e.currency),
            Self::GivenBack(e) => (&e.store, &e.business_day, e.currency),
        }
    }
}

impl DailySalesRow {
    fn empty(key: &DailySalesKey) -> Self {
        DailySalesRow {
            tenant: key.tenant.clone(),
            store: key.store.clone(),
            day: key.day.clone(),
            currency: String::new(),
            sales: 0,
            invoices: 0,
            returns: 0,
            voids: 0,
            gross_minor: 0,
            discount_minor: 0,
            tax_minor: 0,
            sales_minor: 0,
            invoiced_tax_minor: 0,
            invoiced_minor: 0,
            returned_minor: 0,
            returned_tax_minor: 0,
            voided_minor: 0,
            voided_tax_minor: 0,
            net_minor: 0,
            sold_quantity: 0,
            returned_quantity: 0,
            cash_minor: 0,
            card_minor: 0,
            transfer_minor: 0,
            credit_minor: 0,
            store_credit_minor: 0,
            exchange_minor: 0,
            last_position: 0,
        }
    }

    fn take(&mut self, counted: &Counted<'_>) -> Result<(), FoldError> {
        match counted {
            Counted::Completed(e) => {
                add(&mut self.sales, 1, "sales")?;
                add(&mut self.gross_minor, e.gross_minor.get(), "gross_minor")?;
                add(&mut self.discount_minor, e.discount_minor.get(), "discount_minor")?;
                add(&mut self.tax_minor, e.tax_minor.get(), "tax_minor")?;
                add(&mut self.sales_minor, e.total_minor.get(), "sales_minor")?;
                add(&mut self.net_minor, e.total_minor.get(), "net_minor")?;
                for line in &e.lines {
                    add(&mut self.sold_quantity, line.quantity.get(), "sold_quantity")?;
                }
                self.paid(&e.payments)
            }
            Counted::Invoiced(e) => {
                add(&mut self.invoices, 1, "invoices")?;
                add_said(&mut self.gross_minor, e.gross_minor, "gross_minor")?;
                add_said(&mut self.discount_minor, e.discount_minor, "discount_minor")?;
                let tax = e.tax_minor.get();
                add(&mut self.invoiced_tax_minor, tax, "invoiced_tax_minor")?;
                add(&mut self.invoiced_minor, e.total_minor.get(), "invoiced_minor")?;
                add(&mut self.net_minor, e.total_minor.get(), "net_minor")?;
                for line in &e.lines {
                    add(&mut self.sold_quantity, line.quantity.get(), "sold_quantity")?;
                }
                self.paid(&e.payments)
            }
            Counted::Voided(e) => {
                add(&mut self.voids, 1, "voids")?;
                add(&mut self.voided_minor, e.total_minor.get(), "voided_minor")?;
                add(&mut self.voided_tax_minor, e.tax_minor.get(), "voided_tax_minor")?;
                add(&mut self.net_minor, -e.total_minor.get(), "net_minor")?;
                self.refunded(&e.refunds)
            }
            Counted::Returned(e) => {
                for line in &e.lines {
                    let pieces = line.quantity.get();
                    add(&mut self.returned_quantity, pieces, "returned_quantity")?;
                }
                self.came_back(e.total_minor, e.tax_minor, &e.refunds)
            }
            Counted::GivenBack(e) => {
                for line in &e.lines {
                    let pieces = line.credited_quantity;
                    add(&mut self.returned_quantity, pieces, "returned_quantity")?;
                }
                self.came_back(e.total_minor, e.tax_minor, &e.refunds)
            }
        }
    }

    fn came_back(&mut self, total: Minor, tax: Minor, refunds: &[Refund]) -> Result<(), FoldError> {
        add(&mut self.returns, 1, "returns")?;
        add(&mut self.returned_minor, total.get(), "returned_minor")?;
        add(&mut self.returned_tax_minor, tax.get(), "returned_tax_minor")?;
        add(&mut self.net_minor, -total.get(), "net_minor")?;
        self.refunded(refunds)
    }

    fn paid(&mut self, payments: &[SalePayment]) -> Result<(), FoldError> {
        for payment in payments {
            self.moved(payment.method, payment.amount_minor.get())?;
        }
        Ok(())
    }

    fn refunded(&mut self, refunds: &[Refund]) -> Result<(), FoldError> {
        for refund in refunds {
            self.moved(refund.method, -refund.amount_minor.get())?;
        }
        Ok(())
    }

    fn moved(&mut self, method: PaymentMethod, amount: i64) -> Result<(), FoldError> {
        match method {
            PaymentMethod::Cash => add(&mut self.cash_minor, amount, "cash_minor"),
            PaymentMethod::Card => add(&mut self.card_minor, amount, "card_minor"),
            PaymentMethod::Transfer => add(&mut self.transfer_minor, amount, "transfer_minor"),
            PaymentMethod::Credit => add(&mut self.credit_minor, amount, "credit_minor"),
            PaymentMethod::StoreCredit => add(&mut self.store_credit_minor, amount, "store_credit_minor"),
            PaymentMethod::Exchange => add(&mut self.exchange_minor, amount, "exchange_minor"),
        }
    }
}

impl ReadModel for DailySalesRow {
    const NAME: &'static str = "daily_sales";
    const VERSION: i32 = 3;

    fn keys(fact: &Fact) -> Vec<DailySalesKey> {
        let Some(counted) = Counted::of(&fact.event) else {
            return Vec::new();
        };
        let (store, day, _) = counted.place();
        vec![DailySalesKey {
            tenant: fact.tenant.clone(),
            store: store.to_string(),
            day: day.to_owned(),
        }]
    }

    fn fold(row: Option<Self>, key: &DailySalesKey, fact: &Fact) -> Result<Self, FoldError> {
        let counted = Counted::of(&fact.event).ok_or_else(|| FoldError::foreign(fact))?;
        let mut row = row.unwrap_or_else(|| Self::empty(key));
        row.take(&counted)?;
        let (_, _, currency) = counted.place();
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
    use crate::fact::given::{event_of, folded};

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

    #[test]
    fn an_order_counts_when_it_is_invoiced_and_not_when_it_is_delivered() {
        let delivered = [
            orders::placed(),
            orders::stage("confirmed"),
            orders::delivered("e1", 3, 0),
        ];
        assert!(folded::<DailySalesRow>(delivered.clone()).unwrap().is_empty());
        let rows = folded::<DailySalesRow>(
            delivered
                .into_iter()
                .chain([orders::invoiced(2, 180), orders::returned()]),
        )
        .unwrap();
        let [invoiced, returned] = &rows[..] else {
            panic!("a day of the invoice and one of the return: {rows:?}")
        };
        assert_eq!(
            (
                invoiced.sales,
                invoiced.invoices,
                invoiced.invoiced_minor,
                invoiced.net_minor
            ),
            (0, 1, 180, 180)
        );
        assert_eq!((invoiced.sold_quantity, invoiced.credit_minor), (2, 180));
        assert_eq!((invoiced.gross_minor, invoiced.discount_minor), (200, 20));
        assert_eq!((returned.returns, returned.net_minor), (1, -90));
        assert_eq!((returned.returned_quantity, returned.credit_minor), (1, -90));
    }

    #[test]
    fn an_invoice_that_says_no_discount_counts_with_what_it_says() {
        let mut data: serde_json::Value =
            serde_json::from_str(orders::invoiced(2, 180).encode().unwrap().get()).unwrap();
        for field in ["gross_minor", "discount_minor"] {
            data.as_object_mut().unwrap().remove(field);
            data["lines"][0].as_object_mut().unwrap().remove(field);
        }
        let first = event_of(1, "order.invoiced", data);
        let rows = folded::<DailySalesRow>([first, orders::invoiced(1, 90)]).unwrap();
        assert_eq!((rows[0].invoices, rows[0].net_minor), (2, 270));
        assert_eq!((rows[0].gross_minor, rows[0].discount_minor), (100, 10));
    }

    #[test]
    fn what_comes_back_before_it_is_invoiced_was_never_sold() {
        let mut back = orders::returned();
        let Event::Order(OrderEvent::Returned(e)) = &mut back else {
            panic!("a return of an order")
        };
        e.lines[0].credited_quantity = 0;
        (e.lines[0].total_minor, e.total_minor) = (Minor::ZERO, Minor::ZERO);
        e.refunds.clear();
        assert!(folded::<DailySalesRow>([back]).unwrap().is_empty());
    }

    #[test]
    fn the_methods_of_payment_come_to_what_the_day_nets() {
        let rows = folded::<DailySalesRow>([
            samples::completed(),
            samples::returned("r1"),
            samples::voided(),
            orders::invoiced(2, 180),
            orders::returned(),
        ])
        .unwrap();
        for row in rows {
            let paid = [
                row.cash_minor,
                row.card_minor,
                row.transfer_minor,
                row.credit_minor,
            ];
            let paid = paid.iter().sum::<i64>() + row.store_credit_minor + row.exchange_minor;
            assert_eq!(paid, row.net_minor, "{} {}", row.day, row.store);
        }
    }
}
