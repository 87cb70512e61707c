//! Sales taken offline: each till's numbers come one by one, and a sale that collided is in quarantine, in the books or
//! cancelled, never two of them.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::super::findings::Findings;
use super::{Fact, Folded, add, get, number, text};

impl Folded {
    pub(super) fn offline(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        match kind {
            "recorded" => self.till_came_on(fact, findings),
            "quarantined" => self.kept(fact, findings),
            _ => self.decided(fact, kind, findings),
        }
    }

    fn till_came_on(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let (terminal, incarnation) = (fact.text("terminal"), fact.text("incarnation"));
        let row = self.row("rm_offline_tills", fact.key(&[terminal, incarnation]));
        let (before, sequence) = (get(row, "last_sequence"), fact.number("sequence"));
        let position = fact.event.position;
        if sequence != before + 1 {
            findings.error(
                "offline",
                format!(
                    "position {position}: till {terminal}/{incarnation} comes from {before} to {sequence}"
                ),
            );
        }
        row.insert("last_sequence", json!(sequence));
        row.insert("store", fact.value("store"));
        row.insert("last_position", json!(position));
        let quarantine = fact.value("quarantine_id");
        add(row, "quarantined", i64::from(!quarantine.is_null()));
        let Some(id) = quarantine.as_str() else { return };
        if !self
            .tables
            .get("rm_offline_sales")
            .is_some_and(|rows| rows.contains_key(&fact.key(&[id])))
        {
            findings.error("offline", format!("position {position}: nothing is kept as {id}"));
        }
    }

    fn kept(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let id = fact.text("quarantine_id");
        let (sale, cause) = (fact.value("sale"), fact.value("cause"));
        let row = self.row("rm_offline_sales", fact.key(&[id]));
        if !row.is_empty() {
            findings.error(
                "doubled",
                format!("sale {id} of {} is kept twice", fact.event.tenant),
            );
        }
        for column in ["terminal", "incarnation", "sequence", "cashier", "currency"] {
            row.insert(column, fact.value(column));
        }
        row.insert("sale_id", json!(text(&sale, "sale_id")));
        row.insert("total_minor", json!(number(&sale, "total_minor")));
        row.insert("occurred_at", instant(&sale));
        let content = sale.get("content").unwrap_or(&Value::Null);
        row.insert("store", json!(text(content, "store")));
        row.insert(
            "customer_id",
            content.get("customer_id").cloned().unwrap_or(Value::Null),
        );
        row.insert("status", json!("quarantined"));
        row.insert("note", Value::Null);
        row.insert("kind", json!(text(&cause, "kind")));
        row.insert("code", json!(text(&cause, "code")));
        row.insert("line", cause.get("line").cloned().unwrap_or(Value::Null));
        for column in ["created_position", "last_position"] {
            row.insert(column, json!(fact.event.position));
        }
        let lines = content.get("lines").and_then(Value::as_array);
        for (line, noted) in (1_i64..).zip(lines.into_iter().flatten()) {
            let row = self.row("rm_offline_lines", fact.key(&[id, &line.to_string()]));
            for column in ["sku", "unit", "quantity", "unit_price_minor"] {
                row.insert(column, noted.get(column).cloned().unwrap_or(Value::Null));
            }
        }
    }

