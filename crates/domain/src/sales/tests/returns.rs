//! Returns, with the original sale and without.

use schemas::events::sale::{PaymentMethod, Refund, SaleReturnRegistered, SaleReturned};
use schemas::{ReturnId, Sku};
use serde_json::json;

use super::*;
use crate::admin::CloseStore;
use crate::sales::{CompleteSale, ReturnGoods, ReturnLineRequest, VoidSale};
use crate::stock::Place;

fn of_line(number: i64, pieces: i64) -> ReturnLineRequest {
    ReturnLineRequest {
        sale_line: Some(number),
        sku: None,
        unit: None,
        quantity: quantity(pieces),
        unit_price_minor: None,
        restock: true,
    }
}

fn of_item(name: &str, pieces: i64, price: i64) -> ReturnLineRequest {
    let (sku, unit_price_minor) = (Some(sku(name)), Some(minor(price)));
    ReturnLineRequest {
        sale_line: None,
        sku,
        unit_price_minor,
        ..of_line(1, pieces)
    }
}

fn of_unit(text: &str) -> ReturnLineRequest {
    let unit = Some(unit(text));
    ReturnLineRequest {
        sale_line: None,
        unit,
        ..of_line(1, 1)
    }
}

fn back(id: &str, lines: Vec<ReturnLineRequest>) -> ReturnGoods {
    ReturnGoods {
        return_id: Some(ReturnId::new(id).unwrap()),
        sale_id: Some(sale_id("v-1")),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines,
        refunds: vec![],
        occurred_at: None,
    }
}

fn unknown(id: &str, lines: Vec<ReturnLineRequest>) -> ReturnGoods {
    ReturnGoods {
        sale_id: None,
        ..back(id, lines)
    }
}

fn returned(outcome: &Outcome) -> SaleReturned {
    let found = outcome
        .decision()
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::Sale(SaleEvent::Returned(returned)) => Some(returned.clone()),
            _ => None,
        });
    found.expect("a return")
}

fn sold() -> Given {
    let lines = vec![line("CASE", 3), unit_line(IMEI), line("FIX", 1)];
    let discount = Some(schemas::events::sale::Discount::Amount {
        amount_minor: minor(1),
    });
    shop().and(CompleteSale {
        discount,
        ..sell("v-1", lines, cash(524_998))
    })
}

#[test]
fn a_return_pays_its_share_and_the_last_part_takes_the_rest() {
    let third = schemas::events::sale::DraftLine {
        unit_price_minor: Some(minor(0)),
        ..line("CASE", 1)
    };
    let mut odd = line("CASE", 3);
    odd.unit_price_minor = Some(minor(33));
    odd.discount = Some(schemas::events::sale::Discount::Amount {
        amount_minor: minor(1),
    });
    let mut shop = shop().and(sell("v-1", vec![odd, third], cash(98)));
    let mut paid = Vec::new();
    for id in ["r-1", "r-2", "r-3"] {
        let outcome = shop.when(back(id, vec![of_line(1, 1)]));
        paid.push(returned(&outcome).total_minor.get());
        shop = outcome.then(["sale.returned", "sale.return_registered", "inventory.returned"]);
    }
    assert_eq!(paid, [33, 32, 33]);
    shop.clone()
        .when(back("r-4", vec![of_line(1, 1)]))
        .then_refused("return.exceeds_sold");
    let free = shop.when(back("r-4", vec![of_line(2, 1)]));
    assert!(returned(&free).refunds.is_empty());
}

#[test]
fn parts_of_one_line_in_one_return_see_each_other() {
    let outcome = sold().when(back("r-1", vec![of_line(1, 2), of_line(1, 1)]));
    let event = returned(&outcome);
    assert_eq!(event.total_minor, minor(9_999));
    assert_eq!(
        event.refunds,
        [Refund {
            method: PaymentMethod::Cash,
            amount_minor: minor(9_999)
        }]
    );
    let answer = json!({ "return_id": "r-1", "total_minor": 9_999, "currency": "HNL" });
    assert_eq!(outcome.decision().answer, answer);
    let shop = outcome.then(["sale.returned", "sale.return_registered", "inventory.returned"]);
    assert_eq!(on_hand(&shop, "CASE"), 5);
    let pointer = sold()
        .when(back("r-1", vec![of_line(1, 2), of_line(1, 2)]))
        .then_refused("return.exceeds_sold");
    assert_eq!(pointer.unwrap(), "/lines/1/quantity");
}

