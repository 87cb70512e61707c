//! Numbers of documents: each is handed out once, none is left out, and each stands on the one document that took it.
//!
//! What the counters' own events hand out is held against what the documents say, once the log is read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key, get};

#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// By tenant, series, prefix and count.
    handed_out: HashSet<Key>,
    /// The next count by tenant, series and prefix.
    free: HashMap<Key, i64>,
    /// Number by tenant, series and document: as the counters say it, and as the documents do.
    taken: BTreeMap<Key, String>,
    carried: BTreeMap<Key, String>,
}

/// A document that begins with an event.
struct Document {
    series: &'static str,
    name: String,
    /// Its table with the column `number`, and its id there; returns are told in their sale's or order's row.
    row: Option<(&'static str, String)>,
}

impl Document {
    fn of(fact: &Fact<'_>) -> Option<Self> {
        let with_row = |series, kind: &str, table| {
            let id = fact.text(&format!("{kind}_id")).to_owned();
            let name = format!("{kind}/{id}");
            let row = Some((table, id));
            Some(Self { series, name, row })
        };
        let returned = |name: String| {
            let (series, row) = ("return", None);
            Some(Self { series, name, row })
        };
        let return_id = fact.text("return_id");
        match fact.event.event_type.as_str() {
            "sale.completed" => with_row("receipt", "sale", "rm_sales"),
            "order.quoted" | "order.placed" => with_row("order", "order", "rm_orders"),
            "purchase.ordered" => with_row("purchase", "purchase", "rm_purchases"),
            "transfer_order.requested" => with_row("transfer", "transfer", "rm_transfers"),
            "repair.received" => with_row("repair", "repair", "rm_repairs"),
            "sale.returned" => returned(format!("return/{return_id}")),
            "order.returned" => {
                let order_id = fact.text("order_id");
                returned(format!("order/{order_id}/returns/{return_id}"))
            }
            _ => None,
        }
    }
}

fn wrong(fact: &Fact<'_>, findings: &mut Findings, what: String) {
    let position = fact.event.position;
    findings.error("numbers", format!("position {position}: {what}"));
}

impl Folded {
    /// A document may say its number, whatever version its event has.
    pub(super) fn numbered(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let Some(Document { series, name, row }) = Document::of(fact) else {
            return;
        };
        if let Some((table, id)) = row {
            self.row(table, fact.key(&[&id]))
                .insert("number", fact.value("number"));
        }
        let Some(number) = fact.data.get("number").and_then(Value::as_str) else {
            return;
        };
        let key = fact.key(&[series, &name]);
        if self.numbers.carried.insert(key, number.to_owned()).is_some() {
            wrong(fact, findings, format!("{name} has a second number, {number}"));
        }
    }

    /// A counter handed a number out: the next one of its prefix, as it was set, filled up to its digits.
    pub(super) fn number_taken(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let (series, prefix, count) = (fact.text("series"), fact.text("prefix"), fact.number("count"));
        let number = fact.text("number");
        let row = self.row("rm_numbering", fact.key(&[series])).clone();
        let is_on = row.get("enabled") == Some(&json!(true)) && row.get("prefix") == Some(&json!(prefix));
        if !is_on {
            wrong(
                fact,
                findings,
                format!("{series} has no numbers with {prefix:?} now"),
            );
        }
        let key = fact.key(&[series, prefix]);
        let free = self.numbers.free.entry(key.clone()).or_default();
        let next = get(&row, "next").max(*free);
        *free = next.max(count + 1);
        let next_count = *free;
        let once = [key, vec![count.to_string()]].concat();
        if !self.numbers.handed_out.insert(once) {
            wrong(fact, findings, format!("{series} {number} is handed out twice"));
        } else if count != next {
            wrong(
                fact,
                findings,
                format!("{series} {number} is handed out, {next} is next"),
            );
        }
        let digits = usize::try_from(get(&row, "digits")).unwrap_or(0);
        if number != format!("{prefix}{count:0digits$}") {
            wrong(fact, findings, format!("{series} {count} is written {number:?}"));
        }
        let document = fact.text("document");
        let key = fact.key(&[series, document]);
        if self.numbers.taken.insert(key, number.to_owned()).is_some() {
            wrong(
                fact,
                findings,
                format!("{document} takes a second number, {number}"),
            );
        }
        let row = self.row("rm_numbering", fact.key(&[series]));
        super::add(row, "taken", 1);
        row.insert("next_count", json!(next_count));
        row.insert("last_number", fact.value("number"));
        row.insert("last_position", json!(fact.event.position));
    }

    /// Each number stands on the document that took it, and no document has one that nobody handed out.
    pub(in super::super) fn check_numbers(&self, findings: &mut Findings) {
        let Numbers { taken, carried, .. } = &self.numbers;
        for key in taken.keys().chain(carried.keys()).collect::<BTreeSet<_>>() {
            let (handed, says) = (taken.get(key), carried.get(key));
            if handed != says {
                findings.error(
                    "numbers",
                    format!("{key:?} was given {handed:?} and says {says:?}"),
                );
            }
        }
        findings.add("numbers", taken.len());
    }
}
