//! Exchanges: goods against goods, the difference in money, all or nothing.

use proptest::prelude::*;
use schemas::ReturnId;
use schemas::events::sale::{PaymentMethod, Refund, SaleExchanged, SaleReturned};
use serde_json::json;

use super::*;
use crate::sales::{
    CompleteSale, ExchangeGoods, LineRequest, MAX_EXCHANGE_LINES, ReturnGoods, ReturnLineRequest, VoidSale,
};
use crate::stock::Place;

fn back(number: i64, pieces: i64) -> ReturnLineRequest {
    ReturnLineRequest {
        sale_line: Some(number),
        sku: None,
        unit: None,
        quantity: quantity(pieces),
        unit_price_minor: None,
        restock: true,
    }
}

fn exchange(returned: Vec<ReturnLineRequest>, lines: Vec<LineRequest>) -> ExchangeGoods {
    ExchangeGoods {
        sale_id: sale_id("v-1"),
        return_id: Some(ReturnId::new("r-1").unwrap()),
        new_sale_id: Some(sale_id("v-2")),
        store: centro(),
        terminal: None,
        customer_id: None,
        returned,
        lines,
        discount: None,
        payments: vec![],
        refunds: vec![],
        occurred_at: None,
    }
}

/// Two cables and a phone, in cash.
fn sold() -> Given {
    let lines = vec![line("CABLE", 2), unit_line(IMEI)];
    shop().and(sell("v-1", lines, cash(520_000)))
}

fn halves(outcome: &Outcome) -> (SaleReturned, SaleCompleted, SaleExchanged) {
    let (mut returned, mut exchanged) = (None, None);
    for (_, event) in &outcome.decision().events {
        match event {
            Event::Sale(SaleEvent::Returned(e)) => returned = Some(e.clone()),
            Event::Sale(SaleEvent::Exchanged(e)) => exchanged = Some(e.clone()),
            _ => {}
        }
    }
    (returned.unwrap(), completed(outcome), exchanged.unwrap())
}

#[test]
fn goods_that_cost_more_are_paid_with_what_came_back_and_the_difference() {
    let swap = ExchangeGoods {
        payments: cash(20_000),
        ..exchange(vec![back(1, 1)], vec![line("CASE", 1), line("FIX", 1)])
    };
    let outcome = sold().when(swap);
    let (returned, sale, exchanged) = halves(&outcome);
    assert_eq!(
        (returned.total_minor, sale.total_minor),
        (minor(10_000), minor(18_333))
    );
    assert_eq!(exchanged.exchanged_minor, minor(10_000));
    let goods = Refund {
        method: PaymentMethod::Exchange,
        amount_minor: minor(10_000),
    };
    assert_eq!(returned.refunds, [goods]);
    let paid: Vec<_> = sale
        .payments
        .iter()
        .map(|p| (p.method, p.amount_minor.get()))
        .collect();
    assert_eq!(
        paid,
        [(PaymentMethod::Exchange, 10_000), (PaymentMethod::Cash, 8_333)]
    );
    assert_eq!(sale.payments[0].reference.as_deref(), Some("r-1"));
    let answer = json!({
        "sale_id": "v-1", "return_id": "r-1", "new_sale_id": "v-2", "returned_minor": 10_000, "sold_minor": 18_333,
        "exchanged_minor": 10_000, "refunded_minor": 0, "paid_minor": 8_333, "change_minor": 11_667, "currency": "HNL",
        "balance_minor": null,
    });
    assert_eq!(outcome.decision().answer, answer);
    let shop = outcome.then([
        "sale.returned",
        "sale.return_registered",
        "inventory.returned",
        "sale.completed",
        "inventory.issued",
        "sale.exchanged",
    ]);
    assert_eq!((on_hand(&shop, "CABLE"), on_hand(&shop, "CASE")), (9, 4));
}