#[test]
fn a_unit_comes_back_to_the_store_where_it_is_brought() {
    let elsewhere = ReturnGoods {
        store: norte(),
        ..back("r-1", vec![of_unit(IMEI), of_line(3, 1)])
    };
    let outcome = sold().when(elsewhere);
    assert_eq!(returned(&outcome).lines[0].sale_line, Some(2));
    let shop = outcome.then([
        "sale.returned",
        "sale.return_registered",
        "inventory.returned",
        "inventory.unit_returned",
    ]);
    assert_eq!(the_unit(&shop, IMEI).place, Place::InStock { store: norte() });
    assert_eq!(on_hand(&shop, "PHONE"), 1);
    shop.when(back("r-2", vec![of_unit(IMEI)]))
        .then_refused("return.exceeds_sold");
}

#[test]
fn goods_that_do_not_go_on_the_shelf_are_nobodys_stock() {
    let broken = |line| ReturnLineRequest {
        restock: false,
        ..line
    };
    let outcome = sold().when(back("r-1", vec![broken(of_line(1, 1)), broken(of_unit(IMEI))]));
    assert!(!returned(&outcome).lines[0].restocked);
    let shop = outcome.then([
        "sale.returned",
        "sale.return_registered",
        "inventory.unit_returned",
        "inventory.unit_written_off",
    ]);
    assert_eq!((on_hand(&shop, "CASE"), on_hand(&shop, "PHONE")), (2, 1));
    assert_eq!(the_unit(&shop, IMEI).place, Place::WrittenOff);
}

#[test]
fn a_return_is_recorded_once() {
    let shop = sold().and(back("r-1", vec![of_line(1, 1)]));
    shop.when(back("r-1", vec![of_line(1, 1)]))
        .then_refused("return.already_exists");
    let shop = sold().and(unknown("r-1", vec![of_item("CASE", 1, 10)]));
    shop.clone()
        .when(unknown("r-1", vec![of_item("CASE", 1, 10)]))
        .then_refused("return.already_exists");
    shop.when(back("r-1", vec![of_line(1, 1)]))
        .then_refused("return.already_exists");
    let anonymous = ReturnGoods {
        return_id: None,
        ..unknown("x", vec![of_item("CASE", 1, 10)])
    };
    let shop = sold().and(anonymous.clone());
    shop.when(anonymous).then(["sale.returned", "inventory.returned"]);
}

#[test]
fn a_return_id_that_was_used_for_one_sale_is_refused_for_another_and_without_a_sale() {
    let shop = sold()
        .and(sell("v-2", vec![line("CASE", 1)], cash(3_333)))
        .and(back("r-1", vec![of_line(1, 1)]));
    let of_another = ReturnGoods {
        sale_id: Some(sale_id("v-2")),
        ..back("r-1", vec![of_line(1, 1)])
    };
    let pointer = shop
        .clone()
        .when(of_another)
        .then_refused("return.already_exists");
    assert_eq!(pointer.unwrap(), "/return_id");
    shop.when(unknown("r-1", vec![of_item("CASE", 1, 10)]))
        .then_refused("return.already_exists");
}

#[test]
fn a_return_of_a_sale_registers_its_id_in_a_stream_of_its_own() {
    let outcome = sold().when(back("r-1", vec![of_line(1, 1)]));
    let return_id = ReturnId::new("r-1").unwrap();
    let registered = SaleReturnRegistered {
        return_id: return_id.clone(),
        sale_id: sale_id("v-1"),
    };
    let (stream, event) = &outcome.decision().events[1];
    assert_eq!(
        (stream, event),
        (&streams::goods_return(&return_id), &registered.into())
    );
}

#[test]
fn a_return_names_lines_that_the_sale_has() {
    let refused = |line: ReturnLineRequest, code| sold().when(back("r-1", vec![line])).then_refused(code);
    for number in [0, -1, 4, i64::MIN, i64::MAX] {
        refused(of_line(number, 1), "return.line_unknown");
    }
    refused(
        ReturnLineRequest {
            sale_line: None,
            ..of_line(1, 1)
        },
        "return.line_unknown",
    );
    refused(of_unit(SERIAL), "return.line_unknown");
    let wrong = |sku: Sku| ReturnLineRequest {
        sku: Some(sku),
        ..of_line(1, 1)
    };
    refused(wrong(sku("CABLE")), "return.line_mismatch");
    refused(
        ReturnLineRequest {
            sale_line: Some(1),
            ..of_unit(IMEI)
        },
        "return.line_mismatch",
    );
    refused(
        ReturnLineRequest {
            quantity: quantity(2),
            ..of_unit(IMEI)
        },
        "unit.quantity_not_one",
    );
    sold()
        .when(back("r-1", vec![of_unit(IMEI), of_unit(IMEI)]))
        .then_refused("unit.repeated");
    sold().when(back("r-1", vec![])).then_refused("request.no_lines");
    let other = ReturnGoods {
        sale_id: Some(sale_id("v-0")),
        ..back("r-1", vec![of_line(1, 1)])
    };
    sold().when(other).then_refused("sale.not_found");
    let voided = sold().and(VoidSale {
        sale_id: sale_id("v-1"),
        occurred_at: None,
    });
    voided
        .when(back("r-1", vec![of_line(1, 1)]))
        .then_refused("sale.voided");
}

