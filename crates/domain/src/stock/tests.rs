//! The rules for stock and units.

mod bench;
mod costs;
mod documents;
mod serials;
mod unit_lives;

use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::ItemKind;
use schemas::quantity::MAX_QUANTITY;
use serde_json::json;

use super::*;
use crate::admin::CloseStore;
use crate::catalogue::DiscontinueItem;
use crate::testing::*;
use crate::{State, streams};

const OTHER: &str = "serial:SN-2";

fn adjust(name: &str, delta: i64) -> AdjustStock {
    AdjustStock {
        store: centro(),
        sku: sku(name),
        delta,
        comment: Some("conteo".to_owned()),
    }
}

fn write_off(name: &str, pieces: i64, units: &[&str]) -> WriteOffStock {
    let units = units.iter().map(|text| unit(text)).collect();
    let cause = Some("roto".to_owned());
    let line = WriteOffLine {
        sku: sku(name),
        quantity: quantity(pieces),
        units,
        cause,
    };
    WriteOffStock {
        store: centro(),
        lines: vec![line],
    }
}

fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

#[test]
fn goods_come_in_with_their_units() {
    let outcome = shop().when(receive(vec![
        receipt("CABLE", 5, &[]),
        receipt("PHONE", 1, &[OTHER]),
    ]));
    let lines = json!([{ "sku": "CABLE", "on_hand": 15 }, { "sku": "PHONE", "on_hand": 3 }]);
    assert_eq!(
        outcome.decision().answer,
        json!({ "store": "centro", "lines": lines })
    );
    outcome.then([
        "inventory.received",
        "inventory.received",
        "inventory.unit_received",
    ]);
}

#[test]
fn two_lines_of_one_item_see_each_other() {
    let outcome = shop().when(receive(vec![receipt("CABLE", 5, &[]), receipt("CABLE", 2, &[])]));
    let lines = json!([{ "sku": "CABLE", "on_hand": 17 }]);
    outcome.then_answer(json!({ "store": "centro", "lines": lines }));
}

#[test]
fn the_average_cost_is_kept_in_integers() {
    let mut dear = receipt("CABLE", 20, &[]);
    dear.unit_cost_minor = Some(minor(9_000));
    let shop = shop().and(receive(vec![dear]));
    assert_eq!(level(&shop, "CABLE").average_cost_minor(), Some(minor(8_000)));
    let shop = shop.and(write_off("CABLE", 29, &[]));
    assert_eq!(level(&shop, "CABLE").average_cost_minor(), Some(minor(8_000)));
    let shop = shop.and(write_off("CABLE", 1, &[]));
    assert_eq!(level(&shop, "CABLE").average_cost_minor(), None);
}

#[test]
fn a_receipt_names_as_many_units_as_pieces() {
    let refused = |line: ReceiptLine, code| shop().when(receive(vec![line])).then_refused(code);
    assert_eq!(
        refused(receipt("PHONE", 2, &[OTHER]), "unit.required").unwrap(),
        "/lines/0"
    );
    refused(receipt("PHONE", 2, &[OTHER, OTHER]), "unit.repeated");
    refused(receipt("CABLE", 1, &[OTHER]), "unit.unexpected");
    refused(receipt("FIX", 1, &[]), "stock.service_item");
    refused(receipt("NADA", 1, &[]), "item.not_found");
    let cost = ReceiptLine {
        unit_cost_minor: Some(minor(-1)),
        ..receipt("CABLE", 1, &[])
    };
    assert_eq!(
        refused(cost, "amount.negative").unwrap(),
        "/lines/0/unit_cost_minor"
    );
}

#[test]
fn a_unit_has_one_place_and_one_item() {
    shop()
        .when(receive(vec![receipt("PHONE", 1, &[IMEI])]))
        .then_refused("unit.already_in_stock");
    let sold = shop().and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)));
    sold.when(receive(vec![receipt("PHONE", 1, &[IMEI])]))
        .then_refused("unit.sold");
    let shop =
        shop()
            .and(write_off("PHONE", 1, &[IMEI]))
            .and(create_item("TABLET", ItemKind::Serialised, 1, false));
    shop.clone()
        .when(receive(vec![receipt("TABLET", 1, &[IMEI])]))
        .then_refused("unit.other_item");
    shop.when(receive(vec![receipt("PHONE", 1, &[IMEI])]))
        .then(["inventory.received", "inventory.unit_received"]);
}

