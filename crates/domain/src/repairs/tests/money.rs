//! Quotes, payment and credit; parts and what they cost.

use schemas::events::sale::PaymentMethod;

use super::*;
use crate::stock::{MovedCost, Place};

#[test]
fn a_quote_is_reckoned_like_a_sale() {
    let outcome = workshop().and(intake()).and(diagnose()).when(quote());
    let answer = &outcome.decision().answer;
    // 1,500.00 with 15 % inside, and 150.00 without tax.
    assert_eq!(answer["total_minor"], 165_000);
    assert_eq!(answer["tax_minor"], 19_565);
    assert_eq!(answer["quote"], 1);
    let shop = outcome.given.when(quote()).then_nothing();
    let dearer = QuoteRepair {
        lines: vec![line("SCREEN", 2)],
        ..quote()
    };
    let outcome = shop.when(dearer);
    assert_eq!(outcome.decision().answer["quote"], 2);
    let late = AnswerQuote {
        quote: Some(1),
        ..super::answer(true)
    };
    let pointer = outcome.given.when(late).then_refused("repair.quote_changed");
    assert_eq!(pointer.unwrap(), "/quote");
}

#[test]
fn a_quote_has_lines_of_things_that_exist() {
    let refused = |lines, code| {
        let quote = QuoteRepair { lines, ..quote() };
        workshop()
            .and(intake())
            .and(diagnose())
            .when(quote)
            .then_refused(code)
    };
    refused(vec![], "request.no_lines");
    refused(vec![line("NADA", 1)], "item.not_found");
    refused(vec![line("FIX", 1); 201], "request.too_many_entries");
    // Which board it will be is said when it is taken.
    let board = QuoteRepair {
        lines: vec![line("BOARD", 1)],
        ..quote()
    };
    workshop().and(intake()).and(diagnose()).and(board);
}

#[test]
fn a_surprise_on_the_workbench_is_quoted_anew_and_needs_another_approval() {
    let shop = in_progress().and(take(vec![part("SCREEN", 1)]));
    let more = QuoteRepair {
        lines: vec![line("SCREEN", 1), line("BOARD", 1)],
        ..quote()
    };
    let shop = shop.and(more);
    shop.clone().when(start()).then_refused("repair.quoted");
    shop.clone().when(cancel()).then_refused("repair.quoted");
    let shop = shop.and(super::answer(true)).and(start()).and(done());
    let outcome = shop.when(deliver(cash(350_000)));
    assert_eq!(outcome.decision().answer["total_minor"], 350_000);
}

#[test]
fn a_delivery_is_paid_in_full_and_only_cash_gives_change() {
    let ready = in_progress().and(done());
    ready
        .clone()
        .when(deliver(cash(164_999)))
        .then_refused("payment.too_low");
    ready
        .clone()
        .when(deliver(vec![]))
        .then_refused("payment.too_low");
    let outcome = ready.clone().when(deliver(cash(200_000)));
    assert_eq!(outcome.decision().answer["change_minor"], 35_000);
    let card = vec![pay(PaymentMethod::Card, 200_000)];
    ready.when(deliver(card)).then_refused("payment.too_high");
}

#[test]
fn a_delivery_on_credit_stays_within_the_customers_terms() {
    let on_credit = |amount| {
        vec![
            pay(PaymentMethod::Credit, amount),
            pay(PaymentMethod::Cash, 165_000 - amount),
        ]
    };
    let ready = in_progress().and(done());
    // Ana may owe 1,000.00.
    ready
        .clone()
        .when(deliver(on_credit(100_001)))
        .then_refused("credit.limit_exceeded");
    let shop = ready.when(deliver(on_credit(100_000))).then([
        "repair.delivered",
        "customer.charged",
        "repair.custody_ended",
    ]);
    let State::Customer(Some(ana)) = shop.state(&streams::customer(&customer("ana"))) else {
        panic!("no customer")
    };
    assert_eq!(ana.balance_minor, minor(100_000));
}

