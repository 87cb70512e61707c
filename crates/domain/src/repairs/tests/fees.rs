//! What a device costs that goes back as it was, and what is done when something turns out otherwise than it seemed.

use schemas::events::RepairEvent;
use schemas::events::repair::RepairFee;
use schemas::events::sale::{DraftLine, PaymentMethod};
use schemas::{Event, events::customer::CustomerEvent};

use super::*;
use crate::sales::PaymentRequest;

fn charging(fee: Vec<DraftLine>, payments: Vec<PaymentRequest>) -> ReturnUnrepaired {
    ReturnUnrepaired {
        fee,
        payments,
        ..unrepaired()
    }
}

fn declined() -> Given {
    let quoted = workshop().and(intake()).and(diagnose()).and(quote());
    quoted.and(answer(false))
}

fn fee_of(given: &Given) -> Option<RepairFee> {
    given.events().find_map(|event| match event {
        Event::Repair(RepairEvent::ReturnedUnrepaired(returned)) => returned.fee.clone(),
        _ => None,
    })
}

#[test]
fn whoever_declines_a_quote_pays_for_the_diagnosis() {
    let outcome = declined().when(charging(vec![line("FIX", 1)], cash(20_000)));
    let answer = &outcome.decision().answer;
    assert_eq!(
        (&answer["total_minor"], &answer["change_minor"]),
        (&15_000.into(), &5_000.into())
    );
    let shop = outcome.then(["repair.returned_unrepaired", "repair.custody_ended"]);
    let fee = fee_of(&shop).unwrap();
    assert_eq!((fee.total_minor, fee.lines.len()), (minor(15_000), 1));
    // Said again, it is not charged again.
    shop.when(charging(vec![line("FIX", 1)], cash(15_000)))
        .then_nothing();
}

#[test]
fn a_fee_on_account_is_owed_within_the_customers_terms() {
    let on_account = |pieces: i64| {
        let payments = vec![pay(PaymentMethod::Credit, 15_000 * pieces)];
        charging(vec![line("FIX", pieces)], payments)
    };
    declined()
        .when(on_account(7))
        .then_refused("credit.limit_exceeded");
    let shop = declined().when(on_account(2)).then([
        "repair.returned_unrepaired",
        "customer.charged",
        "repair.custody_ended",
    ]);
    let charged = shop.events().find_map(|event| match event {
        Event::Customer(CustomerEvent::Charged(charged)) => Some(charged.amount_minor),
        _ => None,
    });
    assert_eq!(charged, Some(minor(30_000)));
}

#[test]
fn a_fee_is_a_service_paid_exactly_and_never_what_the_warranty_covers() {
    let refused = |fee, payments, code: &str| declined().when(charging(fee, payments)).then_refused(code);
    let pointer = refused(
        vec![line("FIX", 1), line("CABLE", 1)],
        cash(25_000),
        "repair.fee_not_service",
    );
    assert_eq!(pointer.as_deref(), Some("/fee/1"));
    refused(vec![line("FIX", 1)], cash(14_999), "payment.too_low");
    refused(vec![], cash(1), "request.no_lines");
    refused(vec![line("FIX", 1); 21], cash(1), "request.too_many_entries");
    let covered = sold().and(take_in(THE, IMEI)).and(diagnose());
    covered
        .when(charging(vec![line("FIX", 1)], cash(15_000)))
        .then_refused("repair.fee_not_due");
}

#[test]
fn what_was_ready_goes_back_to_the_bench_and_may_be_quoted_anew() {
    let ready = in_progress().and(done());
    let shop = ready.when(resume()).then(["repair.resumed"]);
    let cheaper = QuoteRepair {
        lines: vec![line("SCREEN", 1)],
        ..quote()
    };
    let shop = shop.and(cheaper).and(answer(true)).and(start()).and(done());
    shop.when(deliver(cash(150_000)))
        .then(["repair.delivered", "repair.custody_ended"]);
}

#[test]
fn a_fault_that_the_warranty_does_not_cover_may_show_on_the_workbench() {
    let shop = sold().and(take_in(THE, IMEI)).and(diagnose()).and(start());
    let wet = DiagnoseRepair {
        diagnosis: "Daño por agua".to_owned(),
        covered: Some(false),
        ..diagnose()
    };
    let shop = shop.when(wet.clone()).then(["repair.diagnosed"]);
    shop.clone().when(start()).then_refused("repair.diagnosed");
    let shop = shop.and(quote()).and(answer(true)).and(start());
    shop.clone().when(wet).then_refused("repair.in_progress");
    shop.and(done())
        .when(deliver(vec![]))
        .then_refused("payment.too_low");
}

#[test]
fn a_device_that_a_repair_has_is_not_made_goods_of_ours() {
    let shop = sold().and(take_in(THE, IMEI));
    let back = crate::sales::ReturnGoods {
        return_id: None,
        sale_id: Some(sale_id("v-1")),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![crate::sales::ReturnLineRequest {
            sale_line: Some(1),
            sku: None,
            unit: None,
            quantity: quantity(1),
            unit_price_minor: None,
            restock: false,
        }],
        refunds: vec![],
        occurred_at: None,
    };
    let void = crate::sales::VoidSale {
        sale_id: sale_id("v-1"),
        occurred_at: None,
    };
    let pointer = shop.clone().when(back.clone()).then_refused("unit.in_repair");
    assert_eq!(pointer.as_deref(), Some("/lines/0"));
    shop.clone().when(void.clone()).then_refused("unit.in_repair");
    let shop = shop.and(cancel());
    shop.clone().and(void);
    let shop = shop.and(back);
    // It is nobody's stock now; whoever has it may bring it again, and then it is not received beside that.
    let shop = shop.and(take_in("rep-2", IMEI));
    shop.when(receive(vec![receipt("PHONE", 1, &[IMEI])]))
        .then_refused("unit.in_repair");
    let foreign = workshop().and(intake());
    foreign
        .when(receive(vec![receipt("PHONE", 1, &[FOREIGN])]))
        .then_refused("unit.in_repair");
}
