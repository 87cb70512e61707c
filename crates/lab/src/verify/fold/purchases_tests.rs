//! The fold of purchases and suppliers against hand-made events: a sound life, and one lie at a time.

use super::super::super::log::Event;
use super::*;

fn head(extra: Value) -> Value {
    let mut data = json!({ "purchase_id": "oc", "supplier_id": "s", "store": "c", "currency": "HNL" });
    data.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    data
}

fn line(extra: Value) -> Value {
    let mut data = json!({ "line": 1, "sku": "A", "unit_cost_minor": 100 });
    data.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    data
}

fn ledger(kind: &str, amount: i64, balance: i64) -> (String, Value) {
    let cause = json!({ "kind": "invoice", "purchase_id": "oc" });
    let data = json!({ "supplier_id": "s", "amount_minor": amount, "currency": "HNL", "cause": cause, "balance_minor": balance });
    (format!("supplier.{kind}"), data)
}

fn shelf(kind: &str, extra: Value) -> (String, Value) {
    let mut data = json!({ "store": "c", "sku": "A", "document": "purchase/oc", "reference": "purchase/oc" });
    data.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    (format!("inventory.{kind}"), data)
}

/// Ten ordered at 1.00 with 15 %, four come and are invoiced, freight of 10 of which half is an expense, one goes back.
fn life() -> Vec<(String, Value)> {
    let of = |kind: &str, extra: Value| (format!("purchase.{kind}"), head(extra));
    vec![
        (
            "supplier.registered".to_owned(),
            json!({ "supplier_id": "s", "name": "Sur", "currency": "HNL" }),
        ),
        of(
            "ordered",
            json!({ "tolerance_percent": 0, "net_minor": 1_000, "tax_minor": 150, "total_minor": 1_150, "lines": [
                line(json!({ "kind": "counted", "quantity": 10, "tax_rate_ppm": 150_000, "net_minor": 1_000, "tax_minor": 150 }))] }),
        ),
        of("sent", json!({})),
        of(
            "received",
            json!({ "reception_id": "r", "net_minor": 400, "tax_minor": 60, "total_minor": 460, "lines": [
                line(json!({ "quantity": 4, "net_minor": 400, "tax_minor": 60,
                             "lots": [{ "lot": "L", "quantity": 3, "expires_on": "2028-01-01" }] }))] }),
        ),
        shelf(
            "received",
            json!({ "quantity": 4, "unit_cost_minor": 100, "on_hand": 4 }),
        ),
        of(
            "invoiced",
            json!({ "reception_id": "r", "invoice": "F", "total_minor": 460 }),
        ),
        ledger("charged", 460, 460),
        shelf(
            "cost_adjusted",
            json!({ "delta_minor": 5, "costed_quantity": 4, "total_value_minor": 405 }),
        ),
        of(
            "cost_adjusted",
            json!({ "adjustment_id": "a", "net_minor": 10, "tax_minor": 2, "total_minor": 12, "on_shelf_minor": 5,
                    "expensed_minor": 5, "lines": [line(json!({ "kind": "freight", "delta_minor": 10, "tax_minor": 2,
                                                               "on_shelf_minor": 5, "expensed_minor": 5 }))] }),
        ),
        ledger("charged", 12, 472),
        shelf(
            "dispatched",
            json!({ "quantity": 1, "costed_quantity": 1, "value_minor": 102, "on_hand": 3 }),
        ),
        of(
            "returned",
            json!({ "return_id": "d", "net_minor": 100, "tax_minor": 15, "total_minor": 115, "value_minor": 102,
                    "difference_minor": -2, "lines": [line(json!({ "quantity": 1, "credit_minor": 100, "tax_minor": 15,
                        "costed_quantity": 1, "value_minor": 102, "difference_minor": -2 }))] }),
        ),
        ledger("credited", 115, 357),
        of(
            "cancelled",
            json!({ "lines": [line(json!({ "quantity": 6, "net_minor": 600 }))], "net_minor": 600 }),
        ),
        of("closed", json!({})),
    ]
}

fn folded(events: &[(String, Value)]) -> (Folded, Findings) {
    let (mut folded, mut findings) = (Folded::default(), Findings::default());
    let meta = json!({ "command": "receive_purchase" });
    for (number, (event_type, data)) in (1..).zip(events) {
        let event = Event {
            position: number,
            tenant: "t".to_owned(),
            stream: String::new(),
            version: number,
            id: Vec::new(),
            event_type: event_type.clone(),
            schema_version: 1,
            data: String::new(),
            meta: String::new(),
            recorded_us: 0,
            chain: Vec::new(),
        };
        folded.take(&event, data, &meta, &mut findings);
    }
    folded.check_bought(&mut findings);
    (folded, findings)
}

