//! Properties of purchases over random receptions, sales, later costs and returns.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schemas::Event;
use schemas::events::purchase::PurchaseEvent;
use schemas::events::supplier::SupplierEvent;

use super::*;
use crate::suppliers::tests::pay_supplier;

/// What may happen between a shop and its supplier.
#[derive(Debug, Clone)]
enum Step {
    Receive(u8, i64, i64, bool),
    Phone(u8, usize),
    Invoice(u8),
    Cost(u8, i64, bool, i64),
    Back(u8, i64, i64),
    PhoneBack(u8, usize),
    Sell(i64, i64),
    GiveUp(i64),
    Pay(i64),
}

const PHONES: [&str; 3] = [NEW, OTHER, "serial:SN-10"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || 0..12_u8;
    let step = prop_oneof![
        4 => (id(), 1..3_i64, 1..9_i64, any::<bool>()).prop_map(|(id, line, n, by)| Step::Receive(id, line, n, by)),
        2 => (id(), 0..3_usize).prop_map(|(id, phone)| Step::Phone(id, phone)),
        2 => id().prop_map(Step::Invoice),
        3 => (id(), 1..4_i64, any::<bool>(), -9_000..9_000_i64).prop_map(|(id, line, by, n)| Step::Cost(id, line, by, n)),
        3 => (id(), 1..3_i64, 1..9_i64).prop_map(|(id, line, n)| Step::Back(id, line, n)),
        1 => (id(), 0..3_usize).prop_map(|(id, phone)| Step::PhoneBack(id, phone)),
        2 => (1..3_i64, 1..9_i64).prop_map(|(line, n)| Step::Sell(line, n)),
        1 => (1..4_i64).prop_map(Step::GiveUp),
        1 => (1..50_000_i64).prop_map(Step::Pay),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Takes a step, whatever it comes to.
fn step(shop: Given, number: usize, step: Step) -> Given {
    let named = |id: u8| format!("x-{id}");
    match step {
        Step::Receive(id, line, n, invoiced) => {
            let command = reception(&named(id), vec![came(line, n, &[])]);
            let invoice = invoiced.then(|| "F-1".to_owned());
            shop.when(ReceivePurchase { invoice, ..command }).given
        }
        Step::Phone(id, phone) => {
            let line = came(3, 1, &[PHONES[phone]]);
            shop.when(reception(&named(id), vec![line])).given
        }
        Step::Invoice(id) => shop.when(invoice(&named(id), "F-1")).given,
        Step::Cost(id, line, is_freight, delta) => {
            let kind = if is_freight {
                CostKind::Freight
            } else {
                CostKind::Price
            };
            shop.when(costs(&named(id), &[(line, kind, delta)])).given
        }
        Step::Back(id, line, n) => shop.when(back(&named(id), &[(line, n, &[])])).given,
        Step::PhoneBack(id, phone) => shop.when(back(&named(id), &[(3, 1, &[PHONES[phone]])])).given,
        Step::Sell(line, n) => {
            let (name, id) = (if line == 1 { "CABLE" } else { "CASE" }, format!("v-{number}"));
            shop.when(sell(
                &id,
                vec![super::super::super::testing::line(name, n)],
                cash(10_000_000),
            ))
            .given
        }
        Step::GiveUp(line) => shop.when(cancel(Some(vec![line]))).given,
        Step::Pay(amount) => shop.when(pay_supplier(&format!("p-{number}"), amount)).given,
    }
}

/// Sums over the log that must agree with the states: nothing here is read from a state.
#[derive(Debug, Default)]
struct Sums {
    /// What receptions and later costs came to, without tax.
    spent: i64,
    on_shelf: i64,
    expensed: i64,
    received: i64,
    /// What goods that went back were worth, and were credited with.
    went_back: i64,
    credited: i64,
    differences: i64,
    ledger: i64,
    /// What was charged and credited, with tax.
    owed: i64,
    received_ids: BTreeSet<String>,
}

fn sums(shop: &Given) -> Sums {
    let mut sums = Sums::default();
    for event in shop.events() {
        match event {
            Event::Purchase(PurchaseEvent::Received(e)) => {
                sums.received += e.net_minor.get();
                sums.spent += e.net_minor.get();
                assert!(sums.received_ids.insert(e.reception_id.to_string()), "once");
            }
            Event::Purchase(PurchaseEvent::Invoiced(e)) => sums.owed += e.total_minor.get(),
            Event::Purchase(PurchaseEvent::CostAdjusted(e)) => {
                assert_eq!(e.on_shelf_minor.get() + e.expensed_minor.get(), e.net_minor.get());
                sums.spent += e.net_minor.get();
                sums.on_shelf += e.on_shelf_minor.get();
                sums.expensed += e.expensed_minor.get();
                sums.owed += e.total_minor.get();
            }
            Event::Purchase(PurchaseEvent::Returned(e)) => {
                sums.went_back += e.value_minor.get();
                sums.credited += e.net_minor.get();
                sums.differences += e.difference_minor.get();
                sums.owed -= e.total_minor.get();
            }
            Event::Supplier(event) => {
                let (change, says) = match event {
                    SupplierEvent::Charged(e) => (e.amount_minor.get(), e.balance_minor.get()),
                    SupplierEvent::Credited(e) => (-e.amount_minor.get(), e.balance_minor.get()),
                    SupplierEvent::Paid(e) => {
                        sums.owed -= e.amount_minor.get();
                        (-e.amount_minor.get(), e.balance_minor.get())
                    }
                    SupplierEvent::DebtAdjusted(e) => (e.delta_minor.get(), e.balance_minor.get()),
                    _ => continue,
                };
                sums.ledger += change;
                assert_eq!(sums.ledger, says, "an event says what the ledger came to");
            }
            _ => {}
        }
    }
    sums
}

/// What sales took from the shelves' value, replayed piece by piece from the shelves' own states.
fn worth(shop: &Given) -> i64 {
    let names = ["CABLE", "CASE", "PHONE"];
    names.iter().map(|name| level(shop, name).cost.value_minor).sum()
}

fn opened() -> Given {
    let order = OrderPurchase {
        lines: vec![
            ordered("CABLE", 20, 5_777, true),
            ordered("CASE", 15, 1_003, true),
            ordered("PHONE", 3, 400_000, false),
        ],
        tolerance_percent: 10,
        send: true,
        ..order()
    };
    shop().and(registered("sur")).and(order)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn value_is_what_was_spent_less_what_left_and_the_balance_is_the_ledger(steps in steps()) {
        let mut shop = opened();
        let before = worth(&shop);
        let mut sold = 0;
        for (number, next) in steps.into_iter().enumerate() {
            let (is_sale, was) = (matches!(next, Step::Sell(..)), worth(&shop));
            shop = step(shop, number, next);
            if is_sale {
                sold += was - worth(&shop);
            }
            let sums = sums(&shop);
            // On the shelves: what was there, what came and what later costs added, less what left.
            prop_assert_eq!(worth(&shop), before + sums.received + sums.on_shelf - sums.went_back - sold);
            prop_assert_eq!(worth(&shop) + sums.expensed, before + sums.spent - sums.went_back - sold);
            prop_assert_eq!(sums.differences, sums.credited - sums.went_back);
            prop_assert_eq!(balance(&shop), sums.ledger);
            prop_assert_eq!(sums.ledger, sums.owed);
            for line in &the_purchase(&shop).lines {
                let limit = line.ordered + line.ordered / 10;
                prop_assert!(line.received <= limit && line.cancelled >= 0, "{line:?}");
                prop_assert!(line.cancelled == 0 || line.received + line.cancelled == line.ordered, "{line:?}");
                prop_assert!(0 <= line.returned && line.returned <= line.received, "{line:?}");
                prop_assert!(!line.value_minor.is_negative() && !line.tax_minor.is_negative(), "{line:?}");
                prop_assert!(line.kept() > 0 || line.value_minor.is_zero() && line.tax_minor.is_zero(), "{line:?}");
            }
        }
    }

    #[test]
    fn a_step_that_is_taken_twice_adds_nothing(steps in steps()) {
        let mut shop = opened();
        for (number, next) in steps.into_iter().enumerate() {
            let again = next.clone();
            shop = step(shop, number, next);
            let once = shop.events().count();
            // A sale's and a payment's ids are their numbers here, and giving up twice gives up nothing.
            let twice = step(shop.clone(), number, again);
            prop_assert_eq!(twice.events().count(), once);
        }
    }
}
