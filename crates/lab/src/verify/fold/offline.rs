//! Sales taken offline: each till's numbers come one by one, and a sale that collided is in quarantine, in the books or
//! cancelled, never two of them.

use serde_json::{Value, json};

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
    }

    fn decided(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("quarantine_id");
        let sale_key = fact.key(&[fact.text("sale_id")]);
        let is_sold = self
            .tables
            .get("rm_sales")
            .is_some_and(|rows| rows.contains_key(&sale_key));
        let row = self.row("rm_offline_sales", fact.key(&[id]));
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
    }
}
