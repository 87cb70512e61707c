//! Invoices, later costs and goods that go back: what they do to the shelf's value and to what we owe.

use serde_json::json;

use super::*;
use crate::suppliers::tests::pay_supplier;

use CostKind::{Freight, Price};

/// Four cables and a phone came; nothing is invoiced.
fn received() -> Given {
    sent().and(reception("r-1", vec![came(1, 4, &[]), came(2, 1, &[NEW])]))
}

#[test]
fn a_reception_is_owed_once_it_is_invoiced_with_it_or_later() {
    let with_invoice = ReceivePurchase {
        invoice: Some("F-1".to_owned()),
        ..reception("r-1", vec![came(1, 4, &[])])
    };
    let outcome = sent().when(with_invoice.clone());
    // Four at 60.00 and 15 % on it.
    assert_eq!(outcome.decision().answer["supplier_balance_minor"], 27_600);
    let shop = outcome.then([
        "purchase.received",
        "inventory.received",
        "purchase.invoiced",
        "supplier.charged",
    ]);
    let shop = shop.when(with_invoice.clone()).then_nothing();
    let other = ReceivePurchase {
        invoice: Some("F-2".to_owned()),
        ..with_invoice
    };
    shop.clone()
        .when(other)
        .then_refused("purchase.reception_already_exists");
    let shop = shop.when(invoice("r-1", "F-1")).then_nothing();
    shop.when(invoice("r-1", "F-2"))
        .then_refused("purchase.reception_invoiced");

    let shop = received();
    assert_eq!(balance(&shop), 0);
    shop.clone()
        .when(invoice("r-9", "F-1"))
        .then_refused("purchase.reception_not_found");
    shop.clone()
        .when(invoice("r-1", ""))
        .then_refused("request.text_invalid");
    let shop = shop
        .when(invoice("r-1", "F-1"))
        .then(["purchase.invoiced", "supplier.charged"]);
    assert_eq!(balance(&shop), 427_600);
    assert_eq!(balance(&shop.and(pay_supplier("p-1", 427_600))), 0);
}

#[test]
fn goods_that_cost_nothing_are_owed_nothing() {
    let gift = OrderPurchase {
        lines: vec![ordered("CABLE", 3, 0, true)],
        send: true,
        ..order()
    };
    let shop = shop().and(registered("sur")).and(gift);
    let shop = shop.and(reception("r-1", vec![came(1, 3, &[])]));
    shop.when(invoice("r-1", "F-1")).then(["purchase.invoiced"]);
}

#[test]
fn a_later_cost_goes_to_the_goods_that_are_still_there_and_the_rest_is_an_expense() {
    // Of 14 cables 11 are sold, so that three of the four can still be there.
    let shop = received().and(sell("v-1", vec![line("CABLE", 11)], cash(110_000)));
    assert_eq!(level(&shop, "CABLE").cost.value_minor, 18_000);
    let freight = costs("a-1", &[(1, Freight, 1_001)]);
    let outcome = shop.when(freight.clone());
    let answer = &outcome.decision().answer;
    // 1,001 × 3 ÷ 4 is 750.75.
    assert_eq!(
        (&answer["on_shelf_minor"], &answer["expensed_minor"]),
        (&json!(751), &json!(250))
    );
    let shop = outcome.then([
        "inventory.cost_adjusted",
        "purchase.cost_adjusted",
        "supplier.charged",
    ]);
    assert_eq!(level(&shop, "CABLE").cost.value_minor, 18_751);
    // With 15 % on it.
    assert_eq!(balance(&shop), 1_151);
    let shop = shop.when(freight).then_nothing();
    shop.clone()
        .when(costs("a-1", &[(1, Freight, 1_002)]))
        .then_refused("purchase.adjustment_already_exists");
    // A credit note takes it back from both.
    let shop = shop.and(costs("a-2", &[(1, Freight, -1_001)]));
    assert_eq!(level(&shop, "CABLE").cost.value_minor, 18_000);
    assert_eq!(balance(&shop), 0);
}

#[test]
fn a_later_cost_of_goods_that_are_all_gone_is_an_expense_altogether() {
    let shop = received().and(sell("v-1", vec![line("CABLE", 14)], cash(140_000)));
    let outcome = shop.when(costs("a-1", &[(1, Price, 400)]));
    assert_eq!(outcome.decision().answer["on_shelf_minor"], 0);
    outcome.then(["purchase.cost_adjusted", "supplier.charged"]);
}

#[test]
fn a_price_that_falls_takes_no_more_from_the_shelf_than_it_is_worth() {
    // The shelf's other goods cost nothing, and one of the four dear ones is left among them.
    let shop = received().and(sell("v-1", vec![line("CABLE", 13)], cash(130_000)));
    assert_eq!(level(&shop, "CABLE").cost.value_minor, 6_000);
    let shop = shop.and(costs("a-1", &[(1, Freight, 8_000)]));
    assert_eq!(level(&shop, "CABLE").cost.value_minor, 8_000);
    let shop = shop.and(sell("v-2", vec![line("CABLE", 1)], cash(10_000)));
    let shop = shop.and(costs("a-2", &[(1, Price, -24_000)]));
    assert_eq!(level(&shop, "CABLE").cost.value_minor, 0);
    shop.when(costs("a-3", &[(1, Price, -1)]))
        .then_refused("purchase.cost_below_zero");
}

