//! The rules for sales taken offline: numbers, collisions, decisions, and that the order of tills does not matter.

use proptest::prelude::*;
use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::events::customer::CreditTerms;
use schemas::events::offline::{
    OfflineContent, OfflineLine, OfflinePayment, OfflineSale, QuarantineKind, Resolution,
};
use schemas::events::sale::{DraftContent, DraftLine, PaymentMethod};
use schemas::{Event, Incarnation, QuarantineId, TerminalId, UnitId};
use serde_json::{Value, json};

use super::*;
use crate::admin::{RegisterTerminal, RetireTerminal};
use crate::catalogue::ChangeItem;
use crate::customers::ChangeCredit;
use crate::sales::CompleteSale;
use crate::stock::{Place, Unit};
use crate::testing::*;
use crate::{Command, State, streams};

fn first() -> Incarnation {
    Incarnation::new("a").unwrap()
}

/// A line at the price that the shop charges.
fn charged(line: DraftLine, price: i64) -> DraftLine {
    DraftLine {
        unit_price_minor: Some(minor(price)),
        ..line
    }
}

fn taken(id: &str, terminal: &TerminalId, lines: Vec<DraftLine>, method: PaymentMethod) -> OfflineSale {
    let total = lines
        .iter()
        .map(|line| line.unit_price_minor.map_or(0, schemas::Minor::get) * line.quantity.get())
        .sum();
    OfflineSale {
        sale_id: sale_id(id),
        content: OfflineContent {
            store: centro(),
            terminal: Some(terminal.clone()),
            customer_id: matches!(method, PaymentMethod::Credit | PaymentMethod::StoreCredit)
                .then(|| customer("ana")),
            customer_unreadable: false,
            lines: lines.into_iter().map(noted).collect(),
            discount: None,
        },
        payments: vec![OfflinePayment {
            method,
            amount_minor: minor(total),
            reference: None,
        }],
        total_minor: minor(total),
        occurred_at: NOW - time::Duration::hours(3),
    }
}

fn cables(id: &str, pieces: i64) -> OfflineSale {
    taken(
        id,
        &caja(),
        vec![charged(line("CABLE", pieces), 10_000)],
        PaymentMethod::Cash,
    )
}

fn phone(id: &str) -> OfflineSale {
    taken(
        id,
        &caja(),
        vec![charged(unit_line(IMEI), 500_000)],
        PaymentMethod::Cash,
    )
}

fn record(sequence: i64, sale: OfflineSale) -> RecordOfflineSale {
    RecordOfflineSale {
        incarnation: first(),
        sequence,
        sale,
    }
}

fn dearer() -> ChangeItem {
    ChangeItem {
        sku: sku("CABLE"),
        name: None,
        price_minor: Some(minor(12_000)),
        tax_code: None,
        details: None,
    }
}

#[track_caller]
fn quarantined(outcome: &Outcome) -> (QuarantineId, QuarantineKind) {
    let answer = &outcome.decision().answer;
    assert_eq!(answer["outcome"], "quarantined", "{answer}");
    (
        serde_json::from_value(answer["quarantine_id"].clone()).unwrap(),
        serde_json::from_value(answer["kind"].clone()).unwrap(),
    )
}

fn resolve(quarantine_id: &QuarantineId, resolution: Resolution) -> ResolveOfflineSale {
    ResolveOfflineSale {
        quarantine_id: quarantine_id.clone(),
        resolution,
    }
}

#[track_caller]
fn accepted(outcome: Outcome) -> Given {
    assert_eq!(outcome.decision().answer["status"], "accepted");
    outcome.given
}

#[test]
fn a_sale_that_arrives_later_is_completed_with_its_own_time_and_number() {
    let outcome = shop().when(record(1, cables("off-1", 2)));
    assert_eq!(outcome.decision().answer["outcome"], "accepted");
    let given = outcome.then(["sale.completed", "inventory.issued", "sale.offline_recorded"]);
    let completed = given.events().find_map(|event| match event {
        Event::Sale(schemas::events::SaleEvent::Completed(completed)) => Some(completed),
        _ => None,
    });
    let completed = completed.unwrap();
    assert_eq!(completed.occurred_at, NOW - time::Duration::hours(3));
    assert_eq!(
        (completed.cashier.as_str(), completed.terminal.clone()),
        ("marta", Some(caja()))
    );
}

