//! Ordering, sending, receiving, giving up and closing.

use schemas::events::settings::Series;
use serde_json::json;

use super::*;
use crate::admin::{CloseStore, SetNumbering};
use crate::catalogue::DiscontinueItem;
use crate::stock::Place;
use crate::suppliers::DeactivateSupplier;

#[test]
fn an_order_adds_up_with_its_taxes_and_waits_to_be_sent() {
    let shop = shop().and(registered("sur"));
    let outcome = shop.when(order());
    let answer = &outcome.decision().answer;
    assert_eq!(
        (&answer["net_minor"], &answer["tax_minor"], &answer["total_minor"]),
        (&json!(860_000), &json!(9_000), &json!(869_000))
    );
    assert_eq!(answer["status"], "ordered");
    let shop = outcome.then(["purchase.ordered"]);
    shop.clone().when(order()).then_refused("purchase.already_exists");
    shop.clone()
        .when(reception("r-1", vec![came(1, 1, &[])]))
        .then_refused("purchase.not_sent");
    let shop = shop.when(send()).then(["purchase.sent"]);
    shop.when(send()).then_nothing();
}

#[test]
fn an_order_is_sent_at_once_when_that_is_asked_for_and_gets_an_id_if_it_has_none() {
    let at_once = OrderPurchase {
        purchase_id: None,
        send: true,
        ..order()
    };
    let shop = shop().and(registered("sur"));
    let shop = shop
        .when(at_once.clone())
        .then(["purchase.ordered", "purchase.sent"]);
    shop.and(at_once);
}

#[test]
fn an_order_carries_the_next_number_where_the_tenant_numbers_purchases() {
    let numbered = SetNumbering {
        series: Series::Purchase,
        prefix: "OC-".to_owned(),
        next: 17,
        digits: 6,
    };
    let shop = shop().and(registered("sur")).and(numbered);
    let outcome = shop.when(order());
    assert_eq!(outcome.decision().answer["number"], "OC-000017");
    let shop = outcome.then(["admin.number_taken", "purchase.ordered"]);
    let another = OrderPurchase {
        purchase_id: None,
        ..order()
    };
    assert_eq!(shop.when(another).decision().answer["number"], "OC-000018");
}

#[test]
fn only_an_active_supplier_that_exists_is_ordered_from() {
    shop().when(order()).then_refused("supplier.not_found");
    let deactivate = || DeactivateSupplier {
        supplier_id: supplier("sur"),
    };
    let shop = shop().and(registered("sur"));
    shop.clone()
        .and(deactivate())
        .when(order())
        .then_refused("supplier.inactive");
    let ordered = shop.and(order()).and(deactivate());
    ordered.when(send()).then_refused("supplier.inactive");
    // What is under way comes all the same.
    sent()
        .and(deactivate())
        .and(reception("r-1", vec![came(1, 1, &[])]));
}

#[test]
fn an_order_that_can_never_be_right_is_refused() {
    let with = |change: fn(&mut OrderPurchase), code| {
        let mut command = order();
        change(&mut command);
        shop().and(registered("sur")).when(command).then_refused(code)
    };
    with(|c| c.lines.clear(), "request.no_lines");
    with(|c| c.lines[0].sku = sku("FIX"), "stock.service_item");
    with(|c| c.lines[0].sku = sku("NADA"), "item.not_found");
    with(
        |c| c.lines = vec![c.lines[0].clone(); 2_001],
        "request.too_many_entries",
    );
    with(|c| c.lines[1].unit_cost_minor = minor(-1), "amount.negative");
    with(
        |c| {
            c.lines[0].unit_cost_minor = minor(schemas::money::MAX_MINOR);
        },
        "amount.out_of_range",
    );
    with(|c| c.tolerance_percent = 101, "purchase.tolerance_invalid");
    with(|c| c.tolerance_percent = -1, "purchase.tolerance_invalid");
    with(
        |c| c.lines[0].tax_code = Some(schemas::TaxCode::new("NADA").unwrap()),
        "tax_code.not_found",
    );
    for day in ["2026-02-30", "1/2/2026", "2026-2-1"] {
        let bad = OrderPurchase {
            expected_on: Some(day.to_owned()),
            ..order()
        };
        let pointer = shop()
            .and(registered("sur"))
            .when(bad)
            .then_refused("purchase.day_invalid");
        assert_eq!(pointer.unwrap(), "/expected_on");
    }
    let shop = shop().and(registered("sur"));
    shop.clone()
        .and(CloseStore { store: centro() })
        .when(order())
        .then_refused("store.closed");
    shop.and(DiscontinueItem { sku: sku("CABLE") })
        .when(order())
        .then_refused("item.discontinued");
}

