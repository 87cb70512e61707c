//! The rules for customers' states, contact data and notes.

use schemas::NoteId;
use schemas::events::customer::{CreditTerms, CustomerKind, CustomerStatus};
use schemas::events::sale::PaymentMethod;
use serde_json::json;

use super::*;
use crate::sales::CompleteSale;
use crate::testing::*;

fn status(id: &str, status: CustomerStatus) -> ChangeCustomerStatus {
    ChangeCustomerStatus {
        customer_id: customer(id),
        status,
    }
}

fn buy(payments: Vec<crate::sales::PaymentRequest>) -> CompleteSale {
    CompleteSale {
        customer_id: Some(customer("ana")),
        ..sell("v-1", vec![line("CABLE", 1)], payments)
    }
}

fn note(id: &str) -> AddCustomerNote {
    AddCustomerNote {
        customer_id: customer("ana"),
        note_id: Some(NoteId::new(id).unwrap()),
        text: sealed("llamar el lunes"),
    }
}

fn charge(amount: i64) -> ChargeCustomer {
    ChargeCustomer {
        customer_id: customer("ana"),
        charge_id: None,
        amount_minor: minor(amount),
        note: None,
    }
}

#[test]
fn a_blocked_customer_buys_with_money_only() {
    let blocked = shop()
        .when(status("ana", CustomerStatus::Blocked))
        .then(["customer.status_changed"]);
    blocked
        .clone()
        .when(buy(vec![pay(PaymentMethod::Credit, 10_000)]))
        .then_refused("customer.blocked");
    blocked.clone().when(charge(1)).then_refused("customer.blocked");
    let bought = blocked.and(buy(cash(10_000)));
    let active = bought.and(status("ana", CustomerStatus::Active));
    active.and(charge(1));
}

#[test]
fn a_blocked_customer_may_still_spend_what_the_shop_owes_them() {
    let paid = ReceivePayment {
        customer_id: customer("ana"),
        payment_id: None,
        amount_minor: minor(10_000),
        method: PaymentMethod::Cash,
    };
    let blocked = shop().and(paid).and(status("ana", CustomerStatus::Blocked));
    blocked.and(buy(vec![pay(PaymentMethod::StoreCredit, 10_000)]));
}

#[test]
fn an_archived_customer_buys_nothing_and_an_open_balance_is_not_archived() {
    let owing = shop().and(charge(500));
    owing
        .clone()
        .when(status("ana", CustomerStatus::Archived))
        .then_refused("customer.balance_open");
    let paid = ReceivePayment {
        customer_id: customer("ana"),
        payment_id: None,
        amount_minor: minor(500),
        method: PaymentMethod::Cash,
    };
    let archived = owing.and(paid).and(status("ana", CustomerStatus::Archived));
    archived
        .clone()
        .when(buy(cash(10_000)))
        .then_refused("customer.archived");
    archived.clone().when(charge(1)).then_refused("customer.archived");
    archived
        .and(status("ana", CustomerStatus::Active))
        .and(buy(cash(10_000)));
}

#[test]
fn the_same_status_again_changes_nothing() {
    let blocked = shop().and(status("ana", CustomerStatus::Blocked));
    let outcome = blocked.when(status("ana", CustomerStatus::Blocked));
    let answer = json!({ "customer_id": "ana", "status": "blocked", "balance_minor": 0 });
    assert_eq!(outcome.decision().answer, answer);
    outcome.then_nothing();
    shop()
        .when(status("nadie", CustomerStatus::Blocked))
        .then_refused("customer.not_found");
}

#[test]
fn what_is_known_changes_field_by_field_and_nothing_given_changes_nothing() {
    let change = ChangeCustomer {
        customer_id: customer("ana"),
        kind: None,
        name: None,
        tax_id: None,
        email: None,
        phone: None,
        address: None,
    };
    let shop = shop().when(change.clone()).then_nothing();
    let same = ChangeCustomer {
        kind: Some(CustomerKind::Person),
        ..change.clone()
    };
    let shop = shop.when(same).then_nothing();
    let cleared = ChangeCustomer {
        kind: Some(CustomerKind::Company),
        phone: Some(None),
        email: Some(Some(sealed("a@b"))),
        ..change.clone()
    };
    let shop = shop.when(cleared).then(["customer.changed"]);
    let unknown = ChangeCustomer {
        customer_id: customer("nadie"),
        ..change
    };
    shop.when(unknown).then_refused("customer.not_found");
}

#[test]
fn a_note_is_added_corrected_and_removed_once() {
    let note_id = NoteId::new("n-1").unwrap();
    let correct = CorrectCustomerNote {
        customer_id: customer("ana"),
        note_id: note_id.clone(),
        text: sealed("llamar el martes"),
    };
    let remove = RemoveCustomerNote {
        customer_id: customer("ana"),
        note_id,
    };
    shop().when(correct.clone()).then_refused("note.not_found");
    let noted = shop().when(note("n-1")).then(["customer.note_added"]);
    noted
        .clone()
        .when(note("n-1"))
        .then_refused("note.already_exists");
    let of_luis = RemoveCustomerNote {
        customer_id: customer("luis"),
        ..remove.clone()
    };
    noted.clone().when(of_luis).then_refused("note.not_found");
    let noted = noted.when(correct.clone()).then(["customer.note_corrected"]);
    let removed = noted.when(remove.clone()).then(["customer.note_removed"]);
    removed.clone().when(remove).then_refused("note.not_found");
    removed.when(correct).then_refused("note.not_found");
}

#[test]
fn notes_about_one_customer_are_bounded() {
    let mut full = shop();
    for number in 0..MAX_NOTES {
        full = full.and(note(&format!("n-{number}")));
    }
    full.clone().when(note("one-more")).then_refused("note.too_many");
    let note_id = NoteId::new("n-0").unwrap();
    let removed = full.and(RemoveCustomerNote {
        customer_id: customer("ana"),
        note_id,
    });
    removed.and(note("one-more"));
}

#[test]
fn a_note_without_an_id_gets_one() {
    let anonymous = AddCustomerNote {
        note_id: None,
        ..note("n")
    };
    shop().and(anonymous.clone()).and(anonymous);
}

#[test]
fn a_customer_without_terms_is_told_so_whatever_their_status() {
    let luis = ChangeCredit {
        customer_id: customer("luis"),
        credit: CreditTerms::None,
    };
    shop().when(luis).then_nothing();
}
