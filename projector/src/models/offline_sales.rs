//! Sales that tills took offline and that collided: goods and money that are not in the books yet (POS-5).
//!
//! Not here: sales that were accepted at once (`sales`).

use schemas::Event;
use schemas::events::OfflineEvent;
use schemas::events::offline::{QuarantineCause, Resolution};
use time::OffsetDateTime;

use super::offline_lines::Decided;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One sale that is or was in quarantine. Amounts are in minor units of `currency`.
    OfflineSaleRow, OfflineSaleKey {
        key { tenant: String, quarantine_id: String }
        terminal: String,
        store: String,
        incarnation: String,
        sequence: i64,
        sale_id: String,
        /// `quarantined`, `accepted` or `cancelled`.
        status: String,
        /// Such as `serial_sold_twice`; the last one that held.
        kind: String,
        /// The refusal's code.
        code: String,
        /// The line to blame, from 1.
        line: Option<i64>,
        /// As the till noted it, or as somebody put it right.
        customer_id: Option<String>,
        cashier: String,
        /// What the till charged, tax included.
        total_minor: i64,
        currency: String,
        /// The sale as the till took it, as JSON.
        content: String,
        /// By the till's clock, or as somebody put it right.
        occurred_at: OffsetDateTime,
        recorded_at: OffsetDateTime,
        resolved_at: Option<OffsetDateTime>,
        /// Who decided last.
        resolved_by: Option<String>,
        note: Option<String>,
        /// Position of the event that made it: lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

fn id_of(event: &OfflineEvent) -> Option<String> {
    match event {
        OfflineEvent::Recorded(_) => None,
        OfflineEvent::Quarantined(e) => Some(e.quarantine_id.to_string()),
        OfflineEvent::Amended(e) => Some(e.quarantine_id.to_string()),
        OfflineEvent::Accepted(e) => Some(e.quarantine_id.to_string()),
        OfflineEvent::Cancelled(e) => Some(e.quarantine_id.to_string()),
    }
}

impl ReadModel for OfflineSaleRow {
    const NAME: &'static str = "offline_sales";
    const VERSION: i32 = 2;
    const INDEXES: &'static str = "
        create index rm_offline_sales_order on rm_offline_sales (tenant, created_position);
        create index rm_offline_sales_till on rm_offline_sales (tenant, terminal, incarnation)
          where status = 'quarantined';
        create index rm_offline_sales_open on rm_offline_sales (tenant, store, created_position)
          where status = 'quarantined';";

    fn keys(fact: &Fact) -> Vec<OfflineSaleKey> {
        let Event::Offline(event) = &fact.event else {
            return Vec::new();
        };
        let key = |quarantine_id| OfflineSaleKey {
            tenant: fact.tenant.clone(),
            quarantine_id,
        };
        id_of(event).map(key).into_iter().collect()
    }

    fn fold(row: Option<Self>, key: &OfflineSaleKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Offline(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let OfflineEvent::Quarantined(kept) = event {
            let sale = &kept.sale;
            return Ok(OfflineSaleRow {
                tenant: key.tenant.clone(),
                quarantine_id: key.quarantine_id.clone(),
                terminal: kept.terminal.to_string(),
                store: sale.content.store.to_string(),
                incarnation: kept.incarnation.to_string(),
                sequence: kept.sequence,
                sale_id: sale.sale_id.to_string(),
                status: "quarantined".to_owned(),
                kind: kept.cause.kind.as_str().to_owned(),
                code: kept.cause.code.clone(),
                line: kept.cause.line,
                customer_id: sale.content.customer_id.as_ref().map(ToString::to_string),
                cashier: kept.cashier.clone(),
                total_minor: sale.total_minor.get(),
                currency: kept.currency.to_string(),
                content: serde_json::to_string(sale).map_err(|_| FoldError::foreign(fact))?,
                occurred_at: sale.occurred_at,
                recorded_at: fact.recorded_at,
                resolved_at: None,
                resolved_by: None,
                note: None,
                created_position: fact.position,
                last_position: fact.position,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        if let Some(decided) = Decided::of(event) {
            row.put_right(decided.resolution);
        }
        match event {
            OfflineEvent::Quarantined(_) | OfflineEvent::Recorded(_) => {}
            OfflineEvent::Amended(amended) => row.blame(&amended.cause),
            OfflineEvent::Accepted(_) => row.end("accepted", fact),
            OfflineEvent::Cancelled(cancelled) => {
                row.note = Some(cancelled.note.clone());
                row.end("cancelled", fact);
            }
        }
        row.resolved_by = Some(fact.actor().to_owned());
        row.last_position = fact.position;
        Ok(row)
    }
}

impl OfflineSaleRow {
    fn blame(&mut self, cause: &QuarantineCause) {
        cause.kind.as_str().clone_into(&mut self.kind);
        cause.code.clone_into(&mut self.code);
        self.line = cause.line;
    }

    /// What a decision says about the sale itself; its lines stand in `offline_lines`.
    fn put_right(&mut self, resolution: &Resolution) {
        match resolution {
            Resolution::CorrectCustomer { customer_id } => {
                self.customer_id = customer_id.as_ref().map(ToString::to_string);
            }
            Resolution::CorrectTime { occurred_at } => self.occurred_at = *occurred_at,
            Resolution::ReplaceUnit { .. }
            | Resolution::ReplaceItem { .. }
            | Resolution::CorrectQuantity { .. }
            | Resolution::AcceptNegativeStock
            | Resolution::AcceptOverLimit
            | Resolution::AcceptPrices
            | Resolution::CorrectPayments { .. }
            | Resolution::Retry => {}
        }
    }

    fn end(&mut self, status: &str, fact: &Fact) {
        status.clone_into(&mut self.status);
        self.resolved_at = Some(fact.recorded_at);
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! A till whose second sale collided.

    use serde_json::json;

    use super::*;
    use crate::fact::given::event;

    pub fn recorded(sequence: i64, is_quarantined: bool) -> Event {
        let mut body = json!({"terminal": "caja-1", "store": "centro", "incarnation": "a", "sequence": sequence,
                              "sale_id": format!("off-{sequence}"), "occurred_at": "2026-11-22T09:15:00Z"});
        if is_quarantined {
            body["quarantine_id"] = json!("q1");
        }
        event("sale.offline_recorded", body)
    }

    pub fn quarantined() -> Event {
        let line = json!({"sku": "A", "quantity": 2, "unit_price_minor": 100});
        let sale = json!({"sale_id": "off-2", "content": {"store": "centro", "terminal": "caja-1", "lines": [line], "hold_stock": false},
                          "payments": [{"method": "cash", "amount_minor": 200}], "total_minor": 200,
                          "occurred_at": "2026-11-22T09:15:00Z"});
        event(
            "sale.offline_quarantined",
            json!({"quarantine_id": "q1", "terminal": "caja-1", "incarnation": "a", "sequence": 2, "cashier": "ana",
                   "sale": sale, "cause": {"kind": "insufficient_stock", "code": "stock.insufficient", "line": 1},
                   "currency": "HNL"}),
        )
    }

    pub fn amended() -> Event {
        event(
            "sale.offline_amended",
            json!({"quarantine_id": "q1", "sale_id": "off-2", "store": "centro",
                   "resolution": {"kind": "accept_negative_stock"},
                   "cause": {"kind": "price_changed", "code": "quarantine.price_changed", "line": 1}}),
        )
    }

    pub fn accepted() -> Event {
        event(
            "sale.offline_accepted",
            json!({"quarantine_id": "q1", "sale_id": "off-2", "store": "centro", "resolution": {"kind": "accept_prices"}}),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn a_collision_shows_its_money_and_what_became_of_it() {
        let kept = folded::<OfflineSaleRow>([samples::recorded(2, true), samples::quarantined()]).unwrap();
        assert_eq!(
            (kept.len(), kept[0].total_minor, kept[0].status.as_str()),
            (1, 200, "quarantined")
        );
        let events = [samples::quarantined(), samples::amended(), samples::accepted()];
        let ended = folded::<OfflineSaleRow>(events).unwrap();
        assert_eq!(
            (ended[0].status.as_str(), ended[0].kind.as_str()),
            ("accepted", "price_changed")
        );
        assert_eq!(ended[0].resolved_by.as_deref(), Some("ana"));
    }

    #[test]
    fn a_customer_and_a_time_that_somebody_put_right_are_those_of_the_sale() {
        let decided = |name: &str, resolution: serde_json::Value| {
            let mut data = json!({"quarantine_id": "q1", "sale_id": "off-2", "store": "centro",
                                  "resolution": resolution});
            if name == "amended" {
                data["cause"] = json!({"kind": "refused", "code": "time.in_future"});
            }
            event(&format!("sale.offline_{name}"), data)
        };
        let customer = decided(
            "amended",
            json!({"kind": "correct_customer", "customer_id": "c9"}),
        );
        let time = json!({"kind": "correct_time", "occurred_at": "2026-11-21T08:00:00Z"});
        let rows = folded::<OfflineSaleRow>([
            samples::quarantined(),
            customer.clone(),
            decided("accepted", time.clone()),
        ])
        .unwrap();
        assert_eq!(
            (rows[0].customer_id.as_deref(), rows[0].occurred_at.day()),
            (Some("c9"), 21)
        );
        let nobody = decided("accepted", json!({"kind": "correct_customer"}));
        let rows =
            folded::<OfflineSaleRow>([samples::quarantined(), customer, decided("amended", time), nobody])
                .unwrap();
        assert_eq!(
            (rows[0].customer_id.as_deref(), rows[0].occurred_at.day()),
            (None, 21)
        );
    }
}
