//! Quotes and orders with their lines; what they keep of each shelf; and what they put on customers' accounts.
//!
//! Per line: returned ≤ delivered ≤ ordered, and invoiced ≤ delivered − returned; what is invoiced and credited of it is
//! its share of the line's sums, reckoned here anew. What an order keeps is what of a confirmed one is not delivered. What
//! invoices charge and returns credit is what the ledger says, order by order.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key, Row, add, get, number, text};

/// What lines and documents say about money.
const MONEY: [&str; 4] = ["gross_minor", "discount_minor", "tax_minor", "total_minor"];

/// In minor units.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// By tenant and order: what its invoices and returns say goes on the account, and what the ledger says came of it.
    orders: BTreeMap<Key, (i64, i64)>,
    /// By tenant, order and line: what its invoices say, less what was credited.
    invoiced: BTreeMap<Key, i64>,
}

impl Accounts {
    /// A ledger entry that rests on an order.
    pub fn moved(&mut self, order: Key, change: i64) {
        self.orders.entry(order).or_default().1 += change;
    }

    fn said(&mut self, order: Key, change: i64) {
        self.orders.entry(order).or_default().0 += change;
    }
}

/// What of payments or refunds concerns the customer's account.
fn on_account(parts: &[Value]) -> i64 {
    let parts = parts
        .iter()
        .filter(|part| matches!(text(part, "method"), "credit" | "store_credit"));
    parts.map(|part| number(part, "amount_minor")).sum()
}

impl Folded {
    pub(super) fn order(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("order_id");
        let key = fact.key(&[id]);
        if matches!(kind, "quoted" | "placed") {
            return self.order_made(fact, kind, findings);
        }
        let may_follow: &[&str] = match kind {
            "accepted" | "expired" => &["quote"],
            "changed" => &["quote", "open"],
            "confirmed" => &["open"],
            "delivered" => &["confirmed", "partly_delivered"],
            "cancelled" => &["quote", "open", "confirmed", "partly_delivered"],
            "invoiced" => &["partly_delivered", "delivered", "cancelled"],
            "returned" => &["partly_delivered", "delivered", "invoiced", "cancelled"],
            _ => return findings.error("orders", format!("unknown event order.{kind}")),
        };
        let position = fact.event.position;
        let row = self.row("rm_orders", key.clone());
        let before = row
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or("none")
            .to_owned();
        if !may_follow.contains(&before.as_str()) {
            findings.error(
                "orders",
                format!("position {position}: order {id} was {before} and is {kind}"),
            );
        }
        row.insert("last_position", json!(position));
        match kind {
            "changed" => self.order_changed(fact, findings),
            "accepted" => {
                add(row, "revision", 1);
                row.insert("status", json!("open"));
                row.insert("customer_id", fact.value("customer_id"));
            }
            "confirmed" | "cancelled" | "expired" => {
                row.insert("status", json!(kind));
            }
            _ => {
                self.order_moved(fact, kind, findings);
                let row = self.row("rm_orders", key);
                let status = if before == "cancelled" {
                    "cancelled"
                } else {
                    called(row)
                };
                row.insert("status", json!(status));
            }
        }
    }

    fn order_made(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let (id, position) = (fact.text("order_id"), fact.event.position);
        let row = self.row("rm_orders", fact.key(&[id]));
        if !row.is_empty() {
            findings.error(
                "doubled",
                format!("order {id} of {} is made twice", fact.event.tenant),
            );
        }
        row.insert("revision", json!(1));
        for column in [
            "delivered_quantity",
            "returned_quantity",
            "invoiced_quantity",
            "invoiced_minor",
        ] {
            row.insert(column, json!(0));
        }
        row.insert("status", json!(if kind == "quoted" { "quote" } else { "open" }));
        row.insert("created_position", json!(position));
        row.insert("last_position", json!(position));
        self.order_content(fact, findings);
    }

    /// Another content takes the place of the one before; lines beyond it are gone.
    fn order_changed(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let (id, position) = (fact.text("order_id"), fact.event.position);
        let row = self.row("rm_orders", fact.key(&[id]));
        add(row, "revision", 1);
        let was = (get(row, "revision"), get(row, "line_count"));
        let said = (fact.number("revision"), fact.number("lines_before"));
        if was != said {
            findings.error(
                "orders",
                format!("position {position}: order {id} had revision and lines {was:?}, not {said:?}"),
            );
        }
        for line in 1..=was.1 {
            let key = fact.key(&[id, &line.to_string()]);
            self.row("rm_order_lines", key).insert("removed", json!(true));
        }
        self.order_content(fact, findings);
    }

