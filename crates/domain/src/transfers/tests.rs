//! The rules for transfers: what moves, what it costs on the way, and what becomes of the rest.

use proptest::prelude::*;
use schemas::events::transfer::{DifferenceDecision, SurplusDecision};
use schemas::{ReceptionId, StoreId, TransferId, UnitId};
use serde_json::json;

use super::*;
use crate::admin::CloseStore;
use crate::stock::{AdjustStock, Place, Stock, Unit};
use crate::testing::*;
use crate::{State, streams};

pub(crate) const THE: &str = "tr-1";

pub(crate) fn the() -> TransferId {
    TransferId::new(THE).unwrap()
}

/// Asks centro for these items, for norte.
pub(crate) fn request(items: &[(&str, i64)]) -> RequestTransfer {
    let line = |(name, pieces): &(&str, i64)| TransferLineRequest {
        sku: sku(name),
        quantity: quantity(*pieces),
    };
    RequestTransfer {
        transfer_id: Some(the()),
        from: centro(),
        to: norte(),
        lines: items.iter().map(line).collect(),
        note: None,
    }
}

fn goods(line: i64, pieces: i64, units: &[&str]) -> TransferGoods {
    TransferGoods {
        line,
        quantity: quantity(pieces),
        units: units.iter().map(|text| unit(text)).collect(),
    }
}

pub(crate) fn dispatch(lines: Vec<TransferGoods>) -> DispatchTransfer {
    DispatchTransfer {
        transfer_id: the(),
        lines,
    }
}

fn receive_as(id: &str, lines: Vec<TransferGoods>) -> ReceiveTransfer {
    ReceiveTransfer {
        transfer_id: the(),
        reception_id: Some(ReceptionId::new(id).unwrap()),
        lines: Some(lines),
        surplus: vec![],
    }
}

fn receive_all() -> ReceiveTransfer {
    ReceiveTransfer {
        transfer_id: the(),
        reception_id: None,
        lines: None,
        surplus: vec![],
    }
}

/// All that is in transit, and more.
fn receive_more(id: &str, surplus: Vec<TransferGoods>) -> ReceiveTransfer {
    ReceiveTransfer {
        reception_id: Some(ReceptionId::new(id).unwrap()),
        surplus,
        ..receive_all()
    }
}

fn decide(decision: SurplusDecision, lines: Vec<TransferGoods>) -> ResolveSurplus {
    ResolveSurplus {
        transfer_id: the(),
        decision,
        lines,
        note: None,
    }
}

fn resolve(decision: DifferenceDecision, lines: Vec<TransferGoods>) -> ResolveDifference {
    ResolveDifference {
        transfer_id: the(),
        decision,
        lines,
        note: Some("contado dos veces".to_owned()),
    }
}

fn cancel() -> CancelTransfer {
    CancelTransfer { transfer_id: the() }
}