#[test]
fn a_receipt_is_bounded() {
    shop().when(receive(vec![])).then_refused("request.no_lines");
    let many = vec![receipt("CABLE", 1, &[]); 2_001];
    shop()
        .when(receive(many))
        .then_refused("request.too_many_entries");
    let wide = (0..1_100).map(|n| receipt(&format!("X{n}"), 1, &[])).collect();
    shop().when(receive(wide)).then_refused("request.too_large");
    let long = ReceiveStock {
        reference: Some("x".repeat(201)),
        ..receive(vec![receipt("CABLE", 1, &[])])
    };
    shop().when(long).then_refused("request.text_invalid");
}

#[test]
fn discontinued_goods_may_still_come_in_but_not_into_a_closed_store() {
    let shop = shop().and(DiscontinueItem { sku: sku("CABLE") });
    let shop = shop
        .and(receive(vec![receipt("CABLE", 1, &[])]))
        .and(CloseStore { store: centro() });
    shop.clone()
        .when(receive(vec![receipt("CABLE", 1, &[])]))
        .then_refused("store.closed");
    shop.clone().when(adjust("CABLE", 1)).then_refused("store.closed");
    shop.when(write_off("CABLE", 1, &[])).then_refused("store.closed");
}

#[test]
fn an_adjustment_moves_the_figure() {
    let shop = shop().when(adjust("CABLE", -10));
    let shop = shop.then_answer(json!({ "store": "centro", "sku": "CABLE", "on_hand": 0 }));
    let pointer = shop
        .clone()
        .when(adjust("CABLE", -1))
        .then_refused("stock.insufficient");
    assert_eq!(pointer.unwrap(), "/delta");
    let shop = shop.policy(StockPolicy::AllowNegative);
    let shop = shop.when(adjust("CABLE", -1)).then(["inventory.adjusted"]);
    assert_eq!(level(&shop, "CABLE").on_hand, -1);
}

#[test]
fn an_adjustment_is_for_counted_items_and_bounded() {
    shop()
        .when(adjust("PHONE", 1))
        .then_refused("stock.serialised_item");
    shop().when(adjust("FIX", 1)).then_refused("stock.service_item");
    for delta in [0, MAX_QUANTITY + 1, i64::MIN, i64::MAX] {
        shop()
            .when(adjust("CABLE", delta))
            .then_refused("stock.delta_invalid");
    }
    shop()
        .when(adjust("CABLE", MAX_QUANTITY))
        .then_refused("stock.level_out_of_range");
}

#[test]
fn goods_are_written_off_with_their_units() {
    let shop = shop()
        .when(write_off("CABLE", 3, &[]))
        .then(["inventory.written_off"]);
    let shop = shop.when(write_off("PHONE", 1, &[IMEI]));
    let shop = shop.then(["inventory.written_off", "inventory.unit_written_off"]);
    shop.clone()
        .when(write_off("PHONE", 1, &[IMEI]))
        .then_refused("unit.written_off");
    shop.clone()
        .when(write_off("CABLE", 8, &[]))
        .then_refused("stock.insufficient");
    shop.clone()
        .when(write_off("PHONE", 1, &[OTHER]))
        .then_refused("unit.not_found");
    shop.clone()
        .when(write_off("PHONE", 2, &[SERIAL, SERIAL]))
        .then_refused("unit.repeated");
    shop.clone()
        .when(WriteOffStock {
            store: centro(),
            lines: vec![],
        })
        .then_refused("request.no_lines");
    let elsewhere = WriteOffStock {
        store: norte(),
        ..write_off("PHONE", 1, &[SERIAL])
    };
    shop.when(elsewhere).then_refused("unit.other_store");
}

#[test]
fn a_unit_is_written_off_under_its_own_item() {
    let shop = shop().and(create_item("TABLET", ItemKind::Serialised, 1, false));
    shop.when(write_off("TABLET", 1, &[IMEI]))
        .then_refused("unit.other_item");
}

#[test]
fn serialised_stock_never_falls_below_zero() {
    let shop = shop().policy(StockPolicy::AllowNegative);
    let shop = shop.and(write_off("CABLE", 20, &[]));
    assert_eq!(level(&shop, "CABLE").on_hand, -10);
    let shop = shop.and(write_off("PHONE", 2, &[IMEI, SERIAL]));
    assert_eq!(level(&shop, "PHONE").on_hand, 0);
    shop.when(write_off("PHONE", 1, &[IMEI]))
        .then_refused("unit.written_off");
}

#[test]
fn a_card_number_is_kept_out_of_every_text() {
    let noted = AdjustStock {
        comment: Some("pagó con 4111 1111 1111 1111".to_owned()),
        ..adjust("CABLE", 1)
    };
    shop().when(noted).then_refused("request.card_number");
}
