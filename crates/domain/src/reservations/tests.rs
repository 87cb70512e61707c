//! The rules for reservations: what they keep, how they end, and how a sale takes what they keep.

use proptest::prelude::*;
use schemas::events::admin::StockPolicy;
use schemas::events::sale::DraftContent;
use schemas::{ReservationId, UnitId};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::admin::CloseStore;
use crate::catalogue::DiscontinueItem;
use crate::sales::{CompleteDraft, CompleteSale, DiscardDraft, SaveDraft};
use crate::stock::{AdjustStock, Place, Stock, Unit};
use crate::testing::*;
use crate::{State, streams};

pub(crate) const THE: &str = "res-1";

pub(crate) fn the() -> ReservationId {
    ReservationId::new(THE).unwrap()
}

/// When [`reserve`]'s reservation is over.
pub(crate) fn due() -> OffsetDateTime {
    NOW + Duration::minutes(15)
}

/// A quarter of an hour for these items.
pub(crate) fn reserve(items: Vec<(&str, i64)>) -> CreateReservation {
    let line = |(name, pieces): (&str, i64)| ReservationLineRequest {
        sku: Some(sku(name)),
        unit: None,
        quantity: quantity(pieces),
    };
    CreateReservation {
        reservation_id: Some(the()),
        store: centro(),
        customer_id: None,
        lines: items.into_iter().map(line).collect(),
        expires_at: None,
        expires_in_s: Some(900),
    }
}

fn reserve_unit(text: &str) -> CreateReservation {
    let by_unit = ReservationLineRequest {
        sku: None,
        unit: Some(unit(text)),
        quantity: quantity(1),
    };
    CreateReservation {
        lines: vec![by_unit],
        ..reserve(vec![])
    }
}

fn confirm() -> ConfirmReservation {
    ConfirmReservation {
        reservation_id: the(),
    }
}

fn release() -> ReleaseReservation {
    ReleaseReservation {
        reservation_id: the(),
    }
}

fn expire() -> ExpireReservation {
    ExpireReservation {
        reservation_id: the(),
    }
}

/// A sale that names the reservation.
fn take(lines: Vec<schemas::events::sale::DraftLine>, amount: i64) -> CompleteSale {
    CompleteSale {
        reservation_id: Some(the()),
        ..sell("v-1", lines, cash(amount))
    }
}

#[track_caller]
fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn figures(given: &Given, name: &str) -> (i64, i64) {
    let level = level(given, name);
    assert_eq!(level.holders.values().sum::<i64>(), level.reserved);
    (level.on_hand, level.reserved)
}

