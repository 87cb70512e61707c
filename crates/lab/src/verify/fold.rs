//! The read models from scratch: a plain fold over events as JSON, written from the documents.
//!
//! Not here: averages of cost (their rounding is the product's own) and personal data (sealed).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

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
            Some(("inventory", kind)) if kind.starts_with("unit_") => self.unit(&fact, kind),
            Some(("inventory", kind)) => self.stock(&fact, kind, findings),
            Some(("customer", kind)) => self.customer(&fact, kind, findings),
            Some(("sale", kind)) => self.sale(&fact, kind, findings),
            Some(("catalogue", kind)) => self.item(&fact, kind),
            _ => {}
        }
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
        let name = if text(actor, "kind") == "user" {
            text(actor, "username")
        } else {
            text(actor, "name")
        };
        row.insert("actor", json!(name));
    }

    /// Stock is the sum of movements; each event also says what it came to.
    fn stock(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let quantity = fact.number("quantity");
        let (on_hand, reserved) = match kind {
            "received" | "returned" => (quantity, 0),
            "adjusted" => (fact.number("delta"), 0),
            "written_off" | "issued" => (-quantity, 0),
            "reserved" => (0, quantity),
            "released" => (0, -quantity),
            _ => return findings.error("stock", format!("unknown movement inventory.{kind}")),
        };
        let position = fact.event.position;
        let (store, sku) = (fact.text("store"), fact.text("sku"));
        let movement = self.row(
            "rm_stock_movements",
            fact.key(&[store, sku, &position.to_string()]),
        );
        movement.insert("on_hand_delta", json!(on_hand));
        movement.insert("reserved_delta", json!(reserved));
        let row = self.row("rm_stock", fact.key(&[store, sku]));
        add(row, "on_hand", on_hand);
        add(row, "reserved", reserved);
        for column in ["on_hand", "reserved"] {
            if fact.data.get(column).is_some_and(|said| *said != row[column]) {
                let (said, sum) = (fact.number(column), get(row, column));
                findings.error(
                    "stock",
                    format!("position {position} says {column} {said}, the movements say {sum}"),
                );
            }
        }
    }

    fn unit(&mut self, fact: &Fact<'_>, kind: &str) {
        let status = match kind {
            "unit_received" | "unit_released" | "unit_returned" => "in_stock",
            "unit_reserved" => "reserved",
            "unit_sold" => "sold",
            _ => "written_off",
        };
        let row = self.row("rm_units", fact.key(&[fact.text("unit")]));
        row.insert("status", json!(status));
        for column in ["sku", "store"] {
            row.insert(column, fact.value(column));
        }
        // Who holds it, or took it, is known as long as it is so.
        row.insert(
            "holder",
            if status == "reserved" {
                fact.value("holder")
            } else {
                Value::Null
            },
        );
        row.insert(
            "sale_id",
            if status == "sold" {
                fact.value("sale_id")
            } else {
                Value::Null
            },
        );
    }

    /// A balance is the sum of the ledger; each event also says what it came to.
    fn customer(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("customer_id").to_owned();
        let amount = fact.number("amount_minor");
        let (entry, change) = match kind {
            "charged" => ("charge", amount),
            "credited" => ("credit", -amount),
            "payment_received" => ("payment", -amount),
            _ => ("", 0),
        };
        let position = fact.event.position;
        if !entry.is_empty() {
            let ledger = self.row("rm_customer_ledger", fact.key(&[&id, &position.to_string()]));
            ledger.insert("kind", json!(entry));
            ledger.insert("amount_minor", json!(change));
        }
        let row = self.row("rm_customers", fact.key(&[&id]));
        add(row, "balance_minor", change);
        if let Some(credit) = fact.data.get("credit") {
            row.insert("credit_kind", json!(text(credit, "kind")));
            row.insert(
                "credit_limit_minor",
                credit.get("limit_minor").cloned().unwrap_or(Value::Null),
            );
        }
        row.insert("currency", fact.value("currency"));
        if fact
            .data
            .get("balance_minor")
            .is_some_and(|said| *said != row["balance_minor"])
        {
            let (said, sum) = (fact.number("balance_minor"), get(row, "balance_minor"));
            findings.error(
                "balances",
                format!("position {position} says {said}, the ledger says {sum}"),
            );
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
            }
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

    fn sale(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        match kind {
            "drafted" | "draft_changed" => self.draft(fact),
            "draft_discarded" => {
                self.row("rm_sales", fact.key(&[fact.text("sale_id")]))
                    .insert("status", json!("discarded"));
            }
            "completed" => self.completed(fact, findings),
            "voided" => self.voided(fact),
            "returned" => self.returned(fact, findings),
            _ => findings.error("sales", format!("unknown event sale.{kind}")),
        }
    }

    fn sale_row(&mut self, key: Key) -> &mut Row {
        let row = self.row("rm_sales", key);
        for column in [
            "gross_minor",
            "discount_minor",
            "tax_minor",
            "total_minor",
            "change_minor",
            "returned_minor",
            "voided_minor",
        ] {
            add(row, column, 0);
        }
        row
    }

    fn draft(&mut self, fact: &Fact<'_>) {
        let draft = fact.value("draft");
        let row = self.sale_row(fact.key(&[fact.text("sale_id")]));
        row.insert("status", json!("draft"));
        for column in ["store", "terminal", "customer_id"] {
            row.insert(column, draft.get(column).cloned().unwrap_or(Value::Null));
        }
        row.insert(
            "line_count",
            json!(draft.get("lines").and_then(Value::as_array).map_or(0, Vec::len)),
        );
        row.insert("currency", Value::Null);
        row.insert("business_day", Value::Null);
    }

    fn completed(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let lines = fact.list("lines");
        let total = fact.number("total_minor");
        for (what, sum) in [
            ("lines", sum(lines, "total_minor")),
            ("payments", sum(fact.list("payments"), "amount_minor")),
        ] {
            if sum != total {
                let position = fact.event.position;
                findings.error(
                    "sales",
                    format!("position {position}: the {what} come to {sum}, the total is {total}"),
                );
            }
        }
        let sale_id = fact.text("sale_id");
        let row = self.sale_row(fact.key(&[sale_id]));
        if row.get("status").is_some_and(|status| *status != "draft") {
            findings.error(
                "doubled",
                format!("sale {sale_id} of {} is completed twice", fact.event.tenant),
            );
        }
        row.insert("status", json!("completed"));
        row.insert("line_count", json!(lines.len()));
        for column in [
            "store",
            "terminal",
            "customer_id",
            "currency",
            "business_day",
            "gross_minor",
            "discount_minor",
            "tax_minor",
            "total_minor",
            "change_minor",
        ] {
            row.insert(column, fact.value(column));
        }
        for line in lines {
            self.sale_line(fact, sale_id, line);
            let item = self.item_row(fact, text(line, "sku"));
            add(item, "sold_quantity", number(line, "quantity"));
            add(item, "sales_minor", number(line, "total_minor"));
        }
        let day = self.day(fact);
        add(day, "sales", 1);
        for column in ["gross_minor", "discount_minor", "tax_minor"] {
            add(day, column, fact.number(column));
        }
        add(day, "sales_minor", total);
        add(day, "net_minor", total);
    }

    fn sale_line(&mut self, fact: &Fact<'_>, sale_id: &str, line: &Value) {
        let row = self.row(
            "rm_sale_lines",
            fact.key(&[sale_id, &number(line, "line").to_string()]),
        );
        for column in [
            "sku",
            "unit",
            "name",
            "quantity",
            "unit_price_minor",
            "gross_minor",
            "discount_minor",
            "tax_code",
            "tax_rate_ppm",
            "tax_minor",
            "total_minor",
        ] {
            row.insert(column, line.get(column).cloned().unwrap_or(Value::Null));
        }
        add(row, "returned_quantity", 0);
        add(row, "returned_minor", 0);
    }

    fn voided(&mut self, fact: &Fact<'_>) {
        let total = fact.number("total_minor");
        let row = self.sale_row(fact.key(&[fact.text("sale_id")]));
        row.insert("status", json!("voided"));
        add(row, "voided_minor", total);
        let day = self.day(fact);
        add(day, "voids", 1);
        add(day, "voided_minor", total);
        add(day, "voided_tax_minor", fact.number("tax_minor"));
        add(day, "net_minor", -total);
    }

    fn returned(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let lines = fact.list("lines");
        let total = fact.number("total_minor");
        for (what, sum) in [
            ("lines", sum(lines, "total_minor")),
            ("refunds", sum(fact.list("refunds"), "amount_minor")),
        ] {
            if sum != total {
                let position = fact.event.position;
                findings.error(
                    "returns",
                    format!("position {position}: the {what} come to {sum}, the total is {total}"),
                );
            }
        }
        if let Some(sale_id) = fact.data.get("sale_id").and_then(Value::as_str) {
            add(self.sale_row(fact.key(&[sale_id])), "returned_minor", total);
            for line in lines {
                let row = self.row(
                    "rm_sale_lines",
                    fact.key(&[sale_id, &number(line, "sale_line").to_string()]),
                );
                add(row, "returned_quantity", number(line, "quantity"));
                add(row, "returned_minor", number(line, "total_minor"));
                if get(row, "returned_quantity") > get(row, "quantity") {
                    findings.error(
                        "returns",
                        format!("more of sale {sale_id} came back than was sold"),
                    );
                }
            }
        }
        for line in lines {
            let item = self.item_row(fact, text(line, "sku"));
            add(item, "returned_quantity", number(line, "quantity"));
            add(item, "returned_minor", number(line, "total_minor"));
        }
        let day = self.day(fact);
        add(day, "returns", 1);
        add(day, "returned_minor", total);
        add(day, "returned_tax_minor", fact.number("tax_minor"));
        add(day, "net_minor", -total);
    }

    fn day(&mut self, fact: &Fact<'_>) -> &mut Row {
        let row = self.row(
            "rm_daily_sales",
            fact.key(&[fact.text("store"), fact.text("business_day")]),
        );
        row.insert("currency", fact.value("currency"));
        for column in super::tables::DAILY_FIGURES {
            add(row, column, 0);
        }
        row
    }

    fn item_row(&mut self, fact: &Fact<'_>, sku: &str) -> &mut Row {
        let row = self.row(
            "rm_item_sales",
            fact.key(&[fact.text("store"), fact.text("business_day"), sku]),
        );
        row.insert("currency", fact.value("currency"));
        for column in [
            "sold_quantity",
            "sales_minor",
            "returned_quantity",
            "returned_minor",
        ] {
            add(row, column, 0);
        }
        row
    }
}

