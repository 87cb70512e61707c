//! The rules for movements that are asked for.

use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::events::movement::MovementKind;
use schemas::{Event, MovementId};
use serde_json::json;

use super::*;
use crate::admin::CloseStore;
use crate::stock::{AdjustStock, Place, Stock, WriteOffLine, WriteOffStock};
use crate::testing::*;
use crate::{State, streams};

fn the() -> MovementId {
    MovementId::new("m-1").unwrap()
}

fn asked(name: &str, pieces: i64) -> MovementLineRequest {
    MovementLineRequest {
        sku: sku(name),
        quantity: pieces,
        unit_cost_minor: None,
        units: vec![],
        cause: None,
    }
}

fn create(kind: MovementKind, lines: Vec<MovementLineRequest>) -> CreateMovement {
    CreateMovement {
        movement_id: Some(the()),
        kind,
        store: centro(),
        lines,
        comment: Some("muestra".to_owned()),
    }
}

fn policy(max_quantity: Option<i64>, max_value: Option<i64>) -> SetMovementPolicy {
    SetMovementPolicy {
        max_quantity,
        max_value_minor: max_value.map(minor),
    }
}

fn approve() -> ApproveMovement {
    ApproveMovement {
        movement_id: the(),
        note: Some("visto".to_owned()),
    }
}

fn reject() -> RejectMovement {
    RejectMovement {
        movement_id: the(),
        note: None,
    }
}

/// Somebody else signs in.
fn as_user(mut given: Given, name: &str) -> Given {
    given.ctx.actor = Actor::User {
        username: name.to_owned(),
        role: "manager".to_owned(),
    };
    given
}

fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

fn place(given: &Given, name: &str) -> Place {
    match given.state(&streams::unit(&unit(name))) {
        State::Unit(Some(unit), _) => unit.place,
        other => panic!("{other:?}"),
    }
}

/// A shop in which everything waits.
fn strict() -> Given {
    shop().and(policy(Some(0), None))
}

#[test]
fn without_a_policy_a_movement_is_done_at_once_and_says_both() {
    let line = MovementLineRequest {
        unit_cost_minor: Some(minor(7_000)),
        ..asked("CABLE", 10)
    };
    let shop = shop().when(create(MovementKind::In, vec![line]));
    let shop = shop.then([
        "inventory.movement_created",
        "inventory.received",
        "inventory.movement_approved",
    ]);
    assert_eq!(level(&shop, "CABLE").average_cost_minor(), Some(minor(6_500)));
    shop.when(create(MovementKind::In, vec![asked("CABLE", 1)]))
        .then_refused("movement.already_exists");
}

#[test]
fn goods_that_leave_take_their_cost_along_and_their_units_go_off_the_books() {
    let out = MovementLineRequest {
        units: vec![unit(IMEI)],
        ..asked("PHONE", 1)
    };
    let shop = shop().when(create(MovementKind::Out, vec![asked("CABLE", 4), out]));
    let shop = shop.then([
        "inventory.movement_created",
        "inventory.dispatched",
        "inventory.dispatched",
        "inventory.unit_written_off",
        "inventory.movement_approved",
    ]);
    let cable = level(&shop, "CABLE");
    assert_eq!((cable.on_hand, cable.cost.value_minor), (6, 36_000));
    assert_eq!(place(&shop, IMEI), Place::WrittenOff);
}

#[test]
fn a_movement_beyond_the_policy_waits_and_keeps_what_shall_leave() {
    let shop = shop().when(policy(Some(3), None));
    let shop = shop.then(["admin.movement_policy_set"]);
    let small = shop
        .clone()
        .when(create(MovementKind::Out, vec![asked("CABLE", 3)]));
    assert_eq!(small.decision().answer["status"], "approved");
    let large = shop.when(create(MovementKind::Out, vec![asked("CABLE", 4)]));
    let answer = json!({ "movement_id": "m-1", "status": "pending_approval", "store": "centro" });
    let shop = large.then_answer(answer);
    let cable = level(&shop, "CABLE");
    assert_eq!(
        (cable.on_hand, cable.available(), cable.held_by("movement/m-1")),
        (10, 6, 4)
    );
    shop.when(sell("v-1", vec![line("CABLE", 7)], cash(700_000)))
        .then_refused("stock.insufficient");
}

