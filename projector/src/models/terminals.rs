//! The tenant's tills.

use schemas::Event;
use schemas::events::AdminEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One till.
    TerminalRow, TerminalKey {
        key { tenant: String, terminal: String }
        store: String,
        name: String,
        retired: bool,
        last_position: i64,
        registered_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

impl ReadModel for TerminalRow {
    const NAME: &'static str = "terminals";
    const VERSION: i32 = 2;

    fn keys(fact: &Fact) -> Vec<TerminalKey> {
        let terminal = match &fact.event {
            Event::Admin(AdminEvent::TerminalRegistered(e)) => &e.terminal,
            Event::Admin(AdminEvent::TerminalRetired(e)) => &e.terminal,
            Event::Admin(AdminEvent::TerminalRenamed(e)) => &e.terminal,
            _ => return Vec::new(),
        };
        vec![TerminalKey {
            tenant: fact.tenant.clone(),
            terminal: terminal.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &TerminalKey, fact: &Fact) -> Result<Self, FoldError> {
        match &fact.event {
            Event::Admin(AdminEvent::TerminalRegistered(e)) => Ok(TerminalRow {
                tenant: key.tenant.clone(),
                terminal: key.terminal.clone(),
                store: e.store.to_string(),
                name: e.name.clone(),
                retired: false,
                last_position: fact.position,
                registered_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            }),
            Event::Admin(AdminEvent::TerminalRetired(_)) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.retired = true;
                row.last_position = fact.position;
                row.changed_at = fact.recorded_at;
                Ok(row)
            }
            Event::Admin(AdminEvent::TerminalRenamed(e)) => {
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
    fn a_retired_till_stays_listed_with_its_store() {
        let rows = folded::<TerminalRow>([
            event(
                "admin.terminal_registered",
                json!({"terminal": "caja-1", "store": "centro", "name": "Caja 1"}),
            ),
            event(
                "admin.terminal_retired",
                json!({"terminal": "caja-1", "store": "centro"}),
            ),
            event(
                "admin.terminal_renamed",
                json!({"terminal": "caja-1", "store": "centro", "name": "Principal"}),
            ),
        ])
        .unwrap();
        assert!(rows[0].retired);
        assert_eq!(
            (rows[0].store.as_str(), rows[0].name.as_str()),
            ("centro", "Principal")
        );
    }
}
