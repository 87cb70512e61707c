//! Which step follows from which, and what the clock does meanwhile.

use schemas::events::repair::Workshop;
use schemas::events::settings::Series;
use schemas::{OrderId, SupplierId};
use serde_json::json;
use time::Duration;

use super::*;
use crate::admin::{CloseStore, SetNumbering};
use crate::command::Command;
use crate::orders::{ConfirmOrder, CreateOrder, DeliverOrder, OrderKind};

#[test]
fn a_repair_goes_from_intake_to_delivery() {
    let shop = workshop()
        .when(intake())
        .then(["repair.custody_taken", "repair.received"]);
    let shop = shop.when(diagnose()).then(["repair.diagnosed"]);
    let shop = shop.when(quote()).then(["repair.quoted"]);
    let shop = shop.when(answer(true)).then(["repair.approved"]);
    let shop = shop.when(start()).then(["repair.started"]);
    let shop = shop.when(wait()).then(["repair.waiting_for_parts"]);
    let shop = shop.when(resume()).then(["repair.resumed"]);
    let shop = shop.when(done()).then(["repair.ready"]);
    let shop = shop
        .when(deliver(cash(165_000)))
        .then(["repair.delivered", "repair.custody_ended"]);
    assert_eq!(state(&shop).status, Status::Delivered);
}

/// Every step in every state: it follows, changes nothing, or is refused by the state's own code.
#[test]
fn each_forbidden_step_is_refused_with_what_the_repair_has_come_to() {
    let received = workshop().and(intake());
    let diagnosed = received.clone().and(diagnose());
    let quoted = diagnosed.clone().and(quote());
    let approved = quoted.clone().and(answer(true));
    let declined = quoted.clone().and(answer(false));
    let working = approved.clone().and(start());
    let waiting = working.clone().and(wait());
    let ready = working.clone().and(done());
    let delivered = ready.clone().and(deliver(cash(165_000)));
    let returned = declined.clone().and(unrepaired());
    let cancelled = received.clone().and(cancel());
    let states: [(Given, &[&str], &[&str]); 11] = [
        (received, &["diagnose_repair", "cancel_repair"], &[]),
        (
            diagnosed,
            &["quote_repair", "return_unrepaired", "cancel_repair"],
            &["diagnose_repair"],
        ),
        (
            quoted,
            &["approve", "decline", "return_unrepaired", "cancel_repair"],
            &["quote_repair"],
        ),
        (
            approved,
            &["start_repair", "keep_parts", "return_unrepaired", "cancel_repair"],
            &["approve"],
        ),
        (declined, &["quote_repair", "return_unrepaired"], &["decline"]),
        (
            working,
            &[
                "quote_repair",
                "wait_for_parts",
                "keep_parts",
                "take_parts",
                "finish_repair",
                "return_unrepaired",
            ],
            &["start_repair", "resume_repair"],
        ),
        (
            waiting,
            &["resume_repair", "keep_parts", "return_unrepaired"],
            &["wait_for_parts"],
        ),
        (ready, &["deliver_repair", "resume_repair"], &["finish_repair"]),
        (delivered, &[], &[]),
        (returned, &[], &["return_unrepaired"]),
        (cancelled, &[], &["cancel_repair"]),
    ];
    for (given, follow, repeat) in states {
        let status = state(&given).status.as_str();
        for (name, step) in every_step() {
            let outcome = given.clone().when(step);
            match &outcome.result {
                Ok(decision) => {
                    let expected = if decision.events.is_empty() {
                        repeat
                    } else {
                        follow
                    };
                    assert!(
                        expected.contains(&name),
                        "{name} of {status}: {:?}",
                        decision.events
                    );
                }
                Err(refusal) => {
                    let all = [follow, repeat].concat();
                    assert!(!all.contains(&name), "{name} of {status}: {refusal}");
                    assert_eq!(refusal.code(), format!("repair.{status}"), "{name}");
                }
            }
        }
    }
}

