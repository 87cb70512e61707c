//! Every step in the life of each physical unit, one row each, never changed again: where it was and whose at every
//! position of the log.
//!
//! Also which repair had it, of devices that were never goods of ours, too. Not here: where units are now (`units`), and
//! the shelves' figures (`stock_movements`).

use schemas::Event;
use schemas::events::UnitEvent;
use schemas::events::repair::CustodyEvent;
use schemas::events::stock::ReturnCause;
use time::OffsetDateTime;

use super::units::named;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One step of one unit.
    UnitMovementRow, UnitMovementKey {
        key { tenant: String, unit: String, position: i64 }
        /// `received`, `reserved`, `released`, `sold`, `returned`, `written_off`, `dispatched`, `arrived`, `custody_taken`
        /// or `custody_ended`.
        kind: String,
        /// Absent where only custody changes, as `store` and `status`.
        sku: Option<String>,
        store: Option<String>,
        /// What it is from here on, as in `units`.
        status: Option<String>,
        /// Who has or had it: `sale/<id>`, `return/<id>`, `transfer/<id>`, `repair/<id>` and so on, or why it was written
        /// off, in words.
        reference: Option<String>,
        actor: String,
        command_id: String,
        recorded_at: OffsetDateTime,
    }
}

/// The unit of an event that is a step of one.
fn unit_of(event: &Event) -> Option<&str> {
    match event {
        Event::Unit(event) => Some(named(event).0),
        Event::Custody(CustodyEvent::Taken(e)) => Some(e.unit.as_str()),
        Event::Custody(CustodyEvent::Ended(e)) => Some(e.unit.as_str()),
        _ => None,
    }
}

/// What the unit is after an event, and on what that rests.
fn told(event: &UnitEvent) -> (&'static str, Option<String>) {
    match event {
        UnitEvent::Received(_) => ("in_stock", None),
        UnitEvent::Reserved(e) => ("reserved", Some(e.holder.clone())),
        UnitEvent::Released(e) => ("in_stock", Some(e.holder.clone())),
        UnitEvent::Sold(e) => ("sold", Some(format!("sale/{}", e.sale_id))),
        UnitEvent::Returned(e) => {
            let cause = match &e.cause {
                ReturnCause::Void { sale_id } => format!("sale/{sale_id}"),
                ReturnCause::Return { return_id, .. } => format!("return/{return_id}"),
            };
            ("in_stock", Some(cause))
        }
        UnitEvent::WrittenOff(e) => ("written_off", e.cause.clone()),
        UnitEvent::Dispatched(e) => ("away", Some(e.document.clone())),
        UnitEvent::Arrived(e) => ("in_stock", Some(e.document.clone())),
    }
}

impl ReadModel for UnitMovementRow {
    const NAME: &'static str = "unit_movements";
    const VERSION: i32 = 1;
    const APPEND_ONLY: bool = true;

    fn keys(fact: &Fact) -> Vec<UnitMovementKey> {
        let key = |unit: &str| UnitMovementKey {
            tenant: fact.tenant.clone(),
            unit: unit.to_owned(),
            position: fact.position,
        };
        unit_of(&fact.event).map(key).into_iter().collect()
    }

    fn fold(_: Option<Self>, key: &UnitMovementKey, fact: &Fact) -> Result<Self, FoldError> {
        let kind = fact.event_type.split('.').next_back().unwrap_or_default();
        let mut row = UnitMovementRow {
            tenant: key.tenant.clone(),
            unit: key.unit.clone(),
            position: key.position,
            kind: kind.strip_prefix("unit_").unwrap_or(kind).to_owned(),
            sku: None,
            store: None,
            status: None,
            reference: None,
            actor: fact.actor().to_owned(),
            command_id: fact.meta.command_id.clone(),
            recorded_at: fact.recorded_at,
        };
        match &fact.event {
            Event::Unit(event) => {
                let (_, sku, store) = named(event);
                let (status, reference) = told(event);
                row.sku = Some(sku.to_owned());
                row.store = Some(store.to_owned());
                row.status = Some(status.to_owned());
                row.reference = reference;
            }
            Event::Custody(CustodyEvent::Taken(e)) => row.reference = Some(format!("repair/{}", e.repair_id)),
            Event::Custody(CustodyEvent::Ended(e)) => row.reference = Some(format!("repair/{}", e.repair_id)),
            _ => return Err(FoldError::foreign(fact)),
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    const DEVICE: &str = "imei:490154203237518";

    fn step(kind: &str, extra: serde_json::Value) -> Event {
        let mut data = json!({"unit": DEVICE, "sku": "P", "store": "centro"});
        data.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        event(kind, data)
    }

    #[test]
    fn a_units_life_is_told_step_by_step() {
        let rows = folded::<UnitMovementRow>([
            step("inventory.unit_received", json!({})),
            step("inventory.unit_dispatched", json!({"document": "transfer/t1"})),
            step("inventory.unit_arrived", json!({"document": "transfer/t1"})),
            step("inventory.unit_sold", json!({"sale_id": "s1"})),
            step(
                "inventory.unit_returned",
                json!({"cause": {"kind": "return", "return_id": "d1", "sale_id": "s1"}}),
            ),
            step("inventory.unit_written_off", json!({"cause": "rota"})),
        ])
        .unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.kind.as_str(), row.status.as_deref(), row.reference.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("received", Some("in_stock"), None),
                ("dispatched", Some("away"), Some("transfer/t1")),
                ("arrived", Some("in_stock"), Some("transfer/t1")),
                ("sold", Some("sold"), Some("sale/s1")),
                ("returned", Some("in_stock"), Some("return/d1")),
                ("written_off", Some("written_off"), Some("rota")),
            ]
        );
        assert_eq!(
            (rows[3].actor.as_str(), rows[3].command_id.as_str()),
            ("ana", "command-4")
        );
    }

    #[test]
    fn a_repair_that_has_a_device_is_told_and_says_nothing_about_whose_it_is() {
        let rows = folded::<UnitMovementRow>([
            event("repair.custody_taken", json!({"unit": DEVICE, "repair_id": "r1"})),
            event("repair.custody_ended", json!({"unit": DEVICE, "repair_id": "r1"})),
        ])
        .unwrap();
        assert_eq!(
            (rows[0].kind.as_str(), rows[0].reference.as_deref()),
            ("custody_taken", Some("repair/r1"))
        );
        assert_eq!(
            (rows[1].kind.as_str(), rows[1].status.as_deref()),
            ("custody_ended", None)
        );
    }
}
