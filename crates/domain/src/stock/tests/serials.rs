//! Whatever is done in whichever order: at every position each serial number has one owner and one place, and a shelf
//! holds as many pieces as it has units.

use std::collections::HashMap;

use proptest::prelude::*;
use schemas::events::UnitEvent;
use schemas::{Event, Quantity, StoreId, UnitId};

use super::super::{arrive_unit, dispatch_unit, end_unit};
use super::bench::Bench;
use super::*;
use crate::reservations::{CreateReservation, ReleaseReservation, ReservationLineRequest};
use crate::sales::{ReturnGoods, ReturnLineRequest, VoidSale};
use crate::stock::{MovedCost, Shelf};

pub(super) const SERIALS: [&str; 3] = [IMEI, SERIAL, OTHER];

#[derive(Debug, Clone, Copy)]
enum Step {
    Receive,
    Reserve,
    Release,
    Sell,
    Void,
    Return,
    WriteOff,
    Dispatch,
    Arrive,
    Lose,
}

fn steps() -> impl Strategy<Value = Vec<(usize, bool, Step)>> {
    let step = prop_oneof![
        Just(Step::Receive),
        Just(Step::Reserve),
        Just(Step::Release),
        Just(Step::Sell),
        Just(Step::Void),
        Just(Step::Return),
        Just(Step::WriteOff),
        Just(Step::Dispatch),
        Just(Step::Arrive),
        Just(Step::Lose),
    ];
    proptest::collection::vec((0..SERIALS.len(), any::<bool>(), step), 1..50)
}

/// Where a unit is, as its events alone tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whereabouts {
    Nowhere,
    Shelf { store: StoreId, holder: Option<String> },
    With(String),
}

/// Follows one unit, and says where an event can't be true.
pub(super) fn follow(now: &Whereabouts, event: &UnitEvent) -> Result<Whereabouts, String> {
    let wrong = || Err(format!("{event:?} of a unit that is {now:?}"));
    let on_shelf = |store: &StoreId, holder: Option<String>| Whereabouts::Shelf {
        store: store.clone(),
        holder,
    };
    let Whereabouts::Shelf { store: here, holder } = now else {
        return match (now, event) {
            (Whereabouts::Nowhere, UnitEvent::Received(e)) => Ok(on_shelf(&e.store, None)),
            (Whereabouts::With(document), UnitEvent::Arrived(e)) if *document == e.document => {
                Ok(on_shelf(&e.store, None))
            }
            // Lost on the way, or brought back broken.
            (Whereabouts::With(_), UnitEvent::WrittenOff(_)) => Ok(Whereabouts::Nowhere),
            (Whereabouts::With(document), UnitEvent::Returned(e)) if document.starts_with("sale/") => {
                Ok(on_shelf(&e.store, None))
            }
            _ => wrong(),
        };
    };
    let is_for = |who: &str| holder.as_deref().is_none_or(|keeper| keeper == who);
    match event {
        UnitEvent::Reserved(e) if e.store == *here && holder.is_none() => {
            Ok(on_shelf(here, Some(e.holder.clone())))
        }
        UnitEvent::Released(e) if Some(&e.holder) == holder.as_ref() => Ok(on_shelf(here, None)),
        // Whoever keeps it may take it.
        UnitEvent::Sold(e) if e.store == *here && is_for(&format!("sale/{}", e.sale_id)) => {
            Ok(Whereabouts::With(format!("sale/{}", e.sale_id)))
        }
        UnitEvent::WrittenOff(e) if e.store == *here && holder.is_none() => Ok(Whereabouts::Nowhere),
        UnitEvent::Dispatched(e) if e.store == *here && is_for(&e.document) => {
            Ok(Whereabouts::With(e.document.clone()))
        }
        _ => wrong(),
    }
}

pub(super) fn unit_of(event: &UnitEvent) -> &UnitId {
    match event {
        UnitEvent::Received(e) => &e.unit,
        UnitEvent::Reserved(e) => &e.unit,
        UnitEvent::Released(e) => &e.unit,
        UnitEvent::Sold(e) => &e.unit,
        UnitEvent::Returned(e) => &e.unit,
        UnitEvent::WrittenOff(e) => &e.unit,
        UnitEvent::Dispatched(e) => &e.unit,
        UnitEvent::Arrived(e) => &e.unit,
    }
}

