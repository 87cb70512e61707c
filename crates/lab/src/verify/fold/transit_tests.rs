//! Transfers and offline tills against hand-made events: what holds, and each lie that must be noticed.

use super::tests::{folded, folded_of};
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

/// The rest comes, and two pieces more.
fn came_with_two_more() -> Vec<Told> {
    vec![
        shelf("inventory.arrived", "n", 4, 40, 4),
        transfer(
            "transfer_order.received",
            json!({ "reception_id": "r", "lines": lines(4, 40),
                    "surplus": [{ "line": 1, "sku": "A", "quantity": 2 }] }),
        ),
    ]
}

fn surplus(decision: &str, pieces: i64, value: i64) -> Told {
    transfer(
        "transfer_order.surplus_resolved",
        json!({ "decision": decision, "lines": lines(pieces, value) }),
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
fn a_surplus_moves_from_shelf_to_shelf_or_nothing_and_waits_for_nobody_once_the_transfer_is_closed() {
    let before = [sent(), came_with_two_more()].concat();
    assert_eq!(errors("transfers", before.clone()), 0);
    let handed_over = vec![
        shelf("inventory.dispatched", "c", 1, 10, 4),
        shelf("inventory.arrived", "n", 1, 10, 5),
        surplus("sent_by_origin", 1, 10),
    ];
    let refused = vec![surplus("not_accepted", 1, 0), closed()];
    let after = [before.clone(), handed_over.clone(), refused].concat();
    assert_eq!(errors("transfers", after), 0);

    assert!(errors("transfers", [before.clone(), vec![closed()]].concat()) > 0);
    let half = vec![handed_over[1].clone(), handed_over[2].clone()];
    assert!(errors("transfers", [before.clone(), half].concat()) > 0);
    assert!(
        errors(
            "transfers",
            [before.clone(), vec![surplus("not_accepted", 3, 0)]].concat()
        ) > 0
    );
    assert!(
        errors(
            "transfers",
            [before, vec![surplus("not_accepted", 1, 10)]].concat()
        ) > 0
    );
}

#[test]
fn units_are_in_transit_once_and_receptions_and_decisions_are_told_once() {
    let moved = |kind, unit: &str, more: Value| {
        let line = json!({ "line": 1, "sku": "P", "quantity": 1, "units": [unit], "value_minor": 0 });
        let (kind, mut data) = transfer(kind, more);
        data["lines"] = json!([line]);
        (kind, data)
    };
    let requested = transfer(
        "transfer_order.requested",
        json!({ "lines": [{ "line": 1, "sku": "P", "quantity": 2 }] }),
    );
    let came = |unit: &str| moved("transfer_order.received", unit, json!({ "reception_id": "r" }));
    let life = |last: Told| {
        let sent = moved("transfer_order.dispatched", "serial:1", json!({}));
        let (folded, findings) = folded(&[requested.clone(), sent, last]);
        let units = folded.tables["rm_transfer_lines"].values().next().unwrap()["units_in_transit"].clone();
        let documents = folded.tables["rm_transfer_documents"].len();
        (units, documents, findings.verdict().errors_of("transfers"))
    };
    assert_eq!(life(came("serial:1")), (json!("[]"), 1, 0));
    assert_eq!(life(came("serial:2")), (json!("[\"serial:1\"]"), 1, 1));
    let twice = [sent(), received(1, 10, 1), received(1, 10, 2)].concat();
    assert_eq!(errors("doubled", twice), 1);
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
    let sale = json!({ "sale_id": "s2", "content": { "store": "c", "lines": [] }, "total_minor": 5,
                       "occurred_at": "2026-11-22T09:15:00-06:00" });
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

/// A quarantined sale of one line with this unit, and what somebody decided about it.
fn decided(unit: &str, code: &str, resolution: &Value, unit_dropped: bool) -> Vec<Told> {
    let (kind, mut kept) = kept();
    kept["sale"]["content"]["lines"] = json!([{ "unit": unit, "quantity": 1, "unit_price_minor": 5 }]);
    kept["cause"] = json!({ "kind": "unknown_item", "code": code, "line": 1 });
    let amended = json!({ "quarantine_id": "q", "sale_id": "s2", "store": "c", "resolution": resolution,
                          "unit_dropped": unit_dropped, "cause": { "kind": "refused", "code": "x" } });
    vec![(kind, kept), ("sale.offline_amended", amended)]
}

#[test]
fn a_quarantined_line_is_folded_as_it_was_noted_and_put_right() {
    let item = json!({ "kind": "replace_item", "line": 1, "sku": "A" });
    let folded_unit = |unit: &str, unit_dropped: bool| {
        let told = decided(unit, "quarantine.unit_unreadable", &item, unit_dropped);
        let (folded, _) = folded(&told);
        let row = folded.tables["rm_offline_lines"].values().next().unwrap();
        assert_eq!((&row["sku"], &row["quantity"]), (&json!("A"), &json!(1)));
        row["unit"].clone()
    };
    assert_eq!(folded_unit("serial:1", false), "serial:1");
    assert_eq!(folded_unit("1", true), Value::Null);
}

#[test]
fn a_unit_that_is_dropped_without_reason_or_kept_against_it_is_noticed() {
    let item = json!({ "kind": "replace_item", "line": 1, "sku": "A" });
    let noticed = |unit: &str, code: &str, unit_dropped: bool| {
        errors("offline", decided(unit, code, &item, unit_dropped))
    };
    let (unreadable, unknown) = ("quarantine.unit_unreadable", "unit.not_found");
    assert_eq!(noticed("imei:490154203237518", "item.not_found", false), 0);
    assert_eq!(noticed("imei:490154203237518", "item.not_found", true), 1);
    for (unit, code) in [
        ("imei:490154203237519", unreadable),
        (" serial:\u{fffd}1", unreadable),
        ("1", "quarantine.sku_unreadable"),
        ("serial:1", unknown),
    ] {
        assert_eq!(noticed(unit, code, true), 0, "{unit}");
        assert_eq!(noticed(unit, code, false), 1, "{unit}");
    }
    let first: Vec<_> = decided("serial:1", unknown, &item, false)
        .into_iter()
        .map(|(name, data)| (1, name, data))
        .collect();
    assert_eq!(folded_of(&first).1.verdict().errors_of("offline"), 0);
}

#[test]
fn a_customer_and_a_time_that_were_put_right_are_the_sales() {
    let row = |resolution: Value| {
        let (folded, _) = folded(&decided("serial:1", "x", &resolution, false));
        folded.tables["rm_offline_sales"].values().next().unwrap().clone()
    };
    let customer = row(json!({ "kind": "correct_customer", "customer_id": "ana" }));
    assert_eq!(
        (&customer["customer_id"], &customer["occurred_at"]),
        (&json!("ana"), &json!("2026-11-22T15:15:00+00:00"))
    );
    let time = row(json!({ "kind": "correct_time", "occurred_at": "2026-11-21T23:30:00.25-06:00" }));
    assert_eq!(time["occurred_at"], "2026-11-22T05:30:00.25+00:00");
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