#[test]
fn parts_are_kept_taken_and_given_back_with_what_they_cost() {
    let shop = in_progress().when(keep_parts(vec![part("SCREEN", 2), unit_part("serial:B-1")]));
    let shop = shop.then([
        "repair.parts_kept",
        "inventory.reserved",
        "inventory.reserved",
        "inventory.unit_reserved",
    ]);
    assert_eq!(
        (
            level(&shop, "SCREEN").available(),
            level(&shop, "BOARD").available()
        ),
        (2, 1)
    );
    shop.clone()
        .when(keep_parts(vec![part("SCREEN", 2), unit_part("serial:B-1")]))
        .then_nothing();
    let shop = shop
        .when(take(vec![part("SCREEN", 3), unit_part("serial:B-1")]))
        .then([
            "inventory.released",
            "inventory.dispatched",
            "inventory.released",
            "inventory.unit_dispatched",
            "inventory.dispatched",
            "repair.parts_taken",
        ]);
    assert_eq!(
        (level(&shop, "SCREEN").on_hand, level(&shop, "SCREEN").reserved),
        (1, 0)
    );
    assert_eq!(state(&shop).kept, []);
    let bench = &state(&shop).parts[&sku("SCREEN")];
    let cost = MovedCost {
        quantity: 3,
        value_minor: 18_000,
    };
    assert_eq!((bench.quantity, bench.cost), (3, cost));
    let shop = shop
        .when(give_back(vec![part("SCREEN", 2), unit_part("serial:B-1")]))
        .then([
            "inventory.arrived",
            "inventory.unit_arrived",
            "inventory.arrived",
            "repair.parts_given_back",
        ]);
    assert_eq!(level(&shop, "SCREEN").on_hand, 3);
    let pointer = shop
        .clone()
        .when(give_back(vec![part("SCREEN", 2)]))
        .then_refused("repair.part_not_taken");
    assert_eq!(pointer.unwrap(), "/lines/0");
    shop.when(give_back(vec![unit_part("serial:B-1")]))
        .then_refused("repair.part_not_taken");
}

#[test]
fn a_unit_that_was_used_is_in_the_device_and_nobodys_stock() {
    let shop = in_progress().and(take(vec![unit_part("serial:B-2")])).and(done());
    let shop = shop.and(deliver(cash(165_000)));
    let State::Unit(Some(board), _) = shop.state(&streams::unit(&unit("serial:B-2"))) else {
        panic!("no unit")
    };
    let document = format!("repair/{THE}");
    assert_eq!(board.place, Place::Away { document });
    shop.when(give_back(vec![unit_part("serial:B-2")]))
        .then_refused("repair.delivered");
}

#[test]
fn what_is_kept_for_one_repair_is_not_for_another_and_goes_back_when_the_work_is_done() {
    let shop = in_progress().and(keep_parts(vec![part("SCREEN", 4), unit_part("serial:B-1")]));
    shop.clone()
        .when(sell("v-9", vec![line("SCREEN", 1)], cash(150_000)))
        .then_refused("stock.insufficient");
    let fewer = shop.clone().and(keep_parts(vec![]));
    assert_eq!(level(&fewer, "SCREEN").reserved, 0);
    for ended in [shop.clone().and(done()), shop.and(unrepaired())] {
        assert_eq!(
            (level(&ended, "SCREEN").reserved, level(&ended, "BOARD").reserved),
            (0, 0)
        );
        assert_eq!(state(&ended).kept, []);
        ended.and(sell(
            "v-9",
            vec![line("SCREEN", 4), unit_line("serial:B-1")],
            cash(800_000),
        ));
    }
}

#[test]
fn parts_are_things_that_are_there() {
    let refused = |lines, code| in_progress().when(take(lines)).then_refused(code);
    refused(vec![], "request.no_lines");
    refused(vec![part("SCREEN", 5)], "stock.insufficient");
    refused(vec![part("SCREEN", 2), part("SCREEN", 3)], "stock.insufficient");
    refused(vec![part("FIX", 1)], "stock.service_item");
    refused(vec![part("BOARD", 1)], "unit.required");
    refused(vec![unit_part("serial:B-9")], "unit.not_found");
    refused(
        vec![unit_part("serial:B-1"), unit_part("serial:B-1")],
        "unit.repeated",
    );
}

#[test]
fn a_unit_that_is_taken_leaves_the_one_that_is_kept_alone() {
    let shop = in_progress().and(keep_parts(vec![unit_part("serial:B-1")]));
    let shop = shop.when(take(vec![unit_part("serial:B-2")])).then([
        "inventory.unit_dispatched",
        "inventory.dispatched",
        "repair.parts_taken",
    ]);
    assert_eq!(
        (level(&shop, "BOARD").on_hand, level(&shop, "BOARD").reserved),
        (1, 1)
    );
    let shop = shop.and(done());
    assert_eq!(
        (level(&shop, "BOARD").on_hand, level(&shop, "BOARD").reserved),
        (1, 0)
    );
}
