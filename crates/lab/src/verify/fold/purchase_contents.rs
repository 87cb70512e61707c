//! What orders to suppliers say, as they were written and as they were changed before they were sent.
//!
//! Not here: what came of them and what they cost in the end (`purchases`).

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::purchases::{check_line, check_sums, wrong};
use super::{Fact, Folded, add, get, number};

impl Folded {
    pub(super) fn ordered(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let row = self.row("rm_purchases", fact.key(&[id]));
        row.insert("revision", json!(1));
        row.insert("created_position", json!(fact.event.position));
        for column in [
            "received",
            "returned",
            "received_minor",
            "invoiced_minor",
            "adjusted_minor",
            "credited_minor",
            "expensed_minor",
            "difference_minor",
        ] {
            row.insert(column, json!(0));
        }
        self.written(fact, id, findings);
    }

    /// Other lines take the place of those before; what is beyond them is gone.
    pub(super) fn written_anew(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let row = self.row("rm_purchases", fact.key(&[id]));
        add(row, "revision", 1);
        let was = get(row, "revision");
        let said = (fact.number("revision"), fact.number("lines_before"));
        for line in 1..=said.1 {
            let row = self.row("rm_purchase_lines", fact.key(&[id, &line.to_string()]));
            if row.is_empty() || row.get("removed") == Some(&json!(true)) {
                wrong(fact, findings, format!("purchase {id} had no line {line}"));
            }
            row.insert("removed", json!(true));
        }
        if was != said.0 {
            wrong(fact, findings, format!("this is revision {was} of purchase {id}"));
        }
        self.written(fact, id, findings);
    }

    /// What an order says from now on.
    fn written(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let mut pieces = 0;
        for line in fact.list("lines") {
            let key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_purchase_lines", key);
            for column in ["sku", "kind", "unit_cost_minor", "tax_rate_ppm"] {
                row.insert(column, line.get(column).cloned().unwrap_or(Value::Null));
            }
            row.insert("tax_code", line.get("tax_code").cloned().unwrap_or(Value::Null));
            row.insert("ordered", line.get("quantity").cloned().unwrap_or(Value::Null));
            row.insert("removed", json!(false));
            for column in [
                "received",
                "cancelled",
                "returned",
                "adjusted_minor",
                "expensed_minor",
                "credited_minor",
            ] {
                row.insert(column, json!(0));
            }
            pieces += number(line, "quantity");
            check_line(
                fact,
                line,
                number(line, "unit_cost_minor"),
                number(line, "tax_rate_ppm"),
                findings,
            );
        }
        check_sums(fact, findings);
        let row = self.row("rm_purchases", fact.key(&[id]));
        for column in [
            "supplier_id",
            "store",
            "tolerance_percent",
            "expected_on",
            "note",
            "currency",
            "net_minor",
            "tax_minor",
            "total_minor",
        ] {
            row.insert(column, fact.value(column));
        }
        row.insert("ordered", json!(pieces));
        row.insert("outstanding", json!(pieces));
        row.insert("cancelled", json!(0));
    }
}
