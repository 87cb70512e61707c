//! The tenant's stores.

use schemas::Event;
use schemas::events::AdminEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One shop or warehouse.
    StoreRow, StoreKey {
        key { tenant: String, store: String }
        name: String,
        closed: bool,
        last_position: i64,
        opened_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

impl ReadModel for StoreRow {
    const NAME: &'static str = "stores";
    const VERSION: i32 = 3;

    fn keys(fact: &Fact) -> Vec<StoreKey> {
        let store = match &fact.event {
            Event::Admin(AdminEvent::StoreOpened(e)) => &e.store,
            Event::Admin(AdminEvent::StoreClosed(e)) => &e.store,
            Event::Admin(AdminEvent::StoreReopened(e)) => &e.store,
            Event::Admin(AdminEvent::StoreRenamed(e)) => &e.store,
            _ => return Vec::new(),
        };
        vec![StoreKey {
            tenant: fact.tenant.clone(),
            store: store.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &StoreKey, fact: &Fact) -> Result<Self, FoldError> {
        match &fact.event {
            Event::Admin(AdminEvent::StoreOpened(e)) => Ok(StoreRow {
                tenant: key.tenant.clone(),
                store: key.store.clone(),
                name: e.name.clone(),
                closed: false,
                last_position: fact.position,
                opened_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            }),
            Event::Admin(event @ (AdminEvent::StoreClosed(_) | AdminEvent::StoreReopened(_))) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.closed = matches!(event, AdminEvent::StoreClosed(_));
                row.last_position = fact.position;
                row.changed_at = fact.recorded_at;
                Ok(row)
            }
            Event::Admin(AdminEvent::StoreRenamed(e)) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.name.clone_from(&e.name);
                row.last_position = fact.position;
                row.changed_at = fact.recorded_at;
                Ok(row)
            }
            _ => Err(FoldError::foreign(fact)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn a_closed_store_stays_listed_and_can_be_opened_again() {
        let rows = folded::<StoreRow>([
            event("admin.store_opened", json!({"store": "centro", "name": "Centro"})),
            event("admin.store_closed", json!({"store": "centro"})),
            event(
                "admin.store_renamed",
                json!({"store": "centro", "name": "Centro Histórico"}),
            ),
        ])
        .unwrap();
        assert!(rows[0].closed);
        assert_eq!(rows[0].name, "Centro Histórico");
        let reopened = folded::<StoreRow>([
            event("admin.store_opened", json!({"store": "centro", "name": "Centro"})),
            event("admin.store_closed", json!({"store": "centro"})),
            event("admin.store_reopened", json!({"store": "centro"})),
        ])
        .unwrap();
        assert!(!reopened[0].closed);
    }
}
