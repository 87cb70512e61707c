//! Transfers and offline tills against hand-made events: what holds, and each lie that must be noticed.

use super::tests::folded;
use super::*;

type Told = (&'static str, Value);

fn transfer(kind: &'static str, more: Value) -> Told {
    let mut data = json!({ "transfer_id": "x", "from": "c", "to": "n", "currency": "HNL" });
    data.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    (kind, data)
}

fn lines(pieces: i64, value: i64) -> Value {
    json!([{ "line": 1, "sku": "A", "quantity": pieces, "costed_quantity": pieces, "value_minor": value }])
}

fn shelf(kind: &'static str, store: &str, pieces: i64, value: i64, on_hand: i64) -> Told {
    let data = json!({ "store": store, "sku": "A", "quantity": pieces, "document": "transfer/x",
                       "costed_quantity": pieces, "value_minor": value, "on_hand": on_hand });
    (kind, data)
}

fn sent() -> Vec<Told> {
    vec![
        (
            "inventory.received",
            json!({ "store": "c", "sku": "A", "quantity": 9, "unit_cost_minor": 10, "on_hand": 9 }),
        ),
        transfer(
            "transfer_order.requested",
            json!({ "lines": [{ "line": 1, "sku": "A", "quantity": 5 }] }),
        ),
        shelf("inventory.dispatched", "c", 4, 40, 5),
        transfer("transfer_order.dispatched", json!({ "lines": lines(4, 40) })),
    ]
}

fn received(pieces: i64, value: i64, on_hand: i64) -> Vec<Told> {
    vec![
        shelf("inventory.arrived", "n", pieces, value, on_hand),
        transfer(
            "transfer_order.received",
            json!({ "reception_id": "r", "lines": lines(pieces, value) }),
        ),
    ]
}

fn lost(pieces: i64, value: i64) -> Told {
    transfer(
        "transfer_order.difference_resolved",
        json!({ "decision": "lost", "lines": lines(pieces, value) }),
    )
}

fn closed() -> Told {
    transfer("transfer_order.closed", json!({ "complete": false }))
}

fn errors(name: &str, life: Vec<Told>) -> i64 {
    let (folded, mut findings) = folded(&life);
    folded.check_in_transit(&mut findings);
    findings.verdict().errors_of(name)
}

#[test]
fn a_transfer_that_accounts_for_everything_is_sound_at_every_step() {
    assert_eq!(errors("transfers", sent()), 0);
    assert_eq!(errors("transfers", [sent(), received(3, 30, 3)].concat()), 0);
    assert_eq!(
        errors(
            "transfers",
            [sent(), received(3, 30, 3), vec![lost(1, 10), closed()]].concat()
        ),
        0
    );
}

#[test]
fn goods_in_transit_that_no_shelf_gave_or_that_vanish_are_noticed() {
    let no_shelf: Vec<Told> = sent()
        .into_iter()
        .filter(|(kind, _)| *kind != "inventory.dispatched")
        .collect();
    assert!(errors("transfers", no_shelf) > 0);
    let silently = [sent(), vec![shelf("inventory.arrived", "n", 1, 10, 1)]].concat();
    assert!(errors("transfers", silently) > 0);
    let dearer = [
        sent(),
        vec![
            shelf("inventory.arrived", "n", 3, 31, 3),
            transfer(
                "transfer_order.received",
                json!({ "reception_id": "r", "lines": lines(3, 30) }),
            ),
        ],
    ]
    .concat();
    assert!(errors("transfers", dearer) > 0);
    assert!(errors("transfers", [sent(), received(5, 50, 5)].concat()) > 0);
    assert!(errors("transfers", [sent(), vec![closed()]].concat()) > 0);
    assert!(errors("transfers", [sent(), sent()[3..].to_vec()].concat()) > 0);
}

fn recorded(sequence: i64, quarantine: Option<&str>) -> Told {
    let data = json!({ "terminal": "t1", "store": "c", "incarnation": "a", "sequence": sequence,
                       "sale_id": format!("s{sequence}"), "quarantine_id": quarantine });
    ("sale.offline_recorded", data)
}

fn kept() -> Told {
    let sale = json!({ "sale_id": "s2", "content": { "store": "c", "lines": [] }, "total_minor": 5 });
    let data = json!({ "quarantine_id": "q", "terminal": "t1", "incarnation": "a", "sequence": 2, "cashier": "ana",
                       "sale": sale, "cause": { "kind": "refused", "code": "x" }, "currency": "HNL" });
    ("sale.offline_quarantined", data)
}

fn ended(kind: &'static str) -> Told {
    (
        kind,
        json!({ "quarantine_id": "q", "sale_id": "s2", "store": "c", "note": "n" }),
    )
}

#[test]
fn a_till_that_skips_a_number_or_a_sale_that_is_decided_twice_is_noticed() {
    let day = || vec![recorded(1, None), kept(), recorded(2, Some("q"))];
    assert_eq!(errors("offline", day()), 0);
    assert_eq!(
        errors("offline", [day(), vec![ended("sale.offline_cancelled")]].concat()),
        0
    );
    assert_eq!(errors("offline", vec![recorded(1, None), recorded(3, None)]), 1);
    assert_eq!(errors("offline", vec![recorded(1, None), recorded(1, None)]), 1);
    assert_eq!(errors("offline", vec![recorded(1, Some("q"))]), 1);
    let twice = vec![ended("sale.offline_cancelled"), ended("sale.offline_cancelled")];
    assert_eq!(errors("offline", [day(), twice].concat()), 1);
    assert_eq!(
        errors("offline", [day(), vec![ended("sale.offline_accepted")]].concat()),
        1
    );
}
