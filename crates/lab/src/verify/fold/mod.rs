//! The read models from scratch: a plain fold over events as JSON, written from the documents.
//!
//! `sales` holds the till's tables, `admin` those of the tenant's set-up, `cost` what stock costs. Not here: personal data
//! in clear (it is sealed).

mod admin;
mod api_keys;
mod cost;
mod customers;
mod numbers;
mod offline;
mod orders;
mod purchase_contents;
mod purchases;
mod repairs;
mod reservations;
mod sales;
mod stock_control;
mod suppliers;
mod transfers;
mod units;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use self::cost::Cost;
use super::findings::Findings;
use super::log::Event;

/// A row's columns.
pub(super) type Row = BTreeMap<&'static str, Value>;
/// A row's key, in the order of its table's key columns, as JSON text.
pub(super) type Key = Vec<String>;

/// Table to key to row.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub tables: HashMap<&'static str, HashMap<Key, Row>>,
    /// What holders keep.
    held: reservations::Held,
    /// From the time of each reservation that expired to its expiry.
    expired_late_us: Vec<i64>,
    /// What purchases say that they moved and owe, and shelves and ledgers do not.
    bought: purchases::Bought,
    /// What shelves gave to transfers.
    away: transfers::Away,
    /// What shelves and repairs say about each other.
    benches: repairs::Benches,
    /// The numbers of documents, as counters and as documents say them.
    numbers: numbers::Numbers,
    /// What orders and their customers' ledgers say of each other.
    accounts: orders::Accounts,
    /// The ids of returns: each is used once.
    returns: HashSet<Key>,
}

/// What one event is about.
struct Fact<'a> {
    event: &'a Event,
    data: &'a Value,
    meta: &'a Value,
}

impl Fact<'_> {
    fn text(&self, field: &str) -> &str {
        self.data.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, field: &str) -> i64 {
        number(self.data, field)
    }

    /// The field as it is; null when absent.
    fn value(&self, field: &str) -> Value {
        self.data.get(field).cloned().unwrap_or(Value::Null)
    }

    fn list(&self, field: &str) -> &[Value] {
        self.data
            .get(field)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// A key of the tenant's.
    fn key(&self, rest: &[&str]) -> Key {
        std::iter::once(self.event.tenant.as_str())
            .chain(rest.iter().copied())
            .map(str::to_owned)
            .collect()
    }
}

