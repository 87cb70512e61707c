//! How much of a sale goes back in money: what was paid in money, unless a manager decides.

use proptest::prelude::*;
use schemas::events::sale::{PaymentMethod, Refund};
use schemas::{ReturnId, SaleId};

use super::*;
use crate::sales::{
    CompleteSale, ExchangeGoods, PaymentRequest, ReturnGoods, ReturnLineRequest, Sale, VoidSale,
};

fn piece() -> ReturnLineRequest {
    ReturnLineRequest {
        sale_line: Some(1),
        sku: None,
        unit: None,
        quantity: quantity(1),
        unit_price_minor: None,
        restock: true,
    }
}

fn amounts(parts: &[(PaymentMethod, i64)]) -> Vec<Refund> {
    let one = |(method, amount): &(PaymentMethod, i64)| Refund {
        method: *method,
        amount_minor: minor(*amount),
    };
    parts.iter().map(one).collect()
}

fn give_back(number: usize, sale: SaleId, parts: &[(PaymentMethod, i64)]) -> ReturnGoods {
    ReturnGoods {
        return_id: Some(ReturnId::new(&format!("r-{number}")).unwrap()),
        sale_id: Some(sale),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![piece()],
        refunds: amounts(parts),
        occurred_at: None,
    }
}

fn swap(number: usize, sale: SaleId, name: &str, parts: &[(PaymentMethod, i64)]) -> ExchangeGoods {
    ExchangeGoods {
        sale_id: sale,
        return_id: Some(ReturnId::new(&format!("r-{number}")).unwrap()),
        new_sale_id: Some(sale_id(&format!("x-{number}"))),
        store: centro(),
        terminal: None,
        customer_id: None,
        returned: vec![piece()],
        lines: vec![line(name, 1)],
        discount: None,
        payments: vec![],
        refunds: amounts(parts),
        occurred_at: None,
    }
}

/// Cables at 10,000, sold to ana, who may owe 100,000; a cashier is at the till.
fn sold(pieces: i64, payments: Vec<PaymentRequest>) -> Given {
    let sale = CompleteSale {
        customer_id: Some(customer("ana")),
        ..sell("v-1", vec![line("CABLE", pieces)], payments)
    };
    as_role(shop().and(sale), "cashier")
}

fn v1() -> SaleId {
    sale_id("v-1")
}

const MONEY: [PaymentMethod; 3] = [PaymentMethod::Cash, PaymentMethod::Card, PaymentMethod::Transfer];

#[test]
fn what_was_bought_on_credit_goes_back_to_the_account_and_not_in_money() {
    let shop = sold(2, vec![pay(PaymentMethod::Credit, 20_000)]);
    for method in MONEY {
        let pointer = shop
            .clone()
            .when(give_back(1, v1(), &[(method, 10_000)]))
            .then_refused("refund.exceeds_paid");
        assert_eq!(pointer.as_deref(), Some("/refunds"));
    }
    let parts = [(PaymentMethod::Credit, 9_999), (PaymentMethod::Cash, 1)];
    shop.clone()
        .when(give_back(1, v1(), &parts))
        .then_refused("refund.exceeds_paid");
    let account = shop
        .clone()
        .and(give_back(1, v1(), &[(PaymentMethod::StoreCredit, 10_000)]));
    assert_eq!(balance(&account, &customer("ana")), minor(10_000));
    let unasked = shop.clone().and(give_back(1, v1(), &[]));
    assert_eq!(balance(&unasked, &customer("ana")), minor(10_000));
    for role in ["manager", "admin"] {
        as_role(shop.clone(), role).and(give_back(1, v1(), &[(PaymentMethod::Cash, 10_000)]));
    }
}

#[test]
fn the_money_of_a_sale_is_counted_over_all_of_its_returns_and_without_change() {
    // 15,000 in cash come to 10,000 after change; the other half is owed.
    let shop = sold(
        2,
        vec![
            pay(PaymentMethod::Credit, 10_000),
            pay(PaymentMethod::Cash, 15_000),
        ],
    );
    let first = [(PaymentMethod::Card, 6_000), (PaymentMethod::Credit, 4_000)];
    let shop = shop.and(give_back(1, v1(), &first));
    shop.clone()
        .when(give_back(
            2,
            v1(),
            &[(PaymentMethod::Cash, 4_001), (PaymentMethod::Credit, 5_999)],
        ))
        .then_refused("refund.exceeds_paid");
    let last = [(PaymentMethod::Cash, 4_000), (PaymentMethod::Credit, 6_000)];
    let shop = shop.and(give_back(2, v1(), &last));
    assert_eq!(balance(&shop, &customer("ana")), minor(0));
}

#[test]
fn after_a_manager_gave_more_money_back_a_cashier_gives_none() {
    let payments = vec![
        pay(PaymentMethod::Credit, 20_000),
        pay(PaymentMethod::Cash, 10_000),
    ];
    let shop = as_role(sold(3, payments), "manager");
    let shop = shop
        .and(give_back(1, v1(), &[(PaymentMethod::Cash, 10_000)]))
        .and(give_back(2, v1(), &[(PaymentMethod::Cash, 10_000)]));
    as_role(shop, "cashier")
        .when(give_back(3, v1(), &[(PaymentMethod::Cash, 10_000)]))
        .then_refused("refund.exceeds_paid");
}