#[track_caller]
fn the_unit(given: &Given, id: &UnitId) -> Unit {
    match given.state(&streams::unit(id)) {
        State::Unit(Some(unit), _) => unit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reservation_keeps_its_goods_from_everybody_else() {
    let outcome = shop().when(reserve(vec![("CABLE", 8)]));
    let answer = json!({
        "reservation_id": THE, "store": "centro", "status": "pending", "expires_at": "2026-11-22T18:15:00Z",
        "lines": [{ "line": 1, "sku": "CABLE", "quantity": 8 }],
    });
    assert_eq!(outcome.decision().answer, answer);
    let shop = outcome.then(["inventory.reservation_created", "inventory.reserved"]);
    assert_eq!(figures(&shop, "CABLE"), (10, 8));
    shop.clone()
        .when(sell("v-1", vec![line("CABLE", 3)], cash(30_000)))
        .then_refused("stock.insufficient");
    let pointer = shop
        .clone()
        .when(CreateReservation {
            reservation_id: None,
            ..reserve(vec![("CABLE", 1), ("CABLE", 2)])
        })
        .then_refused("stock.insufficient");
    assert_eq!(pointer.unwrap(), "/lines/1/quantity");
    shop.and(sell("v-1", vec![line("CABLE", 2)], cash(20_000)));
}

#[test]
fn the_stock_policy_holds_for_reservations_as_for_sales() {
    let lax = || shop().policy(StockPolicy::AllowNegative);
    let shop = lax().and(reserve(vec![("CABLE", 12)]));
    assert_eq!(figures(&shop, "CABLE"), (10, 12));
    lax()
        .when(reserve(vec![("PHONE", 1)]))
        .then_refused("unit.required");
}

#[test]
fn a_unit_is_kept_by_its_number() {
    let shop = shop().when(reserve_unit(IMEI)).then([
        "inventory.reservation_created",
        "inventory.reserved",
        "inventory.unit_reserved",
    ]);
    assert_eq!(figures(&shop, "PHONE"), (2, 1));
    assert_eq!(
        the_unit(&shop, &unit(IMEI)).holder.as_deref(),
        Some("reservation/res-1")
    );
    shop.clone()
        .when(sell("v-1", vec![unit_line(IMEI)], cash(500_000)))
        .then_refused("unit.reserved");
    let again = CreateReservation {
        reservation_id: None,
        ..reserve_unit(IMEI)
    };
    shop.clone().when(again).then_refused("unit.reserved");
    let shop = shop.when(release()).then([
        "inventory.reservation_released",
        "inventory.released",
        "inventory.unit_released",
    ]);
    assert_eq!(the_unit(&shop, &unit(IMEI)).holder, None);
    assert_eq!(figures(&shop, "PHONE"), (2, 0));
}

#[test]
fn a_reservation_that_can_never_be_right_is_refused() {
    let with = |change: fn(&mut CreateReservation), code| {
        let mut command = reserve(vec![("CABLE", 1)]);
        change(&mut command);
        shop().when(command).then_refused(code)
    };
    with(|c| c.lines.clear(), "request.no_lines");
    with(|c| c.lines[0].sku = Some(sku("FIX")), "stock.service_item");
    with(|c| c.lines[0].sku = Some(sku("NADA")), "item.not_found");
    with(|c| c.lines[0].sku = None, "sale.line_without_goods");
    with(|c| c.customer_id = Some(customer("nadie")), "customer.not_found");
    with(|c| c.expires_in_s = None, "reservation.expiry_invalid");
    with(|c| c.expires_in_s = Some(0), "reservation.expiry_invalid");
    with(
        |c| c.expires_in_s = Some(MAX_EXPIRY_S + 1),
        "reservation.expiry_invalid",
    );
    with(|c| c.expires_at = Some(due()), "reservation.expiry_invalid");
    let at = |c: &mut CreateReservation, at| (c.expires_in_s, c.expires_at) = (None, Some(at));
    let mut command = reserve(vec![("CABLE", 1)]);
    at(&mut command, NOW);
    shop()
        .when(command.clone())
        .then_refused("reservation.expiry_invalid");
    at(&mut command, NOW + Duration::days(91));
    shop()
        .when(command.clone())
        .then_refused("reservation.expiry_invalid");
    at(&mut command, NOW + Duration::nanoseconds(1_999));
    let kept = shop().when(command).given;
    let State::Reservation(Some(found)) = kept.state(&streams::reservation(&the())) else {
        panic!("it was created");
    };
    assert_eq!(found.expires_at, NOW + Duration::microseconds(1));
    shop()
        .and(CloseStore { store: centro() })
        .when(reserve(vec![("CABLE", 1)]))
        .then_refused("store.closed");
    shop()
        .and(DiscontinueItem { sku: sku("CABLE") })
        .when(reserve(vec![("CABLE", 1)]))
        .then_refused("item.discontinued");
    shop()
        .and(reserve(vec![("CABLE", 1)]))
        .when(reserve(vec![("CABLE", 1)]))
        .then_refused("reservation.already_exists");
}

#[test]
fn a_reservation_without_an_id_gets_one() {
    let anonymous = CreateReservation {
        reservation_id: None,
        ..reserve(vec![("CABLE", 1)])
    };
    let shop = shop().and(anonymous.clone()).and(anonymous);
    assert_eq!(figures(&shop, "CABLE"), (10, 2));
}

#[test]
fn an_expiry_gives_the_goods_back_and_only_when_it_is_due() {
    let pending = shop().and(reserve(vec![("CABLE", 3), ("CASE", 1)]));
    let early = due() - Duration::microseconds(1);
    pending
        .clone()
        .at(early)
        .when(expire())
        .then_refused("reservation.not_due");
    let expired = pending.at(due()).when(expire()).then([
        "inventory.reservation_expired",
        "inventory.released",
        "inventory.released",
    ]);
    assert_eq!(
        (figures(&expired, "CABLE"), figures(&expired, "CASE")),
        ((10, 0), (5, 0))
    );
    expired.clone().when(expire()).then_nothing();
    expired
        .clone()
        .when(confirm())
        .then_refused("reservation.expired");
    expired
        .clone()
        .when(release())
        .then_refused("reservation.expired");
    expired
        .when(take(vec![line("CABLE", 3), line("CASE", 1)], 33_333))
        .then_refused("reservation.expired");
}

#[test]
fn of_a_confirm_and_an_expiry_the_first_wins_and_the_other_is_told() {
    let pending = shop().and(reserve(vec![("CABLE", 3)])).at(due());
    let confirmed = pending
        .clone()
        .when(confirm())
        .then(["inventory.reservation_confirmed"]);
    confirmed
        .clone()
        .when(expire())
        .then_refused("reservation.confirmed");
    assert_eq!(figures(&confirmed, "CABLE"), (10, 3));
    confirmed.when(confirm()).then_nothing();
    let expired = pending.and(expire());
    expired.when(confirm()).then_refused("reservation.expired");
}

#[test]
fn a_released_reservation_stays_released_also_in_a_closed_store() {
    let closed = shop()
        .and(reserve(vec![("CABLE", 3)]))
        .and(confirm())
        .and(CloseStore { store: centro() });
    let released = closed
        .when(release())
        .then(["inventory.reservation_released", "inventory.released"]);
    released.clone().when(release()).then_nothing();
    released
        .clone()
        .when(confirm())
        .then_refused("reservation.released");
    released
        .at(due())
        .when(expire())
        .then_refused("reservation.released");
    for_an_unknown_one();
}

fn for_an_unknown_one() {
    shop().when(confirm()).then_refused("reservation.not_found");
    shop().when(release()).then_refused("reservation.not_found");
    shop().when(expire()).then_refused("reservation.not_found");
    shop()
        .when(take(vec![line("CABLE", 1)], 10_000))
        .then_refused("reservation.not_found");
}

#[test]
fn a_sale_takes_what_was_kept_though_nothing_else_is_available() {
    let shop = shop().and(reserve(vec![("CABLE", 10)])).and(confirm());
    let outcome = shop.when(take(vec![line("CABLE", 10)], 100_000));
    let shop = outcome.then([
        "sale.completed",
        "inventory.reservation_fulfilled",
        "inventory.released",
        "inventory.issued",
    ]);
    assert_eq!(figures(&shop, "CABLE"), (0, 0));
    shop.clone().when(release()).then_refused("reservation.fulfilled");
    shop.clone().when(confirm()).then_refused("reservation.fulfilled");
    shop.clone()
        .at(due())
        .when(expire())
        .then_refused("reservation.fulfilled");
    let again = CompleteSale {
        sale_id: None,
        ..take(vec![line("CABLE", 10)], 100_000)
    };
    shop.when(again).then_refused("reservation.fulfilled");
}

#[test]
fn a_sale_takes_a_unit_that_was_kept_for_it() {
    let shop = shop().and(reserve_unit(IMEI)).and(confirm());
    shop.clone()
        .when(take(vec![unit_line(SERIAL)], 500_000))
        .then_refused("reservation.goods_missing");
    let shop = shop.when(take(vec![unit_line(IMEI)], 500_000)).then([
        "sale.completed",
        "inventory.reservation_fulfilled",
        "inventory.released",
        "inventory.unit_released",
        "inventory.issued",
        "inventory.unit_sold",
    ]);
    let sale_id = sale_id("v-1");
    assert_eq!(the_unit(&shop, &unit(IMEI)).place, Place::Sold { sale_id });
}

#[test]
fn a_sale_takes_all_that_is_kept_and_what_it_has_beyond_that_must_be_available() {
    let shop = shop()
        .and(reserve(vec![("CABLE", 4), ("CASE", 1)]))
        .and(confirm());
    shop.clone()
        .when(take(vec![line("CABLE", 4)], 40_000))
        .then_refused("reservation.goods_missing");
    shop.clone()
        .when(take(vec![line("CABLE", 3), line("CASE", 1)], 33_333))
        .then_refused("reservation.goods_missing");
    shop.clone()
        .when(take(vec![line("CABLE", 11), line("CASE", 1)], 113_333))
        .then_refused("stock.insufficient");
    let shop = shop.and(take(
        vec![line("CABLE", 6), line("CASE", 1), line("FIX", 1)],
        78_333,
    ));
    assert_eq!(
        (figures(&shop, "CABLE"), figures(&shop, "CASE")),
        ((4, 0), (4, 0))
    );
}

#[test]
fn a_sale_names_a_confirmed_reservation_of_its_own_store_and_customer() {
    let pending = shop().and(CreateReservation {
        customer_id: Some(customer("ana")),
        ..reserve(vec![("CABLE", 1)])
    });
    let sale = || take(vec![line("CABLE", 1)], 10_000);
    pending
        .clone()
        .when(sale())
        .then_refused("reservation.not_confirmed");
    let confirmed = pending.and(confirm());
    let other = CompleteSale {
        customer_id: Some(customer("luis")),
        ..sale()
    };
    confirmed
        .clone()
        .when(other)
        .then_refused("reservation.other_customer");
    let elsewhere = CompleteSale {
        store: norte(),
        ..sale()
    };
    confirmed
        .clone()
        .when(elsewhere)
        .then_refused("reservation.other_store");
    let of_ana = CompleteSale {
        customer_id: Some(customer("ana")),
        ..sale()
    };
    confirmed.clone().and(of_ana);
    confirmed.and(sale());
}

#[test]
fn a_draft_that_is_completed_takes_what_was_kept() {
    let draft = DraftContent {
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![line("CABLE", 10)],
        discount: None,
        hold_stock: false,
    };
    let save = SaveDraft {
        sale_id: Some(sale_id("d-1")),
        draft,
    };
    let complete = CompleteDraft {
        sale_id: sale_id("d-1"),
        payments: cash(100_000),
        reservation_id: None,
        occurred_at: None,
    };
    let shop = shop().and(reserve(vec![("CABLE", 10)])).and(confirm()).and(save);
    shop.clone()
        .when(complete.clone())
        .then_refused("stock.insufficient");
    let shop = shop.and(CompleteDraft {
        reservation_id: Some(the()),
        ..complete
    });
    assert_eq!(figures(&shop, "CABLE"), (0, 0));
}

/// What may happen in a shop that reserves.
#[derive(Debug, Clone)]
enum Step {
    Reserve(u8, &'static str, i64, bool),
    Confirm(u8),
    Release(u8),
    Expire(u8),
    Sell(u8, &'static str, i64, bool),
    Draft(u8, i64),
    Discard(u8),
    Adjust(&'static str, i64),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || prop_oneof![Just("CABLE"), Just("CASE")];
    let step = prop_oneof![
        (0..6_u8, name(), 1..8_i64, any::<bool>()).prop_map(|(id, sku, n, by)| Step::Reserve(id, sku, n, by)),
        (0..6_u8).prop_map(Step::Confirm),
        (0..6_u8).prop_map(Step::Release),
        (0..6_u8).prop_map(Step::Expire),
        (0..6_u8, name(), 1..8_i64, any::<bool>()).prop_map(|(id, sku, n, by)| Step::Sell(id, sku, n, by)),
        (0..3_u8, 1..8_i64).prop_map(|(id, n)| Step::Draft(id, n)),
        (0..3_u8).prop_map(Step::Discard),
        (name(), -6..6_i64).prop_map(|(sku, delta)| Step::Adjust(sku, delta)),
        (1..1_200_i64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

fn numbered(number: u8) -> ReservationId {
    ReservationId::new(&format!("res-{number}")).unwrap()
}

/// Takes a step, whatever it comes to.
fn step(shop: Given, number: usize, step: Step) -> Given {
    let at = shop.ctx.now;
    match step {
        Step::Reserve(id, name, pieces, by_unit) => {
            let reservation_id = Some(numbered(id));
            let kept = if by_unit {
                reserve_unit(if id % 2 == 0 { IMEI } else { SERIAL })
            } else {
                reserve(vec![(name, pieces), ("CASE", 1)])
            };
            shop.when(CreateReservation {
                reservation_id,
                ..kept
            })
            .given
        }
        Step::Confirm(id) => {
            let reservation_id = numbered(id);
            shop.when(ConfirmReservation { reservation_id }).given
        }
        Step::Release(id) => {
            let reservation_id = numbered(id);
            shop.when(ReleaseReservation { reservation_id }).given
        }
        Step::Expire(id) => {
            let reservation_id = numbered(id);
            shop.when(ExpireReservation { reservation_id }).given
        }
        Step::Sell(id, name, pieces, named) => {
            let mut lines = vec![line(name, pieces), line("CASE", 1)];
            if id % 3 == 0 {
                lines.push(unit_line(IMEI));
            }
            let sale = CompleteSale {
                reservation_id: named.then(|| numbered(id)),
                ..sell(&format!("v-{number}"), lines, cash(10_000_000))
            };
            shop.when(sale).given
        }
        Step::Draft(id, pieces) => {
            let draft = DraftContent {
                store: centro(),
                terminal: None,
                customer_id: None,
                lines: vec![line("CABLE", pieces)],
                discount: None,
                hold_stock: true,
            };
            let sale_id = Some(sale_id(&format!("d-{id}")));
            shop.when(SaveDraft { sale_id, draft }).given
        }
        Step::Discard(id) => {
            let sale_id = sale_id(&format!("d-{id}"));
            shop.when(DiscardDraft { sale_id }).given
        }
        Step::Adjust(name, delta) => {
            let (store, sku) = (centro(), sku(name));
            shop.when(AdjustStock {
                store,
                sku,
                delta,
                comment: None,
            })
            .given
        }
        Step::Wait(seconds) => shop.at(at + Duration::seconds(seconds)),
    }
}

/// What all reservations keep of an item together.
fn kept_by_all(shop: &Given, name: &str) -> i64 {
    let reservations = (0..6).filter_map(|id| match shop.state(&streams::reservation(&numbered(id))) {
        State::Reservation(Some(found)) if matches!(found.status, Status::Pending | Status::Confirmed) => {
            Some(found)
        }
        _ => None,
    });
    let lines = reservations.flat_map(|found| found.lines.clone());
    lines
        .filter(|line| line.sku == sku(name))
        .map(|line| line.quantity.get())
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn under_the_strict_policy_nothing_is_promised_twice_and_what_is_kept_adds_up(steps in steps()) {
        let mut shop = shop();
        for (number, next) in steps.into_iter().enumerate() {
            shop = step(shop, number, next);
            for name in ["CABLE", "CASE", "PHONE"] {
                let level = level(&shop, name);
                prop_assert!(level.on_hand >= 0 && level.reserved >= 0 && level.available() >= 0);
                prop_assert_eq!(level.holders.values().sum::<i64>(), level.reserved);
                let reservations = level.holders.iter().filter(|(holder, _)| holder.starts_with("reservation/"));
                prop_assert_eq!(reservations.map(|(_, kept)| kept).sum::<i64>(), kept_by_all(&shop, name));
            }
            let kept_units = [IMEI, SERIAL].iter().filter(|id| the_unit(&shop, &unit(id)).holder.is_some()).count();
            prop_assert_eq!(i64::try_from(kept_units).unwrap(), level(&shop, "PHONE").reserved);
        }
    }
}