#[test]
fn a_number_is_taken_once_and_none_is_left_out() {
    let given = shop().and(record(1, cables("off-1", 1)));
    let again = given.when(record(1, cables("off-1", 1)));
    assert_eq!(again.decision().answer["outcome"], "duplicate");
    let given = again.then_nothing();
    let gap = given.clone().when(record(3, cables("off-3", 1)));
    assert_eq!(
        gap.then_refused("till.sequence_gap").as_deref(),
        Some("/sales/0/sequence")
    );
    given
        .clone()
        .when(record(0, cables("off-0", 1)))
        .then_refused("till.sequence_gap");
    let reused = given.clone().when(record(1, cables("off-9", 1)));
    reused.then_refused("till.sequence_reused");
    let anew = RecordOfflineSale {
        incarnation: Incarnation::new("b").unwrap(),
        ..record(1, cables("off-9", 1))
    };
    assert_eq!(given.when(anew).decision().answer["outcome"], "accepted");
}

#[test]
fn a_till_that_is_not_there_or_elsewhere_sends_nothing_in() {
    let other = TerminalId::new("nadie").unwrap();
    let stranger = taken(
        "off-1",
        &other,
        vec![charged(line("CABLE", 1), 10_000)],
        PaymentMethod::Cash,
    );
    shop()
        .when(record(1, stranger))
        .then_refused("terminal.not_found");
    let mut nowhere = cables("off-1", 1);
    nowhere.content.terminal = None;
    shop()
        .when(record(1, nowhere))
        .then_refused("till.terminal_missing");
}

/// The same, with somebody else at the keys.
fn signed_in(mut given: Given, role: &str) -> Given {
    given.ctx.actor = Actor::User {
        username: "jefa".to_owned(),
        role: role.to_owned(),
    };
    given
}

#[test]
fn what_a_retired_till_still_holds_comes_in_by_a_manager_or_waits_for_one() {
    let retired = shop()
        .and(record(1, cables("off-1", 1)))
        .and(RetireTerminal { terminal: caja() });
    let sale = sell("v-1", vec![line("CABLE", 1)], cash(10_000));
    let online = CompleteSale {
        terminal: Some(caja()),
        ..sale
    };
    retired.clone().when(online).then_refused("terminal.retired");

    let by_manager = signed_in(retired.clone(), "manager").when(record(2, cables("off-2", 1)));
    assert_eq!(by_manager.decision().answer["outcome"], "accepted");

    let by_cashier = signed_in(retired, "cashier").when(record(2, cables("off-2", 1)));
    let answer = by_cashier.decision().answer.clone();
    assert_eq!(
        (&answer["outcome"], &answer["kind"], &answer["code"]),
        (
            &json!("quarantined"),
            &json!("refused"),
            &json!("terminal.retired")
        )
    );
    let kept = by_cashier.then(["sale.offline_quarantined", "sale.offline_recorded"]);
    let behind = signed_in(kept, "cashier").when(record(3, cables("off-3", 1)));
    assert_eq!(behind.decision().answer["outcome"], "quarantined");
    let quarantine_id = QuarantineId::new(answer["quarantine_id"].as_str().unwrap()).unwrap();
    let retry = ResolveOfflineSale {
        quarantine_id,
        resolution: Resolution::Retry,
    };
    let resolved = behind.given.when(retry);
    assert_eq!(resolved.decision().answer["status"], "accepted");
}

#[test]
fn every_answer_says_which_number_comes_next_also_that_of_a_repetition() {
    let first = shop().when(record(1, cables("off-1", 1)));
    assert_eq!(first.decision().answer["expected"], 2);
    let third = first
        .given
        .and(record(2, cables("off-2", 1)))
        .and(record(3, cables("off-3", 99)));
    let again = third.when(record(1, cables("off-1", 1)));
    let answer = &again.decision().answer;
    assert_eq!(
        (&answer["outcome"], &answer["expected"]),
        (&json!("duplicate"), &json!(4))
    );
}

#[test]
fn a_collision_is_kept_and_never_blocks_the_sale_behind_it() {
    let given = shop().and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
    let outcome = given.when(record(1, phone("off-1")));
    assert_eq!(quarantined(&outcome).1, QuarantineKind::SerialSoldTwice);
    let given = outcome.then(["sale.offline_quarantined", "sale.offline_recorded"]);
    let again = given.when(record(1, phone("off-1")));
    assert_eq!(again.decision().answer["outcome"], "duplicate");
    let next = again.given.when(record(2, cables("off-2", 1)));
    assert_eq!(next.decision().answer["outcome"], "accepted");
}

