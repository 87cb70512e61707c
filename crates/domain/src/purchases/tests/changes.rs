//! Orders that are written anew before they are sent.

use proptest::prelude::*;
use schemas::events::settings::Series;
use serde_json::json;

use super::*;
use crate::admin::SetNumbering;
use crate::suppliers::DeactivateSupplier;

fn change(expected_revision: i64, lines: Vec<OrderLineRequest>) -> ChangePurchase {
    ChangePurchase {
        purchase_id: the(),
        expected_revision,
        supplier_id: supplier("sur"),
        store: centro(),
        lines,
        tolerance_percent: 0,
        expected_on: Some("2026-12-01".to_owned()),
        note: None,
    }
}

#[test]
fn an_order_that_was_not_sent_says_something_else_and_keeps_its_number() {
    let numbered = SetNumbering {
        series: Series::Purchase,
        prefix: "OC-".to_owned(),
        next: 17,
        digits: 4,
    };
    let shop = shop()
        .and(registered("sur"))
        .and(registered("norte"))
        .and(numbered)
        .and(order());
    let shop = shop.when(change(1, order().lines)).then_nothing();
    let asked = ChangePurchase {
        supplier_id: supplier("norte"),
        tolerance_percent: 50,
        note: Some("urgente".to_owned()),
        ..change(1, vec![ordered("CASE", 4, 1_000, true)])
    };
    let outcome = shop.when(asked.clone());
    let answer = &outcome.decision().answer;
    assert_eq!(
        (&answer["number"], &answer["revision"], &answer["total_minor"]),
        (&json!("OC-0017"), &json!(2), &json!(4_600))
    );
    assert_eq!(
        (&answer["status"], &answer["supplier_id"]),
        (&json!("ordered"), &json!("norte"))
    );
    let shop = outcome.then(["purchase.changed"]);
    // Sent again it is done, though its revision is not the order's any more.
    let shop = shop.when(asked).then_nothing();
    shop.clone()
        .when(change(1, order().lines))
        .then_refused("purchase.revision_stale");
    let shop = shop.and(send());
    let too_many = reception("r-1", vec![came(1, 7, &[])]);
    shop.clone().when(too_many).then_refused("purchase.over_received");
    let shop = shop.and(reception("r-1", vec![came(1, 6, &[])]));
    assert_eq!(level(&shop, "CASE").on_hand, 11);
    shop.when(reception("r-2", vec![came(2, 1, &[])]))
        .then_refused("purchase.line_not_found");
}

#[test]
fn an_order_that_is_sent_or_given_up_stays_as_it_is() {
    let with = |given: Given, code| {
        given
            .when(change(1, vec![ordered("CASE", 1, 1, false)]))
            .then_refused(code)
    };
    with(sent(), "purchase.sent");
    with(
        sent().and(reception("r-1", vec![came(1, 1, &[])])),
        "purchase.sent",
    );
    with(with_order().and(cancel(None)), "purchase.cancelled");
    let over = sent()
        .and(cancel(Some(vec![2])))
        .and(reception("r-1", vec![came(1, 10, &[])]));
    with(over.and(close()), "purchase.closed");
    with(shop(), "purchase.not_found");
}

#[test]
fn lines_that_were_given_up_are_ordered_again_only_by_who_knows_of_it() {
    let less = with_order().and(cancel(Some(vec![2])));
    less.clone()
        .when(change(1, order().lines))
        .then_refused("purchase.revision_stale");
    let shop = less.when(change(2, order().lines)).then(["purchase.changed"]);
    assert_eq!(
        (the_purchase(&shop).outstanding(), the_purchase(&shop).revision),
        (12, 3)
    );
}

#[test]
fn a_change_is_checked_like_a_new_order() {
    let with = |change_it: fn(&mut ChangePurchase), code| {
        let mut command = change(1, vec![ordered("CASE", 1, 1, false)]);
        change_it(&mut command);
        with_order().when(command).then_refused(code)
    };
    with(|c| c.lines.clear(), "request.no_lines");
    with(|c| c.lines[0].sku = sku("FIX"), "stock.service_item");
    with(|c| c.supplier_id = supplier("nadie"), "supplier.not_found");
    with(|c| c.tolerance_percent = 101, "purchase.tolerance_invalid");
    with(
        |c| c.expected_on = Some("1/2/2026".to_owned()),
        "purchase.day_invalid",
    );
    let inactive = with_order().and(DeactivateSupplier {
        supplier_id: supplier("sur"),
    });
    inactive
        .when(change(1, vec![ordered("CASE", 1, 1, false)]))
        .then_refused("supplier.inactive");
}

fn a_content() -> impl Strategy<Value = Vec<OrderLineRequest>> {
    let line = (any::<bool>(), 1..9_i64, 0..5_000_i64, any::<bool>());
    let line = line.prop_map(|(is_cable, pieces, cost, taxed)| {
        ordered(if is_cable { "CABLE" } else { "CASE" }, pieces, cost, taxed)
    });
    proptest::collection::vec(line, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_an_order_was_changed_to_before_what_is_outstanding_is_what_of_the_last_did_not_come(
        contents in proptest::collection::vec(a_content(), 1..6),
        receptions in proptest::collection::vec((1..6_i64, 1..9_i64), 0..8),
    ) {
        let mut shop = with_order();
        for lines in &contents {
            let revision = the_purchase(&shop).revision;
            shop = shop.and(change(revision, lines.clone()));
        }
        let before = (level(&shop, "CABLE").on_hand, level(&shop, "CASE").on_hand);
        shop = shop.and(send());
        let mut came_in = 0;
        for (number, (line, pieces)) in receptions.into_iter().enumerate() {
            let outcome = shop.when(reception(&format!("r-{number}"), vec![came(line, pieces, &[])]));
            came_in += if outcome.result.is_ok() { pieces } else { 0 };
            shop = outcome.given;
        }
        let found = the_purchase(&shop);
        let last = contents.last().unwrap();
        prop_assert_eq!(found.lines.len(), last.len());
        let wanted: i64 = last.iter().map(|line| line.quantity.get()).sum();
        prop_assert_eq!(found.outstanding(), wanted - came_in);
        for (line, asked) in found.lines.iter().zip(last) {
            prop_assert_eq!((&line.sku, line.ordered), (&asked.sku, asked.quantity.get()));
            prop_assert!(line.received <= line.ordered, "{:?}", line);
        }
        let after = (level(&shop, "CABLE").on_hand, level(&shop, "CASE").on_hand);
        prop_assert_eq!(after.0 + after.1 - before.0 - before.1, came_in);
    }
}
