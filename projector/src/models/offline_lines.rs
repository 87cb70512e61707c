//! The lines of sales that collided, so that quarantined goods are found by what they are (POS-5): as the till noted them,
//! until somebody puts one right.
//!
//! Not here: what keeps the sale in quarantine (`offline_sales`), and lines of sales that are in the books (`sale_lines`).

use schemas::Event;
use schemas::events::OfflineEvent;
use schemas::events::offline::Resolution;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One line of a sale that is or was in quarantine.
    OfflineLineRow, OfflineLineKey {
        key { tenant: String, quarantine_id: String, line: i64 }
        /// Not necessarily one that can be.
        sku: Option<String>,
        /// Not necessarily one that can be.
        unit: Option<String>,
        /// Not necessarily one that can be sold.
        quantity: i64,
        /// What was charged for one, in minor units of the tenant's currency.
        unit_price_minor: i64,
    }
}

/// What somebody decided about a sale.
pub(super) struct Decided<'a> {
    quarantine_id: &'a str,
    pub resolution: &'a Resolution,
    unit_dropped: bool,
}

impl<'a> Decided<'a> {
    /// `None` where an event is no such decision.
    pub fn of(event: &'a OfflineEvent) -> Option<Self> {
        match event {
            OfflineEvent::Amended(amended) => Some(Decided {
                quarantine_id: amended.quarantine_id.as_str(),
                resolution: &amended.resolution,
                unit_dropped: amended.unit_dropped,
            }),
            OfflineEvent::Accepted(accepted) => Some(Decided {
                quarantine_id: accepted.quarantine_id.as_str(),
                resolution: &accepted.resolution,
                unit_dropped: accepted.unit_dropped,
            }),
            OfflineEvent::Recorded(_) | OfflineEvent::Quarantined(_) | OfflineEvent::Cancelled(_) => None,
        }
    }
}

/// The line that a decision puts right.
fn line_of(resolution: &Resolution) -> Option<i64> {
    match resolution {
        Resolution::ReplaceUnit { line, .. }
        | Resolution::ReplaceItem { line, .. }
        | Resolution::CorrectQuantity { line, .. } => Some(*line),
        Resolution::AcceptNegativeStock
        | Resolution::AcceptOverLimit
        | Resolution::AcceptPrices
        | Resolution::CorrectPayments { .. }
        | Resolution::CorrectCustomer { .. }
        | Resolution::CorrectTime { .. }
        | Resolution::Retry => None,
    }
}

impl ReadModel for OfflineLineRow {
    const NAME: &'static str = "offline_lines";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "
        create index rm_offline_lines_sku on rm_offline_lines (tenant, sku, quarantine_id);
        create index rm_offline_lines_unit on rm_offline_lines (tenant, unit, quarantine_id);";
    const IS_CACHED: bool = false;

    fn keys(fact: &Fact) -> Vec<OfflineLineKey> {
        let Event::Offline(event) = &fact.event else {
            return Vec::new();
        };
        let key = |quarantine_id: &str, line| OfflineLineKey {
            tenant: fact.tenant.clone(),
            quarantine_id: quarantine_id.to_owned(),
            line,
        };
        if let OfflineEvent::Quarantined(kept) = event {
            let lines = (1..).zip(&kept.sale.content.lines);
            return lines
                .map(|(number, _)| key(kept.quarantine_id.as_str(), number))
                .collect();
        }
        Decided::of(event)
            .and_then(|decided| Some(key(decided.quarantine_id, line_of(decided.resolution)?)))
            .into_iter()
            .collect()
    }

    fn opens(fact: &Fact) -> bool {
        matches!(&fact.event, Event::Offline(OfflineEvent::Quarantined(_)))
    }