#[test]
fn goods_that_cost_less_give_the_difference_back() {
    let outcome = sold().when(exchange(vec![back(2, 1)], vec![line("CABLE", 1)]));
    let (returned, sale, _) = halves(&outcome);
    let refunds: Vec<_> = returned
        .refunds
        .iter()
        .map(|r| (r.method, r.amount_minor.get()))
        .collect();
    assert_eq!(
        refunds,
        [(PaymentMethod::Exchange, 10_000), (PaymentMethod::Cash, 490_000)]
    );
    assert_eq!(sale.payments.len(), 1);
    let shop = outcome.given;
    assert_eq!(the_unit(&shop, IMEI).place, Place::InStock { store: centro() });
    // What is left of the first sale is voided as usual; the other one was paid with goods that are elsewhere by now.
    let void = |id: &str| VoidSale {
        sale_id: sale_id(id),
        occurred_at: None,
    };
    shop.clone()
        .when(void("v-2"))
        .then_refused("sale.paid_by_exchange");
    shop.clone()
        .when(void("v-1"))
        .then_answer(json!({ "sale_id": "v-1", "total_minor": 20_000 }));
    let returned = ReturnGoods {
        return_id: None,
        sale_id: Some(sale_id("v-2")),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![back(1, 1)],
        refunds: vec![],
        occurred_at: None,
    };
    shop.and(returned);
}

#[test]
fn a_swap_of_equal_worth_moves_no_money() {
    let outcome = sold().when(exchange(vec![back(2, 1)], vec![unit_line(SERIAL)]));
    let (returned, sale, _) = halves(&outcome);
    assert_eq!((returned.refunds.len(), sale.payments.len()), (1, 1));
    let shop = outcome.given;
    assert_eq!(
        the_unit(&shop, SERIAL).place,
        Place::Sold {
            sale_id: sale_id("v-2")
        }
    );
    assert_eq!(on_hand(&shop, "PHONE"), 1);
}

#[test]
fn on_credit_the_account_moves_by_the_difference_and_within_the_terms() {
    let on_credit = CompleteSale {
        customer_id: Some(customer("ana")),
        ..sell(
            "v-1",
            vec![line("CABLE", 9)],
            vec![pay(PaymentMethod::Credit, 90_000)],
        )
    };
    let shop = shop().and(on_credit);
    // 90,000 are owed of 100,000; the goods that come back are worth 20,000.
    let swap = |lines, amount| ExchangeGoods {
        payments: vec![pay(PaymentMethod::Credit, amount)],
        ..exchange(vec![back(1, 2)], lines)
    };
    let dear = swap(vec![line("FIX", 3)], 25_000);
    shop.clone().when(dear).then_refused("credit.limit_exceeded");
    let shop = shop.and(swap(vec![line("FIX", 2)], 10_000));
    assert_eq!(balance(&shop, &customer("ana")), minor(100_000));
    let cheaper = ExchangeGoods {
        return_id: None,
        new_sale_id: None,
        ..exchange(vec![back(1, 1)], vec![line("CASE", 1)])
    };
    let shop = shop.and(cheaper);
    assert_eq!(balance(&shop, &customer("ana")), minor(93_333));
}

#[test]
fn both_halves_of_an_exchange_have_one_time_and_not_before_the_sale() {
    let ahead = NOW + time::Duration::minutes(5);
    let first = CompleteSale {
        occurred_at: Some(ahead),
        ..sell("v-1", vec![line("CABLE", 2)], cash(20_000))
    };
    let outcome = shop()
        .and(first)
        .when(exchange(vec![back(1, 1)], vec![line("CASE", 1)]));
    let (returned, sale, exchanged) = halves(&outcome);
    assert_eq!(
        (returned.occurred_at, sale.occurred_at, exchanged.occurred_at),
        (ahead, ahead, ahead)
    );
}

