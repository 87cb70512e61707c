//! Thresholds and alerts, and movements that are asked for: each crossing is said once, each alert stands for one, and
//! nothing is decided twice or by who asked.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, get, number};

impl Folded {
    /// A breach begins a crossing and a recovery ends it; the shelf's own figure must say the same.
    pub(super) fn threshold(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let key = fact.key(&[fact.text("store"), fact.text("sku")]);
        let on_hand = self
            .tables
            .get("rm_stock")
            .and_then(|stock| stock.get(&key))
            .map_or(0, |shelf| get(shelf, "on_hand"));
        let position = fact.event.position;
        let row = self.row("rm_thresholds", key);
        let minimum = row.get("minimum").and_then(Value::as_i64);
        let is_below = row.get("alert_id").is_some_and(Value::is_string);
        let (quantity, stated) = (fact.number("quantity"), fact.number("minimum"));
        let is_right = match kind {
            "set" => stated >= 1,
            "cleared" => minimum.is_some() && fact.value("alert_id").is_string() == is_below,
            "breach" => !is_below && minimum == Some(stated) && quantity == on_hand && quantity < stated,
            "recovered" => is_below && minimum == Some(stated) && quantity == on_hand && quantity >= stated,
            _ => false,
        };
        if !is_right {
            findings.error(
                "thresholds",
                format!("position {position}: {kind} with {on_hand} on hand, after {row:?}"),
            );
        }
        match kind {
            "set" => drop(row.insert("minimum", json!(stated))),
            "breach" => {
                row.insert("alert_id", fact.value("alert_id"));
                super::add(row, "crossings", 1);
            }
            _ => drop(row.insert("alert_id", Value::Null)),
        }
        if kind == "cleared" {
            row.insert("minimum", Value::Null);
        }
        row.entry("crossings").or_insert_with(|| json!(0));
        row.insert("last_position", json!(position));
    }

    pub(super) fn alert(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let (position, id) = (fact.event.position, fact.text("alert_id"));
        let row = self.row("rm_alerts", fact.key(&[id]));
        let before = row.get("status").and_then(Value::as_str).unwrap_or("none");
        let is_right = match kind {
            "raised" => before == "none",
            "acknowledged" => before == "open",
            "resolved" => matches!(before, "open" | "acknowledged"),
            _ => false,
        };
        if !is_right {
            findings.error(
                "alerts",
                format!("position {position}: {id} was {before} and is {kind}"),
            );
        }
        if kind == "raised" {
            for column in ["store", "sku", "item_name", "quantity", "minimum"] {
                row.insert(column, fact.value(column));
            }
            row.insert("raised_position", json!(position));
        }
        let status = if kind == "raised" { "open" } else { kind };
        row.insert("status", json!(status));
        if kind == "resolved" {
            row.insert("resolved_because", fact.value("cause"));
        }
        row.insert("last_position", json!(position));
    }

    pub(super) fn movement(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let (position, id) = (fact.event.position, fact.text("movement_id"));
        if kind == "created" {
            for line in fact.list("lines") {
                let key = fact.key(&[id, &number(line, "line").to_string()]);
                let row = self.row("rm_movement_request_lines", key);
                for column in ["sku", "item_name", "quantity", "unit_cost_minor", "cause"] {
                    row.insert(column, line.get(column).cloned().unwrap_or(Value::Null));
                }
            }
        }
        let row = self.row("rm_movement_requests", fact.key(&[id]));
        let of = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or("none");
        let before = of("status");
        let needs_approval = row
            .get("needs_approval")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let decides = |field: &str| of("requested_by") != fact.text(field);
        let is_automatic = fact.value("automatic") == json!(true);
        let is_right = match kind {
            "created" => before == "none",
            "approved" if is_automatic => before == "pending_approval" && !needs_approval,
            "approved" => before == "pending_approval" && needs_approval && decides("approved_by"),
            "rejected" => before == "pending_approval" && needs_approval && decides("rejected_by"),
            _ => false,
        };
        if !is_right {
            findings.error(
                "movements",
                format!("position {position}: {id} was {before} and is {kind}, or by the wrong one"),
            );
        }
        if kind == "created" {
            for column in [
                "kind",
                "store",
                "quantity",
                "value_minor",
                "needs_approval",
                "comment",
                "requested_by",
            ] {
                row.insert(column, fact.value(column));
            }
            row.insert("created_position", json!(position));
        }
        let status = if kind == "created" {
            "pending_approval"
        } else {
            kind
        };
        row.insert("status", json!(status));
        row.insert("last_position", json!(position));
    }

    pub(super) fn movement_policy(&mut self, fact: &Fact<'_>) {
        let row = self.row("rm_movement_policies", fact.key(&[]));
        for column in ["max_quantity", "max_value_minor"] {
            row.insert(column, fact.value(column));
        }
        row.insert("last_position", json!(fact.event.position));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::folded;
    use super::*;

    fn about(extra: &Value) -> Value {
        let mut data = json!({ "store": "c", "sku": "A" });
        for (name, value) in extra.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data
    }

    fn shelf(quantity: i64, on_hand: i64) -> Value {
        about(&json!({ "quantity": quantity, "on_hand": on_hand }))
    }

    #[test]
    fn a_crossing_that_is_said_twice_or_never_was_is_noticed() {
        let crossed = |quantity| about(&json!({ "quantity": quantity, "minimum": 5, "alert_id": "a" }));
        let life = [
            ("inventory.received", shelf(6, 6)),
            ("inventory.threshold_set", about(&json!({ "minimum": 5 }))),
            ("inventory.issued", shelf(2, 4)),
            ("inventory.threshold_breach", crossed(4)),
            ("inventory.received", shelf(1, 5)),
            ("inventory.threshold_recovered", crossed(5)),
        ];
        let errors = |events: &[(&str, Value)]| folded(events).1.verdict().errors_of("thresholds");
        assert_eq!(errors(&life), 0);
        assert_eq!(errors(&[&life[..4], &life[3..4]].concat()), 1, "said twice");
        assert_eq!(errors(&[&life[..2], &life[3..4]].concat()), 1, "it never was");
        assert_eq!(errors(&[&life[..4], &life[5..]].concat()), 1, "it is not back");
    }

    #[test]
    fn a_movement_that_is_decided_twice_or_by_who_asked_is_noticed() {
        let created = json!({ "movement_id": "m", "needs_approval": true, "requested_by": "ana" });
        let by = |who: &str| json!({ "movement_id": "m", "automatic": false, "approved_by": who });
        let created = ("inventory.movement_created", created);
        let approved = |who: &str| ("inventory.movement_approved", by(who));
        let errors = |events: &[(&str, Value)]| folded(events).1.verdict().errors_of("movements");
        assert_eq!(errors(&[created.clone(), approved("eva")]), 0);
        assert_eq!(errors(&[created.clone(), approved("ana")]), 1);
        assert_eq!(errors(&[created, approved("eva"), approved("eva")]), 1);
    }
}
