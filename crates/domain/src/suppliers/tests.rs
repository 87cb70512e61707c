//! The rules for suppliers, their contacts and our account with them.

use schemas::events::sale::PaymentMethod;
use schemas::events::supplier::SupplierDetails;
use schemas::{ContactId, DebtAdjustmentId, PaymentId, SupplierId};
use serde_json::json;

use super::*;
use crate::testing::*;
use crate::{Command, State, streams};

pub(crate) fn supplier(id: &str) -> SupplierId {
    SupplierId::new(id).unwrap()
}

fn contact(id: &str) -> ContactId {
    ContactId::new(id).unwrap()
}

pub(crate) fn details(name: &str) -> SupplierDetails {
    SupplierDetails {
        name: name.to_owned(),
        tax_id: Some("08019995123456".to_owned()),
        payment_days: Some(30),
        note: None,
    }
}

pub(crate) fn registered(id: &str) -> RegisterSupplier {
    RegisterSupplier {
        supplier_id: Some(supplier(id)),
        details: details("Distribuidora del Sur"),
    }
}

fn change(name: &str) -> ChangeSupplier {
    ChangeSupplier {
        supplier_id: supplier("sur"),
        details: details(name),
    }
}

fn add(id: Option<&str>) -> AddSupplierContact {
    AddSupplierContact {
        supplier_id: supplier("sur"),
        contact_id: id.map(contact),
        role: Some("ventas".to_owned()),
        name: sealed("Rosa"),
        email: Some(sealed("r@s")),
        phone: None,
    }
}

fn change_contact(id: &str) -> ChangeSupplierContact {
    ChangeSupplierContact {
        supplier_id: supplier("sur"),
        contact_id: contact(id),
        role: None,
        name: sealed("Rosa María"),
        email: None,
        phone: None,
    }
}

fn remove(id: &str) -> RemoveSupplierContact {
    RemoveSupplierContact {
        supplier_id: supplier("sur"),
        contact_id: contact(id),
    }
}

pub(crate) fn pay_supplier(payment: &str, amount: i64) -> PaySupplier {
    PaySupplier {
        supplier_id: supplier("sur"),
        payment_id: Some(PaymentId::new(payment).unwrap()),
        amount_minor: minor(amount),
        method: PaymentMethod::Transfer,
        reference: Some("BAC 123".to_owned()),
    }
}

fn adjust(delta: i64) -> AdjustSupplierDebt {
    AdjustSupplierDebt {
        supplier_id: supplier("sur"),
        adjustment_id: None,
        delta_minor: minor(delta),
        note: Some("saldo anterior".to_owned()),
    }
}

fn deactivate() -> DeactivateSupplier {
    DeactivateSupplier {
        supplier_id: supplier("sur"),
    }
}

fn reactivate() -> ReactivateSupplier {
    ReactivateSupplier {
        supplier_id: supplier("sur"),
    }
}

fn with_supplier() -> Given {
    shop().and(registered("sur"))
}

