//! The till's tables: sales with their lines and returns, days, items.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::super::tables::DAILY_FIGURES;
use super::{Fact, Folded, Key, Row, add, get, number, text};

impl Folded {
    pub(super) fn sale(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        match kind {
            "drafted" | "draft_changed" => self.draft(fact),
            "draft_discarded" => {
                self.row("rm_sales", fact.key(&[fact.text("sale_id")]))
                    .insert("status", json!("discarded"));
            }
            "completed" => self.completed(fact, findings),
            "voided" => self.voided(fact),
            "returned" => self.returned(fact, findings),
            "return_registered" => {}
            "exchanged" => check_exchange(fact, findings),
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
        }
        self.items_sold(fact);
        let day = self.day(fact);
        add(day, "sales", 1);
        for column in ["gross_minor", "discount_minor", "tax_minor"] {
            add(day, column, fact.number(column));
        }
        add(day, "sales_minor", total);
        add(day, "net_minor", total);
        add(day, "sold_quantity", sum(lines, "quantity"));
        by_method(day, fact.list("payments"), 1);
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
        by_method(day, fact.list("refunds"), -1);
    }

    fn returned(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let return_id = fact.text("return_id");
        if !self.returns.insert(fact.key(&[return_id])) {
            let tenant = &fact.event.tenant;
            findings.error(
                "doubled",
                format!("return {return_id} of {tenant} is recorded twice"),
            );
        }
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
        self.came_back(fact, "quantity");
    }

    /// An order's invoice is a sale of that day; what it delivered before is not.
    pub(super) fn day_of_invoice(&mut self, fact: &Fact<'_>) {
        let (lines, total) = (fact.list("lines"), fact.number("total_minor"));
        self.items_sold(fact);
        let day = self.day(fact);
        add(day, "invoices", 1);
        for column in ["gross_minor", "discount_minor"] {
            add(day, column, sum(lines, column));
        }
        add(day, "invoiced_minor", total);
        add(day, "invoiced_tax_minor", fact.number("tax_minor"));
        add(day, "net_minor", total);
        add(day, "sold_quantity", sum(lines, "quantity"));
        by_method(day, fact.list("payments"), 1);
    }

    /// What comes back of an order counts as far as it had been invoiced.
    pub(super) fn day_of_order_return(&mut self, fact: &Fact<'_>) {
        if sum(fact.list("lines"), "credited_quantity") > 0 {
            self.came_back(fact, "credited_quantity");
        }
    }

    fn items_sold(&mut self, fact: &Fact<'_>) {
        for line in fact.list("lines") {
            let item = self.item_row(fact, text(line, "sku"));
            add(item, "sold_quantity", number(line, "quantity"));
            add(item, "sales_minor", number(line, "total_minor"));
            for column in ["gross_minor", "discount_minor"] {
                add(item, column, number(line, column));
            }
        }
    }

    /// A return's day and items; a line counts as far as this field of it says.
    fn came_back(&mut self, fact: &Fact<'_>, quantity: &str) {
        let (lines, total) = (fact.list("lines"), fact.number("total_minor"));
        for line in lines.iter().filter(|line| number(line, quantity) > 0) {
            let item = self.item_row(fact, text(line, "sku"));
            add(item, "returned_quantity", number(line, quantity));
            add(item, "returned_minor", number(line, "total_minor"));
        }
        let day = self.day(fact);
        add(day, "returns", 1);
        add(day, "returned_minor", total);
        add(day, "returned_tax_minor", fact.number("tax_minor"));
        add(day, "net_minor", -total);
        add(day, "returned_quantity", sum(lines, quantity));
        by_method(day, fact.list("refunds"), -1);
    }

    fn day(&mut self, fact: &Fact<'_>) -> &mut Row {
        let row = self.row(
            "rm_daily_sales",
            fact.key(&[fact.text("store"), fact.text("business_day")]),
        );
        row.insert("currency", fact.value("currency"));
        for column in DAILY_FIGURES {
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
            "gross_minor",
            "discount_minor",
            "sales_minor",
            "returned_quantity",
            "returned_minor",
        ] {
            add(row, column, 0);
        }
        row
    }
}

/// Payments, or refunds with the sign -1, by their methods.
fn by_method(day: &mut Row, parts: &[Value], sign: i64) {
    for part in parts {
        let column = match text(part, "method") {
            "cash" => "cash_minor",
            "card" => "card_minor",
            "transfer" => "transfer_minor",
            "credit" => "credit_minor",
            "store_credit" => "store_credit_minor",
            "exchange" => "exchange_minor",
            _ => continue,
        };
        add(day, column, sign * number(part, "amount_minor"));
    }
}

fn sum(rows: &[Value], field: &str) -> i64 {
    rows.iter().map(|row| number(row, field)).sum()
}

/// What is settled goods against goods is the smaller half of the exchange.
fn check_exchange(fact: &Fact<'_>, findings: &mut Findings) {
    let [returned, sold, exchanged] =
        ["returned_minor", "sold_minor", "exchanged_minor"].map(|field| fact.number(field));
    if exchanged != returned.min(sold) {
        let position = fact.event.position;
        findings.error(
            "sales",
            format!("position {position}: of {returned} back and {sold} sold {exchanged} are exchanged"),
        );
    }
}