#[test]
fn a_serial_that_was_sold_twice_is_resolved_by_the_unit_that_was_really_handed_over() {
    let given = shop().and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
    let outcome = given.when(record(1, phone("off-1")));
    let (id, _) = quarantined(&outcome);
    let given = outcome.given;
    given
        .clone()
        .when(resolve(&id, Resolution::AcceptNegativeStock))
        .then_refused("quarantine.resolution_mismatch");
    let unknown = Resolution::ReplaceUnit {
        line: 2,
        unit: unit(SERIAL),
    };
    given
        .clone()
        .when(resolve(&id, unknown))
        .then_refused("quarantine.line_unknown");
    let right = Resolution::ReplaceUnit {
        line: 1,
        unit: unit(SERIAL),
    };
    let given = accepted(given.when(resolve(&id, right)));
    match given.state(&streams::unit(&unit(SERIAL))) {
        State::Unit(
            Some(Unit {
                place: Place::Sold { sale_id: by },
                ..
            }),
            _,
        ) => assert_eq!(by, sale_id("off-1")),
        other => panic!("{other:?}"),
    }
    given
        .when(resolve(&id, Resolution::Retry))
        .then_refused("quarantine.accepted");
}

#[test]
fn goods_that_the_shelf_did_not_hold_are_let_go_below_zero_or_received_first() {
    let outcome = shop().when(record(1, cables("off-1", 12)));
    let (id, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::InsufficientStock);
    let given = outcome.given;
    given
        .clone()
        .when(resolve(&id, Resolution::Retry))
        .then_refused("quarantine.still_blocked");
    let below = accepted(given.clone().when(resolve(&id, Resolution::AcceptNegativeStock)));
    let on_hand = |given: &Given| match given.state(&streams::stock(&centro(), &sku("CABLE"))) {
        State::Stock(stock) => stock.on_hand,
        other => panic!("{other:?}"),
    };
    assert_eq!(on_hand(&below), -2);
    // The policy itself is untouched.
    let strict = below.when(sell("v-2", vec![line("CABLE", 1)], cash(10_000)));
    strict.then_refused("stock.insufficient");
    let received = given.and(receive(vec![receipt("CABLE", 5, &[])]));
    assert_eq!(
        on_hand(&accepted(received.when(resolve(&id, Resolution::Retry)))),
        3
    );
}

