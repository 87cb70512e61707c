//! Sales that come whole.

use schemas::events::admin::StockPolicy;
use schemas::events::customer::CustomerStatus;
use schemas::events::sale::{Discount, DraftContent, PaymentMethod};
use schemas::{Quantity, TerminalId};
use serde_json::json;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::admin::{CloseStore, RegisterTerminal, RetireTerminal};
use crate::customers::ChangeCustomerStatus;
use crate::reservations::tests::{reserve, the};
use crate::reservations::{ConfirmReservation, CreateReservation};
use crate::sales::{CompleteDraft, CompleteSale, LineRequest, PaymentRequest, SaveDraft};
use crate::stock::Place;

fn on_credit(id: &str, who: &str, pieces: i64, payments: Vec<PaymentRequest>) -> CompleteSale {
    CompleteSale {
        customer_id: Some(customer(who)),
        ..sell(id, vec![line("CABLE", pieces)], payments)
    }
}

fn credit(amount: i64) -> Vec<PaymentRequest> {
    vec![pay(PaymentMethod::Credit, amount)]
}

fn share(rate_ppm: i64) -> Option<Discount> {
    Some(Discount::Share { rate_ppm })
}

fn off(amount: i64) -> Option<Discount> {
    Some(Discount::Amount {
        amount_minor: minor(amount),
    })
}

#[test]
fn a_sale_takes_stock_units_and_money_at_once() {
    let lines = vec![line("CABLE", 2), unit_line(IMEI), line("FIX", 1)];
    let sale = CompleteSale {
        terminal: Some(caja()),
        ..sell("v-1", lines, cash(540_000))
    };
    let outcome = shop().when(sale.clone());
    let sold = completed(&outcome);
    assert_eq!(
        (sold.total_minor, sold.change_minor),
        (minor(535_000), minor(5_000))
    );
    assert_eq!(sold.cashier, "marta");
    assert_eq!(sold.lines[1].sku, sku("PHONE"));
    assert_eq!(sold.lines[2].tax_minor, minor(0));
    assert_eq!(sold.business_day, "2026-11-22");
    let answer = json!({
        "sale_id": "v-1", "total_minor": 535_000, "tax_minor": 2_609 + 65_217, "discount_minor": 0,
        "change_minor": 5_000, "currency": "HNL",
    });
    assert_eq!(outcome.decision().answer, answer);
    let types = [
        "sale.completed",
        "inventory.issued",
        "inventory.issued",
        "inventory.unit_sold",
    ];
    let shop = outcome.then(types);
    assert_eq!((on_hand(&shop, "CABLE"), on_hand(&shop, "PHONE")), (8, 1));
    assert_eq!(
        the_unit(&shop, IMEI).place,
        Place::Sold {
            sale_id: sale_id("v-1")
        }
    );
    shop.when(sale).then_refused("sale.already_exists");
}

#[test]
fn a_sale_without_an_id_gets_one() {
    let sale = CompleteSale {
        sale_id: None,
        ..sell("x", vec![line("CABLE", 1)], cash(10_000))
    };
    let shop = shop()
        .when(sale.clone())
        .then(["sale.completed", "inventory.issued"]);
    shop.when(sale).then(["sale.completed", "inventory.issued"]);
}

#[test]
fn a_tax_that_comes_on_top_is_part_of_the_total() {
    let tenant = crate::admin::CreateTenant {
        prices_include_tax: false,
        ..create_tenant()
    };
    let shop = given([])
        .and(tenant)
        .and(crate::admin::SetTaxRate {
            tax_code: isv(),
            name: "ISV".to_owned(),
            rate_ppm: 150_000,
        })
        .and(crate::admin::OpenStore {
            store: centro(),
            name: "Centro".to_owned(),
        })
        .and(create_item(
            "FEE",
            schemas::events::catalogue::ItemKind::Service,
            333,
            true,
        ));
    let sale = CompleteSale {
        discount: off(32),
        ..sell("v-1", vec![line("FEE", 4)], cash(1_495))
    };
    let sold = completed(&shop.when(sale));
    assert_eq!((sold.gross_minor, sold.discount_minor), (minor(1_332), minor(32)));
    assert_eq!((sold.tax_minor, sold.total_minor), (minor(195), minor(1_495)));
}