/// Takes a step that the rules may refuse.
fn take(shop: Given, number: usize, serial: &str, is_there: bool, step: Step) -> Given {
    let id = format!("x-{number}");
    let unit = unit(serial);
    let store = if is_there { norte() } else { centro() };
    let reservation_id = schemas::ReservationId::new(&format!("r-{}", serial.len())).expect("an id");
    match step {
        Step::Receive => {
            let receive = ReceiveStock {
                store,
                ..receive(vec![receipt("PHONE", 1, &[serial])])
            };
            shop.when(receive).given
        }
        Step::Reserve => {
            let line = ReservationLineRequest {
                sku: None,
                unit: Some(unit),
                quantity: Quantity::ONE,
            };
            let reserve = CreateReservation {
                reservation_id: None,
                store,
                customer_id: None,
                lines: vec![line],
                expires_at: None,
                expires_in_s: Some(60),
            };
            shop.when(reserve).given
        }
        Step::Release => {
            let holder = match shop.state(&streams::unit(&unit)) {
                State::Unit(Some(unit), _) => unit.holder,
                _ => None,
            };
            let held = holder.and_then(|holder| Some(holder.strip_prefix("reservation/")?.to_owned()));
            let reservation_id = held
                .and_then(|id| schemas::ReservationId::new(&id).ok())
                .unwrap_or(reservation_id);
            shop.when(ReleaseReservation { reservation_id }).given
        }
        Step::Sell => {
            let mut sale = sell(&id, vec![unit_line(serial)], cash(500_000));
            sale.store = store;
            shop.when(sale).given
        }
        Step::Void | Step::Return => {
            let Some(sale_id) = newest_sale(&shop, &unit) else {
                return shop;
            };
            if matches!(step, Step::Void) {
                return shop
                    .when(VoidSale {
                        sale_id,
                        occurred_at: None,
                    })
                    .given;
            }
            shop.when(return_of(sale_id, unit, (store, number))).given
        }
        Step::WriteOff => {
            let lost = WriteOffStock {
                store,
                ..write_off("PHONE", 1, &[serial])
            };
            shop.when(lost).given
        }
        Step::Dispatch => by_document(shop, |bench| {
            let phone = sku("PHONE");
            bench.try_run(|work| {
                let shelf = Shelf {
                    store: &store,
                    sku: &phone,
                };
                dispatch_unit(work, &unit, &store, None, "transfer/t", 0)?;
                shelf.dispatch(work, Quantity::ONE, "transfer/t")
            })
        }),
        Step::Arrive => by_document(shop, |bench| {
            let phone = sku("PHONE");
            let document = if number.is_multiple_of(3) {
                "transfer/u"
            } else {
                "transfer/t"
            };
            bench.try_run(|work| {
                let shelf = Shelf {
                    store: &store,
                    sku: &phone,
                };
                arrive_unit(work, &unit, &store, document, 0)?;
                let cost = MovedCost {
                    quantity: 1,
                    value_minor: 6_000,
                };
                shelf.arrive(work, Quantity::ONE, document, cost)
            })
        }),
        Step::Lose => by_document(shop, |bench| {
            bench.try_run(|work| end_unit(work, &unit, &store, "transfer/t", None, 0))
        }),
    }
}

fn by_document<T>(shop: Given, run: impl FnOnce(&mut Bench) -> Result<T, crate::Refusal>) -> Given {
    let mut bench = Bench::of(&shop);
    match run(&mut bench) {
        Ok(_) => shop.append_all(bench.log),
        Err(_) => shop,
    }
}

/// Every other one does not go back on the shelf.
pub(super) fn return_of(
    sale_id: schemas::SaleId,
    unit: UnitId,
    (store, number): (StoreId, usize),
) -> ReturnGoods {
    let line = ReturnLineRequest {
        sale_line: None,
        sku: None,
        unit: Some(unit),
        quantity: Quantity::ONE,
        unit_price_minor: None,
        restock: number.is_multiple_of(2),
    };
    ReturnGoods {
        return_id: None,
        sale_id: Some(sale_id),
        store,
        terminal: None,
        customer_id: None,
        lines: vec![line],
        refunds: vec![],
        occurred_at: None,
    }
}

pub(super) fn newest_sale(shop: &Given, unit: &UnitId) -> Option<schemas::SaleId> {
    let sold = shop.events().filter_map(|event| match event {
        Event::Unit(UnitEvent::Sold(sold)) if sold.unit == *unit => Some(sold.sale_id.clone()),
        _ => None,
    });
    sold.last()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_serial_number_has_one_owner_and_one_place_at_every_position(steps in steps()) {
        let mut shop = shop();
        for (number, (serial, is_there, step)) in steps.into_iter().enumerate() {
            shop = take(shop, number, SERIALS[serial], is_there, step);
        }
        let mut places: HashMap<UnitId, Whereabouts> = HashMap::new();
        for event in shop.events() {
            let Event::Unit(event) = event else { continue };
            let unit = unit_of(event).clone();
            let before = places.get(&unit).cloned().unwrap_or(Whereabouts::Nowhere);
            let after = follow(&before, event);
            prop_assert!(after.is_ok(), "{:?}", after);
            places.insert(unit, after.expect("just looked"));
        }
        for store in [centro(), norte()] {
            let here = |holder: Option<bool>| places.values().filter(|place| matches!(place,
                Whereabouts::Shelf { store: at, holder: keeper }
                    if *at == store && holder.is_none_or(|held| keeper.is_some() == held))).count();
            let State::Stock(shelf) = shop.state(&streams::stock(&store, &sku("PHONE"))) else { panic!() };
            prop_assert_eq!(shelf.on_hand, i64::try_from(here(None)).expect("few"));
            prop_assert_eq!(shelf.reserved, i64::try_from(here(Some(true))).expect("few"));
        }
    }
}
