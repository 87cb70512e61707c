//! Transfers and their lines; and that nothing in transit is unaccounted.
//!
//! What the shelves' own events take out and bring in under `transfer/<id>` must be, item by item, what the transfer says
//! that it dispatched, received and brought back: pieces and value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key, Row, add, get, number, text};

/// Pieces and value by tenant, transfer and item that left shelves for it and came to none from it.
type Sums = BTreeMap<Key, (i64, i64)>;

/// The same twice: as the shelves say it, and as the transfers do. What was lost left a shelf for good.
#[derive(Debug, Default)]
pub(super) struct Away {
    shelves: Sums,
    transfers: Sums,
    /// Of all transfers: each is there once.
    receptions: BTreeSet<Key>,
}

impl Away {
    /// A shelf gave goods to a document (1), or got some from it (-1).
    pub fn moved(&mut self, fact: &Fact<'_>, sign: i64) {
        let document = fact.text("document");
        if document.starts_with("transfer/") {
            let key = fact.key(&[document, fact.text("sku")]);
            count(&mut self.shelves, key, sign, fact.data);
        }
    }

    fn said(&mut self, fact: &Fact<'_>, sign: i64, line: &Value) {
        let document = format!("transfer/{}", fact.text("transfer_id"));
        let key = fact.key(&[&document, text(line, "sku")]);
        count(&mut self.transfers, key, sign, line);
    }
}

fn count(sums: &mut Sums, key: Key, sign: i64, moved: &Value) {
    let sum = sums.entry(key).or_default();
    sum.0 += sign * number(moved, "quantity");
    sum.1 += sign * number(moved, "value_minor");
}

impl Folded {
    pub(super) fn transfer(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("transfer_id");
        let key = fact.key(&[id]);
        if kind == "requested" {
            return self.transfer_requested(fact, findings);
        }
        let decision = fact.text("decision");
        self.transfer_document(fact, kind, findings);
        self.surplus(fact, kind, findings);
        // A surplus is never in transit, so its decision moves nothing but shelves.
        let lines: &[Value] = if kind == "surplus_resolved" {
            &[]
        } else {
            fact.list("lines")
        };
        for line in lines {
            let (pieces, value) = (number(line, "quantity"), number(line, "value_minor"));
            // What is on its way is a figure of the store that waits for it, and on no shelf.
            let sign = if kind == "dispatched" { 1 } else { -1 };
            let shelf = self.row("rm_stock", fact.key(&[fact.text("to"), text(line, "sku")]));
            add(shelf, "in_transit", sign * pieces);
            for column in ["on_hand", "reserved"] {
                add(shelf, column, 0);
            }
            shelf.insert("last_position", json!(fact.event.position));
            let line_key = fact.key(&[id, &number(line, "line").to_string()]);
            let column = match (kind, decision) {
                ("dispatched", _) => "dispatched",
                ("received", _) => "received",
                ("difference_resolved", "lost") => "lost",
                _ => "back",
            };
            match column {
                "dispatched" => self.away.said(fact, 1, line),
                "received" | "back" => self.away.said(fact, -1, line),
                _ => {}
            }
            let value_column = if kind == "dispatched" {
                "dispatched_value_minor"
            } else {
                "settled_value_minor"
            };
            let row = self.row("rm_transfer_lines", line_key);
            add(row, column, pieces);
            add(row, value_column, value);
            units_moved(row, kind, line, fact, findings);
            let row = self.row("rm_transfers", key.clone());
            add(row, "in_transit", sign * pieces);
            add(row, "in_transit_value_minor", sign * value);
            if column == "lost" {
                add(row, "lost", pieces);
                add(row, "lost_value_minor", value);
            }
        }
        let row = self.row("rm_transfers", key);
        let before = text_of(row.get("status"));
        let (may_follow, status) = match kind {
            "dispatched" => ("requested", "in_transit"),
            "received" | "difference_resolved" | "surplus_resolved" => ("in_transit", "in_transit"),
            "closed" => ("in_transit", "closed"),
            _ => ("requested", "cancelled"),
        };
        if before != may_follow {
            let (position, tenant) = (fact.event.position, &fact.event.tenant);
            findings.error(
                "transfers",
                format!("position {position}: transfer {id} of {tenant} was {before} and is {kind}"),
            );
        }
        row.insert("status", json!(status));
        row.insert("last_position", json!(fact.event.position));
        if kind == "difference_resolved" {
            row.insert("incomplete", json!(true));
        }
    }

    fn transfer_requested(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let id = fact.text("transfer_id");
        for line in fact.list("lines") {
            let key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_transfer_lines", key);
            row.insert("sku", json!(text(line, "sku")));
            row.insert("requested", json!(number(line, "quantity")));
            row.insert("from_store", fact.value("from"));
            row.insert("to_store", fact.value("to"));
            for column in [
                "dispatched",
                "received",
                "lost",
                "back",
                "surplus",
                "surplus_accepted",
            ] {
                row.insert(column, json!(0));
            }
            for column in ["dispatched_value_minor", "settled_value_minor"] {
                row.insert(column, json!(0));
            }
            row.insert("units_in_transit", json!("[]"));
        }
        let row = self.row("rm_transfers", fact.key(&[id]));
        if !row.is_empty() {
            findings.error(
                "doubled",
                format!("transfer {id} of {} is asked for twice", fact.event.tenant),
            );
        }
        row.insert("from_store", fact.value("from"));
        row.insert("to_store", fact.value("to"));
        row.insert("note", fact.value("note"));
        row.insert("status", json!("requested"));
        row.insert("incomplete", json!(false));
        for column in [
            "in_transit",
            "in_transit_value_minor",
            "surplus",
            "lost",
            "lost_value_minor",
        ] {
            row.insert(column, json!(0));
        }
        for column in ["created_position", "last_position"] {
            row.insert(column, json!(fact.event.position));
        }
    }