fn sum(rows: &[Value], field: &str) -> i64 {
    rows.iter().map(|row| number(row, field)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(events: &[(&str, Value)]) -> (Folded, Findings) {
        let (mut folded, mut findings) = (Folded::default(), Findings::default());
        for (number, (event_type, data)) in (1..).zip(events) {
            let event = Event {
                position: number,
                tenant: "t".to_owned(),
                stream: String::new(),
                version: number,
                id: Vec::new(),
                event_type: (*event_type).to_owned(),
                schema_version: 1,
                data: String::new(),
                meta: String::new(),
                recorded_us: 0,
                chain: Vec::new(),
            };
            folded.take(&event, data, &Value::Null, &mut findings);
        }
        (folded, findings)
    }

    fn sale(total: i64) -> Value {
        json!({ "sale_id": "s1", "store": "c", "currency": "HNL", "business_day": "2026-01-02", "total_minor": total,
                "lines": [{ "line": 1, "sku": "A", "quantity": 3, "total_minor": 300 }],
                "payments": [{ "method": "cash", "amount_minor": 300 }] })
    }

    #[test]
    fn stock_is_the_sum_of_movements_and_a_false_figure_in_an_event_is_noticed() {
        let moved =
            |quantity, on_hand| json!({ "store": "c", "sku": "A", "quantity": quantity, "on_hand": on_hand });
        let (stock, findings) = folded(&[
            ("inventory.received", moved(10, 10)),
            ("inventory.issued", moved(3, 7)),
        ]);
        assert_eq!(
            get(
                &stock.tables["rm_stock"][&vec!["t".into(), "c".into(), "A".into()]],
                "on_hand"
            ),
            7
        );
        assert!(findings.verdict().ok());
        let (_, findings) = folded(&[
            ("inventory.received", moved(10, 10)),
            ("inventory.issued", moved(3, 8)),
        ]);
        assert_eq!(findings.verdict().errors_of("stock"), 1);
    }

    #[test]
    fn a_day_nets_sales_returns_and_voids() {
        let returned = json!({ "return_id": "r", "sale_id": "s1", "store": "c", "business_day": "2026-01-02", "total_minor": 100,
            "lines": [{ "sale_line": 1, "sku": "A", "quantity": 1, "total_minor": 100 }], "refunds": [{ "amount_minor": 100 }] });
        let voided =
            json!({ "sale_id": "s1", "store": "c", "business_day": "2026-01-02", "total_minor": 200 });
        let (sales, findings) = folded(&[
            ("sale.completed", sale(300)),
            ("sale.returned", returned),
            ("sale.voided", voided),
        ]);
        let day = &sales.tables["rm_daily_sales"][&vec!["t".into(), "c".into(), "2026-01-02".into()]];
        assert_eq!(
            (
                get(day, "net_minor"),
                get(day, "returned_minor"),
                get(day, "voided_minor")
            ),
            (0, 100, 200)
        );
        assert!(findings.verdict().ok());
    }

    #[test]
    fn a_sale_whose_lines_do_not_add_up_or_that_completes_twice_is_noticed() {
        let (_, findings) = folded(&[("sale.completed", sale(301))]);
        assert_eq!(findings.verdict().errors_of("sales"), 2);
        let (_, findings) = folded(&[("sale.completed", sale(300)), ("sale.completed", sale(300))]);
        assert_eq!(findings.verdict().errors_of("doubled"), 1);
    }
}