#[test]
fn an_exchange_makes_no_money_of_credit_neither_now_nor_later() {
    let shop = sold(2, vec![pay(PaymentMethod::Credit, 20_000)]);
    let pointer = shop
        .clone()
        .when(swap(1, v1(), "CASE", &[(PaymentMethod::Cash, 6_667)]))
        .then_refused("refund.exceeds_paid");
    assert_eq!(pointer.as_deref(), Some("/refunds"));
    let shop = shop.and(swap(1, v1(), "CASE", &[]));
    assert_eq!(balance(&shop, &customer("ana")), minor(13_333));
    shop.when(give_back(2, sale_id("x-1"), &[(PaymentMethod::Cash, 3_333)]))
        .then_refused("refund.exceeds_paid");
}

#[test]
fn whom_nobody_knows_gets_money_back_also_for_what_was_exchanged() {
    let shop = as_role(
        shop().and(sell("v-1", vec![line("CABLE", 1)], cash(10_000))),
        "cashier",
    );
    let shop = shop.and(swap(1, v1(), "CASE", &[]));
    shop.and(give_back(2, sale_id("x-1"), &[(PaymentMethod::Cash, 3_333)]));
}

#[derive(Debug, Clone)]
enum Step {
    /// One piece of the sale back; how its worth is spread over the methods.
    Return(Vec<(PaymentMethod, i64)>),
    /// One piece for another thing.
    Swap(&'static str, Vec<(PaymentMethod, i64)>),
    /// What an exchange gave out comes back.
    Undo(usize, Vec<(PaymentMethod, i64)>),
    Void,
}

fn method() -> impl Strategy<Value = PaymentMethod> {
    prop_oneof![
        Just(PaymentMethod::Cash),
        Just(PaymentMethod::Card),
        Just(PaymentMethod::Transfer),
        Just(PaymentMethod::Credit),
        Just(PaymentMethod::StoreCredit),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let parts = || proptest::collection::vec((method(), 1..10_000_i64), 0..3);
    let one = prop_oneof![
        4 => parts().prop_map(Step::Return),
        2 => (prop_oneof![Just("CASE"), Just("CABLE")], parts()).prop_map(|(name, parts)| Step::Swap(name, parts)),
        2 => (0..8_usize, parts()).prop_map(|(number, parts)| Step::Undo(number, parts)),
        1 => Just(Step::Void),
    ];
    proptest::collection::vec(one, 1..8)
}

/// The parts made to come to the total: the last one takes the rest.
fn fitted(parts: &[(PaymentMethod, i64)], total: i64) -> Vec<(PaymentMethod, i64)> {
    let mut left = total;
    let mut fitted = Vec::new();
    for (index, (method, amount)) in parts.iter().enumerate() {
        let amount = if index + 1 == parts.len() {
            left
        } else {
            (*amount).min(left)
        };
        left -= amount;
        if amount > 0 {
            fitted.push((*method, amount));
        }
    }
    fitted
}

fn money(amounts: &[Refund]) -> i64 {
    let some = amounts.iter().filter(|amount| MONEY.contains(&amount.method));
    some.map(|amount| amount.amount_minor.get()).sum()
}

fn step(shop: Given, number: usize, step: &Step) -> Given {
    match step {
        Step::Return(parts) => shop.when(give_back(number, v1(), &fitted(parts, 10_000))).given,
        Step::Swap(name, parts) => {
            let worth = if *name == "CASE" { 6_667 } else { 0 };
            shop.when(swap(number, v1(), name, &fitted(parts, worth))).given
        }
        Step::Undo(of, parts) => {
            let sale = sale_id(&format!("x-{of}"));
            let worth = match shop.state(&streams::sale(&sale)) {
                crate::State::Sale(Some(found)) => match *found {
                    Sale::Completed(sold) => sold.total_minor.get(),
                    other => panic!("{other:?}"),
                },
                _ => return shop,
            };
            shop.when(give_back(number, sale, &fitted(parts, worth))).given
        }
        Step::Void => {
            let sale_id = v1();
            shop.when(VoidSale {
                sale_id,
                occurred_at: None,
            })
            .given
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_cashier_does_a_customer_gets_no_more_money_back_than_was_paid(owed in 0..=4_i64, steps in steps()) {
        let mut payments = vec![];
        if owed > 0 { payments.push(pay(PaymentMethod::Credit, owed * 10_000)); }
        if owed < 4 { payments.push(pay(PaymentMethod::Cash, (4 - owed) * 10_000)); }
        let mut shop = sold(4, payments);
        for (number, next) in steps.iter().enumerate() {
            shop = step(shop, number, next);
        }
        let mut back = 0;
        for event in shop.events() {
            let (refunds, total) = match event {
                Event::Sale(SaleEvent::Returned(e)) => (&e.refunds, e.total_minor),
                Event::Sale(SaleEvent::Voided(e)) => (&e.refunds, e.total_minor),
                _ => continue,
            };
            prop_assert_eq!(refunds.iter().map(|refund| refund.amount_minor.get()).sum::<i64>(), total.get());
            back += money(refunds);
        }
        prop_assert!(back <= (4 - owed) * 10_000, "{back} of {}", (4 - owed) * 10_000);
        prop_assert!(balance(&shop, &customer("ana")).get() <= owed * 10_000);
    }
}