fn errors(events: &[(String, Value)]) -> i64 {
    let verdict = folded(events).1.verdict();
    ["purchases", "balances", "doubled"]
        .iter()
        .map(|check| verdict.errors_of(check))
        .sum()
}

#[test]
fn a_sound_life_is_found_sound_and_adds_up() {
    let (folded, findings) = folded(&life());
    let verdict = findings.verdict();
    assert_eq!(
        (
            verdict.errors_of("purchases"),
            verdict.errors_of("balances"),
            verdict.errors_of("doubled")
        ),
        (0, 0, 0)
    );
    let row = &folded.tables["rm_purchases"][&vec!["t".to_owned(), "oc".to_owned()]];
    assert_eq!(row["status"], json!("closed"));
    assert_eq!(
        (get(row, "received"), get(row, "cancelled"), get(row, "returned")),
        (4, 6, 1)
    );
    let supplier = &folded.tables["rm_suppliers"][&vec!["t".to_owned(), "s".to_owned()]];
    assert_eq!(get(supplier, "balance_minor"), 357);
}

#[test]
fn every_figure_that_lies_is_noticed() {
    let sound = life();
    let figures = [
        "net_minor",
        "tax_minor",
        "total_minor",
        "on_shelf_minor",
        "expensed_minor",
        "delta_minor",
        "credit_minor",
        "value_minor",
        "difference_minor",
        "quantity",
        "amount_minor",
        "balance_minor",
        "unit_cost_minor",
    ];
    let mut lies = 0;
    for (index, (event_type, data)) in sound.iter().enumerate() {
        // What a cancellation would have cost is told and not folded.
        if event_type == "purchase.cancelled" {
            continue;
        }
        for figure in figures {
            // Only these events carry a unit cost; the helper writes one into every line.
            let has_cost = event_type.ends_with(".ordered") || event_type.ends_with(".received");
            if figure == "unit_cost_minor" && !has_cost {
                continue;
            }
            for in_line in [false, true] {
                let mut changed = data.clone();
                let place = if in_line {
                    changed.pointer_mut("/lines/0")
                } else {
                    Some(&mut changed)
                };
                let Some(cell) = place.and_then(|place| place.get_mut(figure)) else {
                    continue;
                };
                *cell = json!(cell.as_i64().unwrap() + 1);
                let mut told = sound.clone();
                told[index].1 = changed;
                assert!(errors(&told) > 0, "{event_type} {figure} in_line {in_line}");
                lies += 1;
            }
        }
    }
    assert!(lies > 40, "only {lies}");
}

#[test]
fn an_event_that_is_absent_or_there_twice_is_noticed() {
    let sound = life();
    for index in 1..sound.len() {
        // Closing is the last word, and nothing after it misses it.
        if sound[index].0 != "purchase.closed" {
            let mut absent = sound.clone();
            absent.remove(index);
            assert!(errors(&absent) > 0, "without {}", sound[index].0);
        }
        let mut twice = sound.clone();
        twice.insert(index, sound[index].clone());
        assert!(errors(&twice) > 0, "{} twice", sound[index].0);
    }
}

/// The first two events of [`life`], and then the order is written anew: four at 1.50.
fn written_anew(revision: i64, lines_before: i64, total: i64) -> Vec<(String, Value)> {
    let lines = [line(
        json!({ "kind": "counted", "quantity": 4, "unit_cost_minor": 150, "tax_rate_ppm": 0,
                                   "net_minor": 600, "tax_minor": 0 }),
    )];
    let changed = head(
        json!({ "revision": revision, "lines_before": lines_before, "tolerance_percent": 0,
                               "lines": lines, "net_minor": 600, "tax_minor": 0, "total_minor": total }),
    );
    let mut events = life()[..2].to_vec();
    events.push(("purchase.changed".to_owned(), changed));
    events
}

#[test]
fn an_order_that_is_written_anew_says_the_new_and_lies_about_it_are_noticed() {
    let sound = written_anew(2, 1, 600);
    assert_eq!(errors(&sound), 0);
    let row = &folded(&sound).0.tables["rm_purchases"][&vec!["t".to_owned(), "oc".to_owned()]];
    assert_eq!(
        (&row["outstanding"], &row["total_minor"], &row["status"]),
        (&json!(4), &json!(600), &json!("ordered"))
    );
    assert_eq!(errors(&written_anew(3, 1, 600)), 1, "a revision is left out");
    assert_eq!(errors(&written_anew(2, 2, 600)), 1, "there was one line");
    assert_eq!(errors(&written_anew(2, 1, 601)), 1);
    let mut late = life()[..3].to_vec();
    late.push(sound[2].clone());
    assert_eq!(errors(&late), 1, "it was sent before");
}