#[test]
fn discounts_of_lines_and_sale_add_up_to_the_cent() {
    let mut cable = line("CABLE", 3);
    cable.discount = share(100_000);
    let mut case = line("CASE", 1);
    case.discount = off(33);
    let sale = CompleteSale {
        discount: off(1_000),
        ..sell("v-1", vec![cable, case], cash(29_300))
    };
    let sold = completed(&shop().when(sale));
    let discounts: Vec<i64> = sold.lines.iter().map(|line| line.discount_minor.get()).collect();
    assert_eq!(discounts, [3_000 + 891, 33 + 109]);
    assert_eq!(
        (sold.discount_minor, sold.total_minor),
        (minor(4_033), minor(29_300))
    );
}

#[test]
fn a_discount_never_exceeds_what_it_applies_to() {
    let with = |of_line, of_sale| {
        let cable = LineRequest {
            discount: of_line,
            ..line("CABLE", 1)
        };
        shop().when(CompleteSale {
            discount: of_sale,
            ..sell("v-1", vec![cable], cash(10_000))
        })
    };
    let pointer = with(off(10_001), None).then_refused("sale.discount_too_high");
    assert_eq!(pointer.unwrap(), "/lines/0/discount");
    let pointer = with(off(1), off(10_000)).then_refused("sale.discount_too_high");
    assert_eq!(pointer.unwrap(), "/discount");
    with(share(1_000_001), None).then_refused("sale.discount_invalid");
    with(None, share(-1)).then_refused("sale.discount_invalid");
    with(None, off(-1)).then_refused("sale.discount_invalid");
}

#[test]
fn a_total_of_zero_needs_no_payment() {
    let free = LineRequest {
        unit_price_minor: Some(minor(0)),
        ..line("CABLE", 1)
    };
    shop()
        .when(sell("v-1", vec![free], vec![]))
        .then(["sale.completed", "inventory.issued"]);
    let sale = CompleteSale {
        discount: share(1_000_000),
        ..sell("v-1", vec![line("CABLE", 1)], vec![])
    };
    shop().when(sale).then(["sale.completed", "inventory.issued"]);
}

#[test]
fn payments_come_to_the_total_and_only_cash_gives_change() {
    let pays = |payments| shop().when(sell("v-1", vec![line("CABLE", 1)], payments));
    pays(vec![]).then_refused("payment.too_low");
    pays(cash(9_999)).then_refused("payment.too_low");
    pays(vec![pay(PaymentMethod::Card, 10_001)]).then_refused("payment.too_high");
    let mixed = vec![pay(PaymentMethod::Card, 10_000), pay(PaymentMethod::Cash, 500)];
    let sold = completed(&pays(mixed));
    assert_eq!(
        (sold.payments[1].amount_minor, sold.payments[1].tendered_minor),
        (minor(0), minor(500))
    );
    let too_much = vec![pay(PaymentMethod::Card, 10_200), pay(PaymentMethod::Cash, 100)];
    pays(too_much).then_refused("payment.too_high");
    let pointer = pays(vec![pay(PaymentMethod::Cash, 0)]).then_refused("amount.not_positive");
    assert_eq!(pointer.unwrap(), "/payments/0/amount_minor");
    pays(vec![pay(PaymentMethod::Cash, 1); 51]).then_refused("request.too_many_entries");
}

#[test]
fn a_card_number_is_never_stored_as_a_reference() {
    let with = |reference: &str| {
        let reference = Some(reference.to_owned());
        let payment = PaymentRequest {
            reference,
            ..pay(PaymentMethod::Card, 10_000)
        };
        shop().when(sell("v-1", vec![line("CABLE", 1)], vec![payment]))
    };
    let pointer = with("4111111111111111").then_refused("payment.card_number");
    assert_eq!(pointer.unwrap(), "/payments/0/reference");
    with("AUTH 004512").then(["sale.completed", "inventory.issued"]);
    with("").then_refused("request.text_invalid");
}