    /// The goods and prices that an order is about from now on.
    fn order_content(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let (id, position) = (fact.text("order_id"), fact.event.position);
        let content = fact.value("content");
        let none = Vec::new();
        let lines = content.get("lines").and_then(Value::as_array).unwrap_or(&none);
        for column in MONEY {
            let (sum, said) = (
                lines.iter().map(|line| number(line, column)).sum::<i64>(),
                number(&content, column),
            );
            if sum != said {
                findings.error(
                    "orders",
                    format!("position {position} says {column} {said}, its lines say {sum}"),
                );
            }
        }
        for line in lines {
            let row = self.row(
                "rm_order_lines",
                fact.key(&[id, &number(line, "line").to_string()]),
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
            row.insert("removed", json!(false));
            for column in ["delivered_quantity", "returned_quantity", "invoiced_quantity"] {
                row.insert(column, json!(0));
            }
        }
        let row = self.row("rm_orders", fact.key(&[id]));
        for column in ["store", "customer_id", "reference", "currency"] {
            row.insert(column, content.get(column).cloned().unwrap_or(Value::Null));
        }
        for column in MONEY {
            row.insert(column, json!(number(&content, column)));
        }
        row.insert("line_count", json!(lines.len()));
        let ordered: i64 = lines.iter().map(|line| number(line, "quantity")).sum();
        row.insert("ordered_quantity", json!(ordered));
    }

    /// A delivery, an invoice or a return: quantities line by line, and money.
    fn order_moved(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let (id, position) = (fact.text("order_id"), fact.event.position);
        for line in fact.list("lines") {
            let quantity = number(line, "quantity");
            let changes: &[(&'static str, i64)] = match kind {
                "delivered" => &[("delivered_quantity", quantity)],
                "invoiced" => &[("invoiced_quantity", quantity)],
                _ => &[
                    ("returned_quantity", quantity),
                    ("invoiced_quantity", -number(line, "credited_quantity")),
                ],
            };
            let line_key = fact.key(&[id, &number(line, "line").to_string()]);
            self.line_money(fact, kind, (&line_key, line), findings);
            for (column, change) in changes {
                add(self.row("rm_order_lines", line_key.clone()), column, *change);
                add(self.row("rm_orders", fact.key(&[id])), column, *change);
            }
            let row = self.row("rm_order_lines", line_key);
            let [ordered, delivered, returned, invoiced] = [
                "quantity",
                "delivered_quantity",
                "returned_quantity",
                "invoiced_quantity",
            ]
            .map(|column| get(row, column));
            let fits = (0..=delivered).contains(&returned)
                && delivered <= ordered
                && (0..=delivered - returned).contains(&invoiced);
            if !fits {
                findings.error(
                    "orders",
                    format!(
                        "position {position}: of {ordered} ordered {delivered} are delivered, {returned} are back and \
                         {invoiced} are invoiced"
                    ),
                );
            }
        }
        match kind {
            "invoiced" => self.day_of_invoice(fact),
            "returned" => self.day_of_order_return(fact),
            _ => {}
        }
        let (parts, sign) = match kind {
            "invoiced" => (fact.list("payments"), 1),
            "returned" => (fact.list("refunds"), -1),
            _ => return,
        };
        let total = fact.number("total_minor");
        add(
            self.row("rm_orders", fact.key(&[id])),
            "invoiced_minor",
            sign * total,
        );
        let of = |list: &[Value], field: &str| list.iter().map(|entry| number(entry, field)).sum::<i64>();
        for column in MONEY.into_iter().filter(|column| fact.data.get(column).is_some()) {
            let (sum, said) = (of(fact.list("lines"), column), fact.number(column));
            if sum != said {
                findings.error(
                    "orders",
                    format!("position {position} says {column} {said}, its lines say {sum}"),
                );
            }
        }
        let sums = (of(fact.list("lines"), "total_minor"), of(parts, "amount_minor"));
        if sums != (total, total) {
            findings.error(
                "orders",
                format!("position {position}: lines and payments come to {sums:?}, the total is {total}"),
            );
        }
        self.accounts.said(fact.key(&[id]), sign * on_account(parts));
    }

    /// What an invoice or a return says of a line, against what it makes of the line's sums.
    fn line_money(
        &mut self,
        fact: &Fact<'_>,
        kind: &str,
        (key, line): (&Key, &Value),
        findings: &mut Findings,
    ) {
        let sign = match kind {
            "invoiced" => 1,
            "returned" => -1,
            _ => return,
        };
        let invoiced = self.accounts.invoiced.entry(key.clone()).or_default();
        let so_far = *invoiced;
        *invoiced += sign * number(line, "total_minor");
        let known = self.row("rm_order_lines", key.clone());
        check_share((known, so_far), (fact, sign), line, findings);
    }

    /// What orders keep is what shelves say that they keep, and what they charged is what the ledgers say.
    pub(in super::super) fn check_orders(&self, findings: &mut Findings) {
        let none = std::collections::HashMap::new();
        let orders = self.tables.get("rm_orders").unwrap_or(&none);
        let items = self.tables.get("rm_items").unwrap_or(&none);
        let mut differences: BTreeMap<Key, i64> = self.held.of_holders("order/").collect();
        for (key, line) in self.tables.get("rm_order_lines").unwrap_or(&none) {
            let (tenant, id) = (&key[0], &key[1]);
            let Some(order) = orders.get(&key[..2]) else {
                continue;
            };
            let status = order.get("status").and_then(Value::as_str).unwrap_or_default();
            let sku = line.get("sku").and_then(Value::as_str).unwrap_or_default();
            let item = items.get(&[tenant.clone(), sku.to_owned()][..]);
            let is_service = item
                .and_then(|item| item.get("kind"))
                .is_some_and(|kind| *kind == "service");
            if is_service || !matches!(status, "confirmed" | "partly_delivered") {
                continue;
            }
            let store = order.get("store").and_then(Value::as_str).unwrap_or_default();
            let holder = format!("order/{id}");
            let shelf = vec![tenant.clone(), store.to_owned(), sku.to_owned(), holder];
            *differences.entry(shelf).or_default() -= get(line, "quantity") - get(line, "delivered_quantity");
        }
        for (key, difference) in differences.iter().filter(|(_, difference)| **difference != 0) {
            findings.error(
                "orders",
                format!("{key:?} keeps {difference} more than the order says"),
            );
        }
        for (key, (said, ledger)) in self
            .accounts
            .orders
            .iter()
            .filter(|(_, (said, ledger))| said != ledger)
        {
            findings.error(
                "balances",
                format!("order {key:?} puts {said} on the account, and the ledger says {ledger}"),
            );
        }
        findings.add("orders", orders.len());
    }
}

/// What the first pieces of a line come to, in the order of [`MONEY`]: gross by the piece, net and tax as the rounded
/// share of the whole; the tax is added where the line's total is not its net.
fn worth(line: &Row, pieces: i64) -> [i64; 4] {
    let share = |whole: i64| share(whole, pieces, get(line, "quantity"));
    let [gross, discount, tax, total] = MONEY.map(|column| get(line, column));
    let net = share(gross - discount);
    let gross_of_pieces = get(line, "unit_price_minor") * pieces;
    let on_top = share(total - (gross - discount));
    [gross_of_pieces, gross_of_pieces - net, share(tax), net + on_top]
}

/// What is invoiced of a line, or credited for goods that came back, is what it makes of the line's sums. A total makes up
/// for what earlier documents rounded otherwise, and the discount with it; those of the first version are the rounded share
/// of the line's total, and say no discount.
fn check_share(
    (known, so_far): (&Row, i64),
    (fact, sign): (&Fact<'_>, i64),
    line: &Value,
    findings: &mut Findings,
) {
    let before = get(known, "invoiced_quantity");
    let pieces = match sign {
        1 => number(line, "quantity"),
        _ => number(line, "credited_quantity"),
    };
    let after = before + sign * pieces;
    let (from, to) = (worth(known, before), worth(known, after));
    let [gross, discount, tax, total] = [0, 1, 2, 3].map(|column| sign * (to[column] - from[column]));
    let is_first = fact.event.schema_version == 1;
    let right = match pieces {
        0 => 0,
        _ if is_first => {
            let share = |pieces| share(get(known, "total_minor"), pieces, get(known, "quantity"));
            sign * (share(after) - share(before))
        }
        _ => (sign * (to[3] - so_far)).max(0),
    };
    let shares = [gross, discount + total - right, tax, right];
    for (column, is) in MONEY.into_iter().zip(shares) {
        let is_discounts = column == "gross_minor" || column == "discount_minor";
        // A return says what the customer gets back, and the tax in it.
        if is_discounts && (sign < 0 || is_first && line.get(column).is_none()) {
            continue;
        }
        let said = number(line, column);
        if said != is {
            let position = fact.event.position;
            findings.error(
                "orders",
                format!("position {position} says {column} {said} of a line whose share is {is}"),
            );
        }
    }
}

/// The share that some of a line's pieces have of a sum, rounded half up.
fn share(whole: i64, pieces: i64, quantity: i64) -> i64 {
    let quantity = i128::from(quantity.max(1));
    let doubled = 2 * i128::from(whole) * i128::from(pieces) + quantity;
    i64::try_from(doubled / (2 * quantity)).unwrap_or(i64::MAX)
}

/// What an order is called that has delivered something.
fn called(row: &Row) -> &'static str {
    let (ordered, delivered) = (get(row, "ordered_quantity"), get(row, "delivered_quantity"));
    let with_customer = delivered - get(row, "returned_quantity");
    if delivered < ordered {
        "partly_delivered"
    } else if with_customer == 0 {
        "returned"
    } else if get(row, "invoiced_quantity") < with_customer {
        "delivered"
    } else {
        "invoiced"
    }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