    /// What a decision puts right: a line, the customer or the time. With another item a unit goes that the catalogue does
    /// not know, or that can be none, and no other; decisions of the first version dropped none.
    fn put_right(&mut self, fact: &Fact<'_>, blamed: &(String, i64), findings: &mut Findings) {
        let resolution = fact.value("resolution");
        let number_of_line = number(&resolution, "line");
        let line = number_of_line.to_string();
        let (id, position) = (fact.text("quarantine_id"), fact.event.position);
        let key = fact.key(&[id, &line]);
        let is_dropped = fact.value("unit_dropped") == json!(true);
        match text(&resolution, "kind") {
            "replace_unit" => {
                let row = self.row("rm_offline_lines", key);
                row.insert("unit", json!(text(&resolution, "unit")));
                row.insert("sku", Value::Null);
            }
            "replace_item" => {
                let row = self.row("rm_offline_lines", key);
                row.insert("sku", json!(text(&resolution, "sku")));
                let unit = row.get("unit").and_then(Value::as_str);
                let is_unknown = *blamed == ("unit.not_found".to_owned(), number_of_line);
                let goes = fact.event.schema_version > 1
                    && unit.is_some_and(|unit| is_unknown || !names_a_unit(unit));
                if goes != is_dropped {
                    findings.error(
                        "offline",
                        format!(
                            "position {position}: {id} says {is_dropped} of dropping {unit:?} of line {line}"
                        ),
                    );
                }
                if is_dropped {
                    row.insert("unit", Value::Null);
                }
            }
            "correct_quantity" => {
                let row = self.row("rm_offline_lines", key);
                row.insert("quantity", json!(number(&resolution, "quantity")));
            }
            "correct_customer" => {
                let row = self.row("rm_offline_sales", fact.key(&[id]));
                let customer = resolution.get("customer_id").cloned();
                row.insert("customer_id", customer.unwrap_or(Value::Null));
            }
            "correct_time" => {
                let row = self.row("rm_offline_sales", fact.key(&[id]));
                row.insert("occurred_at", instant(&resolution));
            }
            _ => {}
        }
    }

    fn decided(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("quarantine_id");
        let sale_key = fact.key(&[fact.text("sale_id")]);
        let is_sold = self
            .tables
            .get("rm_sales")
            .is_some_and(|rows| rows.contains_key(&sale_key));
        let row = self.row("rm_offline_sales", fact.key(&[id]));
        let code = row.get("code").and_then(Value::as_str).unwrap_or_default();
        let blamed = (code.to_owned(), get(row, "line"));
        let position = fact.event.position;
        if row.get("status") != Some(&json!("quarantined")) {
            findings.error(
                "offline",
                format!("position {position}: {id} is {kind} and was not in quarantine"),
            );
        }
        match kind {
            "amended" => {
                let cause = fact.value("cause");
                row.insert("kind", json!(text(&cause, "kind")));
                row.insert("code", json!(text(&cause, "code")));
                row.insert("line", cause.get("line").cloned().unwrap_or(Value::Null));
            }
            "accepted" => {
                if !is_sold {
                    findings.error(
                        "offline",
                        format!("position {position}: {id} is accepted and not sold"),
                    );
                }
                row.insert("status", json!("accepted"));
            }
            _ => {
                row.insert("status", json!("cancelled"));
                row.insert("note", fact.value("note"));
            }
        }
        row.insert("last_position", json!(position));
        if kind != "cancelled" {
            self.put_right(fact, &blamed, findings);
        }
    }
}

/// A sale's `occurred_at` as Postgres says it in JSON: in UTC, to the microsecond, without zeros at the end.
fn instant(of: &Value) -> Value {
    let Ok(at) = OffsetDateTime::parse(text(of, "occurred_at"), &Rfc3339) else {
        return Value::Null;
    };
    let at = at.to_offset(UtcOffset::UTC);
    let micros = format!(".{:06}", at.microsecond());
    let fraction = micros.trim_end_matches('0').trim_end_matches('.');
    let (date, (hour, minute, second)) = (at.date(), at.to_hms());
    json!(format!(
        "{date}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00"
    ))
}

/// Whether a word can be a unit's number: an IMEI of 15 digits whose weighted sum ends in 0, or a serial number that can be
/// printed.
fn names_a_unit(word: &str) -> bool {
    let Some((kind, name)) = word.split_once(':') else {
        return false;
    };
    let digits: Option<Vec<u32>> = name.chars().map(|c| c.to_digit(10)).collect();
    match (kind, digits) {
        ("imei", Some(digits)) if digits.len() == 15 => {
            // From the left, every second digit counts double, digit by digit.
            let weighted = (0..).zip(digits).map(|(place, digit)| match place % 2 {
                0 => digit,
                _ => digit * 2 / 10 + digit * 2 % 10,
            });
            weighted.sum::<u32>() % 10 == 0
        }
        ("serial", _) => {
            let chars = name.chars().count();
            (1..=64).contains(&chars) && name.trim() == name && !name.chars().any(char::is_control)
        }
        _ => false,
    }
}
