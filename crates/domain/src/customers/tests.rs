//! The rules for customers and their accounts.

use schemas::events::customer::CreditTerms;
use schemas::events::sale::PaymentMethod;
use schemas::{ChargeId, PaymentId};
use serde_json::json;

use super::*;
use crate::testing::*;

fn charge_of(id: &str, amount: i64) -> ChargeCustomer {
    ChargeCustomer {
        customer_id: customer(id),
        charge_id: None,
        amount_minor: minor(amount),
        note: None,
    }
}

fn payment(id: &str, amount: i64) -> ReceivePayment {
    ReceivePayment {
        customer_id: customer(id),
        payment_id: Some(PaymentId::new("p-1").unwrap()),
        amount_minor: minor(amount),
        method: PaymentMethod::Transfer,
    }
}

#[test]
fn a_customer_is_registered_once() {
    let shop = shop()
        .when(register("eva", CreditTerms::None))
        .then(["customer.registered"]);
    shop.when(register("eva", CreditTerms::Unlimited))
        .then_refused("customer.already_exists");
}

#[test]
fn a_credit_limit_is_never_negative() {
    let terms = CreditTerms::Limited {
        limit_minor: minor(-1),
    };
    shop()
        .when(register("eva", terms))
        .then_refused("credit.limit_negative");
    let changed = ChangeCredit {
        customer_id: customer("ana"),
        credit: terms,
    };
    shop().when(changed).then_refused("credit.limit_negative");
}

#[test]
fn the_same_terms_again_change_nothing() {
    let terms = ChangeCredit {
        customer_id: customer("ana"),
        credit: CreditTerms::Unlimited,
    };
    let shop = shop().when(terms.clone()).then(["customer.credit_changed"]);
    shop.when(terms).then_nothing();
}

#[test]
fn a_charge_stays_within_the_terms() {
    let named = ChargeCustomer {
        charge_id: Some(ChargeId::new("c-1").unwrap()),
        ..charge_of("ana", 100_000)
    };
    let shop = shop().when(named);
    let shop =
        shop.then_answer(json!({ "customer_id": "ana", "charge_id": "c-1", "balance_minor": 100_000 }));
    shop.clone()
        .when(charge_of("ana", 1))
        .then_refused("credit.limit_exceeded");
    shop.clone()
        .when(charge_of("luis", 1))
        .then_refused("credit.not_granted");
    shop.when(charge_of("sol", 999_999_999))
        .then(["customer.charged"]);
}

#[test]
fn a_charge_that_is_sent_again_under_its_id_is_refused_and_one_without_an_id_is_another() {
    let named = ChargeCustomer {
        charge_id: Some(ChargeId::new("c-1").unwrap()),
        ..charge_of("ana", 300)
    };
    let shop = shop().and(named.clone());
    let again = ChargeCustomer {
        amount_minor: minor(400),
        ..named.clone()
    };
    for again in [named, again] {
        let pointer = shop.clone().when(again);
        let pointer = pointer.then_refused("customer.charge_already_exists");
        assert_eq!(pointer.unwrap(), "/charge_id");
    }
    let outcome = shop.and(charge_of("ana", 300)).when(charge_of("ana", 300));
    assert_eq!(outcome.decision().answer["balance_minor"], 900);
}

#[test]
fn a_lower_limit_keeps_the_debt_and_refuses_more() {
    let lower = CreditTerms::Limited {
        limit_minor: minor(10),
    };
    let shop = shop().and(charge_of("ana", 500));
    let shop = shop.and(ChangeCredit {
        customer_id: customer("ana"),
        credit: lower,
    });
    shop.when(charge_of("ana", 1))
        .then_refused("credit.limit_exceeded");
}

#[test]
fn amounts_are_positive_and_bounded() {
    for amount in [0, -5] {
        shop()
            .when(charge_of("ana", amount))
            .then_refused("amount.not_positive");
        shop()
            .when(payment("ana", amount))
            .then_refused("amount.not_positive");
    }
    let most = schemas::money::MAX_MINOR;
    shop()
        .and(charge_of("sol", most))
        .when(charge_of("sol", 1))
        .then_refused("amount.out_of_range");
}

#[test]
fn a_payment_lowers_the_balance_also_below_zero() {
    let shop = shop().and(charge_of("ana", 500)).when(payment("ana", 800));
    let answer = json!({ "customer_id": "ana", "payment_id": "p-1", "balance_minor": -300 });
    let shop = shop.then_answer(answer);
    shop.when(payment("ana", 800))
        .then_refused("payment.already_exists");
}

#[test]
fn a_payment_without_an_id_gets_one_that_a_retry_keeps() {
    let anonymous = ReceivePayment {
        payment_id: None,
        ..payment("ana", 800)
    };
    let first = shop().when(anonymous.clone());
    let again = shop().when(anonymous.clone());
    assert_eq!(first.decision().answer, again.decision().answer);
    first
        .then(["customer.payment_received"])
        .when(anonymous)
        .then(["customer.payment_received"]);
}

#[test]
fn an_account_is_not_paid_with_credit() {
    for method in [PaymentMethod::Credit, PaymentMethod::StoreCredit] {
        let paid = ReceivePayment {
            method,
            ..payment("ana", 800)
        };
        shop().when(paid).then_refused("payment.method_not_allowed");
    }
}

#[test]
fn a_customer_that_does_not_exist_is_not_found() {
    shop()
        .when(charge_of("nadie", 1))
        .then_refused("customer.not_found");
    shop()
        .when(payment("nadie", 1))
        .then_refused("customer.not_found");
    let terms = ChangeCredit {
        customer_id: customer("nadie"),
        credit: CreditTerms::None,
    };
    shop().when(terms).then_refused("customer.not_found");
}

#[test]
fn a_note_is_bounded() {
    let noted = ChargeCustomer {
        note: Some("x".repeat(501)),
        ..charge_of("ana", 1)
    };
    shop().when(noted).then_refused("request.text_invalid");
}