#[test]
fn a_cost_that_can_never_be_right_is_refused() {
    let refused =
        |lines: &[(i64, CostKind, i64)], code| received().when(costs("a-1", lines)).then_refused(code);
    refused(&[], "request.no_lines");
    refused(&[(1, Price, 0)], "purchase.cost_delta_zero");
    refused(&[(3, Price, 1)], "purchase.line_not_found");
    refused(&[(1, Price, 1), (1, Price, 1)], "purchase.line_repeated");
    refused(&[(1, Price, -24_001)], "purchase.cost_below_zero");
    refused(&[(1, Freight, -1)], "purchase.cost_below_zero");
    received().and(costs("a-1", &[(1, Price, 1), (1, Freight, 1)]));
    sent()
        .when(costs("a-1", &[(1, Price, 1)]))
        .then_refused("purchase.line_not_received");
    let all_back = received().and(back("d-1", &[(1, 4, &[])]));
    all_back
        .clone()
        .when(costs("a-1", &[(1, Price, 1)]))
        .then_refused("purchase.nothing_kept");
    let outcome = all_back.when(costs("a-1", &[(1, Freight, 7)]));
    assert_eq!(outcome.decision().answer["expensed_minor"], 7);
}

#[test]
fn goods_go_back_at_what_they_cost_and_leave_the_shelf_at_its_average() {
    let shop = received().and(invoice("r-1", "F-1"));
    let send_back = back("d-1", &[(2, 1, &[NEW]), (1, 1, &[])]);
    let outcome = shop.when(send_back.clone());
    let answer = &outcome.decision().answer;
    // The phone's average is (60.00 + 60.00 + 4,000.00) ÷ 3, and what stays is rounded down.
    let average = 412_000 - 412_000 * 2 / 3;
    assert_eq!(answer["value_minor"], json!(average + 6_000));
    assert_eq!(answer["total_minor"], json!(400_000 + 6_000 + 900));
    assert_eq!(answer["difference_minor"], json!(400_000 - average));
    let shop = outcome.then([
        "inventory.dispatched",
        "inventory.unit_dispatched",
        "inventory.dispatched",
        "purchase.returned",
        "supplier.credited",
    ]);
    assert_eq!(balance(&shop), 427_600 - 406_900);
    let shop = shop.when(send_back).then_nothing();
    shop.clone()
        .when(back("d-1", &[(1, 1, &[])]))
        .then_refused("purchase.return_already_exists");
    shop.clone()
        .when(back("d-2", &[(2, 1, &[NEW])]))
        .then_refused("purchase.return_exceeds_kept");
    shop.when(back("d-2", &[(1, 4, &[])]))
        .then_refused("purchase.return_exceeds_kept");
}

#[test]
fn all_goods_together_are_credited_with_exactly_what_they_cost() {
    // 3 × 33.33 and a price that was 1 higher in all; taxes of 15 %, reception by reception.
    let odd = OrderPurchase {
        lines: vec![ordered("CABLE", 3, 3_333, true)],
        send: true,
        ..order()
    };
    let shop = shop().and(registered("sur")).and(odd);
    let shop = (1..=3).fold(shop, |shop, n| {
        let id = format!("r-{n}");
        let shop = shop.and(reception(&id, vec![came(1, 1, &[])]));
        shop.and(invoice(&id, "F-1"))
    });
    let shop = shop.and(costs("a-1", &[(1, Price, 1)]));
    assert_eq!(balance(&shop), 3 * (3_333 + 500) + 1);
    let shop = (1..=3).fold(shop, |shop, n| shop.and(back(&format!("d-{n}"), &[(1, 1, &[])])));
    assert_eq!(balance(&shop), 0);
}

#[test]
fn a_return_names_goods_that_came_with_the_line_and_are_there() {
    let refused =
        |lines: &[(i64, i64, &[&str])], code| received().when(back("d-1", lines)).then_refused(code);
    refused(&[], "request.no_lines");
    refused(&[(3, 1, &[])], "purchase.line_not_found");
    refused(&[(1, 1, &[]), (1, 1, &[])], "purchase.line_repeated");
    refused(&[(2, 1, &[])], "unit.required");
    refused(&[(2, 1, &[IMEI])], "purchase.unit_not_received");
    refused(&[(2, 2, &[NEW, NEW])], "unit.repeated");
    refused(&[(1, 5, &[])], "purchase.return_exceeds_kept");
    let sold = received()
        .and(sell(
            "v-1",
            vec![line("CABLE", 12), unit_line(NEW)],
            cash(620_000),
        ))
        .and(crate::sales::VoidSale {
            sale_id: sale_id("v-1"),
            occurred_at: None,
        })
        .and(sell(
            "v-2",
            vec![line("CABLE", 12), unit_line(NEW)],
            cash(620_000),
        ));
    sold.clone()
        .when(back("d-1", &[(2, 1, &[NEW])]))
        .then_refused("unit.sold");
    sold.when(back("d-1", &[(1, 3, &[])]))
        .then_refused("stock.insufficient");
}

#[test]
fn a_purchase_remembers_so_much_and_no_more() {
    let many = OrderPurchase {
        lines: vec![ordered("CABLE", 1_000_000, 1, false)],
        send: true,
        ..order()
    };
    let mut shop = shop().and(registered("sur")).and(many);
    for n in 0..10 {
        let line = ReceptionLineRequest {
            lots: (0..1_999).map(|m| lot(&format!("L{m}"), 1)).collect(),
            ..came(1, 2_000, &[])
        };
        shop = shop.and(reception(&format!("r-{n}"), vec![line]));
    }
    assert_eq!(the_purchase(&shop).recorded, 20_000);
    shop.clone()
        .when(reception("r-10", vec![came(1, 1, &[])]))
        .then_refused("purchase.full");
    shop.clone()
        .when(back("d-1", &[(1, 1, &[])]))
        .then_refused("purchase.full");
    shop.when(costs("a-1", &[(1, Price, 1)]))
        .then_refused("purchase.full");
}
