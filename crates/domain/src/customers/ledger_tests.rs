//! Whatever happens, a balance is the sum of its ledger, and nobody owes more than was allowed when it was charged.

use proptest::prelude::*;
use schemas::events::CustomerEvent;
use schemas::events::customer::{CreditTerms, CustomerStatus};
use schemas::events::sale::PaymentMethod;
use schemas::{Event, PaymentId, ReturnId};

use super::*;
use crate::sales::{CompleteSale, ReturnGoods, ReturnLineRequest, VoidSale};
use crate::testing::*;
use crate::{State, streams};

/// What may happen to an account.
#[derive(Debug, Clone)]
enum Step {
    Sell(u8, i64, i64),
    Void(u8),
    Return(u8, i64),
    Charge(i64),
    Pay(i64),
    Limit(i64),
    Status(CustomerStatus),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let status = prop_oneof![
        3 => Just(CustomerStatus::Active),
        1 => Just(CustomerStatus::Blocked),
        1 => Just(CustomerStatus::Archived),
    ];
    let step = prop_oneof![
        4 => (0..8_u8, 1..4_i64, 0..30_000_i64).prop_map(|(id, n, credit)| Step::Sell(id, n, credit)),
        1 => (0..8_u8).prop_map(Step::Void),
        2 => (0..8_u8, 1..3_i64).prop_map(|(id, n)| Step::Return(id, n)),
        2 => (1..60_000_i64).prop_map(Step::Charge),
        2 => (1..60_000_i64).prop_map(Step::Pay),
        1 => (0..120_000_i64).prop_map(Step::Limit),
        1 => status.prop_map(Step::Status),
    ];
    proptest::collection::vec(step, 1..40)
}

fn step(shop: Given, number: usize, step: &Step) -> Given {
    let customer_id = customer("ana");
    let id = |number: u8| sale_id(&format!("v-{number}"));
    match *step {
        Step::Sell(id, pieces, credit) => {
            let total = pieces * 3_333;
            let credit = credit.min(total);
            let mut payments = vec![];
            if credit > 0 {
                payments.push(pay(PaymentMethod::Credit, credit));
            }
            if credit < total {
                payments.push(pay(PaymentMethod::Card, total - credit));
            }
            let sale = CompleteSale {
                customer_id: Some(customer_id),
                ..sell(&format!("v-{id}"), vec![line("CASE", pieces)], payments)
            };
            shop.when(sale).given
        }
        Step::Void(number) => {
            let void = VoidSale {
                sale_id: id(number),
                occurred_at: None,
            };
            shop.when(void).given
        }
        Step::Return(of, pieces) => {
            let line = ReturnLineRequest {
                sale_line: Some(1),
                sku: None,
                unit: None,
                quantity: quantity(pieces),
                unit_price_minor: None,
                restock: true,
            };
            let back = ReturnGoods {
                return_id: Some(ReturnId::new(&format!("r-{number}")).unwrap()),
                sale_id: Some(id(of)),
                store: centro(),
                terminal: None,
                customer_id: None,
                lines: vec![line],
                refunds: vec![],
                occurred_at: None,
            };
            shop.when(back).given
        }
        Step::Charge(amount) => {
            let (amount_minor, note) = (minor(amount), None);
            shop.when(ChargeCustomer {
                customer_id,
                charge_id: None,
                amount_minor,
                note,
            })
            .given
        }
        Step::Pay(amount) => {
            let paid = ReceivePayment {
                customer_id,
                payment_id: Some(PaymentId::new(&format!("p-{number}")).unwrap()),
                amount_minor: minor(amount),
                method: PaymentMethod::Cash,
            };
            shop.when(paid).given
        }
        Step::Limit(limit) => {
            let credit = CreditTerms::Limited {
                limit_minor: minor(limit),
            };
            shop.when(ChangeCredit { customer_id, credit }).given
        }
        Step::Status(status) => shop.when(ChangeCustomerStatus { customer_id, status }).given,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_balance_is_the_sum_of_its_ledger_and_no_charge_passes_the_terms(steps in steps()) {
        let mut shop = shop().policy(schemas::events::admin::StockPolicy::AllowNegative);
        let (mut sum, mut limit, mut status) = (0, 100_000, CustomerStatus::Active);
        for (number, next) in steps.iter().enumerate() {
            let before = shop.events().count();
            shop = step(shop, number, next);
            for event in shop.events().skip(before) {
                let Event::Customer(event) = event else { continue };
                match event {
                    CustomerEvent::Charged(e) => {
                        sum += e.amount_minor.get();
                        prop_assert!(sum <= limit, "{sum} passes {limit}");
                        prop_assert_eq!(status, CustomerStatus::Active);
                    }
                    CustomerEvent::Credited(e) => sum -= e.amount_minor.get(),
                    CustomerEvent::PaymentReceived(e) => sum -= e.amount_minor.get(),
                    CustomerEvent::CreditChanged(e) => match e.credit {
                        CreditTerms::Limited { limit_minor } => limit = limit_minor.get(),
                        CreditTerms::None | CreditTerms::Unlimited => {}
                    },
                    CustomerEvent::StatusChanged(e) => {
                        status = e.status;
                        prop_assert!(status != CustomerStatus::Archived || sum == 0);
                    }
                    _ => {}
                }
            }
            let State::Customer(Some(ana)) = shop.state(&streams::customer(&customer("ana"))) else {
                panic!("ana is registered");
            };
            prop_assert_eq!(ana.balance_minor.get(), sum);
        }
    }
}