#[test]
fn an_exchange_that_cannot_be_whole_changes_nothing() {
    let with = |change: fn(&mut ExchangeGoods), code| {
        let mut command = ExchangeGoods {
            payments: cash(50_000),
            ..exchange(vec![back(1, 1)], vec![line("CASE", 1), line("FIX", 1)])
        };
        change(&mut command);
        sold().when(command).then_refused(code)
    };
    let pointer = with(|c| c.returned.clear(), "request.no_lines");
    assert_eq!(pointer.unwrap(), "/returned");
    let pointer = with(|c| c.lines.clear(), "request.no_lines");
    assert_eq!(pointer.unwrap(), "/lines");
    with(
        |c| c.lines = vec![line("CASE", 1); MAX_EXCHANGE_LINES],
        "request.too_many_entries",
    );
    with(|c| c.payments.clear(), "payment.too_low");
    with(
        |c| c.payments[0].method = PaymentMethod::Exchange,
        "payment.exchange_not_allowed",
    );
    let pointer = with(|c| c.returned[0].quantity = quantity(3), "return.exceeds_sold");
    assert_eq!(pointer.unwrap(), "/returned/0/quantity");
    let pointer = with(|c| c.lines[0].quantity = quantity(6), "stock.insufficient");
    assert_eq!(pointer.unwrap(), "/lines/0/quantity");
    with(|c| c.sale_id = sale_id("nada"), "sale.not_found");
    let pointer = with(
        |c| c.returned[0].unit_price_minor = Some(minor(1)),
        "return.price_not_allowed",
    );
    assert_eq!(pointer.unwrap(), "/returned/0/unit_price_minor");
    let pointer = with(
        |c| c.occurred_at = Some(NOW - time::Duration::seconds(1)),
        "time.before_sale",
    );
    assert_eq!(pointer.unwrap(), "/occurred_at");
    with(|c| c.new_sale_id = Some(sale_id("v-1")), "sale.already_exists");
    let refund = |method| {
        vec![Refund {
            method,
            amount_minor: minor(1),
        }]
    };
    let mut command = exchange(vec![back(1, 1)], vec![line("CASE", 1)]);
    command.refunds = refund(PaymentMethod::Cash);
    sold()
        .when(command.clone())
        .then_refused("return.refund_mismatch");
    command.refunds = refund(PaymentMethod::Exchange);
    sold().when(command).then_refused("payment.exchange_not_allowed");
    let plain = sell(
        "v-3",
        vec![line("CASE", 1)],
        vec![pay(PaymentMethod::Exchange, 3_333)],
    );
    shop().when(plain).then_refused("payment.exchange_not_allowed");
    let done = sold().and(exchange(vec![back(2, 1)], vec![line("CABLE", 1)]));
    let again = ExchangeGoods {
        new_sale_id: Some(sale_id("v-3")),
        ..exchange(vec![back(1, 1)], vec![line("CASE", 1)])
    };
    done.when(again).then_refused("return.already_exists");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_halves_of_an_exchange_add_up_and_so_does_the_money(pieces in 1..=2_i64, cables in 0..4_i64, cases in 0..4_i64) {
        let mut lines = vec![];
        if cables > 0 { lines.push(line("CABLE", cables)); }
        if cases > 0 { lines.push(line("CASE", cases)); }
        prop_assume!(!lines.is_empty());
        let difference = cables * 10_000 + cases * 3_333 - pieces * 10_000;
        let payments = if difference > 0 { cash(difference) } else { vec![] };
        let shop = sold();
        let before = (on_hand(&shop, "CABLE"), on_hand(&shop, "CASE"));
        let outcome = shop.when(ExchangeGoods { payments, ..exchange(vec![back(1, pieces)], lines) });
        let (returned, sale, _) = halves(&outcome);
        let refunded: i64 = returned.refunds.iter().map(|refund| refund.amount_minor.get()).sum();
        let paid: i64 = sale.payments.iter().map(|payment| payment.amount_minor.get()).sum();
        prop_assert_eq!((refunded, paid), (returned.total_minor.get(), sale.total_minor.get()));
        let cash = |method, amount: schemas::Minor| if method == PaymentMethod::Exchange { 0 } else { amount.get() };
        let cash_in: i64 = sale.payments.iter().map(|p| cash(p.method, p.amount_minor)).sum();
        let cash_out: i64 = returned.refunds.iter().map(|r| cash(r.method, r.amount_minor)).sum();
        prop_assert_eq!(cash_in - cash_out, difference);
        let shop = outcome.given;
        prop_assert_eq!((on_hand(&shop, "CABLE"), on_hand(&shop, "CASE")), (before.0 + pieces - cables, before.1 - cases));
    }
}