#[test]
fn a_sale_beyond_the_credit_limit_is_refused() {
    let shop = shop();
    shop.clone()
        .when(sell("v-1", vec![line("CABLE", 1)], credit(10_000)))
        .then_refused("customer.required");
    shop.clone()
        .when(on_credit("v-1", "nadie", 1, credit(10_000)))
        .then_refused("customer.not_found");
    shop.clone()
        .when(on_credit("v-1", "luis", 1, credit(10_000)))
        .then_refused("credit.not_granted");
    let sold = shop.when(on_credit("v-1", "ana", 9, credit(90_000)));
    assert_eq!(sold.decision().answer["balance_minor"], 90_000);
    let shop = sold.then(["sale.completed", "inventory.issued", "customer.charged"]);
    let shop = shop.and(crate::stock::AdjustStock {
        store: centro(),
        sku: sku("CABLE"),
        delta: 5,
        comment: None,
    });
    shop.clone()
        .when(on_credit("v-2", "ana", 2, credit(20_000)))
        .then_refused("credit.limit_exceeded");
    let mixed = vec![
        pay(PaymentMethod::Credit, 10_000),
        pay(PaymentMethod::Cash, 10_000),
    ];
    shop.when(on_credit("v-2", "ana", 2, mixed)).then([
        "sale.completed",
        "inventory.issued",
        "customer.charged",
    ]);
}

#[test]
fn store_credit_is_what_the_shop_owes() {
    let owed = crate::customers::ReceivePayment {
        customer_id: customer("luis"),
        payment_id: None,
        amount_minor: minor(15_000),
        method: PaymentMethod::Cash,
    };
    let shop = shop().and(owed);
    let store_credit = |amount| vec![pay(PaymentMethod::StoreCredit, amount)];
    let too_much = on_credit("v-1", "luis", 2, store_credit(20_000));
    shop.clone()
        .when(too_much)
        .then_refused("credit.store_credit_insufficient");
    let shop = shop.and(on_credit("v-1", "luis", 1, store_credit(10_000)));
    assert_eq!(balance(&shop, &customer("luis")), minor(-5_000));
}

#[test]
fn store_credit_and_credit_together_stay_within_the_terms() {
    let owed = crate::customers::ReceivePayment {
        customer_id: customer("ana"),
        payment_id: None,
        amount_minor: minor(5_000),
        method: PaymentMethod::Cash,
    };
    let both = vec![
        pay(PaymentMethod::Credit, 5_000),
        pay(PaymentMethod::StoreCredit, 5_000),
    ];
    let shop = shop().and(owed).and(on_credit("v-1", "ana", 1, both));
    assert_eq!(balance(&shop, &customer("ana")), minor(5_000));
}

#[test]
fn stock_that_is_not_there_is_not_sold() {
    let twice = vec![line("CABLE", 6), line("CASE", 1), line("CABLE", 5)];
    let sale = sell("v-1", twice, cash(113_333));
    assert_eq!(
        shop()
            .when(sale.clone())
            .then_refused("stock.insufficient")
            .unwrap(),
        "/lines/2/quantity"
    );
    let shop = shop().policy(StockPolicy::AllowNegative).and(sale);
    assert_eq!(on_hand(&shop, "CABLE"), -1);
}

#[test]
fn a_unit_is_sold_from_where_it_is_and_once() {
    let sale = sell("v-1", vec![unit_line(IMEI)], cash(500_000));
    let shop = shop();
    let elsewhere = CompleteSale {
        store: norte(),
        ..sale.clone()
    };
    shop.clone().when(elsewhere).then_refused("unit.other_store");
    let unknown = sell("v-1", vec![unit_line("serial:NADA")], cash(500_000));
    assert_eq!(
        shop.clone().when(unknown).then_refused("unit.not_found").unwrap(),
        "/lines/0"
    );
    let twice = sell("v-1", vec![unit_line(IMEI), unit_line(IMEI)], cash(1_000_000));
    assert_eq!(
        shop.clone().when(twice).then_refused("unit.repeated").unwrap(),
        "/lines/1"
    );
    let two = LineRequest {
        quantity: quantity(2),
        ..unit_line(IMEI)
    };
    shop.clone()
        .when(sell("v-1", vec![two], cash(1)))
        .then_refused("unit.quantity_not_one");
    let wrong = LineRequest {
        sku: Some(sku("CABLE")),
        ..unit_line(IMEI)
    };
    shop.clone()
        .when(sell("v-1", vec![wrong], cash(1)))
        .then_refused("unit.other_item");
    shop.clone()
        .when(sell("v-1", vec![line("PHONE", 1)], cash(500_000)))
        .then_refused("unit.required");
    let shop = shop.and(sale);
    shop.when(sell("v-2", vec![unit_line(IMEI)], cash(500_000)))
        .then_refused("unit.sold");
}

