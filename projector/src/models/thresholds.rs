//! Thresholds of stock, and whether the shelf is below now (INV-4). A threshold that was cleared keeps its row, without
//! a minimum.
//!
//! Not here: the figure on hand (`stock`), and the alerts (`alerts`).

use schemas::Event;
use schemas::events::ThresholdEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// The threshold of one item in one store.
    ThresholdRow, ThresholdKey {
        key { tenant: String, store: String, sku: String }
        /// Absent since it was cleared.
        minimum: Option<i64>,
        /// The alert of the crossing that lasts.
        alert_id: Option<String>,
        /// How often stock fell below, in all.
        crossings: i64,
        set_by: String,
        changed_at: OffsetDateTime,
        last_position: i64,
    }
}

impl ReadModel for ThresholdRow {
    const NAME: &'static str = "thresholds";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "create index rm_thresholds_below on rm_thresholds (tenant, store, sku)
        where alert_id is not null;";

    fn keys(fact: &Fact) -> Vec<ThresholdKey> {
        let Event::Threshold(event) = &fact.event else {
            return Vec::new();
        };
        let (store, sku) = match event {
            ThresholdEvent::Set(e) => (&e.store, &e.sku),
            ThresholdEvent::Cleared(e) => (&e.store, &e.sku),
            ThresholdEvent::Breached(e) => (&e.store, &e.sku),
            ThresholdEvent::Recovered(e) => (&e.store, &e.sku),
        };
        vec![ThresholdKey {
            tenant: fact.tenant.clone(),
            store: store.to_string(),
            sku: sku.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &ThresholdKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Threshold(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let mut row = match (row, event) {
            (Some(row), _) => row,
            (None, ThresholdEvent::Set(_)) => ThresholdRow {
                tenant: key.tenant.clone(),
                store: key.store.clone(),
                sku: key.sku.clone(),
                minimum: None,
                alert_id: None,
                crossings: 0,
                set_by: String::new(),
                changed_at: fact.recorded_at,
                last_position: 0,
            },
            (None, _) => return Err(FoldError::missing_row(fact)),
        };
        match event {
            ThresholdEvent::Set(e) => {
                row.minimum = Some(e.minimum);
                fact.actor().clone_into(&mut row.set_by);
                row.changed_at = fact.recorded_at;
            }
            ThresholdEvent::Cleared(_) => {
                row.minimum = None;
                row.alert_id = None;
                fact.actor().clone_into(&mut row.set_by);
                row.changed_at = fact.recorded_at;
            }
            ThresholdEvent::Breached(e) => {
                row.alert_id = Some(e.alert_id.to_string());
                add(&mut row.crossings, 1, "crossings")?;
            }
            ThresholdEvent::Recovered(_) => row.alert_id = None,
        }
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn a_threshold_knows_whether_it_is_crossed_and_how_often_it_was() {
        let of = |extra: serde_json::Value| {
            let mut data = json!({"store": "c", "sku": "A"});
            data.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            data
        };
        let about = |quantity| {
            of(json!({"item_name": "Cable", "quantity": quantity, "minimum": 5, "alert_id": "a-1"}))
        };
        let mut life = vec![
            event("inventory.threshold_set", of(json!({"minimum": 5}))),
            event("inventory.threshold_breach", about(4)),
        ];
        let row = folded::<ThresholdRow>(life.clone()).unwrap().remove(0);
        assert_eq!((row.minimum, row.alert_id.as_deref()), (Some(5), Some("a-1")));
        life.push(event("inventory.threshold_recovered", about(5)));
        life.push(event("inventory.threshold_cleared", of(json!({}))));
        let row = folded::<ThresholdRow>(life).unwrap().remove(0);
        assert_eq!((row.minimum, row.alert_id, row.crossings), (None, None, 1));
    }
}