fn every_step() -> Vec<(&'static str, Command)> {
    vec![
        ("diagnose_repair", diagnose().into()),
        ("quote_repair", quote().into()),
        ("approve", answer(true).into()),
        ("decline", answer(false).into()),
        ("start_repair", start().into()),
        ("wait_for_parts", wait().into()),
        ("resume_repair", resume().into()),
        ("keep_parts", keep_parts(vec![part("SCREEN", 1)]).into()),
        ("take_parts", take(vec![part("SCREEN", 1)]).into()),
        ("finish_repair", done().into()),
        ("return_unrepaired", unrepaired().into()),
        ("cancel_repair", cancel().into()),
        ("deliver_repair", deliver(cash(165_000)).into()),
    ]
}

#[test]
fn what_does_not_exist_is_not_found() {
    for (name, step) in every_step() {
        let refused = workshop().when(step).result.unwrap_err();
        assert_eq!(refused.code(), "repair.not_found", "{name}");
    }
}

#[test]
fn a_device_is_in_one_open_repair_at_most() {
    let shop = workshop().and(intake());
    shop.clone().when(intake()).then_refused("repair.already_exists");
    let pointer = shop
        .clone()
        .when(take_in("rep-2", FOREIGN))
        .then_refused("repair.device_in_custody");
    assert_eq!(pointer.unwrap(), "/unit");
    let shop = shop.and(take_in("rep-2", "serial:X-1")).and(cancel());
    shop.when(take_in("rep-3", FOREIGN))
        .then(["repair.custody_taken", "repair.received"]);
}

#[test]
fn a_device_that_we_sold_is_known_by_its_sale_and_stays_sold() {
    let nameless = ReceiveRepair {
        description: None,
        ..take_in(THE, IMEI)
    };
    let outcome = sold().when(nameless);
    let answer = outcome.decision().answer.clone();
    assert_eq!(answer["device"]["description"], "Artículo PHONE");
    assert_eq!(answer["device"]["sold"]["sale_id"], "v-1");
    assert_eq!(answer["warranty_until"], "2027-11-22");
    assert_eq!(answer["under_warranty"], true);
    let State::Unit(Some(unit), _) = outcome.given.state(&streams::unit(&unit(IMEI))) else {
        panic!("no unit")
    };
    assert_eq!(
        unit.place,
        crate::stock::Place::Sold {
            sale_id: sale_id("v-1")
        }
    );
}

/// The shop has delivered the phone of `sold` by a sales order, three days ago.
fn delivered() -> Given {
    let order_id = OrderId::new("ped-1").unwrap();
    let order = CreateOrder {
        order_id: Some(order_id.clone()),
        kind: OrderKind::Order,
        store: centro(),
        customer_id: Some(customer("ana")),
        reference: None,
        lines: vec![unit_line(IMEI)],
        discount: None,
    };
    let confirm = ConfirmOrder {
        order_id: order_id.clone(),
    };
    let deliver = DeliverOrder {
        order_id,
        delivery_id: None,
        lines: vec![],
        occurred_at: Some(NOW - Duration::days(3)),
    };
    warranted().and(order).and(confirm).and(deliver)
}

#[test]
fn a_device_that_an_order_delivered_has_the_warranty_of_the_day_of_its_delivery() {
    let nameless = ReceiveRepair {
        description: None,
        ..take_in(THE, IMEI)
    };
    let answer = delivered().when(nameless).decision().answer.clone();
    assert_eq!(answer["device"]["description"], "Artículo PHONE");
    let sold = &answer["device"]["sold"];
    assert_eq!(
        (&sold["order_id"], &sold["sku"]),
        (&json!("ped-1"), &json!("PHONE"))
    );
    assert_eq!(sold["sold_on"], "2026-11-19");
    assert_eq!(sold.get("sale_id"), None);
    assert_eq!(answer["warranty_until"], "2027-11-19");
    assert_eq!(answer["under_warranty"], true);
}

