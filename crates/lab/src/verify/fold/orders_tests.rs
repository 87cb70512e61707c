//! What an order says against shelves and ledgers.

use serde_json::{Value, json};

use super::super::tests::folded;
use super::super::{Findings, Folded};

fn life(delivered: i64, invoiced: i64, charged: i64, kept: i64) -> (Folded, Findings) {
    let amount = invoiced * 100;
    let line = json!({ "line": 1, "sku": "A", "quantity": 3, "gross_minor": 300, "discount_minor": 0, "tax_minor": 0,
                       "total_minor": 300 });
    let content = json!({ "store": "c", "customer_id": "k", "currency": "HNL", "lines": [line], "gross_minor": 300,
                          "discount_minor": 0, "tax_minor": 0, "total_minor": 300 });
    let part =
        |quantity: i64| json!({ "line": 1, "sku": "A", "quantity": quantity, "total_minor": quantity * 100 });
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