#[test]
fn goods_come_in_parts_with_their_units_and_move_the_average_cost() {
    let first = reception("r-1", vec![came(1, 4, &[]), came(2, 1, &[NEW])]);
    let outcome = sent().when(first.clone());
    assert_eq!(outcome.decision().answer["status"], "partially_received");
    assert_eq!(outcome.decision().answer["outstanding"], 7);
    let shop = outcome.then([
        "purchase.received",
        "inventory.received",
        "inventory.received",
        "inventory.unit_received",
    ]);
    // Ten at 60.00 were there, and four came at 60.00; two phones at 60.00 and one at 4,000.00.
    assert_eq!(
        (level(&shop, "CABLE").on_hand, level(&shop, "PHONE").on_hand),
        (14, 3)
    );
    assert_eq!(
        level(&shop, "PHONE").average_cost_minor(),
        Some(minor((2 * 6_000 + 400_000 + 1) / 3))
    );
    let shop = shop.when(first).then_nothing();
    let rest = reception("r-2", vec![came(2, 1, &[OTHER]), came(1, 6, &[])]);
    let outcome = shop.when(rest);
    assert_eq!(outcome.decision().answer["status"], "received");
    let shop = outcome.given;
    shop.clone()
        .when(reception("r-3", vec![came(1, 1, &[])]))
        .then_refused("purchase.over_received");
    let shop = shop.when(close()).then(["purchase.closed"]);
    let shop = shop.when(close()).then_nothing();
    shop.clone()
        .when(reception("r-3", vec![came(1, 1, &[])]))
        .then_refused("purchase.closed");
    shop.clone().when(send()).then_refused("purchase.closed");
    shop.clone().when(cancel(None)).then_refused("purchase.closed");
    shop.when(reception("r-2", vec![came(2, 1, &[OTHER]), came(1, 6, &[])]))
        .then_nothing();
}

#[test]
fn a_reception_id_stands_for_the_same_goods_for_ever() {
    let shop = sent().and(reception("r-1", vec![came(1, 4, &[])]));
    for other in [
        vec![came(1, 5, &[])],
        vec![came(2, 1, &[NEW])],
        vec![came(1, 4, &[]), came(2, 1, &[NEW])],
    ] {
        shop.clone()
            .when(reception("r-1", other))
            .then_refused("purchase.reception_already_exists");
    }
    let with_lots = ReceptionLineRequest {
        lots: vec![lot("L1", 2)],
        ..came(1, 4, &[])
    };
    shop.when(reception("r-1", vec![with_lots]))
        .then_refused("purchase.reception_already_exists");
}

#[test]
fn more_than_ordered_comes_only_within_the_tolerance() {
    let tolerant = OrderPurchase {
        tolerance_percent: 15,
        send: true,
        ..order()
    };
    let shop = shop().and(registered("sur")).and(tolerant);
    // 15 % of ten is one and a half: one more.
    let pointer = shop
        .clone()
        .when(reception("r-1", vec![came(1, 12, &[])]))
        .then_refused("purchase.over_received");
    assert_eq!(pointer.unwrap(), "/lines/0/quantity");
    let received = shop.clone().and(reception("r-1", vec![came(1, 11, &[])]));
    assert_eq!(the_purchase(&received).lines[0].outstanding(), 0);
    received
        .when(reception("r-2", vec![came(1, 1, &[])]))
        .then_refused("purchase.over_received");
    // What was given up does not come after all.
    let given_up = shop
        .and(reception("r-1", vec![came(1, 9, &[])]))
        .and(cancel(Some(vec![1])));
    given_up
        .when(reception("r-2", vec![came(1, 1, &[])]))
        .then_refused("purchase.over_received");
}

