//! Each physical unit with an IMEI or serial number: one owner, one place (INV-2).

use schemas::Event;
use schemas::events::UnitEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One unit, where it is now.
    UnitRow, UnitKey {
        key { tenant: String, unit: String }
        sku: String,
        /// Where it is, or was last.
        store: String,
        /// `in_stock`, `reserved`, `sold`, `away` or `written_off`.
        status: String,
        /// Who has it reserved: `sale/<id>` for a draft.
        holder: Option<String>,
        /// The sale that took it.
        sale_id: Option<String>,
        /// The document that has it while it is away, such as `transfer/<id>`.
        document: Option<String>,
        cost_minor: Option<i64>,
        last_position: i64,
        last_moved_at: OffsetDateTime,
    }
}

/// The unit, item and store that an event names.
pub(super) fn named(event: &UnitEvent) -> (&str, &str, &str) {
    let (unit, sku, store) = match event {
        UnitEvent::Received(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::Reserved(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::Released(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::Sold(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::Returned(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::WrittenOff(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::Dispatched(e) => (&e.unit, &e.sku, &e.store),
        UnitEvent::Arrived(e) => (&e.unit, &e.sku, &e.store),
    };
    (unit.as_str(), sku.as_str(), store.as_str())
}

impl ReadModel for UnitRow {
    const NAME: &'static str = "units";
    const VERSION: i32 = 2;
    const INDEXES: &'static str = "create index rm_units_shelf on rm_units (tenant, sku, store, unit);";

    fn keys(fact: &Fact) -> Vec<UnitKey> {
        let Event::Unit(event) = &fact.event else {
            return Vec::new();
        };
        vec![UnitKey {
            tenant: fact.tenant.clone(),
            unit: named(event).0.to_owned(),
        }]
    }

    fn fold(row: Option<Self>, key: &UnitKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Unit(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let (_, sku, store) = named(event);
        let cost_before = row.and_then(|row| row.cost_minor);
        let mut row = UnitRow {
            tenant: key.tenant.clone(),
            unit: key.unit.clone(),
            sku: sku.to_owned(),
            store: store.to_owned(),
            status: "in_stock".to_owned(),
            holder: None,
            sale_id: None,
            document: None,
            cost_minor: cost_before,
            last_position: fact.position,
            last_moved_at: fact.recorded_at,
        };
        match event {
            UnitEvent::Received(e) => row.cost_minor = e.cost_minor.map(schemas::Minor::get),
            UnitEvent::Reserved(e) => {
                row.status = "reserved".to_owned();
                row.holder = Some(e.holder.clone());
            }
            UnitEvent::Sold(e) => {
                row.status = "sold".to_owned();
                row.sale_id = Some(e.sale_id.to_string());
            }
            UnitEvent::WrittenOff(_) => row.status = "written_off".to_owned(),
            UnitEvent::Dispatched(e) => {
                row.status = "away".to_owned();
                row.document = Some(e.document.clone());
            }
            UnitEvent::Released(_) | UnitEvent::Returned(_) | UnitEvent::Arrived(_) => {}
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    fn about(extra: serde_json::Value) -> serde_json::Value {
        let mut data = json!({"unit": "imei:490154203237518", "sku": "P", "store": "centro"});
        data.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        data
    }

    #[test]
    fn a_sold_unit_names_its_sale_until_it_comes_back() {
        let life = vec![
            event("inventory.unit_received", about(json!({"cost_minor": 5000}))),
            event("inventory.unit_sold", about(json!({"sale_id": "s1"}))),
        ];
        let rows = folded::<UnitRow>(life.clone()).unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].sale_id.as_deref()),
            ("sold", Some("s1"))
        );
        let back = event(
            "inventory.unit_returned",
            about(json!({"cause": {"kind": "void", "sale_id": "s1"}})),
        );
        let rows = folded::<UnitRow>(life.into_iter().chain([back])).unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].sale_id.as_deref()),
            ("in_stock", None)
        );
        assert_eq!(rows[0].cost_minor, Some(5000));
    }

    #[test]
    fn a_unit_that_is_away_names_the_document_that_has_it() {
        let sent = event(
            "inventory.unit_dispatched",
            about(json!({"document": "transfer/t1"})),
        );
        let rows = folded::<UnitRow>([sent.clone()]).unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].document.as_deref()),
            ("away", Some("transfer/t1"))
        );
        let came =
            json!({"unit": "imei:490154203237518", "sku": "P", "store": "norte", "document": "transfer/t1"});
        let rows = folded::<UnitRow>([sent, event("inventory.unit_arrived", came)]).unwrap();
        assert_eq!(
            (
                rows[0].status.as_str(),
                rows[0].store.as_str(),
                rows[0].document.as_deref()
            ),
            ("in_stock", "norte", None)
        );
    }

    #[test]
    fn a_reserved_unit_names_its_holder() {
        let rows = folded::<UnitRow>([event(
            "inventory.unit_reserved",
            about(json!({"holder": "sale/s9"})),
        )])
        .unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].holder.as_deref()),
            ("reserved", Some("sale/s9"))
        );
    }
}