#[test]
fn credit_that_was_exceeded_is_owed_when_somebody_accepts_it() {
    let lines = vec![
        charged(line("CABLE", 10), 10_000),
        charged(line("CASE", 1), 3_333),
    ];
    let sale = taken("off-1", &caja(), lines, PaymentMethod::Credit);
    let outcome = shop().when(record(1, sale));
    let (id, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::CreditExceeded);
    let given = accepted(outcome.given.when(resolve(&id, Resolution::AcceptOverLimit)));
    match given.state(&streams::customer(&customer("ana"))) {
        State::Customer(Some(ana)) => {
            assert_eq!(ana.balance_minor, minor(103_333));
            assert!(
                matches!(ana.credit, CreditTerms::Limited { .. }),
                "the limit itself stays"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn store_credit_that_was_not_there_is_owed_or_was_paid_otherwise() {
    let lines = vec![charged(line("CABLE", 1), 10_000)];
    let sale = taken("off-1", &caja(), lines, PaymentMethod::StoreCredit);
    let outcome = shop().when(record(1, sale));
    let id = kept_as(
        &outcome,
        QuarantineKind::CreditExceeded,
        "credit.store_credit_insufficient",
    );
    let in_cash = Resolution::CorrectPayments {
        payments: vec![OfflinePayment {
            method: PaymentMethod::Cash,
            amount_minor: minor(10_000),
            reference: None,
        }],
    };
    accepted(outcome.given.clone().when(resolve(&id, in_cash)));
    let given = accepted(outcome.given.when(resolve(&id, Resolution::AcceptOverLimit)));
    match given.state(&streams::customer(&customer("ana"))) {
        State::Customer(Some(ana)) => assert_eq!(ana.balance_minor, minor(10_000)),
        other => panic!("{other:?}"),
    }
    let methods = given.events().find_map(|event| match event {
        Event::Sale(schemas::events::SaleEvent::Completed(completed)) => Some(
            completed
                .payments
                .iter()
                .map(|paid| paid.method)
                .collect::<Vec<_>>(),
        ),
        _ => None,
    });
    assert_eq!(methods, Some(vec![PaymentMethod::Credit]));
}

#[test]
fn payments_that_cannot_be_are_put_right_and_so_is_a_total_that_was_charged_otherwise() {
    let paid = |minor_units: i64| {
        let mut sale = cables("off-1", 1);
        sale.payments[0].amount_minor = minor(minor_units);
        sale
    };
    let right = |amount: i64| Resolution::CorrectPayments {
        payments: vec![OfflinePayment {
            method: PaymentMethod::Card,
            amount_minor: minor(amount),
            reference: None,
        }],
    };
    let outcome = shop().when(record(1, paid(0)));
    let id = kept_as(&outcome, QuarantineKind::Refused, "amount.not_positive");
    accepted(outcome.given.when(resolve(&id, right(10_000))));
    // The till added up to more than its lines come to.
    let mut sale = paid(10_050);
    sale.total_minor = minor(10_050);
    let outcome = shop().when(record(1, sale));
    let id = kept_as(&outcome, QuarantineKind::PriceChanged, "quarantine.price_changed");
    let outcome = outcome.given.when(resolve(&id, right(10_000)));
    assert_eq!(outcome.decision().answer["kind"], "price_changed");
    accepted(outcome.given.when(resolve(&id, Resolution::AcceptPrices)));
}

#[test]
fn an_item_that_is_not_known_is_blamed_on_its_line() {
    let lines = vec![
        charged(line("CABLE", 1), 10_000),
        charged(line("NUEVO", 1), 10_000),
    ];
    let outcome = shop().when(record(1, taken("off-1", &caja(), lines, PaymentMethod::Cash)));
    let cause = outcome.given.events().find_map(|event| match event {
        Event::Offline(schemas::events::OfflineEvent::Quarantined(kept)) => Some(kept.cause.clone()),
        _ => None,
    });
    assert_eq!(
        cause.map(|cause| (cause.code, cause.line)),
        Some(("item.not_found".to_owned(), Some(2)))
    );
}

#[test]
fn an_unknown_item_is_named_or_created() {
    let lines = vec![charged(line("NUEVO", 1), 10_000)];
    let outcome = shop().when(record(1, taken("off-1", &caja(), lines, PaymentMethod::Cash)));
    let (id, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::UnknownItem);
    let right = Resolution::ReplaceItem {
        line: 1,
        sku: sku("CABLE"),
    };
    accepted(outcome.given.when(resolve(&id, right)));
}

/// A sale of one phone whose number somebody typed wrong.
fn mistyped(id: &str) -> OfflineSale {
    let mut sale = phone(id);
    sale.content.lines[0].unit = Some("imei:490154203237519".to_owned());
    sale
}

#[track_caller]
fn kept_as(outcome: &Outcome, kind: QuarantineKind, code: &str) -> QuarantineId {
    let (id, found) = quarantined(outcome);
    let answer = &outcome.decision().answer;
    assert_eq!((found, &answer["code"]), (kind, &json!(code)), "{answer}");
    id
}

#[test]
fn a_mistyped_number_waits_for_the_unit_or_item_that_it_was_and_the_next_sale_goes_on() {
    let outcome = shop().when(record(1, mistyped("off-1")));
    let id = kept_as(
        &outcome,
        QuarantineKind::UnknownItem,
        "quarantine.unit_unreadable",
    );
    let behind = outcome.given.when(record(2, cables("off-2", 1)));
    assert_eq!(behind.decision().answer["outcome"], "accepted");
    let given = behind.given;
    given
        .clone()
        .when(resolve(&id, Resolution::Retry))
        .then_refused("quarantine.still_blocked");
    let again = given.clone().when(record(1, mistyped("off-1")));
    assert_eq!(again.decision().answer["outcome"], "duplicate");
    let right = Resolution::ReplaceUnit {
        line: 1,
        unit: unit(IMEI),
    };
    accepted(given.clone().when(resolve(&id, right)));
    // It was no phone at all: the price that was charged is then another one.
    let cable = Resolution::ReplaceItem {
        line: 1,
        sku: sku("CABLE"),
    };
    let outcome = given.when(resolve(&id, cable));
    assert_eq!(outcome.decision().answer["kind"], "price_changed");
    let given = accepted(outcome.given.when(resolve(&id, Resolution::AcceptPrices)));
    match given.state(&streams::sale(&sale_id("off-1"))) {
        State::Sale(Some(sale)) => {
            let sold = sale.sold(&sale_id("off-1")).unwrap();
            assert_eq!(sold.total_minor, minor(500_000));
        }
        other => panic!("{other:?}"),
    }
}

/// A line of which the till noted an item and a unit, in these words.
fn words(sku: Option<&str>, unit: &str) -> OfflineLine {
    OfflineLine {
        sku: sku.map(str::to_owned),
        unit: Some(unit.to_owned()),
        quantity: 1,
        unit_price_minor: 10_000,
        discount: None,
    }
}

#[test]
fn a_unit_that_is_none_or_is_not_known_goes_when_somebody_says_which_item_it_was() {
    let unknown = QuarantineKind::UnknownItem;
    let cases = [
        (words(None, "serial:NADA"), "unit.not_found"),
        (words(None, "serial:SN\t1"), "quarantine.unit_unreadable"),
        (
            words(None, "imei:490154203237518\n"),
            "quarantine.unit_unreadable",
        ),
        (words(Some("CABLE"), "4901"), "quarantine.unit_unreadable"),
        (words(Some("CA\0BLE"), "serial:\0"), "quarantine.sku_unreadable"),
    ];
    for (line, code) in cases {
        let mut sale = cables("off-1", 1);
        sale.content.lines = vec![line];
        let outcome = shop().when(record(1, sale));
        let id = kept_as(&outcome, unknown, code);
        let given = outcome.given;
        given
            .clone()
            .when(resolve(&id, Resolution::Retry))
            .then_refused("quarantine.still_blocked");
        let cable = Resolution::ReplaceItem {
            line: 1,
            sku: sku("CABLE"),
        };
        let given = accepted(given.when(resolve(&id, cable)));
        match given.state(&streams::quarantine(&id)) {
            State::Quarantine(Some(kept)) => assert_eq!(kept.sale.content.lines[0].unit, None, "{code}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_unit_that_is_known_stays_when_somebody_says_which_item_it_was() {
    let mut sale = phone("off-1");
    sale.content.lines[0].sku = Some("PHONE\r".to_owned());
    let outcome = shop().when(record(1, sale));
    let id = kept_as(&outcome, QuarantineKind::UnknownItem, "quarantine.sku_unreadable");
    let right = Resolution::ReplaceItem {
        line: 1,
        sku: sku("PHONE"),
    };
    let given = accepted(outcome.given.when(resolve(&id, right)));
    assert!(matches!(
        given.state(&streams::unit(&unit(IMEI))),
        State::Unit(
            Some(Unit {
                place: Place::Sold { .. },
                ..
            }),
            _
        )
    ));
}

#[test]
fn a_line_that_names_too_little_or_contradicts_itself_waits_for_its_unit_or_item() {
    let named = |line: i64, unit: &str| Resolution::ReplaceUnit {
        line,
        unit: self::unit(unit),
    };
    let item = |line: i64, name: &str| Resolution::ReplaceItem { line, sku: sku(name) };
    let refused = QuarantineKind::Refused;
    let one = |sku: Option<&str>, unit: Option<&str>| {
        let mut sale = phone("off-1");
        let line = &mut sale.content.lines[0];
        (line.sku, line.unit) = (sku.map(str::to_owned), unit.map(str::to_owned));
        sale
    };
    // A phone without its number, then the number.
    let outcome = shop().when(record(1, one(Some("PHONE"), None)));
    let id = kept_as(&outcome, refused, "unit.required");
    accepted(outcome.given.when(resolve(&id, named(1, IMEI))));
    // Neither, and somebody says which item it was: it needs its number yet.
    let outcome = shop().when(record(1, one(None, None)));
    let id = kept_as(&outcome, refused, "sale.line_without_goods");
    let outcome = outcome.given.when(resolve(&id, item(1, "PHONE")));
    assert_eq!(outcome.decision().answer["code"], "unit.required");
    accepted(outcome.given.when(resolve(&id, named(1, IMEI))));
    // A cable under a phone's number: one of the two is wrong, and only somebody can say which.
    let outcome = shop().when(record(1, one(Some("CABLE"), Some(IMEI))));
    let id = kept_as(&outcome, refused, "unit.other_item");
    let given = accepted(outcome.given.clone().when(resolve(&id, item(1, "PHONE"))));
    assert_eq!(unit_kept(&given, &id).as_deref(), Some(IMEI));
    let outcome = outcome.given.when(resolve(&id, item(1, "CABLE")));
    assert_eq!(outcome.decision().answer["kind"], "price_changed");
    assert_eq!(unit_kept(&outcome.given, &id), None);
    // The same phone twice: the second line was a cable.
    let twice = vec![
        charged(unit_line(IMEI), 500_000),
        charged(unit_line(IMEI), 10_000),
    ];
    let outcome = shop().when(record(1, taken("off-1", &caja(), twice, PaymentMethod::Cash)));
    let id = kept_as(&outcome, refused, "unit.repeated");
    outcome
        .given
        .clone()
        .when(resolve(&id, Resolution::AcceptPrices))
        .then_refused("quarantine.resolution_mismatch");
    accepted(outcome.given.when(resolve(&id, item(2, "CABLE"))));
}

/// The unit of the first line, as it is kept.
fn unit_kept(given: &Given, id: &QuarantineId) -> Option<String> {
    match given.state(&streams::quarantine(id)) {
        State::Quarantine(Some(kept)) => kept.sale.content.lines[0].unit.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whatever_a_line_holds_its_sale_is_kept_within_bounds_and_the_number_is_used() {
    let line = |sku: Option<&str>, quantity: i64, price: i64| OfflineLine {
        sku: sku.map(str::to_owned),
        unit: None,
        quantity,
        unit_price_minor: price,
        discount: None,
    };
    let long = "x".repeat(5_000);
    let refused = QuarantineKind::Refused;
    let unknown = QuarantineKind::UnknownItem;
    let cases = [
        (
            line(Some("CABLE "), 1, 10_000),
            unknown,
            "quarantine.sku_unreadable",
        ),
        (line(Some(""), 1, 10_000), unknown, "quarantine.sku_unreadable"),
        (line(Some(&long), 1, 10_000), unknown, "quarantine.sku_unreadable"),
        (
            line(Some("CA\0BLE"), 1, 10_000),
            unknown,
            "quarantine.sku_unreadable",
        ),
        (
            line(Some("CABLE\n"), 1, 10_000),
            unknown,
            "quarantine.sku_unreadable",
        ),
        (line(None, 1, 10_000), refused, "sale.line_without_goods"),
        (
            line(Some("CABLE"), 0, 10_000),
            refused,
            "quarantine.quantity_invalid",
        ),
        (
            line(Some("CABLE"), i64::MIN, 10_000),
            refused,
            "quarantine.quantity_invalid",
        ),
        (
            line(Some("CABLE"), 1, i64::MAX),
            refused,
            "quarantine.price_invalid",
        ),
        (line(Some("CABLE"), 1, -1), refused, "amount.negative"),
    ];
    let mut given = shop();
    for (number, (line, kind, code)) in (1..).zip(cases) {
        let mut sale = cables(&format!("off-{number}"), 1);
        sale.content.lines = vec![line];
        let outcome = given.when(record(number, sale));
        kept_as(&outcome, kind, code);
        given = outcome.then(["sale.offline_quarantined", "sale.offline_recorded"]);
    }
    for event in given.events() {
        if let Event::Offline(schemas::events::OfflineEvent::Quarantined(kept)) = event {
            let word = kept.sale.content.lines[0].sku.clone().unwrap_or_default();
            assert!(
                word.chars().count() <= 100 && !word.chars().any(char::is_control),
                "{word}"
            );
        }
    }
}

#[test]
fn a_sale_that_is_too_long_is_kept_too_and_only_cancelled() {
    let mut long = cables("off-1", 1);
    long.content.lines = vec![long.content.lines[0].clone(); 1_001];
    let outcome = shop().when(record(1, long));
    let id = kept_as(&outcome, QuarantineKind::Refused, "request.too_many_entries");
    let mut paid_often = cables("off-2", 1);
    paid_often.payments = vec![paid_often.payments[0].clone(); 51];
    let outcome = outcome.given.when(record(2, paid_often));
    kept_as(&outcome, QuarantineKind::Refused, "request.too_many_entries");
    let cancel = CancelOfflineSale {
        quarantine_id: id,
        note: "registrada a mano en dos ventas".to_owned(),
    };
    outcome.given.when(cancel).then(["sale.offline_cancelled"]);
}

#[test]
fn a_quantity_that_cannot_be_and_a_customer_that_cannot_be_read_are_put_right() {
    let mut sale = cables("off-1", 2);
    sale.content.lines[0].quantity = 0;
    let outcome = shop().when(record(1, sale));
    let (id, _) = quarantined(&outcome);
    let to = |line: i64, pieces: i64| Resolution::CorrectQuantity {
        line,
        quantity: quantity(pieces),
    };
    let given = outcome.given;
    given
        .clone()
        .when(resolve(&id, to(2, 2)))
        .then_refused("quarantine.line_unknown");
    let given = accepted(given.when(resolve(&id, to(1, 2))));

    let mut sale = cables("off-2", 1);
    sale.content.customer_unreadable = true;
    let outcome = given.when(record(2, sale));
    let id = kept_as(
        &outcome,
        QuarantineKind::Refused,
        "quarantine.customer_unreadable",
    );
    let given = outcome.given;
    given
        .clone()
        .when(resolve(&id, to(1, 1)))
        .then_refused("quarantine.resolution_mismatch");
    let of = |customer_id| Resolution::CorrectCustomer { customer_id };
    let wrong = given.clone().when(resolve(&id, of(Some(customer("nadie")))));
    assert_eq!(wrong.decision().answer["code"], "customer.not_found");
    accepted(wrong.given.when(resolve(&id, of(Some(customer("ana"))))));
    accepted(given.when(resolve(&id, of(None))));
}

#[test]
fn prices_that_changed_meanwhile_are_accepted_by_somebody() {
    let outcome = shop().and(dearer()).when(record(1, cables("off-1", 2)));
    let (id, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::PriceChanged);
    let outcome = outcome.given.when(resolve(&id, Resolution::AcceptPrices));
    let given = accepted(outcome);
    match given.state(&streams::sale(&sale_id("off-1"))) {
        State::Sale(Some(sale)) => {
            assert_eq!(sale.sold(&sale_id("off-1")).unwrap().total_minor, minor(20_000))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_cause_after_the_other_is_decided_and_a_cancelled_sale_stays_cancelled() {
    let outcome = shop().and(dearer()).when(record(1, cables("off-1", 12)));
    let (id, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::InsufficientStock);
    let outcome = outcome.given.when(resolve(&id, Resolution::AcceptNegativeStock));
    assert_eq!(outcome.decision().answer["kind"], "price_changed");
    let given = outcome.then(["sale.offline_amended"]);
    accepted(given.clone().when(resolve(&id, Resolution::AcceptPrices)));
    let cancel = CancelOfflineSale {
        quarantine_id: id.clone(),
        note: "devuelto en caja".to_owned(),
    };
    let given = given.when(cancel.clone()).then(["sale.offline_cancelled"]);
    let given = given.when(cancel).then_nothing();
    given
        .when(resolve(&id, Resolution::AcceptPrices))
        .then_refused("quarantine.cancelled");
}

#[test]
fn a_sale_that_no_rule_allows_is_kept_as_it_was() {
    let mut sale = cables("off-1", 1);
    sale.payments[0].amount_minor = minor(1);
    let outcome = shop().when(record(1, sale));
    let (_, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::Refused);
    assert_eq!(outcome.decision().answer["code"], "payment.too_low");
}

#[test]
fn payments_that_do_not_come_to_the_total_are_put_right_by_somebody() {
    let mut sale = cables("off-1", 1);
    sale.payments[0].amount_minor = minor(9_000);
    let outcome = shop().when(record(1, sale));
    let (id, _) = quarantined(&outcome);
    let paid = |amount: i64, reference: Option<&str>| Resolution::CorrectPayments {
        payments: vec![OfflinePayment {
            method: PaymentMethod::Card,
            amount_minor: minor(amount),
            reference: reference.map(str::to_owned),
        }],
    };
    let given = outcome.given;
    given
        .clone()
        .when(resolve(&id, Resolution::AcceptPrices))
        .then_refused("quarantine.resolution_mismatch");
    given
        .clone()
        .when(resolve(&id, paid(10_000, Some("4111 1111 1111 1111"))))
        .then_refused("payment.card_number");
    let still = given.clone().when(resolve(&id, paid(10_001, None)));
    assert_eq!(still.decision().answer["code"], "payment.too_high");
    let given = accepted(given.when(resolve(&id, paid(10_000, None))));
    let collision = given.and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
    let (id, _) = quarantined(&collision.clone().when(record(2, phone("off-2"))));
    collision
        .and(record(2, phone("off-2")))
        .when(resolve(&id, paid(500_000, None)))
        .then_refused("quarantine.resolution_mismatch");
}

#[test]
fn a_sale_of_a_till_whose_clock_was_wrong_gets_its_time_from_somebody() {
    let mut sale = cables("off-1", 1);
    sale.occurred_at = NOW + time::Duration::days(400);
    let outcome = shop().when(record(1, sale));
    assert_eq!(outcome.decision().answer["code"], "time.in_future");
    let (id, kind) = quarantined(&outcome);
    assert_eq!(kind, QuarantineKind::Refused);
    let right = Resolution::CorrectTime {
        occurred_at: NOW - time::Duration::hours(2),
    };
    let given = accepted(outcome.given.when(resolve(&id, right)));
    let occurred = given.events().find_map(|event| match event {
        Event::Sale(schemas::events::SaleEvent::Completed(completed)) => Some(completed.occurred_at),
        _ => None,
    });
    assert_eq!(occurred, Some(NOW - time::Duration::hours(2)));
}

#[test]
fn a_card_number_is_in_no_event_however_the_sale_ends() {
    let with_card = |mut sale: OfflineSale| {
        sale.payments[0].reference = Some("4111 1111 1111 1111".to_owned());
        sale
    };
    let given = shop()
        .and(record(1, with_card(cables("off-1", 1))))
        .and(record(2, with_card(cables("off-2", 100))));
    let log: Vec<String> = given
        .events()
        .map(|event| event.encode().unwrap().get().to_owned())
        .collect();
    assert!(log.iter().any(|event| event.contains("insufficient_stock")));
    assert!(log.iter().all(|event| !event.contains("4111")), "{log:?}");
}

#[test]
fn a_draft_of_the_same_name_does_not_pass_for_a_sale_that_was_recorded() {
    let draft = crate::sales::SaveDraft {
        sale_id: Some(sale_id("off-9")),
        draft: DraftContent {
            store: centro(),
            terminal: Some(caja()),
            customer_id: None,
            lines: vec![line("CABLE", 1)],
            discount: None,
            hold_stock: false,
        },
    };
    let given = shop().and(record(1, cables("off-1", 1))).and(draft);
    given
        .when(record(1, cables("off-9", 1)))
        .then_refused("till.sequence_reused");
}

/// What one till sells: phones by serial, cables, and on credit.
fn batch(till: usize) -> Vec<OfflineSale> {
    let terminal = TerminalId::new(&format!("t-{till}")).unwrap();
    let id = |number: usize| format!("off-{till}-{number}");
    vec![
        taken(
            &id(1),
            &terminal,
            vec![charged(line("CABLE", 4), 10_000)],
            PaymentMethod::Cash,
        ),
        taken(
            &id(2),
            &terminal,
            vec![charged(unit_line(IMEI), 500_000)],
            PaymentMethod::Card,
        ),
        taken(
            &id(3),
            &terminal,
            vec![charged(line("CASE", 2), 3_333)],
            PaymentMethod::Cash,
        ),
        taken(
            &id(4),
            &terminal,
            vec![charged(line("CABLE", 4), 10_000)],
            PaymentMethod::Credit,
        ),
    ]
}

const TILLS: usize = 3;

fn tills() -> Given {
    (0..TILLS).fold(shop().policy(StockPolicy::Strict), |given, till| {
        given.and(RegisterTerminal {
            terminal: TerminalId::new(&format!("t-{till}")).unwrap(),
            store: centro(),
            name: format!("Caja {till}"),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The tills' batches arrive in any order, cut anywhere, some twice.
    #[test]
    fn tills_batches_in_any_order_record_the_same_sales_and_money_with_one_owner_per_serial(
        order in proptest::collection::vec((0..TILLS, 1..=4_usize), 4..24)
    ) {
        let mut given = tills();
        let mut next = [0_usize; TILLS];
        let whole = (0..TILLS).map(|till| (till, 4));
        for (till, many) in order.into_iter().chain(whole) {
            let sales = batch(till);
            // A till that does not know what arrived begins with the sale before.
            let (from, to) = (next[till].saturating_sub(1), sales.len().min(next[till] + many));
            for (index, sale) in sales.iter().enumerate().take(to).skip(from) {
                let number = i64::try_from(index).unwrap() + 1;
                let outcome = given.when(Command::from(record(number, sale.clone())));
                let answer: Value = outcome.decision().answer.clone();
                prop_assert_eq!(answer["outcome"] == "duplicate", index < next[till]);
                next[till] = next[till].max(index + 1);
                given = outcome.given;
            }
        }
        let (mut ids, mut money, mut owners) = (Vec::new(), 0, 0);
        let mut order: Vec<Vec<i64>> = vec![Vec::new(); TILLS];
        for event in given.events() {
            match event {
                Event::Offline(schemas::events::OfflineEvent::Recorded(recorded)) => {
                    let till: usize = recorded.terminal.as_str()[2..].parse().unwrap();
                    order[till].push(recorded.sequence);
                    ids.push(recorded.sale_id.to_string());
                }
                Event::Offline(schemas::events::OfflineEvent::Quarantined(kept)) => money += kept.sale.total_minor.get(),
                Event::Sale(schemas::events::SaleEvent::Completed(completed)) => money += completed.total_minor.get(),
                Event::Unit(schemas::events::UnitEvent::Sold(sold)) if sold.unit == unit(IMEI) => owners += 1,
                _ => {}
            }
        }
        ids.sort();
        let mut all: Vec<String> = (0..TILLS).flat_map(batch).map(|sale| sale.sale_id.to_string()).collect();
        all.sort();
        prop_assert_eq!(ids, all);
        let expected: i64 = (0..TILLS).flat_map(batch).map(|sale| sale.total_minor.get()).sum();
        prop_assert_eq!(money, expected);
        prop_assert_eq!(owners, 1);
        for numbers in order {
            prop_assert_eq!(numbers, vec![1, 2, 3, 4]);
        }
    }
}

#[test]
fn the_terms_of_a_customer_are_read_when_the_sale_arrives() {
    let lines = vec![charged(line("CABLE", 1), 10_000)];
    let sale = taken("off-1", &caja(), lines, PaymentMethod::Credit);
    let none = ChangeCredit {
        customer_id: customer("ana"),
        credit: CreditTerms::None,
    };
    let outcome = shop().and(none).when(record(1, sale));
    assert_eq!(quarantined(&outcome).1, QuarantineKind::CreditExceeded);
    let id: UnitId = unit(IMEI);
    assert!(matches!(
        outcome.given.state(&streams::unit(&id)),
        State::Unit(Some(_), _)
    ));
}