    fn fold(row: Option<Self>, key: &OfflineLineKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Offline(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let OfflineEvent::Quarantined(kept) = event {
            let noted = usize::try_from(key.line - 1)
                .ok()
                .and_then(|index| kept.sale.content.lines.get(index))
                .ok_or_else(|| FoldError::foreign(fact))?;
            return Ok(OfflineLineRow {
                tenant: key.tenant.clone(),
                quarantine_id: key.quarantine_id.clone(),
                line: key.line,
                sku: noted.sku.clone(),
                unit: noted.unit.clone(),
                quantity: noted.quantity,
                unit_price_minor: noted.unit_price_minor,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        let decided = Decided::of(event).ok_or_else(|| FoldError::foreign(fact))?;
        match decided.resolution {
            Resolution::ReplaceUnit { unit, .. } => {
                row.unit = Some(unit.to_string());
                row.sku = None;
            }
            Resolution::ReplaceItem { sku, .. } => {
                row.sku = Some(sku.to_string());
                row.unit = row.unit.filter(|_| !decided.unit_dropped);
            }
            Resolution::CorrectQuantity { quantity, .. } => row.quantity = quantity.get(),
            Resolution::AcceptNegativeStock
            | Resolution::AcceptOverLimit
            | Resolution::AcceptPrices
            | Resolution::CorrectPayments { .. }
            | Resolution::CorrectCustomer { .. }
            | Resolution::CorrectTime { .. }
            | Resolution::Retry => return Err(FoldError::foreign(fact)),
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::offline_sales::samples;
    use super::*;
    use crate::fact::given::{event, folded};

    fn kept(unit: &str) -> Event {
        let lines = json!([{"unit": unit, "quantity": 0, "unit_price_minor": 100}]);
        let sale = json!({"sale_id": "off-2", "content": {"store": "centro", "terminal": "caja-1", "lines": lines},
                          "payments": [], "total_minor": 100, "occurred_at": "2026-11-22T09:15:00Z"});
        event(
            "sale.offline_quarantined",
            json!({"quarantine_id": "q1", "terminal": "caja-1", "incarnation": "a", "sequence": 2, "cashier": "ana",
                   "sale": sale, "cause": {"kind": "unknown_item", "code": "quarantine.unit_unreadable", "line": 1},
                   "currency": "HNL"}),
        )
    }

    fn amended(resolution: &Value, unit_dropped: bool) -> Event {
        event(
            "sale.offline_amended",
            json!({"quarantine_id": "q1", "sale_id": "off-2", "store": "centro", "resolution": resolution,
                   "unit_dropped": unit_dropped, "cause": {"kind": "refused", "code": "x"}}),
        )
    }

    #[test]
    fn a_line_is_what_the_till_noted_until_somebody_puts_it_right() {
        let rows = folded::<OfflineLineRow>([samples::quarantined(), samples::amended()]).unwrap();
        assert_eq!(
            (rows.len(), rows[0].sku.as_deref(), rows[0].quantity),
            (1, Some("A"), 2)
        );

        let item = json!({"kind": "replace_item", "line": 1, "sku": "CABLE"});
        let pieces = json!({"kind": "correct_quantity", "line": 1, "quantity": 3});
        let rows = folded::<OfflineLineRow>([kept("imei:1"), amended(&item, true), amended(&pieces, false)])
            .unwrap();
        assert_eq!(
            (rows[0].sku.as_deref(), rows[0].unit.as_deref(), rows[0].quantity),
            (Some("CABLE"), None, 3)
        );
        let unit = json!({"kind": "replace_unit", "line": 1, "unit": "serial:2"});
        let rows = folded::<OfflineLineRow>([kept("serial:1"), amended(&item, false)]).unwrap();
        assert_eq!(
            (rows[0].sku.as_deref(), rows[0].unit.as_deref()),
            (Some("CABLE"), Some("serial:1"))
        );
        let rows = folded::<OfflineLineRow>([kept("serial:1"), amended(&item, false), amended(&unit, false)])
            .unwrap();
        assert_eq!(
            (rows[0].sku.as_deref(), rows[0].unit.as_deref()),
            (None, Some("serial:2"))
        );
    }
}