pub(crate) fn of(given: &Given, id: &str) -> Box<Supplier> {
    match given.state(&streams::supplier(&supplier(id))) {
        State::Supplier(Some(found)) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_supplier_is_registered_once_and_gets_an_id_if_it_has_none() {
    let shop = shop().when(registered("sur"));
    let shop = shop.then_answer(json!({ "supplier_id": "sur", "active": true, "balance_minor": 0 }));
    shop.clone()
        .when(registered("sur"))
        .then_refused("supplier.already_exists");
    let anonymous = RegisterSupplier {
        supplier_id: None,
        ..registered("x")
    };
    shop.and(anonymous.clone()).and(anonymous);
}

#[test]
fn details_are_bounded_and_the_same_again_change_nothing() {
    let shop = with_supplier();
    let refused = |details: SupplierDetails, code| {
        let supplier_id = supplier("sur");
        let changed = ChangeSupplier {
            supplier_id,
            details: details.clone(),
        };
        with_supplier().when(changed).then_refused(code);
        let registered = RegisterSupplier {
            supplier_id: None,
            details,
        };
        with_supplier().when(registered).then_refused(code)
    };
    let with = |days| SupplierDetails {
        payment_days: Some(days),
        ..details("Sur")
    };
    refused(details(""), "request.text_invalid");
    refused(details("4111 1111 1111 1111"), "request.card_number");
    assert_eq!(
        refused(with(-1), "supplier.payment_days_invalid").unwrap(),
        "/payment_days"
    );
    refused(with(3_651), "supplier.payment_days_invalid");
    let shop = shop.when(change("Sur S. A.")).then(["supplier.changed"]);
    shop.when(change("Sur S. A.")).then_nothing();
}

#[test]
fn a_supplier_is_deactivated_and_reactivated_each_once() {
    let shop = with_supplier().when(deactivate()).then(["supplier.deactivated"]);
    assert!(!of(&shop, "sur").active);
    let shop = shop.when(deactivate()).then_nothing();
    let shop = shop.when(reactivate()).then(["supplier.reactivated"]);
    shop.when(reactivate()).then_nothing();
}

#[test]
fn contacts_come_change_and_go() {
    let shop = with_supplier()
        .when(add(Some("rosa")))
        .then(["supplier.contact_added"]);
    shop.clone()
        .when(add(Some("rosa")))
        .then_refused("supplier.contact_already_exists");
    shop.clone()
        .when(change_contact("luis"))
        .then_refused("supplier.contact_not_found");
    shop.clone()
        .when(remove("luis"))
        .then_refused("supplier.contact_not_found");
    let shop = shop
        .when(change_contact("rosa"))
        .then(["supplier.contact_changed"]);
    let shop = shop.when(remove("rosa")).then(["supplier.contact_removed"]);
    shop.clone()
        .when(remove("rosa"))
        .then_refused("supplier.contact_not_found");
    shop.and(add(Some("rosa")));
}

#[test]
fn contacts_of_a_supplier_are_bounded() {
    let full = (0..100).fold(with_supplier(), |shop, _| shop.and(add(None)));
    full.when(add(None)).then_refused("supplier.too_many_contacts");
    let long = AddSupplierContact {
        role: Some("x".repeat(101)),
        ..add(None)
    };
    with_supplier().when(long).then_refused("request.text_invalid");
}

#[test]
fn a_payment_lowers_what_we_owe_also_below_zero_and_counts_once() {
    let shop = with_supplier().and(adjust(500)).when(pay_supplier("p-1", 800));
    let answer = json!({ "supplier_id": "sur", "payment_id": "p-1", "balance_minor": -300 });
    let shop = shop.then_answer(answer);
    shop.clone()
        .when(pay_supplier("p-1", 800))
        .then_refused("payment.already_exists");
    for amount in [0, -1] {
        shop.clone()
            .when(pay_supplier("p-2", amount))
            .then_refused("amount.not_positive");
    }
    let on_credit = PaySupplier {
        method: PaymentMethod::Credit,
        ..pay_supplier("p-2", 5)
    };
    shop.clone()
        .when(on_credit)
        .then_refused("payment.method_not_allowed");
    let anonymous = PaySupplier {
        payment_id: None,
        ..pay_supplier("x", 5)
    };
    shop.and(anonymous.clone()).and(anonymous);
}

#[test]
fn a_debt_is_adjusted_by_a_difference_that_is_not_zero_and_stays_in_range() {
    let named = AdjustSupplierDebt {
        adjustment_id: Some(DebtAdjustmentId::new("a-1").unwrap()),
        ..adjust(-700)
    };
    let shop = with_supplier().when(named.clone());
    let shop =
        shop.then_answer(json!({ "supplier_id": "sur", "adjustment_id": "a-1", "balance_minor": -700 }));
    let pointer = shop.clone().when(named);
    let pointer = pointer.then_refused("supplier.adjustment_already_exists");
    assert_eq!(pointer.unwrap(), "/adjustment_id");
    let unnamed = shop.clone().and(adjust(1)).when(adjust(1));
    assert_eq!(unnamed.decision().answer["balance_minor"], -698);
    shop.clone()
        .when(adjust(0))
        .then_refused("supplier.debt_delta_zero");
    let least = -schemas::money::MAX_MINOR;
    shop.when(adjust(least)).then_refused("amount.out_of_range");
}

#[test]
fn a_supplier_that_does_not_exist_is_not_found() {
    let commands: [Command; 8] = [
        change("x").into(),
        deactivate().into(),
        reactivate().into(),
        add(None).into(),
        change_contact("x").into(),
        remove("x").into(),
        pay_supplier("p", 1).into(),
        adjust(1).into(),
    ];
    for command in commands {
        shop().when(command).then_refused("supplier.not_found");
    }
}
