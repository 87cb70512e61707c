//! Suppliers, their contacts, and our account with each: a balance is the sum of its ledger, and what purchases charged
//! and credited is what their own events say.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Row, add, get, text};

impl Folded {
    pub(super) fn supplier(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        if let Some(kind) = kind.strip_prefix("contact_") {
            return self.supplier_contact(fact, kind);
        }
        let id = fact.text("supplier_id").to_owned();
        let amount = fact.number("amount_minor");
        let (entry, change) = match kind {
            "charged" => ("charge", amount),
            "credited" => ("credit", -amount),
            "paid" => ("payment", -amount),
            "debt_adjusted" => ("adjustment", fact.number("delta_minor")),
            _ => ("", 0),
        };
        let position = fact.event.position;
        if !entry.is_empty() {
            let cause = fact.data.get("cause").unwrap_or(&Value::Null);
            let by_purchase = text(cause, "purchase_id").to_owned();
            let key = fact.key(&[&id, &position.to_string()]);
            let ledger = self.row("rm_supplier_ledger", key);
            ledger.insert("kind", json!(entry));
            ledger.insert("amount_minor", json!(change));
            ledger.insert(
                "purchase_id",
                cause.get("purchase_id").cloned().unwrap_or(Value::Null),
            );
            if !by_purchase.is_empty() {
                self.bought.owed(fact, &by_purchase, -change);
            }
            if change == 0 || (entry != "adjustment" && amount < 0) {
                findings.error("balances", format!("position {position}: an entry of {amount}"));
            }
        }
        let row = self.row("rm_suppliers", fact.key(&[&id]));
        match kind {
            "registered" => {
                if !row.is_empty() {
                    findings.error("doubled", format!("position {position}: supplier {id} again"));
                }
                describe(row, fact);
                row.insert("active", json!(true));
                row.insert("currency", fact.value("currency"));
            }
            "changed" => describe(row, fact),
            "deactivated" => drop(row.insert("active", json!(false))),
            "reactivated" => drop(row.insert("active", json!(true))),
            _ => {}
        }
        row.insert("last_position", json!(position));
        add(row, "balance_minor", change);
        let said = fact.data.get("balance_minor");
        if said.is_some_and(|said| *said != row["balance_minor"]) {
            let (said, sum) = (fact.number("balance_minor"), get(row, "balance_minor"));
            findings.error(
                "balances",
                format!("position {position} says that we owe {said}, the ledger says {sum}"),
            );
        }
    }

    fn supplier_contact(&mut self, fact: &Fact<'_>, kind: &str) {
        let (supplier, contact) = (fact.text("supplier_id"), fact.text("contact_id"));
        let row = self.row("rm_supplier_contacts", fact.key(&[supplier, contact]));
        row.insert("removed", json!(kind == "removed"));
        if kind != "removed" {
            row.insert("role", fact.value("role"));
        }
        let position = fact.event.position;
        self.row("rm_suppliers", fact.key(&[supplier]))
            .insert("last_position", json!(position));
    }
}

fn describe(row: &mut Row, fact: &Fact<'_>) {
    for column in ["name", "tax_id", "payment_days", "note"] {
        row.insert(column, fact.value(column));
    }
}
