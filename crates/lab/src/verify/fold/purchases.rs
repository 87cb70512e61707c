//! Purchases: what was ordered, came, was given up and went back, line by line, and what it cost to the minor unit.
//!
//! Whatever a purchase says that it moved is held against the shelves' own events, and what it says is owed against the
//! suppliers' ledgers, once the log is read.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key, add, get, number, text};

/// What purchases say less what shelves and ledgers say: nothing, in the end.
#[derive(Debug, Default)]
pub(super) struct Bought {
    /// Pieces and value by tenant, purchase, store and item.
    moved: HashMap<Key, (i64, i64)>,
    /// Amounts by tenant and purchase.
    owed: HashMap<Key, i64>,
}

impl Bought {
    fn add(&mut self, fact: &Fact<'_>, purchase: &str, sku: &str, (pieces, value): (i64, i64)) {
        let key = fact.key(&[purchase, fact.text("store"), sku]);
        let sum = self.moved.entry(key).or_default();
        sum.0 += pieces;
        sum.1 += value;
    }

    /// A shelf moved: what of it was for a purchase is taken off what the purchase says.
    pub fn shelf_moved(&mut self, fact: &Fact<'_>, kind: &str) {
        let (document, of_shelf) = match kind {
            // Who receives by hand may write anything into the reference.
            "received" if text(fact.meta, "command") == "receive_purchase" => {
                let pieces = fact.number("quantity");
                (
                    fact.text("reference"),
                    (-pieces, -pieces * fact.number("unit_cost_minor")),
                )
            }
            "dispatched" => (
                fact.text("document"),
                (fact.number("quantity"), fact.number("value_minor")),
            ),
            "cost_adjusted" => (fact.text("document"), (0, -fact.number("delta_minor"))),
            _ => return,
        };
        if let Some(purchase) = document.strip_prefix("purchase/") {
            self.add(fact, purchase, fact.text("sku"), of_shelf);
        }
    }

    /// A purchase says that so much more is owed, or a ledger that it is booked (as a negative amount).
    pub fn owed(&mut self, fact: &Fact<'_>, purchase: &str, amount: i64) {
        *self.owed.entry(fact.key(&[purchase])).or_default() += amount;
    }
}

impl Folded {
    pub(super) fn purchase(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("purchase_id").to_owned();
        let was = self.row("rm_purchases", fact.key(&[&id])).clone();
        let status = was.get("status").and_then(Value::as_str).unwrap_or("none");
        let may: &[&str] = match kind {
            "ordered" => &["none"],
            "changed" | "sent" => &["ordered"],
            "received" => &["sent", "partially_received", "received"],
            "cancelled" => &["ordered", "sent", "partially_received"],
            "closed" => &["received"],
            _ => &["partially_received", "received", "closed"],
        };
        if !may.contains(&status) {
            wrong(
                fact,
                findings,
                format!("purchase {id} was {status} and is {kind}"),
            );
        }
        match kind {
            "ordered" => self.ordered(fact, &id, findings),
            "changed" => self.written_anew(fact, &id, findings),
            "received" => self.received(fact, &id, findings),
            "invoiced" => self.invoiced(fact, &id, findings),
            "cost_adjusted" => self.cost_adjusted(fact, &id, findings),
            "returned" => self.sent_back(fact, &id, findings),
            "cancelled" => {
                add(self.row("rm_purchases", fact.key(&[&id])), "revision", 1);
                for line in fact.list("lines") {
                    let key = fact.key(&[&id, &number(line, "line").to_string()]);
                    add(
                        self.row("rm_purchase_lines", key),
                        "cancelled",
                        number(line, "quantity"),
                    );
                    let row = self.row("rm_purchases", fact.key(&[&id]));
                    add(row, "cancelled", number(line, "quantity"));
                    add(row, "outstanding", -number(line, "quantity"));
                }
            }
            _ => {}
        }
        let row = self.row("rm_purchases", fact.key(&[&id]));
        let (outstanding, received) = (get(row, "outstanding"), get(row, "received"));
        let status = match status {
            _ if kind == "closed" || status == "closed" => "closed",
            _ if (outstanding, received) == (0, 0) => "cancelled",
            _ if kind == "ordered" || (status == "ordered" && kind != "sent") => "ordered",
            _ if outstanding == 0 => "received",
            _ if received == 0 => "sent",
            _ => "partially_received",
        };
        row.insert("status", json!(status));
        row.insert("last_position", json!(fact.event.position));
        if outstanding < 0 {
            wrong(
                fact,
                findings,
                format!("{outstanding} of purchase {id} are outstanding"),
            );
        }
    }

