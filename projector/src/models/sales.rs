//! Sales, drafts included: the header with totals, payments, returns (POS-1, POS-2).
//!
//! Not here: the lines of completed sales (`sale_lines`). A draft's lines change as a whole, so they stay in its header.

use schemas::Event;
use schemas::events::SaleEvent;
use schemas::events::sale::{DraftContent, SaleReturned};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add, document};

crate::read_model_row! {
    /// One sale. Amounts are in minor units of `currency`; those of a draft are 0.
    SaleRow, SaleKey {
        key { tenant: String, sale_id: String }
        /// The tenant's own number of the receipt, where it numbers receipts.
        number: Option<String>,
        /// `draft`, `completed`, `voided` or `discarded`.
        status: String,
        store: String,
        terminal: Option<String>,
        /// Who completed it; for a draft, who saved it last.
        cashier: String,
        customer_id: Option<String>,
        /// Absent until it is completed.
        currency: Option<String>,
        business_day: Option<String>,
        occurred_at: Option<OffsetDateTime>,
        line_count: i64,
        gross_minor: i64,
        discount_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        change_minor: i64,
        returned_minor: i64,
        voided_minor: i64,
        /// `DraftContent` as JSON, while it is a draft.
        draft: Option<String>,
        /// `SalePayment`s as a JSON array.
        payments: String,
        /// `SaleReturned`s as a JSON array, in order.
        returns: String,
        /// `Refund`s of a void as a JSON array.
        void_refunds: String,
        /// Position of the event that opened it: lists are in this order.
        opened_position: i64,
        last_position: i64,
        opened_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

/// The sale that an event belongs to; a return without an original belongs to none.
pub(super) fn sale_of(event: &SaleEvent) -> Option<&schemas::SaleId> {
    match event {
        SaleEvent::Drafted(e) => Some(&e.sale_id),
        SaleEvent::DraftChanged(e) => Some(&e.sale_id),
        SaleEvent::DraftDiscarded(e) => Some(&e.sale_id),
        SaleEvent::Completed(e) => Some(&e.sale_id),
        SaleEvent::Voided(e) => Some(&e.sale_id),
        SaleEvent::Returned(e) => e.sale_id.as_ref(),
        // Says only that the return's id is taken; and both halves of an exchange speak for themselves.
        SaleEvent::ReturnRegistered(_) | SaleEvent::Exchanged(_) => None,
    }
}

impl SaleRow {
    fn empty(key: &SaleKey, store: &str, fact: &Fact) -> Self {
        SaleRow {
            tenant: key.tenant.clone(),
            sale_id: key.sale_id.clone(),
            number: None,
            status: "draft".to_owned(),
            store: store.to_owned(),
            terminal: None,
            cashier: fact.actor().to_owned(),
            customer_id: None,
            currency: None,
            business_day: None,
            occurred_at: None,
            line_count: 0,
            gross_minor: 0,
            discount_minor: 0,
            tax_minor: 0,
            total_minor: 0,
            change_minor: 0,
            returned_minor: 0,
            voided_minor: 0,
            draft: None,
            payments: "[]".to_owned(),
            returns: "[]".to_owned(),
            void_refunds: "[]".to_owned(),
            opened_position: fact.position,
            last_position: fact.position,
            opened_at: fact.recorded_at,
            changed_at: fact.recorded_at,
        }
    }

    fn take_draft(&mut self, draft: &DraftContent, fact: &Fact) -> Result<(), FoldError> {
        self.store = draft.store.to_string();
        self.terminal = draft.terminal.as_ref().map(ToString::to_string);
        self.customer_id = draft.customer_id.as_ref().map(ToString::to_string);
        self.cashier = fact.actor().to_owned();
        self.line_count = count(draft.lines.len())?;
        self.draft = Some(document(draft)?);
        Ok(())
    }

    fn take_completed(&mut self, e: &schemas::events::sale::SaleCompleted) -> Result<(), FoldError> {
        self.status = "completed".to_owned();
        self.number.clone_from(&e.number);
        self.store = e.store.to_string();
        self.terminal = e.terminal.as_ref().map(ToString::to_string);
        self.cashier.clone_from(&e.cashier);
        self.customer_id = e.customer_id.as_ref().map(ToString::to_string);
        self.currency = Some(e.currency.code().to_owned());
        self.business_day = Some(e.business_day.clone());
        self.occurred_at = Some(e.occurred_at);
        self.line_count = count(e.lines.len())?;
        self.gross_minor = e.gross_minor.get();
        self.discount_minor = e.discount_minor.get();
        self.tax_minor = e.tax_minor.get();
        self.total_minor = e.total_minor.get();
        self.change_minor = e.change_minor.get();
        self.payments = document(&e.payments)?;
        self.draft = None;
        Ok(())
    }

    fn take_return(&mut self, returned: &SaleReturned) -> Result<(), FoldError> {
        add(
            &mut self.returned_minor,
            returned.total_minor.get(),
            "returned_minor",
        )?;
        let text = document(returned)?;
        let separator = if self.returns == "[]" { "" } else { "," };
        self.returns.pop();
        self.returns.push_str(separator);
        self.returns.push_str(&text);
        self.returns.push(']');
        Ok(())
    }
}

fn count(lines: usize) -> Result<i64, FoldError> {
    i64::try_from(lines).map_err(|_| FoldError::OutOfRange("line_count"))
}

impl ReadModel for SaleRow {
    const NAME: &'static str = "sales";
    const VERSION: i32 = 2;
    /// Most sales come whole and are never touched again.
    const IS_CACHED: bool = false;
    const INDEXES: &'static str = "
        create index rm_sales_order on rm_sales (tenant, opened_position);
        create index rm_sales_customer on rm_sales (tenant, customer_id, opened_position) where customer_id is not null;
        create index rm_sales_day on rm_sales (tenant, business_day, store, opened_position);
        create index rm_sales_number on rm_sales (tenant, number) where number is not null;
        create index rm_sales_voided on rm_sales (tenant, business_day) where status = 'voided';
        create index rm_sales_drafts on rm_sales (tenant, opened_position) where status = 'draft';";

    /// A draft or a sale that begins its stream begins its row.
    fn opens(fact: &Fact) -> bool {
        fact.version == 1
            && matches!(
                fact.event,
                Event::Sale(SaleEvent::Drafted(_) | SaleEvent::Completed(_))
            )
    }

    fn keys(fact: &Fact) -> Vec<SaleKey> {
        let Event::Sale(event) = &fact.event else {
            return Vec::new();
        };
        sale_of(event)
            .map(|id| SaleKey {
                tenant: fact.tenant.clone(),
                sale_id: id.to_string(),
            })
            .into_iter()
            .collect()
    }

    fn fold(row: Option<Self>, key: &SaleKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Sale(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let mut row = match (row, event) {
            (Some(row), _) => row,
            (None, SaleEvent::Drafted(e)) => Self::empty(key, e.draft.store.as_str(), fact),
            (None, SaleEvent::Completed(e)) => Self::empty(key, e.store.as_str(), fact),
            (None, _) => return Err(FoldError::missing_row(fact)),
        };
        match event {
            SaleEvent::Drafted(e) => row.take_draft(&e.draft, fact)?,
            SaleEvent::DraftChanged(e) => row.take_draft(&e.draft, fact)?,
            SaleEvent::DraftDiscarded(_) => row.status = "discarded".to_owned(),
            SaleEvent::Completed(e) => row.take_completed(e)?,
            SaleEvent::Voided(e) => {
                row.status = "voided".to_owned();
                add(&mut row.voided_minor, e.total_minor.get(), "voided_minor")?;
                row.void_refunds = document(&e.refunds)?;
            }
            SaleEvent::Returned(e) => row.take_return(e)?,
            SaleEvent::ReturnRegistered(_) | SaleEvent::Exchanged(_) => return Err(FoldError::foreign(fact)),
        }
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! A sale of two lines, shared by the tests of all models that fold sales.

    use serde_json::json;

    use super::*;
    use crate::fact::given::event;

    pub fn completed() -> Event {
        event(
            "sale.completed",
            json!({"sale_id": "s1", "store": "centro", "cashier": "ana", "customer_id": "c1", "currency": "HNL",
                "lines": [
                    {"line": 1, "sku": "A", "name": "Cable", "quantity": 2, "unit_price_minor": 100, "gross_minor": 200,
                     "discount_minor": 20, "tax_rate_ppm": 0, "tax_minor": 0, "total_minor": 180},
                    {"line": 2, "sku": "B", "name": "Funda", "quantity": 1, "unit_price_minor": 50, "gross_minor": 50,
                     "discount_minor": 0, "tax_rate_ppm": 150000, "tax_minor": 8, "total_minor": 58}],
                "payments": [{"method": "cash", "amount_minor": 238, "tendered_minor": 300}],
                "gross_minor": 250, "discount_minor": 20, "tax_minor": 8, "total_minor": 238, "change_minor": 62,
                "occurred_at": "2026-11-01T10:00:00-06:00", "business_day": "2026-11-01"}),
        )
    }

    /// One of the two cables comes back a day later, in another store.
    pub fn returned(return_id: &str) -> Event {
        event(
            "sale.returned",
            json!({"return_id": return_id, "sale_id": "s1", "store": "norte", "cashier": "eva", "currency": "HNL",
                "lines": [{"line": 1, "sale_line": 1, "sku": "A", "quantity": 1, "restocked": true, "tax_minor": 0,
                           "total_minor": 90}],
                "tax_minor": 0, "total_minor": 90, "refunds": [{"method": "cash", "amount_minor": 90}],
                "occurred_at": "2026-11-02T10:00:00-06:00", "business_day": "2026-11-02"}),
        )
    }

    /// What is left of the sale after one return is undone.
    pub fn voided() -> Event {
        event(
            "sale.voided",
            json!({"sale_id": "s1", "store": "centro", "customer_id": "c1", "currency": "HNL", "total_minor": 148,
                "tax_minor": 8, "refunds": [{"method": "cash", "amount_minor": 148}],
                "occurred_at": "2026-11-03T10:00:00-06:00", "business_day": "2026-11-01"}),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    fn drafted(event_type: &str, lines: i64) -> Event {
        let line = json!({"sku": "A", "quantity": 1});
        let lines: Vec<_> = (0..lines).map(|_| line.clone()).collect();
        event(
            event_type,
            json!({"sale_id": "s1", "draft": {"store": "centro", "lines": lines, "hold_stock": false}}),
        )
    }

    #[test]
    fn a_draft_is_a_sale_without_figures_until_it_completes() {
        let drafts = vec![drafted("sale.drafted", 1), drafted("sale.draft_changed", 3)];
        let row = folded::<SaleRow>(drafts.clone()).unwrap().remove(0);
        assert_eq!(
            (row.status.as_str(), row.line_count, row.total_minor, row.currency),
            ("draft", 3, 0, None)
        );
        let row = folded::<SaleRow>(drafts.into_iter().chain([samples::completed()]))
            .unwrap()
            .remove(0);
        assert_eq!(
            (row.status.as_str(), row.line_count, row.total_minor, row.draft),
            ("completed", 2, 238, None)
        );
        assert_eq!((row.opened_position, row.last_position), (1, 3));
    }

    #[test]
    fn a_sale_has_its_receipts_number_and_one_from_before_there_were_any_has_none() {
        let number = |event: Event| folded::<SaleRow>([event]).unwrap().remove(0).number;
        assert_eq!(number(samples::completed()), None);
        let Event::Sale(SaleEvent::Completed(mut sale)) = samples::completed() else {
            unreachable!()
        };
        sale.number = Some("F-000007".to_owned());
        assert_eq!(number(sale.into()).as_deref(), Some("F-000007"));
    }

    #[test]
    fn a_discarded_draft_stays_visible_as_discarded() {
        let gone = event("sale.draft_discarded", json!({"sale_id": "s1"}));
        assert_eq!(
            folded::<SaleRow>([drafted("sale.drafted", 1), gone]).unwrap()[0].status,
            "discarded"
        );
    }

    #[test]
    fn returns_add_up_and_are_kept_in_order() {
        let row = folded::<SaleRow>([
            samples::completed(),
            samples::returned("r1"),
            samples::returned("r2"),
        ]);
        let row = row.unwrap().remove(0);
        assert_eq!(row.returned_minor, 180);
        let returns: Vec<serde_json::Value> = serde_json::from_str(&row.returns).unwrap();
        assert_eq!(
            returns
                .iter()
                .map(|r| r["return_id"].as_str().unwrap())
                .collect::<Vec<_>>(),
            ["r1", "r2"]
        );
    }

    #[test]
    fn a_void_keeps_the_totals_and_says_what_was_undone() {
        let row = folded::<SaleRow>([samples::completed(), samples::returned("r1"), samples::voided()])
            .unwrap()
            .remove(0);
        assert_eq!(
            (
                row.status.as_str(),
                row.total_minor,
                row.returned_minor,
                row.voided_minor
            ),
            ("voided", 238, 90, 148)
        );
    }

    #[test]
    fn a_void_of_a_sale_that_never_was_cannot_be_folded() {
        assert!(matches!(
            folded::<SaleRow>([samples::voided()]),
            Err(FoldError::MissingRow { .. })
        ));
    }
}