#[test]
fn refunds_come_to_the_total() {
    let with = |refunds: &[(PaymentMethod, i64)]| {
        let refund = |(method, amount): &(PaymentMethod, i64)| Refund {
            method: *method,
            amount_minor: minor(*amount),
        };
        let refunds = refunds.iter().map(refund).collect();
        sold().when(ReturnGoods {
            refunds,
            ..back("r-1", vec![of_line(1, 1)])
        })
    };
    with(&[(PaymentMethod::Cash, 3_332)]).then_refused("return.refund_mismatch");
    with(&[(PaymentMethod::Cash, 3_333), (PaymentMethod::Card, 0)]).then_refused("amount.not_positive");
    with(&[(PaymentMethod::Credit, 3_333)]).then_refused("customer.required");
    with(&[(PaymentMethod::Card, 3_000), (PaymentMethod::Cash, 333)]).then([
        "sale.returned",
        "sale.return_registered",
        "inventory.returned",
    ]);
}

#[test]
fn what_a_customer_bought_on_credit_comes_off_the_account() {
    let credit = vec![pay(PaymentMethod::Credit, 20_000)];
    let sale = CompleteSale {
        customer_id: Some(customer("ana")),
        ..sell("v-1", vec![line("CABLE", 2)], credit)
    };
    let shop = shop().and(sale);
    let wrong = ReturnGoods {
        customer_id: Some(customer("sol")),
        ..back("r-1", vec![of_line(1, 1)])
    };
    shop.clone().when(wrong).then_refused("return.other_customer");
    let outcome = shop.when(back("r-1", vec![of_line(1, 1)]));
    assert_eq!(outcome.decision().answer["balance_minor"], 10_000);
    let shop = outcome.then([
        "sale.returned",
        "sale.return_registered",
        "inventory.returned",
        "customer.credited",
    ]);
    let store_credit = vec![Refund {
        method: PaymentMethod::StoreCredit,
        amount_minor: minor(10_000),
    }];
    let shop = shop.and(ReturnGoods {
        refunds: store_credit,
        ..back("r-2", vec![of_line(1, 1)])
    });
    assert_eq!(balance(&shop, &customer("ana")), minor(0));
}

#[test]
fn a_return_without_its_sale_is_paid_at_the_price_given() {
    let of = ReturnGoods {
        customer_id: Some(customer("luis")),
        ..unknown("r-1", vec![of_item("CABLE", 2, 1_150)])
    };
    let outcome = shop().when(of);
    let event = returned(&outcome);
    assert_eq!((event.total_minor, event.tax_minor), (minor(2_300), minor(300)));
    assert_eq!(
        outcome.decision().events[0].0,
        streams::goods_return(&ReturnId::new("r-1").unwrap())
    );
    let shop = outcome.then(["sale.returned", "inventory.returned", "customer.credited"]);
    assert_eq!(on_hand(&shop, "CABLE"), 12);
    assert_eq!(balance(&shop, &customer("luis")), minor(-2_300));
}

#[test]
fn a_return_without_its_sale_says_what_came_back_and_at_which_price() {
    let refused = |line: ReturnLineRequest, code| sold().when(unknown("r-1", vec![line])).then_refused(code);
    refused(of_line(1, 1), "sale.line_without_goods");
    refused(
        ReturnLineRequest {
            unit_price_minor: None,
            ..of_item("CASE", 1, 1)
        },
        "return.price_required",
    );
    refused(of_item("CASE", 1, -1), "amount.negative");
    refused(of_item("NADA", 1, 1), "item.not_found");
    refused(of_item("PHONE", 1, 1), "unit.required");
    refused(of_unit("serial:NADA"), "unit.not_found");
    let price = Some(minor(5));
    refused(
        ReturnLineRequest {
            unit_price_minor: price,
            ..of_unit(SERIAL)
        },
        "unit.not_sold",
    );
    let wrong = ReturnLineRequest {
        sku: Some(sku("CASE")),
        unit_price_minor: price,
        ..of_unit(IMEI)
    };
    refused(wrong, "unit.other_item");
}

