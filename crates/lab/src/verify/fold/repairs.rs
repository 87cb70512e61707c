//! Repairs: what follows what, which device is where, and that parts taken less those given back are those that the
//! shelves gave and did not get back.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key, Row, add, get, number, text};

/// What repairs and shelves say about each other.
#[derive(Debug, Default)]
pub(super) struct Benches {
    /// The open repair of each device.
    custody: HashMap<Key, String>,
    /// Pieces and value by tenant, document and article: what shelves gave less what repairs say that they took.
    differences: HashMap<Key, (i64, i64)>,
}

impl Benches {
    /// The open repair that has a device.
    pub fn repair_of(&self, unit: &Key) -> Option<&str> {
        self.custody.get(unit).map(String::as_str)
    }

    /// A shelf gave goods to a repair (1), or got them back (-1).
    pub fn shelf(&mut self, fact: &Fact<'_>, sign: i64) {
        let document = fact.text("document");
        if document.starts_with("repair/") {
            let key = fact.key(&[document, fact.text("sku")]);
            let difference = self.differences.entry(key).or_default();
            difference.0 += sign * fact.number("quantity");
            difference.1 += sign * fact.number("value_minor");
        }
    }
}

/// From which states an event leads to the next one; `None` where it leaves the state alone.
fn step(kind: &str) -> Option<(&'static [&'static str], &'static str)> {
    Some(match kind {
        "diagnosed" => (&["received", "diagnosed", "in_progress"], "diagnosed"),
        "quoted" => (&["diagnosed", "quoted", "declined", "in_progress"], "quoted"),
        "approved" => (&["quoted"], "approved"),
        "declined" => (&["quoted"], "declined"),
        "started" => (&["approved", "diagnosed"], "in_progress"),
        "waiting_for_parts" => (&["in_progress"], "waiting_for_parts"),
        "resumed" => (&["waiting_for_parts", "ready"], "in_progress"),
        "ready" => (&["in_progress"], "ready"),
        "delivered" => (&["ready"], "delivered"),
        "returned_unrepaired" => (
            &[
                "diagnosed",
                "quoted",
                "approved",
                "declined",
                "in_progress",
                "waiting_for_parts",
            ],
            "returned_unrepaired",
        ),
        "cancelled" => (&["received", "diagnosed", "quoted", "approved"], "cancelled"),
        _ => return None,
    })
}

/// What was due is what was paid.
fn paid_for(row: &mut Row, due: &Value, position: i64, findings: &mut Findings) {
    let total = number(due, "total_minor");
    row.insert("total_minor", json!(total));
    let payments = due.get("payments").and_then(Value::as_array);
    let paid: i64 = payments
        .into_iter()
        .flatten()
        .map(|paid| number(paid, "amount_minor"))
        .sum();
    if paid != total {
        findings.error(
            "repairs",
            format!("position {position}: {paid} were paid for {total}"),
        );
    }
}

impl Folded {
    pub(super) fn repair(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        match kind {
            "custody_taken" | "custody_ended" => return self.custody(fact, kind, findings),
            "parts_taken" => self.parts(fact, 1),
            "parts_given_back" => self.parts(fact, -1),
            _ => {}
        }
        let (position, id) = (fact.event.position, fact.text("repair_id"));
        let row = self.row("rm_repairs", fact.key(&[id]));
        let before = row.get("status").and_then(Value::as_str).map(str::to_owned);
        if kind == "received" {
            if before.is_some() {
                findings.error(
                    "doubled",
                    format!("repair {id} of {} is made twice", fact.event.tenant),
                );
            }
            for column in [
                "store",
                "customer_id",
                "fault",
                "priority",
                "under_warranty",
                "sla_target_s",
            ] {
                row.insert(column, fact.value(column));
            }
            let device = fact.value("device");
            row.insert("unit", device["unit"].clone());
            // What we sold it with, and as which article; nothing of it for a stranger's device.
            for column in ["sale_id", "order_id", "sku"] {
                row.insert(column, device["sold"][column].clone());
            }
            row.insert("status", json!("received"));
            row.insert("sla_breached", json!(false));
            row.insert("created_position", json!(position));
        } else if let Some((from, status)) = step(kind) {
            let before = before.unwrap_or_default();
            if !from.contains(&before.as_str()) {
                let tenant = &fact.event.tenant;
                findings.error(
                    "repairs",
                    format!("position {position}: repair {id} of {tenant} was {before} and is {kind}"),
                );
            }
            row.insert("status", json!(status));
        }
        match kind {
            "quoted" => {
                row.insert("quote", fact.value("quote"));
                row.insert("quote_total_minor", fact.value("total_minor"));
            }
            "delivered" => paid_for(row, fact.data, position, findings),
            "returned_unrepaired" => {
                if let Some(fee) = fact.data.get("fee") {
                    paid_for(row, fee, position, findings);
                }
            }
            "sla_breached" if row.insert("sla_breached", json!(true)) == Some(json!(true)) => {
                findings.error(
                    "repairs",
                    format!("position {position}: {id} misses its target twice"),
                );
            }
            _ => {}
        }
        row.insert("last_position", json!(position));
    }

    /// A device is in one open repair at most.
    fn custody(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        self.step(fact, fact.text("unit"), kind);
        let (key, id) = (fact.key(&[fact.text("unit")]), fact.text("repair_id"));
        let before = match kind {
            "custody_taken" => self.benches.custody.insert(key, id.to_owned()).is_none(),
            _ => self.benches.custody.remove(&key).as_deref() == Some(id),
        };
        if !before {
            let position = fact.event.position;
            findings.error(
                "repairs",
                format!("position {position}: {kind} of {} by {id}", fact.text("unit")),
            );
        }
    }

    fn parts(&mut self, fact: &Fact<'_>, sign: i64) {
        let id = fact.text("repair_id");
        for line in fact.list("lines") {
            let sku = text(line, "sku");
            let (quantity, cost) = (number(line, "quantity"), number(line, "cost_minor"));
            let row = self.row("rm_repair_parts", fact.key(&[id, sku]));
            let (column, other) = if sign > 0 {
                ("taken", "given_back")
            } else {
                ("given_back", "taken")
            };
            add(row, column, quantity);
            add(row, other, 0);
            add(row, "cost_minor", sign * cost);
            row.insert("last_position", json!(fact.event.position));
            let key = fact.key(&[&format!("repair/{id}"), sku]);
            let difference = self.benches.differences.entry(key).or_default();
            difference.0 -= sign * quantity;
            difference.1 -= sign * cost;
        }
    }

    /// Once the log is read: repairs have what shelves gave them, to the piece and the minor unit, and never less than
    /// nothing.
    pub(in super::super) fn check_repairs(&self, findings: &mut Findings) {
        for (key, difference) in &self.benches.differences {
            if *difference != (0, 0) {
                findings.error(
                    "repairs",
                    format!("shelves gave {key:?} {difference:?} (pieces, value) more than it says"),
                );
            }
        }
        let none = HashMap::new();
        for (key, row) in self.tables.get("rm_repair_parts").unwrap_or(&none) {
            if get(row, "taken") < get(row, "given_back") || get(row, "cost_minor") < 0 {
                findings.error(
                    "repairs",
                    format!("{key:?} gives back more than it took: {row:?}"),
                );
            }
        }
        let repairs = self.tables.get("rm_repairs").map_or(0, HashMap::len);
        findings.add("repairs", repairs);
    }
}
