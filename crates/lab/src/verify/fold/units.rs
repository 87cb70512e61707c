//! Units one by one: at every position each has one owner and one place, none moves while a repair has it, and a shelf of
//! serialised goods holds as many pieces as it has units.
//!
//! Not here: who keeps how much of a shelf (`reservations`).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key, Row, get};

/// Whose a unit is after an event, as `rm_units` says it.
struct Place {
    status: &'static str,
    holder: Value,
    sale_id: Value,
    document: Value,
}

impl Place {
    fn of(fact: &Fact<'_>, kind: &str) -> Option<Self> {
        let nobody = |status| Self {
            status,
            holder: Value::Null,
            sale_id: Value::Null,
            document: Value::Null,
        };
        Some(match kind {
            "unit_received" | "unit_released" | "unit_returned" | "unit_arrived" => nobody("in_stock"),
            "unit_reserved" => Self {
                holder: fact.value("holder"),
                ..nobody("reserved")
            },
            "unit_sold" => Self {
                sale_id: fact.value("sale_id"),
                ..nobody("sold")
            },
            "unit_dispatched" => Self {
                document: fact.value("document"),
                ..nobody("away")
            },
            "unit_written_off" => nobody("written_off"),
            _ => return None,
        })
    }
}

/// Whether this can happen to a unit that stands so. A unit that was never seen has no status.
fn may_follow(row: &Row, fact: &Fact<'_>, kind: &str) -> bool {
    let of = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
    let is_here = of("store") == fact.text("store") && of("sku") == fact.text("sku");
    let document = fact.text("document");
    let is_kept_for = |document: &str| match of("status") {
        "in_stock" => true,
        "reserved" => of("holder") == document,
        _ => false,
    };
    match kind {
        "unit_received" => match of("status") {
            "" => true,
            status => status == "written_off" && of("sku") == fact.text("sku"),
        },
        "unit_reserved" => is_here && is_kept_for(fact.text("holder")),
        "unit_released" => is_here && of("status") == "reserved" && of("holder") == fact.text("holder"),
        "unit_sold" => is_here && is_kept_for(&format!("sale/{}", fact.text("sale_id"))),
        "unit_dispatched" => is_here && is_kept_for(document),
        "unit_arrived" => of("status") == "away" && of("document") == document,
        // From the shelf, from a customer who brings it back broken, or lost on the way.
        "unit_written_off" => match of("status") {
            "in_stock" | "reserved" => is_here,
            status => matches!(status, "sold" | "away"),
        },
        "unit_returned" => {
            let sale = fact.data.pointer("/cause/sale_id").and_then(Value::as_str);
            of("status") == "sold" && sale.is_none_or(|sale| sale == of("sale_id"))
        }
        _ => false,
    }
}

impl Folded {
    pub(super) fn unit(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let (position, unit) = (fact.event.position, fact.text("unit"));
        let Some(place) = Place::of(fact, kind) else {
            return findings.error("units", format!("position {position}: unknown inventory.{kind}"));
        };
        let row = self.row("rm_units", fact.key(&[unit]));
        if !may_follow(row, fact, kind) {
            findings.error(
                "units",
                format!("position {position}: {kind} of {unit}, which was {row:?}"),
            );
        }
        row.insert("status", json!(place.status));
        for column in ["sku", "store"] {
            row.insert(column, fact.value(column));
        }
        row.insert("holder", place.holder);
        row.insert("sale_id", place.sale_id);
        row.insert("document", place.document);
        let kind = kind.strip_prefix("unit_").unwrap_or(kind);
        let step = self.step(fact, unit, kind);
        step.insert("status", json!(place.status));
        for column in ["sku", "store"] {
            step.insert(column, fact.value(column));
        }
        if let Some(repair) = self.benches.repair_of(&fact.key(&[unit])) {
            findings.error(
                "units",
                format!("position {position}: {kind} of {unit}, which repair {repair} has"),
            );
        }
    }

    /// One step of a unit's life, as `rm_unit_movements` tells it.
    pub(super) fn step(&mut self, fact: &Fact<'_>, unit: &str, kind: &str) -> &mut Row {
        let position = fact.event.position.to_string();
        let row = self.row("rm_unit_movements", fact.key(&[unit, &position]));
        row.insert("kind", json!(kind));
        for column in ["sku", "store", "status"] {
            row.insert(column, Value::Null);
        }
        row.insert(
            "command_id",
            fact.meta.get("command_id").cloned().unwrap_or(Value::Null),
        );
        row
    }