    /// What came, or what was decided, as the transfer's own list of them has it.
    fn transfer_document(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let document = match kind {
            "received" => "reception",
            "difference_resolved" => "difference",
            "surplus_resolved" => "surplus",
            _ => return,
        };
        let id = fact.text("transfer_id");
        let reception = fact.text("reception_id");
        if document == "reception" && !self.away.receptions.insert(fact.key(&[id, reception])) {
            findings.error(
                "doubled",
                format!("reception {reception} of transfer {id} is there twice"),
            );
        }
        let position = fact.event.position;
        let row = self.row("rm_transfer_documents", fact.key(&[id, &position.to_string()]));
        row.insert("kind", json!(document));
        for column in ["reception_id", "decision", "note"] {
            row.insert(column, fact.value(column));
        }
    }

    /// What came beyond what was dispatched, and what was decided about it. What the sending store turned out to have sent
    /// leaves its shelf and enters the other one at the same cost, which together is nothing that is away.
    fn surplus(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("transfer_id");
        let (list, sign) = match kind {
            "received" => ("surplus", 1),
            "surplus_resolved" => ("lines", -1),
            _ => return,
        };
        for line in fact.list(list) {
            let pieces = number(line, "quantity");
            add(
                self.row("rm_transfers", fact.key(&[id])),
                "surplus",
                sign * pieces,
            );
            let line_key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_transfer_lines", line_key);
            add(row, "surplus", sign * pieces);
            if get(row, "surplus") < 0 {
                let position = fact.event.position;
                findings.error(
                    "transfers",
                    format!("position {position}: more of {id} is decided than came beyond it"),
                );
            }
            if fact.text("decision") == "sent_by_origin" {
                add(row, "surplus_accepted", pieces);
            } else if number(line, "value_minor") != 0 {
                let position = fact.event.position;
                findings.error(
                    "transfers",
                    format!("position {position}: what of {id} was not accepted has a value"),
                );
            }
        }
    }

    /// Every piece that left a shelf for a transfer is on a shelf again, lost by somebody's decision, or in transit.
    pub(in super::super) fn check_in_transit(&self, findings: &mut Findings) {
        for (key, row) in self.tables.get("rm_stock").into_iter().flatten() {
            if get(row, "in_transit") < 0 {
                findings.error("transfers", format!("{key:?}: more came than was on its way"));
            }
        }
        for (key, row) in self.tables.get("rm_transfer_lines").into_iter().flatten() {
            let open = get(row, "dispatched") - get(row, "received") - get(row, "lost") - get(row, "back");
            let value = get(row, "dispatched_value_minor") - get(row, "settled_value_minor");
            if open < 0 || value < 0 || (open == 0 && value != 0) {
                findings.error(
                    "transfers",
                    format!("{key:?}: {open} worth {value} are in transit, which cannot be"),
                );
            }
        }
        for (key, row) in self.tables.get("rm_transfers").into_iter().flatten() {
            let open = get(row, "in_transit") + get(row, "surplus");
            let status = text_of(row.get("status"));
            if (status == "in_transit") != (open > 0) {
                findings.error(
                    "transfers",
                    format!("{key:?} is {status} with {open} in transit or undecided"),
                );
            }
        }
        let Away {
            shelves, transfers, ..
        } = &self.away;
        for key in shelves.keys().chain(transfers.keys()).collect::<BTreeSet<_>>() {
            let sum = |sums: &Sums| sums.get(key).copied().unwrap_or_default();
            let (shelf, transfer) = (sum(shelves), sum(transfers));
            if shelf != transfer {
                findings.error(
                    "transfers",
                    format!(
                        "{key:?}: shelves gave (pieces, value) {shelf:?}, the transfer says {transfer:?}"
                    ),
                );
            }
        }
    }
}

/// Units are in transit from the dispatch until the one time that they come, are lost, or are back.
fn units_moved(row: &mut Row, kind: &str, line: &Value, fact: &Fact<'_>, findings: &mut Findings) {
    let none = Vec::new();
    let named = line.get("units").and_then(Value::as_array).unwrap_or(&none);
    if named.is_empty() {
        return;
    }
    let before = text_of(row.get("units_in_transit"));
    let mut units: Vec<Value> = serde_json::from_str(&before).unwrap_or_default();
    for unit in named {
        let place = units.iter().position(|known| known == unit);
        match (kind, place) {
            ("dispatched", None) => units.push(unit.clone()),
            ("dispatched", Some(_)) | (_, None) => {
                let position = fact.event.position;
                findings.error(
                    "transfers",
                    format!("position {position}: {unit} is {kind}, which it cannot be"),
                );
            }
            (_, Some(place)) => drop(units.remove(place)),
        }
    }
    row.insert("units_in_transit", json!(Value::from(units).to_string()));
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