#[test]
fn a_unit_comes_back_with_its_sale_and_not_without() {
    let alone = ReturnLineRequest {
        unit_price_minor: Some(minor(5)),
        ..of_unit(IMEI)
    };
    let outcome = sold().when(unknown("r-1", vec![of_item("CASE", 1, 1), alone]));
    let refusal = outcome.result.as_ref().unwrap_err();
    assert!(
        refusal
            .text(crate::refusal::Language::Spanish)
            .contains("la venta v-1")
    );
    let shop = outcome.given.clone();
    assert_eq!(
        outcome.then_refused("return.sale_known").as_deref(),
        Some("/lines/1/unit")
    );
    shop.when(back("r-1", vec![of_unit(IMEI)])).then([
        "sale.returned",
        "sale.return_registered",
        "inventory.returned",
        "inventory.unit_returned",
    ]);
}

#[test]
fn without_its_sale_a_till_pays_no_more_back_than_the_price_now() {
    let ask = |role: &str, lines| as_role(shop(), role).when(unknown("r-1", lines));
    ask(
        "cashier",
        vec![of_item("CABLE", 3, 10_000), of_item("CASE", 1, 3_333)],
    )
    .then(["sale.returned", "inventory.returned", "inventory.returned"]);
    let pointer = ask("cashier", vec![of_item("CABLE", 1, 1), of_item("CASE", 1, 3_334)])
        .then_refused("return.price_too_high");
    assert_eq!(pointer.as_deref(), Some("/lines/1/unit_price_minor"));
    ask("", vec![of_item("CASE", 1, 100_000_000_000_000)]).then_refused("return.price_too_high");
    for role in ["manager", "admin"] {
        ask(role, vec![of_item("CASE", 1, 3_334)]).then(["sale.returned", "inventory.returned"]);
    }
}

#[test]
fn what_comes_back_with_its_sale_takes_no_price() {
    let priced = ReturnLineRequest {
        unit_price_minor: Some(minor(5)),
        ..of_line(1, 1)
    };
    let pointer = sold()
        .when(back("r-1", vec![of_line(3, 1), priced]))
        .then_refused("return.price_not_allowed");
    assert_eq!(pointer.as_deref(), Some("/lines/1/unit_price_minor"));
}

#[test]
fn nothing_comes_back_before_it_was_sold() {
    let at = |minutes| Some(NOW + time::Duration::minutes(minutes));
    let sale = |occurred_at| CompleteSale {
        occurred_at,
        ..sell("v-1", vec![line("CASE", 2)], cash(6_666))
    };
    let returned_at = |shop: &Given, occurred_at| {
        let goods = ReturnGoods {
            occurred_at,
            ..back("r-1", vec![of_line(1, 1)])
        };
        shop.clone().when(goods)
    };
    let shop_then = shop().and(sale(at(-60)));
    let pointer = returned_at(&shop_then, at(-61)).then_refused("time.before_sale");
    assert_eq!(pointer.as_deref(), Some("/occurred_at"));
    assert_eq!(
        returned(&returned_at(&shop_then, at(-60))).occurred_at,
        at(-60).unwrap()
    );
    assert_eq!(returned(&returned_at(&shop_then, None)).occurred_at, NOW);
    // A till whose clock runs ahead may have its goods back at once.
    let ahead = shop().and(sale(at(5)));
    assert_eq!(returned(&returned_at(&ahead, None)).occurred_at, at(5).unwrap());
    returned_at(&ahead, at(4)).then_refused("time.before_sale");
}

#[test]
fn a_service_that_is_paid_back_moves_no_stock() {
    shop()
        .when(unknown("r-1", vec![of_item("FIX", 1, 15_000)]))
        .then(["sale.returned"]);
}

#[test]
fn a_return_needs_an_open_store_and_a_customer_that_exists() {
    let one = || back("r-1", vec![of_line(1, 1)]);
    sold()
        .and(CloseStore { store: centro() })
        .when(one())
        .then_refused("store.closed");
    let nobody = ReturnGoods {
        customer_id: Some(customer("nadie")),
        ..one()
    };
    sold().when(nobody).then_refused("customer.not_found");
    let till = ReturnGoods {
        terminal: Some(caja()),
        store: norte(),
        ..one()
    };
    sold().when(till).then_refused("terminal.other_store");
}
