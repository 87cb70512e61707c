//! Goods that documents move: out of one shelf, into another, and units that are nobody's stock meanwhile.

use super::super::{arrive_unit, dispatch_unit, end_unit};
use super::bench::Bench;
use super::*;
use crate::stock::{MovedCost, Shelf};

const TRANSFER: &str = "transfer/t-1";

fn moved(quantity: i64, value_minor: i64) -> MovedCost {
    MovedCost {
        quantity,
        value_minor,
    }
}

#[test]
fn goods_leave_and_arrive_with_exactly_what_they_cost() {
    let mut bench = Bench::default();
    let (here, there) = (centro(), norte());
    let cable = sku("CABLE");
    let from = Shelf {
        store: &here,
        sku: &cable,
    };
    let to = Shelf {
        store: &there,
        sku: &cable,
    };
    bench.run(|work| from.receive(work, quantity(2), Some(minor(5)), None));
    bench.run(|work| from.receive(work, quantity(1), Some(minor(1)), None));
    let cost = bench.run(|work| from.dispatch(work, quantity(2), TRANSFER));
    assert_eq!(cost, moved(2, 8));
    bench.run(|work| to.arrive(work, quantity(2), TRANSFER, cost));
    let left = bench.run(|work| from.dispatch(work, quantity(1), TRANSFER));
    assert_eq!(left, moved(1, 3));
    assert_eq!(bench.stock(&here, &cable).on_hand, 0);
    assert_eq!(bench.stock(&there, &cable).cost.value_minor, 8);
    assert_eq!(
        bench.types[2..],
        [
            "inventory.dispatched",
            "inventory.arrived",
            "inventory.dispatched"
        ]
    );
}

#[test]
fn goods_without_a_known_cost_carry_none() {
    let mut bench = Bench::default();
    let (here, cable) = (centro(), sku("CABLE"));
    let shelf = Shelf {
        store: &here,
        sku: &cable,
    };
    bench.run(|work| shelf.receive(work, quantity(3), None, None));
    let cost = bench.run(|work| shelf.dispatch(work, quantity(2), TRANSFER));
    assert_eq!(cost, MovedCost::default());
    bench.run(|work| shelf.arrive(work, quantity(2), TRANSFER, cost));
    assert_eq!(bench.stock(&here, &cable).average_cost_minor(), None);
    let too_many = bench.refused(|work| shelf.arrive(work, quantity(1), TRANSFER, moved(2, 10)));
    assert_eq!(too_many.code(), "amount.out_of_range");
}

#[test]
fn a_correction_changes_what_the_goods_cost_and_never_below_nothing() {
    let mut bench = Bench::default();
    let (here, cable) = (centro(), sku("CABLE"));
    let shelf = Shelf {
        store: &here,
        sku: &cable,
    };
    let nothing = bench.refused(|work| shelf.adjust_cost(work, minor(1), "purchase/p"));
    assert_eq!(nothing.code(), "stock.nothing_costed");
    bench.run(|work| shelf.receive(work, quantity(3), Some(minor(10)), None));
    bench.run(|work| shelf.adjust_cost(work, minor(-8), "purchase/p"));
    assert_eq!(bench.stock(&here, &cable).average_cost_minor(), Some(minor(7)));
    bench.run(|work| shelf.adjust_cost(work, minor(0), "purchase/p"));
    assert_eq!(bench.types, ["inventory.received", "inventory.cost_adjusted"]);
    let below = bench.refused(|work| shelf.adjust_cost(work, minor(-23), "purchase/p"));
    assert_eq!(below.code(), "stock.value_below_zero");
}

#[test]
fn a_unit_that_is_away_comes_back_by_its_document_alone() {
    let shop = shop();
    let mut bench = Bench::of(&shop);
    let (here, there, phone) = (centro(), norte(), unit(IMEI));
    bench.run(|work| dispatch_unit(work, &phone, &here, None, TRANSFER, 0));
    let away = Place::Away {
        document: TRANSFER.to_owned(),
    };
    assert_eq!(bench.unit(&phone).place, away);
    let again = bench.refused(|work| dispatch_unit(work, &phone, &here, None, "repair/r-1", 0));
    assert_eq!(again.code(), "unit.away");
    let other = bench.refused(|work| arrive_unit(work, &phone, &there, "transfer/t-2", 3));
    assert_eq!(
        (other.code(), other.pointer().as_deref()),
        ("unit.not_away", Some("/lines/3"))
    );
    bench.run(|work| arrive_unit(work, &phone, &there, TRANSFER, 0));
    assert_eq!(bench.unit(&phone).place, Place::InStock { store: norte() });
    let twice = bench.refused(|work| arrive_unit(work, &phone, &there, TRANSFER, 0));
    assert_eq!(twice.code(), "unit.not_away");
}

#[test]
fn a_unit_that_is_kept_leaves_for_its_keeper_alone_and_may_be_lost_on_the_way() {
    let shop = shop();
    let mut bench = Bench::of(&shop);
    let (here, phone) = (centro(), unit(IMEI));
    bench.emit_unit_reserved(&phone, TRANSFER);
    let other = bench.refused(|work| dispatch_unit(work, &phone, &here, None, TRANSFER, 0));
    assert_eq!(other.code(), "unit.reserved");
    bench.run(|work| dispatch_unit(work, &phone, &here, Some(TRANSFER), TRANSFER, 0));
    assert_eq!(bench.unit(&phone).holder, None);
    bench.run(|work| end_unit(work, &phone, &here, TRANSFER, Some("perdido"), 0));
    assert_eq!(bench.unit(&phone).place, Place::WrittenOff);
}

#[test]
fn a_unit_that_is_away_is_neither_sold_nor_received_nor_written_off() {
    let shop = shop();
    let mut bench = Bench::of(&shop);
    bench.run(|work| dispatch_unit(work, &unit(IMEI), &centro(), None, TRANSFER, 0));
    let shop = shop.append_all(bench.log);
    shop.clone()
        .when(sell("v-1", vec![unit_line(IMEI)], cash(500_000)))
        .then_refused("unit.away");
    shop.clone()
        .when(receive(vec![receipt("PHONE", 1, &[IMEI])]))
        .then_refused("unit.away");
    shop.when(write_off("PHONE", 1, &[IMEI]))
        .then_refused("unit.away");
}
