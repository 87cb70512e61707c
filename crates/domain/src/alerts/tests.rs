//! The rules for thresholds and alerts.

use schemas::Event;
use schemas::events::ThresholdEvent;
use schemas::events::alert::AlertEnd;
use serde_json::json;

use super::*;
use crate::Command;
use crate::processes::{Fact, Reaction, STOCK_ALERTS};
use crate::stock::{AdjustStock, SetThreshold, WriteOffLine, WriteOffStock};
use crate::testing::*;

fn adjust(delta: i64) -> AdjustStock {
    AdjustStock {
        store: centro(),
        sku: sku("CABLE"),
        delta,
        comment: None,
    }
}

fn threshold(minimum: Option<i64>) -> SetThreshold {
    SetThreshold {
        store: centro(),
        sku: sku("CABLE"),
        minimum,
    }
}

/// What the process asks for after the newest event of a threshold.
pub(crate) fn asked(given: &Given) -> Vec<Command> {
    let newest = given
        .events()
        .filter(|event| STOCK_ALERTS.event_types.contains(&event.event_type()))
        .last()
        .expect("an event that alerts follow from");
    (STOCK_ALERTS.react)(&Fact::Happened(newest))
        .into_iter()
        .map(|reaction| match reaction {
            Reaction::Submit(command) => *command,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Lets the process do what it asks for.
fn react(given: Given) -> Given {
    asked(&given).into_iter().fold(given, Given::and)
}

fn the_alert(given: &Given) -> schemas::AlertId {
    let breached = given.events().filter_map(|event| match event {
        Event::Threshold(ThresholdEvent::Breached(breached)) => Some(breached.alert_id.clone()),
        _ => None,
    });
    breached.last().expect("a breach")
}

#[test]
fn falling_below_a_threshold_is_said_once_until_stock_is_back() {
    let shop = shop().when(threshold(Some(5))).then(["inventory.threshold_set"]);
    let shop = shop.when(adjust(-5)).then(["inventory.adjusted"]);
    let shop = shop
        .when(adjust(-1))
        .then(["inventory.adjusted", "inventory.threshold_breach"]);
    let shop = shop.when(adjust(-1)).then(["inventory.adjusted"]);
    let shop = shop
        .when(sell("v-1", vec![line("CABLE", 1)], cash(100_000)))
        .given;
    let breaches = shop
        .events()
        .filter(|event| event.event_type() == "inventory.threshold_breach");
    assert_eq!(breaches.count(), 1);
    let first = the_alert(&shop);
    let shop = shop
        .when(adjust(3))
        .then(["inventory.adjusted", "inventory.threshold_recovered"]);
    let shop = shop
        .when(adjust(-3))
        .then(["inventory.adjusted", "inventory.threshold_breach"]);
    assert_ne!(the_alert(&shop), first, "each crossing has an alert of its own");
}

#[test]
fn a_sale_raises_the_breach_with_the_items_name_and_both_figures() {
    let shop = shop().and(threshold(Some(5)));
    let shop = shop.and(sell("v-1", vec![line("CABLE", 6)], cash(600_000)));
    let Some(Event::Threshold(ThresholdEvent::Breached(breached))) = shop
        .events()
        .find(|event| event.event_type() == "inventory.threshold_breach")
    else {
        panic!("no breach");
    };
    assert_eq!(
        (breached.item_name.as_str(), breached.quantity, breached.minimum),
        ("Artículo CABLE", 4, 5)
    );
}

#[test]
fn a_threshold_is_looked_at_when_it_is_set_and_when_it_goes() {
    let low = shop().when(threshold(Some(11)));
    let low = low.then(["inventory.threshold_set", "inventory.threshold_breach"]);
    low.clone().when(threshold(Some(11))).then_nothing();
    low.clone()
        .when(threshold(Some(10)))
        .then(["inventory.threshold_set", "inventory.threshold_recovered"]);
    let cleared = low.when(threshold(None)).then(["inventory.threshold_cleared"]);
    cleared.clone().when(threshold(None)).then_nothing();
    cleared.when(adjust(-10)).then(["inventory.adjusted"]);
}

#[test]
fn a_threshold_is_bounded_and_for_goods_that_have_stock() {
    for minimum in [0, -1, 1_000_000_001] {
        let refused = shop().when(threshold(Some(minimum)));
        let pointer = refused.then_refused("threshold.minimum_invalid");
        assert_eq!(pointer.unwrap(), "/minimum");
    }
    let service = SetThreshold {
        sku: sku("FIX"),
        ..threshold(Some(1))
    };
    shop().when(service).then_refused("stock.service_item");
    let answer = json!({ "store": "centro", "sku": "CABLE", "minimum": 11, "on_hand": 10, "is_below": true });
    shop().when(threshold(Some(11))).then_answer(answer);
}

#[test]
fn units_that_leave_count_like_pieces() {
    let shop = shop().and(SetThreshold {
        sku: sku("PHONE"),
        ..threshold(Some(2))
    });
    let line = WriteOffLine {
        sku: sku("PHONE"),
        quantity: quantity(1),
        units: vec![unit(IMEI)],
        cause: None,
    };
    let lost = WriteOffStock {
        store: centro(),
        lines: vec![line],
    };
    shop.when(lost).then([
        "inventory.written_off",
        "inventory.threshold_breach",
        "inventory.unit_written_off",
    ]);
}

#[test]
fn a_breach_raises_one_alert_and_recovery_ends_it() {
    let low = shop().and(threshold(Some(5))).and(adjust(-6));
    let raise = asked(&low).remove(0);
    let raised = low.when(raise.clone()).then(["inventory.alert_raised"]);
    raised.clone().when(raise).then_nothing();
    let back = raised.and(adjust(6));
    let end = asked(&back).remove(0);
    let ended = back.when(end.clone()).then(["inventory.alert_resolved"]);
    ended.when(end).then_nothing();
}

#[test]
fn an_alert_that_is_raised_after_its_crossing_is_resolved_at_once() {
    let low = shop().and(threshold(Some(5))).and(adjust(-6));
    let raise = asked(&low).remove(0);
    let back = low.and(adjust(6));
    let end = asked(&back).remove(0);
    let back = back.when(end).then_nothing();
    back.clone()
        .when(raise.clone())
        .then(["inventory.alert_raised", "inventory.alert_resolved"]);
    // Another crossing since does not bring the first alert back.
    let again = back.and(adjust(-6));
    again
        .when(raise)
        .then(["inventory.alert_raised", "inventory.alert_resolved"]);
}

#[test]
fn clearing_the_threshold_ends_its_alert() {
    let low = react(shop().and(threshold(Some(11))));
    let alert_id = the_alert(&low);
    let cleared = low.and(threshold(None));
    let expected = EndAlert {
        alert_id,
        cause: AlertEnd::Cleared,
    };
    assert_eq!(asked(&cleared), [Command::from(expected)]);
    react(cleared).when(threshold(None)).then_nothing();
}

#[test]
fn people_acknowledge_and_resolve_and_nothing_happens_twice() {
    let low = react(shop().and(threshold(Some(11))));
    let alert_id = the_alert(&low);
    let seen = AcknowledgeAlert {
        alert_id: alert_id.clone(),
        note: Some("pedido al proveedor".to_owned()),
    };
    let done = ResolveAlert {
        alert_id: alert_id.clone(),
        note: None,
    };
    let low = low.when(seen.clone()).then(["inventory.alert_acknowledged"]);
    let low = low.when(seen.clone()).then_nothing();
    let low = low.when(done.clone()).then(["inventory.alert_resolved"]);
    let low = low.when(done).then_nothing();
    low.clone().when(seen).then_refused("alert.resolved");
    // The shelf is still below: no other alert before the next crossing.
    low.when(adjust(-1)).then(["inventory.adjusted"]);
    let unknown = schemas::AlertId::new("nada").unwrap();
    let seen = AcknowledgeAlert {
        alert_id: unknown.clone(),
        note: None,
    };
    shop().when(seen).then_refused("alert.not_found");
    let done = ResolveAlert {
        alert_id: unknown,
        note: None,
    };
    shop().when(done).then_refused("alert.not_found");
}