    fn received(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let tolerance = get(self.row("rm_purchases", fact.key(&[id])), "tolerance_percent");
        for line in fact.list("lines") {
            let quantity = number(line, "quantity");
            let key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_purchase_lines", key);
            let wanted = get(row, "ordered") - get(row, "cancelled");
            let over_before = (get(row, "received") - wanted).max(0);
            add(row, "received", quantity);
            let received = get(row, "received");
            let extra = if get(row, "cancelled") > 0 {
                0
            } else {
                get(row, "ordered") * tolerance / 100
            };
            let over = (received - wanted).max(0);
            let (cost, rate) = (get(row, "unit_cost_minor"), get(row, "tax_rate_ppm"));
            let is_serialised = row.get("kind") == Some(&json!("serialised"));
            if over > extra {
                let limit = wanted + extra;
                wrong(
                    fact,
                    findings,
                    format!("{received} came of a line of {id}, {limit} may"),
                );
            }
            if number(line, "over_quantity") != over - over_before {
                wrong(
                    fact,
                    findings,
                    format!("{over} of a line of {id} are beyond the order"),
                );
            }
            let units = line.get("units").and_then(Value::as_array).map_or(0, Vec::len);
            if i64::try_from(units) != Ok(if is_serialised { quantity } else { 0 }) {
                wrong(fact, findings, format!("{units} units of {quantity} pieces"));
            }
            if number(line, "unit_cost_minor") != cost {
                wrong(fact, findings, format!("a piece costs {cost} by the order"));
            }
            check_line(fact, line, cost, rate, findings);
            let sku = text(line, "sku");
            self.bought
                .add(fact, id, sku, (quantity, number(line, "net_minor")));
            self.lots(fact, line);
            let row = self.row("rm_purchases", fact.key(&[id]));
            add(row, "received", quantity);
            add(row, "outstanding", over - over_before - quantity);
        }
        check_sums(fact, findings);
        let total = fact.number("total_minor");
        add(self.row("rm_purchases", fact.key(&[id])), "received_minor", total);
        self.document(fact, id, "reception", "reception_id", findings);
    }

    fn lots(&mut self, fact: &Fact<'_>, line: &Value) {
        let lots = line.get("lots").and_then(Value::as_array);
        for lot in lots.map(Vec::as_slice).unwrap_or_default() {
            let key = fact.key(&[fact.text("supplier_id"), text(line, "sku"), text(lot, "lot")]);
            let row = self.row("rm_supplier_lots", key);
            add(row, "quantity", number(lot, "quantity"));
            match lot.get("made_on") {
                Some(day) => drop(row.insert("made_on", day.clone())),
                None => drop(row.entry("made_on").or_insert(Value::Null)),
            }
            // Goods that expire first must not be hidden by others of their lot: days as text compare like days.
            let expires_on = row.entry("expires_on").or_insert(Value::Null);
            match (expires_on.as_str(), lot.get("expires_on").and_then(Value::as_str)) {
                (Some(known), Some(said)) if known <= said => {}
                (_, Some(said)) => *expires_on = json!(said),
                (_, None) => {}
            }
            for column in ["purchase_id", "reception_id", "store"] {
                row.insert(column, fact.value(column));
            }
        }
    }

    fn invoiced(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let total = fact.number("total_minor");
        let reception = fact.text("reception_id");
        let row = self.row("rm_purchase_documents", fact.key(&[id, "reception", reception]));
        let is_first = row.insert("invoice", fact.value("invoice")) == Some(Value::Null);
        if !is_first || get(row, "total_minor") != total {
            wrong(
                fact,
                findings,
                format!("reception {reception} of {id} is invoiced with {total}"),
            );
        }
        add(self.row("rm_purchases", fact.key(&[id])), "invoiced_minor", total);
        self.bought.owed(fact, id, total);
    }

    fn cost_adjusted(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let mut sums = [0; 4];
        for line in fact.list("lines") {
            let key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_purchase_lines", key);
            let figures = ["delta_minor", "tax_minor", "on_shelf_minor", "expensed_minor"];
            let [delta, tax, on_shelf, expensed] = figures.map(|figure| number(line, figure));
            add(row, "adjusted_minor", delta);
            add(row, "expensed_minor", expensed);
            if on_shelf + expensed != delta || delta == 0 {
                wrong(fact, findings, format!("{delta} is {on_shelf} and {expensed}"));
            }
            self.bought.add(fact, id, text(line, "sku"), (0, on_shelf));
            for (sum, figure) in sums.iter_mut().zip([delta, tax, on_shelf, expensed]) {
                *sum += figure;
            }
        }
        let figures = ["net_minor", "tax_minor", "on_shelf_minor", "expensed_minor"];
        let said = figures.map(|figure| fact.number(figure));
        let total = fact.number("total_minor");
        if said != sums || said[0] + said[1] != total {
            wrong(
                fact,
                findings,
                format!("{sums:?} is said to be {said:?} and {total}"),
            );
        }
        let row = self.row("rm_purchases", fact.key(&[id]));
        add(row, "adjusted_minor", total);
        add(row, "expensed_minor", said[3]);
        self.bought.owed(fact, id, total);
        self.document(fact, id, "cost_adjustment", "adjustment_id", findings);
    }