#[test]
fn a_line_names_its_goods_and_has_a_price_that_is_not_negative() {
    let nothing = LineRequest {
        sku: None,
        ..line("CABLE", 1)
    };
    assert_eq!(
        shop()
            .when(sell("v", vec![nothing], vec![]))
            .then_refused("sale.line_without_goods")
            .unwrap(),
        "/lines/0"
    );
    let negative = LineRequest {
        unit_price_minor: Some(minor(-1)),
        ..line("CABLE", 1)
    };
    shop()
        .when(sell("v", vec![negative], vec![]))
        .then_refused("amount.negative");
    shop()
        .when(sell("v", vec![], vec![]))
        .then_refused("request.no_lines");
    shop()
        .when(sell("v", vec![line("NADA", 1)], vec![]))
        .then_refused("item.not_found");
}

#[test]
fn a_sale_happens_in_an_open_store_at_its_own_terminal() {
    let at = |terminal: &str| {
        let terminal = Some(TerminalId::new(terminal).unwrap());
        CompleteSale {
            terminal,
            ..sell("v-1", vec![line("CABLE", 1)], cash(10_000))
        }
    };
    let other = RegisterTerminal {
        terminal: TerminalId::new("caja-2").unwrap(),
        store: norte(),
        name: "2".to_owned(),
    };
    let shop = shop().and(other);
    shop.clone().when(at("caja-0")).then_refused("terminal.not_found");
    shop.clone()
        .when(at("caja-2"))
        .then_refused("terminal.other_store");
    let retired = shop.clone().and(RetireTerminal { terminal: caja() });
    retired.when(at("caja-1")).then_refused("terminal.retired");
    let nowhere = schemas::StoreId::new("nada").unwrap();
    shop.clone()
        .when(CompleteSale {
            store: nowhere,
            terminal: None,
            ..at("caja-1")
        })
        .then_refused("store.not_found");
    shop.and(CloseStore { store: centro() })
        .when(at("caja-1"))
        .then_refused("store.closed");
}

#[test]
fn a_till_brings_its_own_time_within_reason() {
    let at = |moment| {
        let occurred_at = Some(moment);
        shop().when(CompleteSale {
            occurred_at,
            ..sell("v-1", vec![line("CABLE", 1)], cash(10_000))
        })
    };
    let history = completed(&at(datetime!(2010-12-01 08:26 UTC)));
    assert_eq!(history.business_day, "2010-12-01");
    assert_eq!(
        completed(&at(datetime!(2026-11-22 05:59 UTC))).business_day,
        "2026-11-21"
    );
    completed(&at(NOW + Duration::minutes(10)));
    at(NOW + Duration::minutes(11)).then_refused("time.in_future");
    at(datetime!(2006-11-01 0:00 UTC)).then_refused("time.too_long_ago");
}

#[test]
fn a_sale_of_a_thousand_lines_is_decided_at_once() {
    let mut shop = shop();
    for number in 0..1_000 {
        shop = shop.and(create_item(
            &format!("S{number}"),
            schemas::events::catalogue::ItemKind::Counted,
            7,
            false,
        ));
    }
    let shop = shop.policy(StockPolicy::AllowNegative);
    let lines: Vec<LineRequest> = (0..1_000).map(|number| line(&format!("S{number}"), 3)).collect();
    let sold = shop.clone().when(CompleteSale {
        discount: off(10),
        ..sell("v-1", lines.clone(), cash(20_990))
    });
    assert_eq!(sold.decision().events.len(), 1_001);
    let more = [lines, vec![line("CABLE", 1)]].concat();
    shop.when(sell("v-2", more, vec![]))
        .then_refused("request.too_many_entries");
}

