//! Customers, their ledgers and notes: a balance is the sum of its ledger, and no charge is made to who may not have one.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, add, get, text};

impl Folded {
    /// A balance is the sum of the ledger; each event also says what it came to.
    pub(super) fn customer(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        if kind.starts_with("note_") {
            self.note(fact, kind);
        }
        let id = fact.text("customer_id").to_owned();
        let amount = fact.number("amount_minor");
        let (entry, change) = match kind {
            "charged" => ("charge", amount),
            "credited" => ("credit", -amount),
            "payment_received" => ("payment", -amount),
            "registered" | "credit_changed" | "changed" | "status_changed" | "note_added"
            | "note_corrected" | "note_removed" => ("", 0),
            _ => return findings.error("balances", format!("unknown event customer.{kind}")),
        };
        let position = fact.event.position;
        if !entry.is_empty() {
            let cause = fact.value("cause");
            let row = self.row("rm_customer_ledger", fact.key(&[&id, &position.to_string()]));
            row.insert("kind", json!(entry));
            row.insert("amount_minor", json!(change));
            row.insert(
                "cause",
                if entry == "payment" {
                    json!(entry)
                } else {
                    cause.get("kind").cloned().unwrap_or(Value::Null)
                },
            );
            if text(&cause, "kind") == "order" {
                self.accounts.moved(fact.key(&[text(&cause, "order_id")]), change);
            }
        }
        let row = self.row("rm_customers", fact.key(&[&id]));
        add(row, "balance_minor", change);
        match kind {
            "registered" => {
                row.insert("status", json!("active"));
                row.insert("kind", fact.value("kind"));
            }
            "status_changed" => {
                row.insert("status", fact.value("status"));
            }
            "changed" if fact.data.get("kind").is_some() => {
                row.insert("kind", fact.value("kind"));
            }
            _ => {}
        }
        if kind == "charged" && row.get("status").is_some_and(|status| *status != "active") {
            let status = row["status"].clone();
            findings.error(
                "balances",
                format!("position {position} charges customer {id}, who is {status}"),
            );
        }
        if let Some(credit) = fact.data.get("credit") {
            row.insert("credit_kind", json!(text(credit, "kind")));
            row.insert(
                "credit_limit_minor",
                credit.get("limit_minor").cloned().unwrap_or(Value::Null),
            );
        }
        if fact.data.get("currency").is_some() {
            row.insert("currency", fact.value("currency"));
        }
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

    fn note(&mut self, fact: &Fact<'_>, kind: &str) {
        let key = fact.key(&[fact.text("customer_id"), fact.text("note_id")]);
        let row = self.row("rm_customer_notes", key);
        let said = fact.value("text").get("sealed").cloned().unwrap_or(Value::Null);
        row.insert("text_sealed", said);
        row.insert("removed", json!(kind == "note_removed"));
        if kind == "note_added" {
            row.insert("added_position", json!(fact.event.position));
        }
        row.insert("last_position", json!(fact.event.position));
    }
}
