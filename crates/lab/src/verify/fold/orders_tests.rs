//! What an order says against shelves and ledgers.

use serde_json::{Value, json};

use super::super::tests::{folded, folded_of};
use super::super::{Findings, Folded};

fn life(delivered: i64, invoiced: i64, charged: i64, kept: i64) -> (Folded, Findings) {
    let amount = invoiced * 100;
    let line = json!({ "line": 1, "sku": "A", "quantity": 3, "unit_price_minor": 100, "gross_minor": 300, "discount_minor": 0, "tax_minor": 0,
                       "total_minor": 300 });
    let content = json!({ "store": "c", "customer_id": "k", "currency": "HNL", "lines": [line], "gross_minor": 300,
                          "discount_minor": 0, "tax_minor": 0, "total_minor": 300 });
    let part = |quantity: i64| {
        json!({ "line": 1, "sku": "A", "quantity": quantity, "gross_minor": quantity * 100, "discount_minor": 0,
                "total_minor": quantity * 100 })
    };
    let order = |extra: Value| {
        let mut data = json!({ "order_id": "o", "store": "c" });
        data.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        data
    };
    let (folded, mut findings) = folded(&[
        (
            "customer.registered",
            json!({ "customer_id": "k", "kind": "person", "currency": "HNL" }),
        ),
        ("order.placed", order(json!({ "content": content }))),
        ("order.confirmed", order(json!({}))),
        (
            "inventory.reserved",
            json!({ "store": "c", "sku": "A", "quantity": kept, "holder": "order/o", "reserved": kept }),
        ),
        (
            "order.delivered",
            order(json!({ "delivery_id": "e", "lines": [part(delivered)] })),
        ),
        (
            "order.invoiced",
            order(
                json!({ "invoice_id": "f", "lines": [part(invoiced)], "total_minor": amount,
                          "payments": [{ "method": "credit", "amount_minor": amount }] }),
            ),
        ),
        (
            "customer.charged",
            json!({ "customer_id": "k", "amount_minor": charged, "balance_minor": charged,
                    "cause": { "kind": "order", "order_id": "o" } }),
        ),
    ]);
    folded.check_orders(&mut findings);
    (folded, findings)
}

#[test]
fn an_order_whose_figures_agree_is_sound() {
    let (folded, findings) = life(1, 1, 100, 2);
    assert!(findings.verdict().ok());
    let row = &folded.tables["rm_orders"][&vec!["t".to_owned(), "o".to_owned()]];
    assert_eq!(row["status"], "partly_delivered");
    assert_eq!(row["invoiced_minor"], 100);
}