    fn sent_back(&mut self, fact: &Fact<'_>, id: &str, findings: &mut Findings) {
        let mut sums = [0; 4];
        for line in fact.list("lines") {
            let quantity = number(line, "quantity");
            let key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_purchase_lines", key);
            let figures = ["credit_minor", "tax_minor", "value_minor", "difference_minor"];
            let [credit, tax, value, difference] = figures.map(|figure| number(line, figure));
            add(row, "returned", quantity);
            add(row, "credited_minor", credit);
            let (returned, received) = (get(row, "returned"), get(row, "received"));
            if returned > received || credit - value != difference {
                wrong(
                    fact,
                    findings,
                    format!(
                        "{returned} of {received} of {id} went back, {credit} less {value} is {difference}"
                    ),
                );
            }
            // Whatever goes back is never credited with more than it ever cost.
            let cost = received * get(row, "unit_cost_minor") + get(row, "adjusted_minor").max(0);
            if get(row, "credited_minor") > cost {
                wrong(
                    fact,
                    findings,
                    format!("a line of {id} is credited with more than {cost}"),
                );
            }
            self.bought.add(fact, id, text(line, "sku"), (-quantity, -value));
            add(self.row("rm_purchases", fact.key(&[id])), "returned", quantity);
            for (sum, figure) in sums.iter_mut().zip([credit, tax, value, difference]) {
                *sum += figure;
            }
        }
        let figures = ["net_minor", "tax_minor", "value_minor", "difference_minor"];
        let said = figures.map(|figure| fact.number(figure));
        let total = fact.number("total_minor");
        if said != sums || said[0] + said[1] != total {
            wrong(
                fact,
                findings,
                format!("{sums:?} is said to be {said:?} and {total}"),
            );
        }
        let row = self.row("rm_purchases", fact.key(&[id]));
        add(row, "credited_minor", total);
        add(row, "difference_minor", said[3]);
        self.bought.owed(fact, id, -total);
        self.document(fact, id, "return", "return_id", findings);
    }

    fn document(
        &mut self,
        fact: &Fact<'_>,
        id: &str,
        kind: &'static str,
        named: &'static str,
        findings: &mut Findings,
    ) {
        let row = self.row("rm_purchase_documents", fact.key(&[id, kind, fact.text(named)]));
        if !row.is_empty() {
            let document = fact.text(named);
            findings.error(
                "doubled",
                format!("{kind} {document} of purchase {id} is there twice"),
            );
        }
        for column in ["net_minor", "tax_minor", "total_minor", "invoice"] {
            row.insert(column, fact.value(column));
        }
        row.insert("event_position", json!(fact.event.position));
    }

    /// What purchases brought and took is what shelves moved, and what they owe is what ledgers say.
    pub(in super::super) fn check_bought(&self, findings: &mut Findings) {
        for (key, (pieces, value)) in &self.bought.moved {
            if (*pieces, *value) != (0, 0) {
                findings.error(
                    "purchases",
                    format!("{key:?}: the purchase says {pieces} pieces and {value} more than the shelf"),
                );
            }
        }
        for (key, amount) in self.bought.owed.iter().filter(|(_, amount)| **amount != 0) {
            findings.error(
                "purchases",
                format!("{key:?}: the purchase owes {amount} more than the ledger says"),
            );
        }
        let none = HashMap::new();
        findings.add(
            "purchases",
            self.tables.get("rm_purchases").unwrap_or(&none).len(),
        );
        findings.add(
            "suppliers",
            self.tables.get("rm_suppliers").unwrap_or(&none).len(),
        );
    }
}

pub(super) fn wrong(fact: &Fact<'_>, findings: &mut Findings, what: String) {
    let position = fact.event.position;
    findings.error("purchases", format!("position {position}: {what}"));
}

/// Net is quantity × cost, and tax on it is rounded half up; neither is negative here.
pub(super) fn check_line(fact: &Fact<'_>, line: &Value, cost: i64, rate_ppm: i64, findings: &mut Findings) {
    let net = number(line, "quantity") * cost;
    let tax = (i128::from(net) * i128::from(rate_ppm) + 500_000) / 1_000_000;
    if number(line, "net_minor") != net || i128::from(number(line, "tax_minor")) != tax {
        wrong(fact, findings, format!("a line costs {net} and {tax} of tax"));
    }
}

/// An event's sums are those of its lines.
pub(super) fn check_sums(fact: &Fact<'_>, findings: &mut Findings) {
    let sum = |figure| -> i64 { fact.list("lines").iter().map(|line| number(line, figure)).sum() };
    let (net, tax) = (sum("net_minor"), sum("tax_minor"));
    let said = ["net_minor", "tax_minor", "total_minor"].map(|figure| fact.number(figure));
    if said != [net, tax, net + tax] {
        wrong(
            fact,
            findings,
            format!("the lines add up to {net} and {tax}, not {said:?}"),
        );
    }
}

#[cfg(test)]
#[path = "purchases_tests.rs"]
mod tests;