    /// The pieces on each shelf of serialised goods are its units, and no more units are kept than pieces.
    pub(in super::super) fn check_units(&self, findings: &mut Findings) {
        let none = HashMap::new();
        let mut shelves: HashMap<Key, (i64, i64)> = HashMap::new();
        let units = self.tables.get("rm_units").unwrap_or(&none);
        for (key, row) in units {
            let of = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
            let shelf = vec![key[0].clone(), of("store").to_owned(), of("sku").to_owned()];
            let (on_hand, reserved) = shelves.entry(shelf).or_default();
            match of("status") {
                "in_stock" => *on_hand += 1,
                "reserved" => {
                    *on_hand += 1;
                    *reserved += 1;
                }
                _ => {}
            }
        }
        let stock = self.tables.get("rm_stock").unwrap_or(&none);
        let items = self.tables.get("rm_items").unwrap_or(&none);
        for (key, row) in stock {
            let item = items.get(&vec![key[0].clone(), key[2].clone()]);
            let kind = item.and_then(|item| item.get("kind")).and_then(Value::as_str);
            if kind != Some("serialised") {
                continue;
            }
            let counted = shelves.get(key).copied().unwrap_or_default();
            let figures = (get(row, "on_hand"), get(row, "reserved"));
            // An order may keep pieces before it is said which units they are.
            if counted.0 != figures.0 || counted.1 > figures.1 {
                findings.error(
                    "units",
                    format!("{key:?} says {figures:?} (on hand, reserved), its units say {counted:?}"),
                );
            }
        }
        findings.add("units", units.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::folded;
    use super::*;

    fn unit(extra: &Value) -> Value {
        let mut data = json!({ "unit": "serial:1", "sku": "P", "store": "c" });
        for (name, value) in extra.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data
    }

    fn errors(life: &[(&str, Value)]) -> i64 {
        let (_, findings) = folded(life);
        findings.verdict().errors_of("units")
    }

    #[test]
    fn a_life_that_can_be_is_believed() {
        let document = json!({ "document": "transfer/t" });
        let elsewhere = json!({ "document": "transfer/t", "store": "d" });
        let life = [
            ("inventory.unit_received", unit(&json!({}))),
            ("inventory.unit_dispatched", unit(&document)),
            ("inventory.unit_arrived", unit(&elsewhere)),
            (
                "inventory.unit_reserved",
                unit(&json!({ "store": "d", "holder": "sale/s" })),
            ),
            (
                "inventory.unit_sold",
                unit(&json!({ "store": "d", "sale_id": "s" })),
            ),
            (
                "inventory.unit_returned",
                unit(&json!({ "cause": { "kind": "void", "sale_id": "s" } })),
            ),
            ("inventory.unit_written_off", unit(&json!({}))),
            ("inventory.unit_received", unit(&json!({}))),
        ];
        assert_eq!(errors(&life), 0);
    }

    #[test]
    fn a_unit_with_two_owners_or_two_places_is_noticed() {
        let received = ("inventory.unit_received", unit(&json!({})));
        let sold = |sale: &str| ("inventory.unit_sold", unit(&json!({ "sale_id": sale })));
        let away = (
            "inventory.unit_dispatched",
            unit(&json!({ "document": "transfer/t" })),
        );
        let came = |document: &str| {
            let data = json!({ "document": document, "store": "d" });
            ("inventory.unit_arrived", unit(&data))
        };
        let kept = ("inventory.unit_reserved", unit(&json!({ "holder": "sale/a" })));
        assert_eq!(errors(&[received.clone(), sold("a"), sold("b")]), 1);
        assert_eq!(errors(&[received.clone(), received.clone()]), 1);
        assert_eq!(errors(&[received.clone(), away.clone(), sold("a")]), 1);
        assert_eq!(errors(&[received.clone(), away.clone(), came("transfer/u")]), 1);
        assert_eq!(
            errors(&[received.clone(), away, came("transfer/t"), came("transfer/t")]),
            1
        );
        assert_eq!(errors(&[received, kept, sold("b")]), 1);
    }

    #[test]
    fn a_unit_that_moves_while_a_repair_has_it_is_noticed() {
        let custody = |kind: &'static str| (kind, json!({ "unit": "serial:1", "repair_id": "r" }));
        let received = ("inventory.unit_received", unit(&json!({})));
        let sold = ("inventory.unit_sold", unit(&json!({ "sale_id": "a" })));
        let back = (
            "inventory.unit_returned",
            unit(&json!({ "cause": { "kind": "void", "sale_id": "a" } })),
        );
        let whole = [
            received,
            sold,
            custody("repair.custody_taken"),
            custody("repair.custody_ended"),
            back,
        ];
        assert_eq!(errors(&whole), 0);
        let [received, sold, taken, _, back] = whole;
        assert_eq!(errors(&[received, sold, taken, back]), 1);
    }

    #[test]
    fn a_shelf_that_does_not_hold_its_units_is_noticed() {
        let item = json!({ "sku": "P", "kind": "serialised" });
        let shelf = json!({ "store": "c", "sku": "P", "quantity": 1, "on_hand": 1 });
        let came = ("inventory.received", shelf);
        let whole = [
            ("catalogue.item_created", item),
            came.clone(),
            ("inventory.unit_received", unit(&json!({}))),
        ];
        for (life, wrong) in [(&whole[..], 0), (&whole[..2], 1)] {
            let (folded, mut findings) = folded(life);
            folded.check_units(&mut findings);
            assert_eq!(findings.verdict().errors_of("units"), wrong);
        }
    }
}
