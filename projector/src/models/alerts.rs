//! Alerts about stock, open and past (INV-4).

use schemas::Event;
use schemas::events::AlertEvent;
use schemas::events::alert::AlertEnd;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One alert.
    AlertRow, AlertKey {
        key { tenant: String, alert_id: String }
        store: String,
        sku: String,
        /// The item's name when it was raised.
        item_name: String,
        /// On hand when the threshold was crossed.
        quantity: i64,
        minimum: i64,
        /// `open`, `acknowledged` or `resolved`.
        status: String,
        /// Why it is over: `recovered`, `cleared` or `by_hand`.
        resolved_because: Option<String>,
        /// The words of who acknowledged or resolved it last.
        note: Option<String>,
        acknowledged_by: Option<String>,
        resolved_by: Option<String>,
        raised_at: OffsetDateTime,
        resolved_at: Option<OffsetDateTime>,
        /// Lists are in this order.
        raised_position: i64,
        last_position: i64,
    }
}

fn end_name(end: AlertEnd) -> &'static str {
    match end {
        AlertEnd::Recovered => "recovered",
        AlertEnd::Cleared => "cleared",
        AlertEnd::ByHand => "by_hand",
    }
}

impl ReadModel for AlertRow {
    const NAME: &'static str = "alerts";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "
        create index rm_alerts_order on rm_alerts (tenant, raised_position);
        create index rm_alerts_open on rm_alerts (tenant, raised_position) where status <> 'resolved';";

    fn keys(fact: &Fact) -> Vec<AlertKey> {
        let Event::Alert(event) = &fact.event else {
            return Vec::new();
        };
        let alert_id = match event {
            AlertEvent::Raised(e) => &e.alert_id,
            AlertEvent::Acknowledged(e) => &e.alert_id,
            AlertEvent::Resolved(e) => &e.alert_id,
        };
        vec![AlertKey {
            tenant: fact.tenant.clone(),
            alert_id: alert_id.to_string(),
        }]
    }

    fn opens(fact: &Fact) -> bool {
        matches!(fact.event, Event::Alert(AlertEvent::Raised(_)))
    }

    fn fold(row: Option<Self>, key: &AlertKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Alert(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let AlertEvent::Raised(e) = event {
            return Ok(AlertRow {
                tenant: key.tenant.clone(),
                alert_id: key.alert_id.clone(),
                store: e.store.to_string(),
                sku: e.sku.to_string(),
                item_name: e.item_name.clone(),
                quantity: e.quantity,
                minimum: e.minimum,
                status: "open".to_owned(),
                resolved_because: None,
                note: None,
                acknowledged_by: None,
                resolved_by: None,
                raised_at: fact.recorded_at,
                resolved_at: None,
                raised_position: fact.position,
                last_position: fact.position,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            AlertEvent::Raised(_) => {}
            AlertEvent::Acknowledged(e) => {
                row.status = "acknowledged".to_owned();
                row.acknowledged_by = Some(fact.actor().to_owned());
                row.note = e.note.clone().or(row.note);
            }
            AlertEvent::Resolved(e) => {
                row.status = "resolved".to_owned();
                row.resolved_because = Some(end_name(e.cause).to_owned());
                row.resolved_by = Some(fact.actor().to_owned());
                row.resolved_at = Some(fact.recorded_at);
                row.note = e.note.clone().or(row.note);
            }
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
    fn an_alert_is_open_until_it_is_resolved_and_says_by_whom_and_why() {
        let raised = json!({"alert_id": "a-1", "kind": "stock_below_minimum", "store": "c", "sku": "A",
                            "item_name": "Cable", "quantity": 4, "minimum": 5});
        let seen = json!({"alert_id": "a-1", "store": "c", "sku": "A", "note": "pedido"});
        let over = json!({"alert_id": "a-1", "store": "c", "sku": "A", "cause": "recovered"});
        let mut life = vec![
            event("inventory.alert_raised", raised),
            event("inventory.alert_acknowledged", seen),
        ];
        let row = folded::<AlertRow>(life.clone()).unwrap().remove(0);
        assert_eq!((row.status.as_str(), row.resolved_at), ("acknowledged", None));
        life.push(event("inventory.alert_resolved", over));
        let row = folded::<AlertRow>(life).unwrap().remove(0);
        assert_eq!(
            (
                row.status.as_str(),
                row.resolved_because.as_deref(),
                row.note.as_deref()
            ),
            ("resolved", Some("recovered"), Some("pedido"))
        );
        assert_eq!(row.raised_position, 1);
    }
}
