//! Voids: a whole sale goes back, or what is left of it.

use schemas::ReturnId;
use schemas::events::sale::{PaymentMethod, Refund, SaleVoided};
use schemas::events::stock::ReturnCause;
use schemas::events::unit::UnitReturned;
use serde_json::json;

use super::*;
use crate::admin::CloseStore;
use crate::sales::{CompleteSale, ReturnGoods, ReturnLineRequest, SaveDraft, VoidSale};
use crate::stock::Place;

fn void() -> VoidSale {
    VoidSale {
        sale_id: sale_id("v-1"),
        occurred_at: None,
    }
}

fn voided(outcome: &Outcome) -> SaleVoided {
    let found = outcome
        .decision()
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::Sale(SaleEvent::Voided(voided)) => Some(voided.clone()),
            _ => None,
        });
    found.expect("a voided sale")
}

fn returned(number: i64, pieces: i64, method: PaymentMethod, amount: i64) -> ReturnGoods {
    let line = ReturnLineRequest {
        sale_line: Some(number),
        sku: None,
        unit: None,
        quantity: quantity(pieces),
        unit_price_minor: None,
        restock: true,
    };
    ReturnGoods {
        return_id: None,
        sale_id: Some(sale_id("v-1")),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![line],
        refunds: vec![Refund {
            method,
            amount_minor: minor(amount),
        }],
        occurred_at: None,
    }
}

#[test]
fn a_void_brings_everything_back() {
    let payments = vec![
        pay(PaymentMethod::Credit, 20_000),
        pay(PaymentMethod::Cash, 600_000),
    ];
    let lines = vec![line("CABLE", 2), unit_line(IMEI), line("FIX", 1)];
    let sale = CompleteSale {
        customer_id: Some(customer("ana")),
        ..sell("v-1", lines, payments)
    };
    let shop = shop().and(sale);
    let outcome = shop.when(void());
    let event = voided(&outcome);
    assert_eq!(
        (event.total_minor, event.tax_minor),
        (minor(535_000), minor(67_826))
    );
    let refund = |method, amount| Refund {
        method,
        amount_minor: minor(amount),
    };
    assert_eq!(
        event.refunds,
        [
            refund(PaymentMethod::Credit, 20_000),
            refund(PaymentMethod::Cash, 515_000)
        ]
    );
    assert_eq!(
        outcome.decision().answer,
        json!({ "sale_id": "v-1", "total_minor": 535_000 })
    );
    let shop = outcome.then([
        "sale.voided",
        "inventory.returned",
        "inventory.returned",
        "inventory.unit_returned",
        "customer.credited",
    ]);
    assert_eq!((on_hand(&shop, "CABLE"), on_hand(&shop, "PHONE")), (10, 2));
    assert_eq!(the_unit(&shop, IMEI).place, Place::InStock { store: centro() });
    assert_eq!(balance(&shop, &customer("ana")), minor(0));
    shop.when(void()).then_nothing();
}

#[test]
fn a_void_after_a_return_brings_back_the_rest() {
    let shop = shop().and(sell("v-1", vec![line("CASE", 3)], cash(9_999)));
    let shop = shop.and(returned(1, 1, PaymentMethod::Cash, 3_333));
    let outcome = shop.when(void());
    assert_eq!(voided(&outcome).total_minor, minor(6_666));
    let shop = outcome.then(["sale.voided", "inventory.returned"]);
    assert_eq!(on_hand(&shop, "CASE"), 5);
}

#[test]
fn a_void_gives_back_no_more_than_is_left_after_a_refund_by_another_method() {
    let payments = vec![pay(PaymentMethod::Cash, 1_000), pay(PaymentMethod::Card, 8_999)];
    let shop = shop().and(sell("v-1", vec![line("CASE", 3)], payments));
    let shop = shop.and(returned(1, 1, PaymentMethod::Cash, 3_333));
    let refunds = voided(&shop.when(void())).refunds;
    assert_eq!(
        refunds,
        [Refund {
            method: PaymentMethod::Card,
            amount_minor: minor(6_666)
        }]
    );
}

#[test]
fn nothing_is_left_to_void_when_everything_was_returned() {
    let shop = shop().and(sell("v-1", vec![line("CASE", 1)], cash(3_333)));
    shop.and(returned(1, 1, PaymentMethod::Cash, 3_333))
        .when(void())
        .then_refused("sale.fully_returned");
}

#[test]
fn only_a_completed_sale_is_voided() {
    shop().when(void()).then_refused("sale.not_found");
    let content = schemas::events::sale::DraftContent {
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![],
        discount: None,
        hold_stock: false,
    };
    let shop = shop().and(SaveDraft {
        sale_id: Some(sale_id("v-1")),
        draft: content,
    });
    shop.clone().when(void()).then_refused("sale.is_draft");
    let shop = shop.and(crate::sales::DiscardDraft {
        sale_id: sale_id("v-1"),
    });
    shop.when(void()).then_refused("sale.discarded");
}

#[test]
fn a_void_needs_its_store_and_its_units() {
    let shop = shop().and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
    shop.clone()
        .and(CloseStore { store: centro() })
        .when(void())
        .then_refused("store.closed");
    // Logs from before know units that came back without their sale.
    let back = UnitReturned {
        unit: unit(IMEI),
        sku: sku("PHONE"),
        store: centro(),
        cause: ReturnCause::Return {
            return_id: ReturnId::new("r-1").unwrap(),
            sale_id: None,
        },
    };
    shop.append_all(vec![(streams::unit(&unit(IMEI)), back.into())])
        .when(void())
        .then_refused("unit.not_sold");
}

#[test]
fn a_sale_is_not_voided_before_it_was_made() {
    let shop = shop().and(sell("v-1", vec![line("CASE", 1)], cash(3_333)));
    let at = |seconds| VoidSale {
        occurred_at: Some(NOW + time::Duration::seconds(seconds)),
        ..void()
    };
    let pointer = shop.clone().when(at(-1)).then_refused("time.before_sale");
    assert_eq!(pointer.as_deref(), Some("/occurred_at"));
    shop.when(at(0)).then(["sale.voided", "inventory.returned"]);
}

#[test]
fn a_void_gives_no_more_money_back_than_is_left_of_it_whatever_a_return_gave_back() {
    let payments = vec![
        pay(PaymentMethod::Cash, 10_000),
        pay(PaymentMethod::Credit, 10_000),
    ];
    let sale = CompleteSale {
        customer_id: Some(customer("ana")),
        ..sell("v-1", vec![line("CABLE", 2)], payments)
    };
    let refunds = |method| {
        let shop = shop().and(sale.clone()).and(returned(1, 1, method, 10_000));
        voided(&shop.when(void())).refunds
    };
    let whole = |method| {
        vec![Refund {
            method,
            amount_minor: minor(10_000),
        }]
    };
    assert_eq!(refunds(PaymentMethod::Transfer), whole(PaymentMethod::Credit));
    assert_eq!(refunds(PaymentMethod::StoreCredit), whole(PaymentMethod::Cash));
}