#[test]
fn extreme_figures_are_refused_and_never_overflow() {
    let most = schemas::money::MAX_MINOR;
    let dear = LineRequest {
        unit_price_minor: Some(minor(most)),
        ..line("FIX", 2)
    };
    shop()
        .when(sell("v-1", vec![dear], vec![]))
        .then_refused("amount.out_of_range");
    let dear = LineRequest {
        unit_price_minor: Some(minor(most)),
        ..line("FIX", 1)
    };
    shop()
        .when(sell("v-1", vec![dear.clone(), dear.clone()], vec![]))
        .then_refused("amount.out_of_range");
    shop()
        .when(sell("v-1", vec![dear], cash(most)))
        .then(["sale.completed"]);
    let many = LineRequest {
        unit_price_minor: Some(minor(0)),
        ..line("CABLE", schemas::quantity::MAX_QUANTITY)
    };
    let shop = shop().policy(StockPolicy::AllowNegative);
    shop.when(sell("v-1", vec![many.clone(), many], vec![]))
        .then_refused("stock.level_out_of_range");
    assert_eq!(Quantity::new(schemas::quantity::MAX_QUANTITY + 1).ok(), None);
}

#[test]
fn a_sale_that_takes_a_reservation_is_its_customers_also_when_the_till_names_none() {
    let kept_for = |id: &str| {
        let reserve = CreateReservation {
            customer_id: Some(customer(id)),
            ..reserve(vec![("CABLE", 2)])
        };
        let confirm = ConfirmReservation {
            reservation_id: the(),
        };
        shop().and(reserve).and(confirm)
    };
    let take = |payments| CompleteSale {
        reservation_id: Some(the()),
        ..sell("v-1", vec![line("CABLE", 2)], payments)
    };
    let on_credit = || vec![pay(PaymentMethod::Credit, 20_000)];
    let outcome = kept_for("ana").when(take(on_credit()));
    assert_eq!(completed(&outcome).customer_id, Some(customer("ana")));
    assert_eq!(outcome.decision().answer["balance_minor"], 20_000);
    kept_for("luis")
        .when(take(on_credit()))
        .then_refused("credit.not_granted");
    let other = CompleteSale {
        customer_id: Some(customer("sol")),
        ..take(cash(20_000))
    };
    kept_for("ana")
        .when(other)
        .then_refused("reservation.other_customer");
    let gone = ChangeCustomerStatus {
        customer_id: customer("ana"),
        status: CustomerStatus::Archived,
    };
    kept_for("ana")
        .and(gone)
        .when(take(cash(20_000)))
        .then_refused("customer.archived");
    let nobody = CompleteSale {
        reservation_id: Some(the()),
        ..sell("v-1", vec![line("CABLE", 2)], cash(20_000))
    };
    shop().when(nobody).then_refused("reservation.not_found");
}

#[test]
fn a_draft_that_takes_a_reservation_is_its_customers_unless_it_has_one() {
    let complete = |customer_id: Option<&str>| {
        let draft = DraftContent {
            store: centro(),
            terminal: None,
            customer_id: customer_id.map(customer),
            lines: vec![line("CABLE", 2)],
            discount: None,
            hold_stock: false,
        };
        let reserve = CreateReservation {
            customer_id: Some(customer("ana")),
            ..reserve(vec![("CABLE", 2)])
        };
        shop()
            .and(reserve)
            .and(ConfirmReservation {
                reservation_id: the(),
            })
            .and(SaveDraft {
                sale_id: Some(sale_id("v-1")),
                draft,
            })
            .when(CompleteDraft {
                sale_id: sale_id("v-1"),
                payments: cash(20_000),
                reservation_id: Some(the()),
                occurred_at: None,
            })
    };
    assert_eq!(completed(&complete(None)).customer_id, Some(customer("ana")));
    complete(Some("sol")).then_refused("reservation.other_customer");
}