#[test]
fn a_day_counts_what_was_invoiced_and_not_what_was_delivered() {
    let (folded, _) = life(3, 1, 100, 0);
    let day = &folded.tables["rm_daily_sales"][&vec!["t".to_owned(), "c".to_owned(), String::new()]];
    assert_eq!((&day["invoices"], &day["sales"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&day["net_minor"], &day["credit_minor"]),
        (&json!(100), &json!(100))
    );
    assert_eq!(day["sold_quantity"], 1);
}

#[test]
fn more_than_was_ordered_more_than_was_delivered_and_what_is_not_kept_are_noticed() {
    let beyond = life(4, 1, 100, 2).1.verdict();
    // At the delivery, at the invoice after it, and what is still kept.
    assert_eq!(beyond.errors_of("orders"), 3, "{:?}", beyond.errors());
    assert_eq!(
        life(1, 2, 200, 2).1.verdict().errors_of("orders"),
        1,
        "invoiced beyond the delivery"
    );
    assert_eq!(
        life(1, 1, 100, 1).1.verdict().errors_of("orders"),
        1,
        "kept too little"
    );
}

#[test]
fn a_ledger_that_says_something_else_than_the_invoice_is_noticed() {
    assert_eq!(life(1, 1, 99, 2).1.verdict().errors_of("balances"), 1);
}

#[test]
fn a_charge_to_a_blocked_customer_is_noticed() {
    let (_, findings) = folded(&[
        (
            "customer.registered",
            json!({ "customer_id": "k", "kind": "person", "currency": "HNL" }),
        ),
        (
            "customer.status_changed",
            json!({ "customer_id": "k", "status": "blocked" }),
        ),
        (
            "customer.charged",
            json!({ "customer_id": "k", "amount_minor": 1, "balance_minor": 1, "cause": { "kind": "manual" } }),
        ),
    ]);
    assert_eq!(findings.verdict().errors_of("balances"), 1);
}

/// A quote of three at 1.00 and one at 2.00 becomes one of three at 1.00 with a discount of 1, which is accepted,
/// delivered and invoiced in two parts that say so much of the discount.
fn changed(revision: i64, lines_before: i64, discounts: [i64; 2]) -> (Folded, Findings) {
    let line = |line: i64, pieces: i64, price: i64, discount: i64| {
        json!({ "line": line, "sku": "A", "quantity": pieces, "unit_price_minor": price, "gross_minor": pieces * price,
                "discount_minor": discount, "tax_minor": 0, "total_minor": pieces * price - discount })
    };
    let content = |lines: Vec<Value>| {
        let sum = |field: &str| {
            lines
                .iter()
                .map(|line| line[field].as_i64().unwrap())
                .sum::<i64>()
        };
        json!({ "store": "c", "currency": "HNL", "gross_minor": sum("gross_minor"), "tax_minor": 0,
                "discount_minor": sum("discount_minor"), "total_minor": sum("total_minor"), "lines": lines })
    };
    let before = content(vec![line(1, 3, 100, 0), line(2, 1, 200, 0)]);
    let after = content(vec![line(1, 3, 100, 1)]);
    let invoice = |id: &str, pieces: i64, discount: i64| {
        let total = pieces * 100 - discount;
        let part = json!({ "line": 1, "sku": "A", "quantity": pieces, "gross_minor": pieces * 100,
                           "discount_minor": discount, "tax_minor": 0, "total_minor": total });
        json!({ "order_id": "o", "store": "c", "invoice_id": id, "lines": [part], "gross_minor": pieces * 100,
                "discount_minor": discount, "tax_minor": 0, "total_minor": total,
                "payments": [{ "method": "cash", "amount_minor": total }] })
    };
    let step = json!({ "order_id": "o", "store": "c" });
    let delivered = json!({ "order_id": "o", "store": "c", "delivery_id": "e",
                            "lines": [{ "line": 1, "sku": "A", "quantity": 3 }] });
    let (folded, mut findings) = folded(&[
        ("order.quoted", json!({ "order_id": "o", "content": before })),
        (
            "order.changed",
            json!({ "order_id": "o", "revision": revision, "lines_before": lines_before, "content": after }),
        ),
        ("order.accepted", step.clone()),
        ("order.confirmed", step),
        ("order.delivered", delivered),
        ("order.invoiced", invoice("f-1", 1, discounts[0])),
        ("order.invoiced", invoice("f-2", 2, discounts[1])),
    ]);
    folded.check_orders(&mut findings);
    (folded, findings)
}

#[test]
fn an_order_that_was_changed_is_about_what_it_was_changed_to_and_a_days_discount_is_that_of_its_invoices() {
    // Of 299 the first piece is 99.67, which is rounded up.
    let (folded, findings) = changed(2, 2, [0, 1]);
    let verdict = findings.verdict();
    assert!(verdict.ok(), "{:?}", verdict.errors());
    let key = |rest: &[&str]| -> Vec<String> {
        let all = std::iter::once("t").chain(rest.iter().copied());
        all.map(str::to_owned).collect()
    };
    let row = &folded.tables["rm_orders"][&key(&["o"])];
    assert_eq!((&row["revision"], &row["total_minor"]), (&json!(3), &json!(299)));
    let removed =
        ["1", "2"].map(|line| folded.tables["rm_order_lines"][&key(&["o", line])]["removed"].clone());
    assert_eq!(removed, [json!(false), json!(true)]);
    let day = &folded.tables["rm_daily_sales"][&key(&["c", ""])];
    assert_eq!(
        (&day["gross_minor"], &day["discount_minor"]),
        (&json!(300), &json!(1))
    );
    let item = &folded.tables["rm_item_sales"][&key(&["c", "", "A"])];
    assert_eq!(
        (&item["gross_minor"], &item["discount_minor"]),
        (&json!(300), &json!(1))
    );
}

/// An order of three for 299 and 32 of tax on top, of which the first invoice was written by a version that rounded the
/// whole total, and the second by the newest.
fn invoiced_by_two_versions(first: i64, (discount, second): (i64, i64)) -> i64 {
    let line = json!({ "line": 1, "sku": "A", "quantity": 3, "unit_price_minor": 100, "gross_minor": 300,
                       "discount_minor": 1, "tax_minor": 32, "total_minor": 331 });
    let content = json!({ "store": "c", "currency": "HNL", "gross_minor": 300, "discount_minor": 1, "tax_minor": 32,
                          "total_minor": 331, "lines": [line] });
    let step = json!({ "order_id": "o", "store": "c" });
    let delivered = json!({ "order_id": "o", "store": "c", "delivery_id": "e",
                            "lines": [{ "line": 1, "sku": "A", "quantity": 3 }] });
    let invoice = |id: &str, part: Value, total: i64| {
        json!({ "order_id": "o", "store": "c", "invoice_id": id, "lines": [part], "total_minor": total,
                "payments": [{ "method": "cash", "amount_minor": total }] })
    };
    let part = |pieces: i64, tax: i64, total: i64| json!({ "line": 1, "sku": "A", "quantity": pieces, "tax_minor": tax, "total_minor": total });
    let mut rest = part(2, 21, second);
    rest["gross_minor"] = json!(200);
    rest["discount_minor"] = json!(discount);
    let life = [
        (1, "order.placed", json!({ "order_id": "o", "content": content })),
        (1, "order.confirmed", step),
        (1, "order.delivered", delivered),
        (1, "order.invoiced", invoice("f-1", part(1, 11, first), first)),
        (2, "order.invoiced", invoice("f-2", rest, second)),
    ];
    folded_of(&life).1.verdict().errors_of("orders")
}

#[test]
fn an_invoice_makes_up_for_what_the_version_before_rounded_otherwise() {
    // A third of 331 is 110; the newest version would have said 100 and 11. Then 221 are left, without a discount.
    assert_eq!(invoiced_by_two_versions(110, (0, 221)), 0);
    assert!(invoiced_by_two_versions(110, (1, 220)) > 0);
    assert!(invoiced_by_two_versions(111, (1, 220)) > 0);
}

#[test]
fn a_change_of_another_revision_and_a_share_that_is_not_the_lines_are_noticed() {
    let errors = |revision, lines, discounts| {
        changed(revision, lines, discounts)
            .1
            .verdict()
            .errors_of("orders")
    };
    assert_eq!(errors(3, 2, [0, 1]), 1, "a revision is left out");
    assert_eq!(errors(2, 1, [0, 1]), 1, "a line is forgotten");
    // The first invoice says a discount and a total that are not its own; the second makes up for that.
    assert_eq!(errors(2, 2, [1, 0]), 2);
    assert_eq!(errors(2, 2, [0, 0]), 2, "the rest is not what is left");
}