#[track_caller]
fn shelf(given: &Given, store: &StoreId, name: &str) -> Stock {
    match given.state(&streams::stock(store, &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn place(given: &Given, text: &str) -> Place {
    match given.state(&streams::unit(&unit(text))) {
        State::Unit(Some(Unit { place, .. }), _) => place,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn transfer(given: &Given) -> Transfer {
    match given.state(&streams::transfer(&the())) {
        State::Transfer(Some(transfer)) => *transfer,
        other => panic!("{other:?}"),
    }
}

/// Four cables and the phone with the IMEI on their way to norte.
fn on_the_way() -> Given {
    shop()
        .and(request(&[("CABLE", 5), ("PHONE", 2)]))
        .and(dispatch(vec![goods(1, 4, &[]), goods(2, 1, &[IMEI])]))
}

#[test]
fn a_request_moves_nothing_and_says_what_was_asked_for() {
    let outcome = shop().when(request(&[("CABLE", 5)]));
    let requested = outcome.then(["transfer_order.requested"]);
    assert_eq!(shelf(&requested, &centro(), "CABLE").on_hand, 10);
    assert_eq!(transfer(&requested).status, Status::Requested);
    requested
        .when(request(&[("CABLE", 5)]))
        .then_refused("transfer.already_exists");
}

#[test]
fn a_request_needs_two_open_stores_and_goods_that_have_stock() {
    let same = RequestTransfer {
        to: centro(),
        ..request(&[("CABLE", 1)])
    };
    assert_eq!(
        shop().when(same).then_refused("transfer.same_store").as_deref(),
        Some("/to")
    );
    let closed = shop().and(CloseStore { store: norte() });
    closed.when(request(&[("CABLE", 1)])).then_refused("store.closed");
    shop()
        .when(request(&[("FIX", 1)]))
        .then_refused("stock.service_item");
    shop().when(request(&[])).then_refused("request.no_lines");
    shop()
        .when(request(&[("NOPE", 1)]))
        .then_refused("item.not_found");
    let twice = shop().when(request(&[("CABLE", 1), ("CABLE", 2)]));
    assert_eq!(
        twice.then_refused("transfer.item_repeated").as_deref(),
        Some("/lines/1/sku")
    );
}

#[test]
fn dispatched_goods_are_in_neither_store_and_carry_their_cost() {
    let sent = shop()
        .and(request(&[("CABLE", 5), ("PHONE", 2)]))
        .when(dispatch(vec![goods(1, 4, &[]), goods(2, 1, &[IMEI])]))
        .then([
            "inventory.dispatched",
            "inventory.dispatched",
            "inventory.unit_dispatched",
            "transfer_order.dispatched",
        ]);
    assert_eq!(shelf(&sent, &centro(), "CABLE").on_hand, 6);
    assert_eq!(shelf(&sent, &norte(), "CABLE").on_hand, 0);
    let document = "transfer/tr-1".to_owned();
    assert_eq!(place(&sent, IMEI), Place::Away { document });
    let cables = &transfer(&sent).in_transit[0];
    assert_eq!(
        (cables.quantity, cables.cost.quantity, cables.cost.value_minor),
        (4, 4, 24_000)
    );
}

#[test]
fn what_is_not_there_or_was_not_asked_for_is_not_dispatched() {
    let asked = shop().and(request(&[("CABLE", 20), ("PHONE", 1)]));
    let too_few = asked.clone().when(dispatch(vec![goods(1, 11, &[])]));
    assert_eq!(
        too_few.then_refused("stock.insufficient").as_deref(),
        Some("/lines/0/quantity")
    );
    asked
        .clone()
        .when(dispatch(vec![goods(1, 21, &[])]))
        .then_refused("transfer.exceeds_requested");
    asked
        .clone()
        .when(dispatch(vec![goods(3, 1, &[])]))
        .then_refused("transfer.line_unknown");
    asked
        .clone()
        .when(dispatch(vec![goods(2, 1, &[])]))
        .then_refused("unit.required");
    asked
        .clone()
        .when(dispatch(vec![goods(1, 1, &[IMEI])]))
        .then_refused("unit.unexpected");
    asked
        .clone()
        .when(dispatch(vec![]))
        .then_refused("request.no_lines");
    let twice = dispatch(vec![goods(1, 1, &[]), goods(1, 1, &[])]);
    asked.when(twice).then_refused("transfer.line_repeated");
}

#[test]
fn partial_receptions_bring_each_pieces_cost_and_the_last_one_closes_the_transfer() {
    let first = on_the_way()
        .when(receive_as("re-1", vec![goods(1, 3, &[])]))
        .then(["inventory.arrived", "transfer_order.received"]);
    let shelf_norte = shelf(&first, &norte(), "CABLE");
    assert_eq!((shelf_norte.on_hand, shelf_norte.cost.value_minor), (3, 18_000));
    assert_eq!(transfer(&first).status, Status::InTransit);
    let again = first
        .when(receive_as("re-1", vec![goods(1, 3, &[])]))
        .then_nothing();
    let all = again.when(receive_all()).then([
        "inventory.arrived",
        "inventory.arrived",
        "inventory.unit_arrived",
        "transfer_order.received",
        "transfer_order.closed",
    ]);
    assert_eq!(shelf(&all, &norte(), "CABLE").on_hand, 4);
    assert_eq!(place(&all, IMEI), Place::InStock { store: norte() });
    assert!(!transfer(&all).incomplete);
    all.when(receive_all()).then_refused("transfer.closed");
}

#[test]
fn more_than_is_in_transit_cannot_arrive() {
    let sent = on_the_way();
    let too_many = sent.clone().when(receive_as("re-1", vec![goods(1, 5, &[])]));
    assert_eq!(
        too_many.then_refused("transfer.exceeds_dispatched").as_deref(),
        Some("/lines/0/quantity")
    );
    let other = sent
        .clone()
        .when(receive_as("re-1", vec![goods(2, 1, &[SERIAL])]));
    other.then_refused("transfer.unit_not_in_transit");
    let never = sent.clone().when(receive_as("re-1", vec![goods(9, 1, &[])]));
    never.then_refused("transfer.line_not_in_transit");
    let unnamed = sent.when(receive_as("re-1", vec![goods(2, 1, &[])]));
    unnamed.then_refused("unit.required");
}

#[test]
fn goods_that_did_not_arrive_are_lost_or_back_and_somebody_says_so() {
    let part = on_the_way().and(receive_as("re-1", vec![goods(1, 2, &[])]));
    let back = part
        .when(resolve(DifferenceDecision::BackAtOrigin, vec![goods(1, 1, &[])]))
        .then(["inventory.arrived", "transfer_order.difference_resolved"]);
    let home = shelf(&back, &centro(), "CABLE");
    assert_eq!((home.on_hand, home.cost.value_minor), (7, 42_000));
    let lost = back
        .when(resolve(
            DifferenceDecision::Lost,
            vec![goods(1, 1, &[]), goods(2, 1, &[IMEI])],
        ))
        .then([
            "inventory.unit_written_off",
            "transfer_order.difference_resolved",
            "transfer_order.closed",
        ]);
    assert_eq!(place(&lost, IMEI), Place::WrittenOff);
    assert_eq!(transfer(&lost).status, Status::Closed);
    assert!(transfer(&lost).incomplete);
}

#[test]
fn a_surplus_is_noted_and_on_no_shelf_until_somebody_decides() {
    let more = on_the_way()
        .when(receive_more("re-1", vec![goods(1, 2, &[])]))
        .then([
            "inventory.arrived",
            "inventory.arrived",
            "inventory.unit_arrived",
            "transfer_order.received",
        ]);
    assert_eq!(shelf(&more, &norte(), "CABLE").on_hand, 4);
    assert_eq!(shelf(&more, &centro(), "CABLE").on_hand, 6);
    assert_eq!(
        (transfer(&more).status, transfer(&more).surplus[0].quantity),
        (Status::InTransit, 2)
    );
    let again = more
        .when(receive_more("re-1", vec![goods(1, 2, &[])]))
        .then_nothing();
    again
        .clone()
        .when(receive_all())
        .then_refused("transfer.in_transit");
    let taken = again
        .when(decide(SurplusDecision::SentByOrigin, vec![goods(1, 1, &[])]))
        .then([
            "inventory.dispatched",
            "inventory.arrived",
            "transfer_order.surplus_resolved",
        ]);
    let (here, there) = (
        shelf(&taken, &centro(), "CABLE"),
        shelf(&taken, &norte(), "CABLE"),
    );
    assert_eq!((here.on_hand, here.cost.value_minor), (5, 30_000));
    assert_eq!((there.on_hand, there.cost.value_minor), (5, 30_000));
    let done = taken
        .when(decide(SurplusDecision::NotAccepted, vec![goods(1, 1, &[])]))
        .then(["transfer_order.surplus_resolved", "transfer_order.closed"]);
    assert_eq!(shelf(&done, &centro(), "CABLE").on_hand, 5);
    assert!(!transfer(&done).incomplete);
    done.when(decide(SurplusDecision::NotAccepted, vec![goods(1, 1, &[])]))
        .then_refused("transfer.closed");
}

#[test]
fn a_surplus_of_what_is_still_in_transit_or_was_never_asked_for_is_none() {
    let sent = on_the_way();
    let early = ReceiveTransfer {
        lines: Some(vec![goods(1, 3, &[])]),
        ..receive_more("re-1", vec![goods(1, 1, &[])])
    };
    assert_eq!(
        sent.clone()
            .when(early)
            .then_refused("transfer.surplus_before_rest")
            .as_deref(),
        Some("/surplus/0/quantity")
    );
    sent.clone()
        .when(receive_more("re-1", vec![goods(9, 1, &[])]))
        .then_refused("transfer.surplus_line_unknown");
    sent.clone()
        .when(receive_more("re-1", vec![goods(2, 1, &[])]))
        .then_refused("unit.required");
    sent.clone()
        .when(receive_more("re-1", vec![goods(1, 1, &[]), goods(1, 1, &[])]))
        .then_refused("transfer.line_repeated");
    sent.clone()
        .when(decide(SurplusDecision::NotAccepted, vec![goods(1, 1, &[])]))
        .then_refused("transfer.not_in_surplus");
    let noted = sent.and(receive_more("re-1", vec![goods(1, 1, &[])]));
    noted
        .clone()
        .when(decide(SurplusDecision::SentByOrigin, vec![goods(1, 2, &[])]))
        .then_refused("transfer.not_in_surplus");
    noted
        .when(decide(SurplusDecision::SentByOrigin, vec![goods(1, 1, &[IMEI])]))
        .then_refused("unit.unexpected");
}

#[test]
fn a_surplus_that_the_sending_store_does_not_have_cannot_have_been_sent_by_it() {
    let noted = on_the_way().and(receive_more("re-1", vec![goods(1, 7, &[])]));
    let refused = noted
        .clone()
        .when(decide(SurplusDecision::SentByOrigin, vec![goods(1, 7, &[])]));
    assert_eq!(
        refused.then_refused("stock.insufficient").as_deref(),
        Some("/lines/0/quantity")
    );
    noted
        .when(decide(SurplusDecision::NotAccepted, vec![goods(1, 7, &[])]))
        .then(["transfer_order.surplus_resolved", "transfer_order.closed"]);
}

#[test]
fn a_unit_that_came_along_stays_the_sending_stores_until_it_is_handed_over() {
    let with_line = shop()
        .and(request(&[("CABLE", 5), ("PHONE", 2)]))
        .and(dispatch(vec![goods(1, 4, &[])]));
    let noted = with_line.and(receive_more("re-1", vec![goods(2, 1, &[IMEI])]));
    assert_eq!(place(&noted, IMEI), Place::InStock { store: centro() });
    let twice = ReceiveTransfer {
        lines: Some(vec![]),
        ..receive_more("re-2", vec![goods(2, 1, &[IMEI])])
    };
    noted
        .clone()
        .when(twice)
        .then_refused("transfer.unit_already_in_surplus");
    noted
        .clone()
        .when(decide(
            SurplusDecision::SentByOrigin,
            vec![goods(2, 1, &[SERIAL])],
        ))
        .then_refused("transfer.unit_not_in_surplus");
    let done = noted
        .when(decide(SurplusDecision::SentByOrigin, vec![goods(2, 1, &[IMEI])]))
        .then([
            "inventory.dispatched",
            "inventory.arrived",
            "inventory.unit_dispatched",
            "inventory.unit_arrived",
            "transfer_order.surplus_resolved",
            "transfer_order.closed",
        ]);
    assert_eq!(place(&done, IMEI), Place::InStock { store: norte() });
    let own = on_the_way().when(receive_more("re-1", vec![goods(2, 1, &[IMEI])]));
    own.then_refused("unit.away");
}

#[test]
fn only_a_request_can_be_cancelled() {
    let asked = shop().and(request(&[("CABLE", 1)]));
    asked
        .clone()
        .when(receive_all())
        .then_refused("transfer.not_dispatched");
    let cancelled = asked.when(cancel()).then(["transfer_order.cancelled"]);
    let again = cancelled.when(cancel()).then_nothing();
    again
        .when(dispatch(vec![goods(1, 1, &[])]))
        .then_refused("transfer.cancelled");
    on_the_way().when(cancel()).then_refused("transfer.in_transit");
    shop().when(cancel()).then_refused("transfer.not_found");
}

#[test]
fn a_store_that_closed_meanwhile_still_takes_in_what_was_on_its_way() {
    let closed = on_the_way().and(CloseStore { store: norte() });
    assert_eq!(transfer(&closed.and(receive_all())).status, Status::Closed);
}

#[test]
fn goods_without_a_known_cost_move_without_one() {
    let counted = AdjustStock {
        store: centro(),
        sku: sku("CABLE"),
        delta: 4,
        comment: None,
    };
    let sent = shop()
        .and(counted)
        .and(request(&[("CABLE", 14)]))
        .and(dispatch(vec![goods(1, 14, &[])]));
    let costed = transfer(&sent).in_transit[0].cost;
    let done = sent.and(receive_all());
    let arrived = shelf(&done, &norte(), "CABLE");
    assert_eq!(arrived.on_hand, 14);
    assert_eq!(
        (arrived.cost.quantity, arrived.cost.value_minor),
        (costed.quantity, costed.value_minor)
    );
    assert_eq!(shelf(&done, &centro(), "CABLE").cost.value_minor, 0);
}

#[test]
fn the_answer_says_what_is_still_in_transit() {
    let outcome = on_the_way().when(receive_as("re-1", vec![goods(1, 3, &[]), goods(2, 1, &[IMEI])]));
    let answer = &outcome.decision().answer;
    assert_eq!(answer["status"], json!("in_transit"));
    assert_eq!(answer["in_transit"][0]["quantity"], json!(1));
    assert_eq!(
        answer["in_transit"][0]["cost"],
        json!(null),
        "what goods cost is not said at a till"
    );
}

/// A step that somebody might take, sensible or not.
#[derive(Debug, Clone)]
enum Step {
    Receive(i64, i64),
    Lost(i64, i64),
    Back(i64, i64),
    All,
    /// All that is in transit of it, and so many more.
    More(i64, i64),
    /// So many of the surplus were sent (`true`), or are not accepted.
    Decide(i64, i64, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let moved = || (1..=2_i64, 1..=6_i64);
    let step = prop_oneof![
        4 => moved().prop_map(|(line, pieces)| Step::Receive(line, pieces)),
        2 => moved().prop_map(|(line, pieces)| Step::Lost(line, pieces)),
        2 => moved().prop_map(|(line, pieces)| Step::Back(line, pieces)),
        1 => Just(Step::All),
        3 => moved().prop_map(|(line, pieces)| Step::More(line, pieces)),
        3 => (moved(), any::<bool>()).prop_map(|((line, pieces), sent)| Step::Decide(line, pieces, sent)),
    ];
    proptest::collection::vec(step, 1..14)
}

/// The rest of a line, and more.
fn more_than(was: &Transfer, id: &str, line: i64, pieces: i64) -> ReceiveTransfer {
    let rest = was
        .line_in_transit(line)
        .map(|left| goods(line, left.quantity, &[]));
    ReceiveTransfer {
        lines: Some(rest.into_iter().collect()),
        ..receive_more(id, vec![goods(line, pieces, &[])])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn pieces_and_value_are_in_one_store_on_the_way_or_lost_and_nowhere_else(
        cost in 1..=100_000_i64, sent in 1..=10_i64, steps in steps()
    ) {
        let mut more = receipt("CASE", 7, &[]);
        more.unit_cost_minor = Some(minor(cost));
        let start = shop().and(receive(vec![more]));
        let before: Vec<Stock> = ["CABLE", "CASE"].iter().map(|name| shelf(&start, &centro(), name)).collect();
        let mut given = start
            .and(request(&[("CABLE", 10), ("CASE", 12)]))
            .and(dispatch(vec![goods(1, sent, &[]), goods(2, sent, &[])]));
        let mut lost = [(0, 0); 2];
        for (number, step) in steps.into_iter().enumerate() {
            let was = transfer(&given);
            let command: crate::Command = match step.clone() {
                Step::Receive(line, pieces) => receive_as(&format!("re-{number}"), vec![goods(line, pieces, &[])]).into(),
                Step::Lost(line, pieces) => resolve(DifferenceDecision::Lost, vec![goods(line, pieces, &[])]).into(),
                Step::Back(line, pieces) => resolve(DifferenceDecision::BackAtOrigin, vec![goods(line, pieces, &[])]).into(),
                Step::All => receive_all().into(),
                Step::More(line, pieces) => more_than(&was, &format!("re-{number}"), line, pieces).into(),
                Step::Decide(line, pieces, sent) => {
                    let decision = if sent { SurplusDecision::SentByOrigin } else { SurplusDecision::NotAccepted };
                    decide(decision, vec![goods(line, pieces, &[])]).into()
                }
            };
            let outcome = given.when(command);
            let accepted = outcome.result.is_ok();
            given = outcome.given;
            let now = transfer(&given);
            if let (Step::Lost(line, _), true) = (step, accepted) {
                let of = |transfer: &Transfer| transfer
                    .line_in_transit(line)
                    .map_or((0, 0), |left| (left.quantity, left.cost.value_minor));
                let index = usize::try_from(line - 1).unwrap();
                lost[index].0 += of(&was).0 - of(&now).0;
                lost[index].1 += of(&was).1 - of(&now).1;
            }
            for (index, name) in ["CABLE", "CASE"].iter().enumerate() {
                let line = i64::try_from(index).unwrap() + 1;
                let (here, there) = (shelf(&given, &centro(), name), shelf(&given, &norte(), name));
                let (pieces, value) = now
                    .line_in_transit(line)
                    .map_or((0, 0), |left| (left.quantity, left.cost.value_minor));
                prop_assert_eq!(here.on_hand + there.on_hand + pieces + lost[index].0, before[index].on_hand);
                prop_assert_eq!(
                    here.cost.value_minor + there.cost.value_minor + value + lost[index].1,
                    before[index].cost.value_minor
                );
            }
            prop_assert!(now.surplus.iter().all(|more| more.quantity > 0));
            let done = now.in_transit.is_empty() && now.surplus.is_empty();
            prop_assert_eq!(done, now.status == Status::Closed);
        }
    }
}

/// Units of a transfer, for other modules' tests.
#[test]
fn a_unit_in_transit_is_nobodys_to_sell() {
    let sent = on_the_way();
    let id: UnitId = unit(IMEI);
    let outcome = sent.when(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
    assert!(outcome.result.is_err(), "{id} was sold while it was on its way");
}