#[test]
fn a_reception_names_lines_of_the_order_once_with_their_units() {
    let refused =
        |lines: Vec<ReceptionLineRequest>, code| sent().when(reception("r-1", lines)).then_refused(code);
    refused(vec![], "request.no_lines");
    refused(vec![came(3, 1, &[])], "purchase.line_not_found");
    refused(vec![came(0, 1, &[])], "purchase.line_not_found");
    refused(vec![came(1, 1, &[]), came(1, 1, &[])], "purchase.line_repeated");
    refused(vec![came(2, 1, &[])], "unit.required");
    refused(vec![came(1, 1, &[NEW])], "unit.unexpected");
    refused(vec![came(2, 2, &[NEW, NEW])], "unit.repeated");
    refused(vec![came(2, 1, &[IMEI])], "unit.already_in_stock");
    shop()
        .when(reception("r-1", vec![came(1, 1, &[])]))
        .then_refused("purchase.not_found");
    sent()
        .and(CloseStore { store: centro() })
        .when(reception("r-1", vec![came(1, 1, &[])]))
        .then_refused("store.closed");
    let wide = (0..2_001).map(|_| came(1, 1, &[])).collect();
    refused(wide, "request.too_many_entries");
}

#[test]
fn lots_are_part_of_their_line_and_live_forwards() {
    let with = |lots| {
        let line = ReceptionLineRequest {
            lots,
            ..came(1, 4, &[])
        };
        sent().when(reception("r-1", vec![line]))
    };
    with(vec![lot("L1", 3), lot("L2", 1)]).then(["purchase.received", "inventory.received"]);
    with(vec![lot("L1", 3), lot("L2", 2)]).then_refused("purchase.lots_exceed_line");
    let expired = schemas::events::purchase::Lot {
        expires_on: Some("2026-09-30".to_owned()),
        ..lot("L1", 1)
    };
    let pointer = with(vec![expired]).then_refused("purchase.lot_expires_early");
    assert_eq!(pointer.unwrap(), "/lines/0/lots/0/expires_on");
    let bad = schemas::events::purchase::Lot {
        made_on: Some("ayer".to_owned()),
        ..lot("L1", 1)
    };
    let pointer = with(vec![bad]).then_refused("purchase.day_invalid");
    assert_eq!(pointer.unwrap(), "/lines/0/lots/0/made_on");
}

#[test]
fn what_has_not_come_is_given_up_and_an_order_of_which_nothing_came_is_over() {
    for shop in [with_order(), sent()] {
        let shop = shop.when(cancel(None)).then(["purchase.cancelled"]);
        assert_eq!(the_purchase(&shop).status_word(), "cancelled");
        let shop = shop.when(cancel(None)).then_nothing();
        shop.clone().when(send()).then_refused("purchase.cancelled");
        shop.clone().when(close()).then_refused("purchase.cancelled");
        shop.when(reception("r-1", vec![came(1, 1, &[])]))
            .then_refused("purchase.cancelled");
    }
    let shop = sent().and(reception("r-1", vec![came(1, 4, &[])]));
    shop.clone().when(close()).then_refused("purchase.outstanding");
    let shop = shop.when(cancel(Some(vec![2]))).then(["purchase.cancelled"]);
    assert_eq!(the_purchase(&shop).status_word(), "partially_received");
    let shop = shop.when(cancel(Some(vec![2]))).then_nothing();
    shop.clone()
        .when(cancel(Some(vec![9])))
        .then_refused("purchase.line_not_found");
    shop.clone()
        .when(cancel(Some(vec![1, 1])))
        .then_refused("purchase.line_repeated");
    let shop = shop.and(cancel(None));
    assert_eq!(the_purchase(&shop).status_word(), "received");
    shop.and(close());
    with_order().when(close()).then_refused("purchase.not_sent");
}

#[test]
fn a_unit_that_went_back_may_be_delivered_again() {
    let two = OrderPurchase {
        purchase_id: Some(PurchaseId::new("oc-2").unwrap()),
        send: true,
        ..order()
    };
    let shop = sent()
        .and(reception("r-1", vec![came(2, 1, &[NEW])]))
        .and(back("d-1", &[(2, 1, &[NEW])]))
        .and(two);
    let again = ReceivePurchase {
        purchase_id: PurchaseId::new("oc-2").unwrap(),
        ..reception("r-1", vec![came(2, 1, &[NEW])])
    };
    let shop = shop.when(again).then([
        "purchase.received",
        "inventory.received",
        "inventory.unit_arrived",
    ]);
    let State::Unit(Some(found), _) = shop.state(&streams::unit(&unit(NEW))) else {
        panic!("it is known");
    };
    assert_eq!(found.place, Place::InStock { store: centro() });
}