#[test]
fn goods_of_ours_are_no_customers_device_and_a_foreign_one_needs_a_description() {
    workshop()
        .when(take_in(THE, SERIAL))
        .then_refused("repair.device_is_stock");
    let nameless = ReceiveRepair {
        description: None,
        ..intake()
    };
    workshop()
        .when(nameless)
        .then_refused("repair.description_required");
}

#[test]
fn an_intake_is_bounded() {
    let refused = |intake: ReceiveRepair, code| workshop().when(intake).then_refused(code);
    let promised = |promised_at| ReceiveRepair {
        promised_at: Some(promised_at),
        ..intake()
    };
    refused(promised(NOW), "repair.promise_invalid");
    refused(promised(NOW + Duration::days(367)), "repair.promise_invalid");
    let many = ReceiveRepair {
        accessories: vec!["funda".to_owned(); 51],
        ..intake()
    };
    refused(many, "request.too_many_entries");
    let long = ReceiveRepair {
        fault: "x".repeat(2_001),
        ..intake()
    };
    refused(long, "request.text_invalid");
    let stranger = ReceiveRepair {
        customer_id: customer("nadie"),
        ..intake()
    };
    refused(stranger, "customer.not_found");
    let closed = workshop().and(CloseStore { store: centro() });
    closed.when(intake()).then_refused("store.closed");
}

#[test]
fn a_repair_gets_its_number_where_numbering_is_on() {
    let numbering = SetNumbering {
        series: Series::Repair,
        prefix: "R-".to_owned(),
        next: 7,
        digits: 4,
    };
    let outcome = workshop().and(numbering).when(intake());
    assert_eq!(outcome.decision().answer["number"], "R-0007");
    outcome.then(["admin.number_taken", "repair.custody_taken", "repair.received"]);
}

#[test]
fn a_warranty_repair_needs_no_quote_and_costs_nothing() {
    let shop = sold().and(take_in(THE, IMEI)).and(diagnose());
    assert!(state(&shop).covered);
    shop.clone().when(quote()).then_refused("repair.under_warranty");
    let shop = shop.and(start()).and(take(vec![part("SCREEN", 1)])).and(done());
    let outcome = shop.when(deliver(vec![]));
    assert_eq!(outcome.decision().answer["total_minor"], 0);
    outcome.then(["repair.delivered", "repair.custody_ended"]);
}

#[test]
fn a_fault_that_no_warranty_covers_is_quoted() {
    let dropped = DiagnoseRepair {
        covered: Some(false),
        ..diagnose()
    };
    let shop = sold().and(take_in(THE, IMEI)).and(dropped);
    shop.and(quote()).and(answer(true)).and(start());
    let covered = DiagnoseRepair {
        covered: Some(true),
        ..diagnose()
    };
    let shop = workshop().and(intake());
    shop.when(covered).then_refused("repair.not_under_warranty");
}

#[test]
fn a_repair_has_a_warranty_of_its_own() {
    let shop = in_progress().and(done()).and(deliver(cash(165_000)));
    let again = shop.clone().when(take_in("rep-2", FOREIGN));
    let answer = &again.decision().answer;
    assert_eq!(answer["warranty_until"], "2027-02-20");
    assert_eq!(answer["under_warranty"], true);
    let late = shop.at(NOW + Duration::days(91)).when(take_in("rep-2", FOREIGN));
    assert_eq!(late.decision().answer["under_warranty"], false);
}

