//! The lots that came from each supplier, by item: how much of each, when it was made and when it expires (CRM-2).
//!
//! Not here: what of a lot is still on a shelf, since goods of one shelf are sold as alike; and which reception brought
//! how much (`purchases_documents`).

use schemas::Event;
use schemas::events::PurchaseEvent;
use schemas::events::purchase::{Lot, PurchaseReceived, ReceivedLine};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, add};

crate::read_model_row! {
    /// One lot of one item.
    SupplierLotRow, SupplierLotKey {
        key { tenant: String, supplier_id: String, sku: String, lot: String }
        /// Pieces that came of it, in all receptions.
        quantity: i64,
        /// As the newest reception that says so has it.
        made_on: Option<String>,
        /// The earliest day that any reception says: some of it may expire then.
        expires_on: Option<String>,
        /// The newest reception that brought some of it.
        purchase_id: String,
        reception_id: String,
        store: String,
        received_at: OffsetDateTime,
    }
}

/// Each lot of a reception with its line.
fn lots(received: &PurchaseReceived) -> impl Iterator<Item = (&ReceivedLine, &Lot)> {
    let of_line = |line: &ReceivedLine| line.lots.len();
    let lines = received.lines.iter().filter(move |line| of_line(line) > 0);
    lines.flat_map(|line| line.lots.iter().map(move |lot| (line, lot)))
}

impl ReadModel for SupplierLotRow {
    const NAME: &'static str = "supplier_lots";
    const VERSION: i32 = 2;
    const INDEXES: &'static str =
        "create index rm_supplier_lots_sku on rm_supplier_lots (tenant, sku, lot, supplier_id);";

    fn keys(fact: &Fact) -> Vec<SupplierLotKey> {
        let Event::Purchase(PurchaseEvent::Received(received)) = &fact.event else {
            return Vec::new();
        };
        let key = |(line, lot): (&ReceivedLine, &Lot)| SupplierLotKey {
            tenant: fact.tenant.clone(),
            supplier_id: received.supplier_id.to_string(),
            sku: line.sku.to_string(),
            lot: lot.lot.to_string(),
        };
        lots(received).map(key).collect()
    }

    fn fold(row: Option<Self>, key: &SupplierLotKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Purchase(PurchaseEvent::Received(received)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let mut row = row.unwrap_or_else(|| SupplierLotRow {
            tenant: key.tenant.clone(),
            supplier_id: key.supplier_id.clone(),
            sku: key.sku.clone(),
            lot: key.lot.clone(),
            quantity: 0,
            made_on: None,
            expires_on: None,
            purchase_id: String::new(),
            reception_id: String::new(),
            store: String::new(),
            received_at: fact.recorded_at,
        });
        // One reception may bring a lot by several lines.
        for (line, lot) in lots(received) {
            if line.sku.as_str() != key.sku || lot.lot.as_str() != key.lot {
                continue;
            }
            add(&mut row.quantity, lot.quantity.get(), "quantity")?;
            row.made_on = lot.made_on.clone().or(row.made_on);
            // Days as text are in the order of the calendar.
            row.expires_on = [row.expires_on, lot.expires_on.clone()]
                .into_iter()
                .flatten()
                .min();
        }
        row.purchase_id = received.purchase_id.to_string();
        row.reception_id = received.reception_id.to_string();
        row.store = received.store.to_string();
        row.received_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::purchases::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn lots_add_up_over_receptions_and_lines_and_expire_on_the_earliest_day() {
        let rows = folded::<SupplierLotRow>(samples::life()).unwrap();
        let lots: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.sku.as_str(),
                    row.lot.as_str(),
                    row.quantity,
                    row.expires_on.as_deref(),
                )
            })
            .collect();
        assert_eq!(lots, [("A", "L1", 3, Some("2027-01-01")), ("A", "L2", 1, None)]);
        assert_eq!(rows[0].reception_id, "r2");
    }
}