fn number(value: &Value, field: &str) -> i64 {
    value.get(field).and_then(Value::as_i64).unwrap_or(0)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn add(row: &mut Row, column: &'static str, amount: i64) {
    let cell = row.entry(column).or_insert_with(|| json!(0));
    *cell = json!(cell.as_i64().unwrap_or(0) + amount);
}

fn get(row: &Row, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or(0)
}

impl Folded {
    fn row(&mut self, table: &'static str, key: Key) -> &mut Row {
        self.tables.entry(table).or_default().entry(key).or_default()
    }

    /// Folds one event.
    pub(super) fn take(&mut self, event: &Event, data: &Value, meta: &Value, findings: &mut Findings) {
        let fact = Fact { event, data, meta };
        self.audit(&fact);
        match event.event_type.split_once('.') {
            Some(("inventory", kind)) if kind.starts_with("unit_") => self.unit(&fact, kind, findings),
            Some(("inventory", kind)) => match kind.strip_prefix("reservation_") {
                Some(kind) => self.reservation(&fact, kind, findings),
                None => match kind.split_once('_') {
                    Some(("threshold", kind)) => self.threshold(&fact, kind, findings),
                    Some(("alert", kind)) => self.alert(&fact, kind, findings),
                    Some(("movement", kind)) => self.movement(&fact, kind, findings),
                    _ => self.stock(&fact, kind, findings),
                },
            },
            Some(("transfer_order", kind)) => self.transfer(&fact, kind, findings),
            Some(("repair", kind)) => self.repair(&fact, kind, findings),
            Some(("supplier", kind)) => self.supplier(&fact, kind, findings),
            Some(("purchase", kind)) => self.purchase(&fact, kind, findings),
            Some(("customer", kind)) => self.customer(&fact, kind, findings),
            Some(("order", kind)) => self.order(&fact, kind, findings),
            Some(("sale", kind)) => match kind.strip_prefix("offline_") {
                Some(kind) => self.offline(&fact, kind, findings),
                None => self.sale(&fact, kind, findings),
            },
            Some(("catalogue", kind)) => self.item(&fact, kind),
            Some(("admin", "movement_policy_set")) => self.movement_policy(&fact),
            Some(("admin", kind)) => match kind.strip_prefix("api_key_") {
                Some(kind) => self.api_key(&fact, kind, findings),
                None => self.admin(&fact, kind, findings),
            },
            _ => {}
        }
        self.numbered(&fact, findings);
    }

    fn audit(&mut self, fact: &Fact<'_>) {
        let (event, meta) = (fact.event, fact.meta);
        let row = self.row("rm_audit", fact.key(&[&event.position.to_string()]));
        row.insert("event_type", json!(event.event_type));
        row.insert("stream", json!(event.stream));
        for column in ["command", "command_id", "reason"] {
            row.insert(column, meta.get(column).cloned().unwrap_or(Value::Null));
        }
        let actor = meta.get("actor").unwrap_or(&Value::Null);
        let name = match text(actor, "kind") {
            "user" => text(actor, "username"),
            "api_key" => text(actor, "api_key_id"),
            _ => text(actor, "name"),
        };
        row.insert("actor", json!(name));
        let trace = meta.get("traceparent").and_then(Value::as_str);
        row.insert("correlation_id", json!(trace.and_then(|trace| trace.get(3..35))));
    }

    /// Stock is the sum of movements; each event also says what it came to.
    fn stock(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let quantity = fact.number("quantity");
        let (on_hand, reserved) = match kind {
            "received" | "returned" | "arrived" => (quantity, 0),
            "adjusted" => (fact.number("delta"), 0),
            "written_off" | "issued" | "dispatched" => (-quantity, 0),
            "cost_adjusted" => (0, 0),
            "reserved" => (0, quantity),
            "released" => (0, -quantity),
            _ => return findings.error("stock", format!("unknown movement inventory.{kind}")),
        };
        let position = fact.event.position;
        let (store, sku) = (fact.text("store"), fact.text("sku"));
        let movement = self.row(
            "rm_stock_movements",
            fact.key(&[&position.to_string(), store, sku]),
        );
        movement.insert("on_hand_delta", json!(on_hand));
        movement.insert("reserved_delta", json!(reserved));
        movement.insert("kind", json!(kind));
        movement.insert(
            "command_id",
            fact.meta.get("command_id").cloned().unwrap_or(Value::Null),
        );
        if reserved != 0 {
            self.held.moved(fact, reserved, findings);
        }
        self.bought.shelf_moved(fact, kind);
        match kind {
            "dispatched" => {
                self.away.moved(fact, 1);
                self.benches.shelf(fact, 1);
            }
            "arrived" => {
                self.away.moved(fact, -1);
                self.benches.shelf(fact, -1);
            }
            _ => {}
        }
        let row = self.row("rm_stock", fact.key(&[store, sku]));
        let mut step = None;
        match cost::after(Cost::of(row), get(row, "on_hand"), on_hand, fact, findings) {
            Some((cost, ledger)) => {
                cost.store(row);
                step = ledger;
            }
            None => findings.error("stock", format!("position {position}: the cost leaves its range")),
        }
        row.insert("last_position", json!(position));
        add(row, "on_hand", on_hand);
        add(row, "reserved", reserved);
        add(row, "in_transit", 0);
        for column in ["on_hand", "reserved"] {
            if fact.data.get(column).is_some_and(|said| *said != row[column]) {
                let (said, sum) = (fact.number(column), get(row, column));
                findings.error(
                    "stock",
                    format!("position {position} says {column} {said}, the movements say {sum}"),
                );
            }
        }
        if let Some(step) = step {
            *self.row("rm_stock_costs", fact.key(&[store, sku, &position.to_string()])) = step;
        }
    }

    fn item(&mut self, fact: &Fact<'_>, kind: &str) {
        let row = self.row("rm_items", fact.key(&[fact.text("sku")]));
        match kind {
            "item_created" => {
                for column in ["name", "kind", "price_minor", "currency", "tax_code"] {
                    row.insert(column, fact.value(column));
                }
                row.insert("discontinued", json!(false));
                row.insert("cost_minor", Value::Null);
            }
            "item_cost_set" => drop(row.insert("cost_minor", fact.value("cost_minor"))),
            "item_changed" => {
                for column in ["name", "price_minor", "tax_code"] {
                    // An absent field stays as it is; a tax code of null clears it.
                    if fact.data.get(column).is_some() {
                        row.insert(column, fact.value(column));
                    }
                }
            }
            _ => {
                row.insert("discontinued", json!(kind == "item_discontinued"));
            }
        }
    }
}

#[cfg(test)]
mod numbers_tests;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
#[cfg(test)]
mod transit_tests;