#[test]
fn the_policy_counts_value_at_cost_and_at_the_price_where_no_cost_is_known() {
    let shop = shop().and(policy(None, Some(60_000)));
    let status = |line| {
        let outcome = shop.clone().when(create(MovementKind::In, vec![line]));
        outcome.decision().answer["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(asked("CABLE", 10)), "approved");
    assert_eq!(status(asked("CABLE", 11)), "pending_approval");
    let dear = MovementLineRequest {
        unit_cost_minor: Some(minor(60_001)),
        ..asked("CABLE", 1)
    };
    assert_eq!(status(dear), "pending_approval");
    let elsewhere = CreateMovement {
        store: norte(),
        ..create(MovementKind::In, vec![asked("CABLE", 7)])
    };
    let outcome = shop.clone().when(elsewhere);
    assert_eq!(
        outcome.decision().answer["status"],
        "pending_approval",
        "7 at 100.00 each"
    );
}

#[test]
fn an_approval_moves_the_goods_once() {
    let shop = strict().and(create(MovementKind::WriteOff, vec![asked("CABLE", 4)]));
    shop.clone()
        .when(approve())
        .then_refused("movement.self_approval");
    shop.clone().when(reject()).then_refused("movement.self_approval");
    let shop = as_user(shop, "jefa").when(approve());
    let shop = shop.then([
        "inventory.released",
        "inventory.written_off",
        "inventory.movement_approved",
    ]);
    let cable = level(&shop, "CABLE");
    assert_eq!((cable.on_hand, cable.reserved), (6, 0));
    let shop = shop.when(approve()).then_nothing();
    shop.when(reject()).then_refused("movement.approved");
}

#[test]
fn a_rejection_gives_the_goods_back_once() {
    let kept = MovementLineRequest {
        units: vec![unit(IMEI)],
        ..asked("PHONE", 1)
    };
    let shop = strict().and(create(MovementKind::WriteOff, vec![kept]));
    shop.clone()
        .when(sell("v-1", vec![unit_line(IMEI)], cash(500_000)))
        .then_refused("unit.reserved");
    let shop = as_user(shop, "jefa").when(reject());
    let shop = shop.then([
        "inventory.released",
        "inventory.unit_released",
        "inventory.movement_rejected",
    ]);
    let shop = shop.when(reject()).then_nothing();
    shop.clone().when(approve()).then_refused("movement.rejected");
    shop.and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
}

#[test]
fn an_adjustment_that_waits_answers_so_and_one_within_the_policy_does_as_ever() {
    let adjust = |delta| AdjustStock {
        store: centro(),
        sku: sku("CABLE"),
        delta,
        comment: Some("conteo".to_owned()),
    };
    let shop = shop().and(policy(Some(2), None));
    let shop = shop.when(adjust(-2)).then(["inventory.adjusted"]);
    let waiting = shop.when(adjust(-3));
    let answer = waiting.decision().answer.clone();
    assert_eq!(
        (&answer["status"], &answer["on_hand"]),
        (&json!("pending_approval"), &json!(8))
    );
    let shop = waiting.then(["inventory.movement_created", "inventory.reserved"]);
    let movement_id = MovementId::new(answer["movement_id"].as_str().unwrap()).unwrap();
    let approve = ApproveMovement {
        movement_id,
        note: None,
    };
    let shop = as_user(shop, "jefa").when(approve);
    let shop = shop.then([
        "inventory.released",
        "inventory.adjusted",
        "inventory.movement_approved",
    ]);
    let comments = shop.events().filter_map(|event| match event {
        Event::Stock(schemas::events::StockEvent::Adjusted(adjusted)) => adjusted.comment.clone(),
        _ => None,
    });
    assert_eq!(comments.last().as_deref(), Some("conteo"));
    // What comes in keeps nothing while it waits.
    let shop = shop.when(adjust(3)).then(["inventory.movement_created"]);
    assert_eq!(level(&shop, "CABLE").on_hand, 5);
}

#[test]
fn a_write_off_that_waits_keeps_pieces_and_units() {
    let of = |name: &str, pieces, units: &[&str]| WriteOffLine {
        sku: sku(name),
        quantity: quantity(pieces),
        units: units.iter().map(|text| unit(text)).collect(),
        cause: Some("roto".to_owned()),
    };
    let write_off = WriteOffStock {
        store: centro(),
        lines: vec![of("CABLE", 2, &[]), of("PHONE", 1, &[IMEI]), of("CABLE", 1, &[])],
    };
    let waiting = strict().when(write_off);
    assert_eq!(waiting.decision().answer["status"], "pending_approval");
    let shop = waiting.then([
        "inventory.movement_created",
        "inventory.reserved",
        "inventory.reserved",
        "inventory.unit_reserved",
    ]);
    assert_eq!(
        (level(&shop, "CABLE").reserved, level(&shop, "PHONE").reserved),
        (3, 1)
    );
    let too_many = WriteOffStock {
        store: centro(),
        lines: vec![of("CABLE", 5, &[]), of("CABLE", 3, &[])],
    };
    let pointer = shop.when(too_many).then_refused("stock.insufficient");
    assert_eq!(pointer.unwrap(), "/lines/1/quantity");
}

#[test]
fn a_receipt_that_is_as_large_as_a_movement_waits_like_one() {
    let phones = || receipt("PHONE", 1, &["serial:R-1"]);
    let waiting = shop()
        .and(policy(Some(4), None))
        .when(receive(vec![receipt("CABLE", 4, &[]), phones()]));
    let answer = waiting.decision().answer.clone();
    assert_eq!(answer["status"], "pending_approval");
    assert_eq!(answer["lines"][0], json!({ "sku": "CABLE", "on_hand": 10 }));
    let id = answer["movement_id"].as_str().unwrap();
    let approve = ApproveMovement {
        movement_id: MovementId::new(id).unwrap(),
        note: None,
    };
    let shop = waiting.then(["inventory.movement_created"]);
    shop.clone()
        .when(approve.clone())
        .then_refused("movement.self_approval");
    let shop = as_user(shop, "jefa").when(approve).then([
        "inventory.received",
        "inventory.received",
        "inventory.unit_received",
        "inventory.movement_approved",
    ]);
    assert_eq!(level(&shop, "CABLE").on_hand, 14);
    assert_eq!(place(&shop, "serial:R-1"), Place::InStock { store: centro() });
    // What is there cannot be asked for, either, and less than the limit comes in at once.
    shop.clone()
        .when(receive(vec![receipt("CABLE", 4, &[]), phones()]))
        .then_refused("unit.already_in_stock");
    let twice = receipt("PHONE", 2, &["serial:R-2", "serial:R-2"]);
    shop.clone()
        .when(receive(vec![receipt("CABLE", 4, &[]), twice]))
        .then_refused("unit.repeated");
    shop.when(receive(vec![receipt("CABLE", 4, &[])]))
        .then(["inventory.received"]);
}

#[test]
fn what_is_gone_by_the_time_of_the_approval_is_refused_then() {
    let shop = strict().policy(StockPolicy::AllowNegative);
    let shop = shop.and(create(MovementKind::Out, vec![asked("CABLE", 4)]));
    let shop = shop.and(sell("v-1", vec![line("CABLE", 10)], cash(1_000_000)));
    let shop = as_user(shop.policy(StockPolicy::Strict), "jefa");
    shop.clone().when(approve()).then_refused("stock.insufficient");
    let closed = shop.and(CloseStore { store: centro() });
    closed.clone().when(approve()).then_refused("store.closed");
    closed
        .when(reject())
        .then(["inventory.released", "inventory.movement_rejected"]);
}

#[test]
fn units_that_came_in_meanwhile_do_not_come_in_twice() {
    let new = || MovementLineRequest {
        units: vec![unit("serial:NEW")],
        ..asked("PHONE", 1)
    };
    let shop = strict().and(create(MovementKind::In, vec![new()]));
    let shop = shop.and(policy(None, None));
    let shop = shop.and(receive(vec![receipt("PHONE", 1, &["serial:NEW"])]));
    as_user(shop, "jefa")
        .when(approve())
        .then_refused("unit.already_in_stock");
}

#[test]
fn a_movement_is_checked_line_by_line() {
    let refused = |kind, line, code| {
        let outcome = shop().when(create(kind, vec![line]));
        outcome.then_refused(code)
    };
    for pieces in [0, -1, 1_000_000_001] {
        refused(
            MovementKind::Out,
            asked("CABLE", pieces),
            "movement.quantity_invalid",
        );
    }
    for delta in [0, 1_000_000_001, i64::MIN] {
        refused(
            MovementKind::Adjustment,
            asked("CABLE", delta),
            "movement.quantity_invalid",
        );
    }
    refused(
        MovementKind::Adjustment,
        asked("PHONE", 1),
        "stock.serialised_item",
    );
    refused(MovementKind::Adjustment, asked("FIX", 1), "stock.service_item");
    refused(MovementKind::Out, asked("FIX", 1), "stock.service_item");
    refused(MovementKind::Out, asked("PHONE", 1), "unit.required");
    refused(MovementKind::In, asked("NADA", 1), "item.not_found");
    let cost = MovementLineRequest {
        unit_cost_minor: Some(minor(1)),
        ..asked("CABLE", 1)
    };
    let pointer = refused(MovementKind::Out, cost.clone(), "movement.cost_unexpected");
    assert_eq!(pointer.unwrap(), "/lines/0/unit_cost_minor");
    let cost = MovementLineRequest {
        unit_cost_minor: Some(minor(-1)),
        ..cost
    };
    refused(MovementKind::In, cost, "amount.negative");
    let other = MovementLineRequest {
        units: vec![unit(IMEI)],
        ..asked("CABLE", 1)
    };
    refused(MovementKind::Adjustment, other.clone(), "unit.unexpected");
    let twice = MovementLineRequest {
        units: vec![unit(IMEI), unit(IMEI)],
        ..asked("PHONE", 2)
    };
    refused(MovementKind::Out, twice, "unit.repeated");
    shop()
        .when(create(MovementKind::In, vec![]))
        .then_refused("request.no_lines");
    shop()
        .when(create(MovementKind::In, vec![asked("CABLE", 1); 1_001]))
        .then_refused("request.too_many_entries");
    shop().when(approve()).then_refused("movement.not_found");
}

#[test]
fn the_policy_is_bounded_and_setting_it_again_changes_nothing() {
    let shop = shop().and(policy(Some(5), Some(1)));
    shop.clone().when(policy(Some(5), Some(1))).then_nothing();
    let shop = shop.when(policy(None, None)).then(["admin.movement_policy_set"]);
    let pointer = shop
        .clone()
        .when(policy(Some(-1), None))
        .then_refused("movement.policy_invalid");
    assert_eq!(pointer.unwrap(), "/max_quantity");
    shop.when(policy(None, Some(-1)))
        .then_refused("movement.policy_invalid");
}