#[test]
fn the_clock_runs_while_the_shop_is_at_work_and_rests_while_it_waits() {
    let hour = Duration::hours(1);
    let clock = |given: &Given| (state(given).sla.spent_us / 3_600_000_000, state(given).sla.due_at);
    let shop = workshop().and(intake());
    assert_eq!(clock(&shop), (0, Some(NOW + hour * 72)));
    let shop = shop.at(NOW + hour * 2).and(diagnose());
    assert_eq!(clock(&shop), (0, Some(NOW + hour * 72)));
    let shop = shop.at(NOW + hour * 3).and(quote());
    assert_eq!(clock(&shop), (3, None));
    let shop = shop.at(NOW + hour * 10).and(answer(true));
    assert_eq!(clock(&shop), (3, Some(NOW + hour * 79)));
    let shop = shop.and(start()).at(NOW + hour * 11).and(wait());
    assert_eq!(clock(&shop), (4, None));
    let shop = shop.at(NOW + hour * 100).and(resume());
    assert_eq!(clock(&shop), (4, Some(NOW + hour * 168)));
    let shop = shop.at(NOW + hour * 101).and(done());
    assert_eq!(clock(&shop), (5, None));
}

#[test]
fn a_missed_target_is_recorded_once_and_never_too_early() {
    let breach = || RecordSlaBreach { repair_id: the() };
    let due_at = NOW + Duration::days(3);
    let shop = workshop().and(intake()).and(diagnose());
    let early = shop.clone().at(due_at - Duration::microseconds(1));
    early.when(breach()).then_refused("repair.sla_not_due");
    let shop = shop.at(due_at).when(breach()).then(["repair.sla_breached"]);
    let shop = shop.when(breach()).then_nothing();
    shop.and(quote()).when(breach()).then_nothing();
    let resting = workshop().and(intake()).and(diagnose()).and(quote());
    resting
        .at(due_at)
        .when(breach())
        .then_refused("repair.sla_resting");
}

#[test]
fn a_workshop_diagnoses_what_is_at_it_and_does_not_decide_who_pays() {
    let says = |id: &str| DiagnoseRepair {
        diagnosis: "Conector sucio".to_owned(),
        workshop: Some(SupplierId::new(id).unwrap()),
        ..diagnose()
    };
    let dropped = DiagnoseRepair {
        covered: Some(false),
        ..diagnose()
    };
    let shop = sold()
        .and(take_in(THE, IMEI))
        .and(dropped)
        .and(super::supplier("buho"));
    // To whom it was not sent it is not there, whatever state it is in.
    shop.clone().when(says("buho")).then_refused("repair.not_found");
    let send = SendToWorkshop {
        repair_id: the(),
        workshop: Workshop::Supplier {
            supplier_id: SupplierId::new("buho").unwrap(),
        },
        instructions: None,
    };
    let shop = shop.and(send);
    shop.clone()
        .when(says("lechuza"))
        .then_refused("repair.not_found");
    let shop = shop.when(says("buho")).then(["repair.diagnosed"]);
    assert!(!state(&shop).covered);
    assert_eq!(state(&shop).diagnosis.as_deref(), Some("Conector sucio"));
    shop.when(says("buho")).then_nothing();
}

#[test]
fn a_device_at_a_workshop_must_come_back_before_it_is_handed_over() {
    let send = |id: &str| SendToWorkshop {
        repair_id: the(),
        workshop: Workshop::Supplier {
            supplier_id: SupplierId::new(id).unwrap(),
        },
        instructions: Some("Cambiar el conector".to_owned()),
    };
    let back = || TakeFromWorkshop { repair_id: the() };
    let shop = in_progress()
        .and(super::supplier("buho"))
        .and(super::supplier("lechuza"));
    shop.clone()
        .when(send("nadie"))
        .then_refused("supplier.not_found");
    shop.clone().when(back()).then_refused("repair.not_at_workshop");
    let shop = shop.when(send("buho")).then(["repair.sent_to_workshop"]);
    let shop = shop.when(send("buho")).then_nothing();
    shop.clone()
        .when(send("lechuza"))
        .then_refused("repair.at_workshop");
    shop.clone().when(done()).then_refused("repair.at_workshop");
    shop.clone().when(unrepaired()).then_refused("repair.at_workshop");
    let shop = shop.when(back()).then(["repair.back_from_workshop"]);
    shop.and(done()).when(send("buho")).then_refused("repair.ready");
}
