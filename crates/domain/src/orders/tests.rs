//! The rules for quotes and orders, and what holds for every order whatever happens to it.

use proptest::prelude::*;
use schemas::events::customer::CustomerStatus;
use schemas::events::order::{OrderEvent, OrderInvoiced, OrderReturned};
use schemas::events::sale::{Discount, DraftLine, PaymentMethod};
use schemas::{Event, InvoiceId, OrderDeliveryId, OrderId, ReturnId};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::admin::CloseStore;
use crate::catalogue::DiscontinueItem;
use crate::customers::ChangeCustomerStatus;
use crate::stock::{AdjustStock, Place, Stock};
use crate::testing::*;
use crate::{State, streams};

pub(crate) const THE: &str = "ped-1";

pub(crate) fn the() -> OrderId {
    OrderId::new(THE).unwrap()
}

pub(crate) fn until() -> OffsetDateTime {
    NOW + Duration::hours(1)
}

fn ask(kind: OrderKind, lines: Vec<DraftLine>) -> CreateOrder {
    CreateOrder {
        order_id: Some(the()),
        kind,
        store: centro(),
        customer_id: Some(customer("ana")),
        reference: Some("OC 17".to_owned()),
        lines,
        discount: None,
    }
}

pub(crate) fn quote() -> CreateOrder {
    let kind = OrderKind::Quote {
        valid_until: None,
        valid_for_s: Some(3_600),
    };
    ask(kind, vec![line("CABLE", 5), line("FIX", 1)])
}

pub(crate) fn order(lines: Vec<DraftLine>) -> CreateOrder {
    ask(OrderKind::Order, lines)
}

pub(crate) fn accept() -> AcceptQuote {
    AcceptQuote {
        order_id: the(),
        customer_id: None,
    }
}

pub(crate) fn confirm() -> ConfirmOrder {
    ConfirmOrder { order_id: the() }
}

pub(crate) fn cancel() -> CancelOrder {
    CancelOrder { order_id: the() }
}

pub(crate) fn deliver(id: &str, lines: Vec<(i64, i64, &[&str])>) -> DeliverOrder {
    let line = |(line, pieces, units): (i64, i64, &[&str])| DeliveryLineRequest {
        line,
        quantity: quantity(pieces),
        units: units.iter().map(|text| unit(text)).collect(),
    };
    DeliverOrder {
        order_id: the(),
        delivery_id: Some(OrderDeliveryId::new(id).unwrap()),
        lines: lines.into_iter().map(line).collect(),
        occurred_at: None,
    }
}

pub(crate) fn invoice(
    id: &str,
    lines: Vec<(i64, i64)>,
    payments: Vec<crate::sales::PaymentRequest>,
) -> InvoiceOrder {
    let line = |(line, pieces)| InvoiceLineRequest {
        line,
        quantity: quantity(pieces),
    };
    InvoiceOrder {
        order_id: the(),
        invoice_id: Some(InvoiceId::new(id).unwrap()),
        lines: lines.into_iter().map(line).collect(),
        payments,
        occurred_at: None,
    }
}

fn credit(amount: i64) -> Vec<crate::sales::PaymentRequest> {
    vec![pay(PaymentMethod::Credit, amount)]
}

pub(crate) fn give_back(id: &str, lines: Vec<(i64, i64, &[&str], bool)>) -> ReturnDelivered {
    let line = |(line, pieces, units, restock): (i64, i64, &[&str], bool)| DeliveredReturnLine {
        line,
        quantity: quantity(pieces),
        units: units.iter().map(|text| unit(text)).collect(),
        restock,
    };
    ReturnDelivered {
        order_id: the(),
        return_id: Some(ReturnId::new(id).unwrap()),
        lines: lines.into_iter().map(line).collect(),
        refunds: vec![],
        occurred_at: None,
    }
}

fn confirmed(lines: Vec<DraftLine>) -> Given {
    shop().and(order(lines)).and(confirm())
}

#[track_caller]
pub(crate) fn state(given: &Given) -> Order {
    match given.state(&streams::order(&the())) {
        State::Order(Some(order)) => *order,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn figures(given: &Given, name: &str) -> (i64, i64) {
    let level = level(given, name);
    (level.on_hand, level.held_by("order/ped-1"))
}

#[track_caller]
fn place(given: &Given, text: &str) -> Place {
    match given.state(&streams::unit(&unit(text))) {
        State::Unit(Some(unit), _) => unit.place,
        other => panic!("{other:?}"),
    }
}

fn balance(given: &Given, id: &str) -> i64 {
    match given.state(&streams::customer(&customer(id))) {
        State::Customer(Some(customer)) => customer.balance_minor.get(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn invoiced(outcome: &Outcome) -> OrderInvoiced {
    let found = outcome
        .decision()
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::Order(OrderEvent::Invoiced(invoiced)) => Some(invoiced.clone()),
            _ => None,
        });
    found.expect("an invoice")
}

fn returned(outcome: &Outcome) -> OrderReturned {
    let found = outcome
        .decision()
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::Order(OrderEvent::Returned(returned)) => Some(returned.clone()),
            _ => None,
        });
    found.expect("a return")
}

#[test]
fn a_quote_becomes_an_order_at_the_quoted_prices_and_is_delivered_in_two_parts() {
    let shop = shop().when(quote()).then(["order.quoted"]);
    let dearer = crate::catalogue::ChangeItem {
        sku: sku("CABLE"),
        name: None,
        price_minor: Some(minor(99_999)),
        tax_code: None,
        details: None,
    };
    let shop = shop.and(dearer).when(accept()).then(["order.accepted"]);
    assert_eq!(figures(&shop, "CABLE"), (10, 0));
    let shop = shop
        .when(confirm())
        .then(["order.confirmed", "inventory.reserved"]);
    assert_eq!(figures(&shop, "CABLE"), (10, 5));
    shop.clone()
        .when(sell("v-1", vec![line("CABLE", 6)], cash(1_000_000)))
        .then_refused("stock.insufficient");

    let first = shop.when(deliver("e-1", vec![(1, 2, &[]), (2, 1, &[])]));
    let answer = json!({ "order_id": THE, "status": "partly_delivered", "delivery_id": "e-1" });
    assert_eq!(first.decision().answer, answer);
    let shop = first.then(["inventory.released", "inventory.dispatched", "order.delivered"]);
    assert_eq!(figures(&shop, "CABLE"), (8, 3));
    let second = DeliverOrder {
        lines: vec![],
        ..deliver("e-2", vec![])
    };
    let shop = shop.and(second);
    assert_eq!(
        (figures(&shop, "CABLE"), state(&shop).status()),
        ((5, 0), Status::Delivered)
    );

    let outcome = shop.when(invoice("f-1", vec![], credit(65_000)));
    assert_eq!(invoiced(&outcome).total_minor, minor(65_000));
    let shop = outcome.then(["order.invoiced", "customer.charged"]);
    assert_eq!(
        (balance(&shop, "ana"), state(&shop).status()),
        (65_000, Status::Invoiced)
    );
    shop.when(cancel()).then_refused("order.delivered");
}

#[test]
fn the_same_delivery_again_adds_nothing_and_another_one_under_its_id_is_refused() {
    let shop = confirmed(vec![line("CABLE", 5)]).and(deliver("e-1", vec![(1, 2, &[])]));
    let shop = shop.when(deliver("e-1", vec![(1, 2, &[])])).then_nothing();
    let shop = shop.when(deliver("e-1", vec![])).then_nothing();
    shop.clone()
        .when(deliver("e-1", vec![(1, 3, &[])]))
        .then_refused("order.delivery_exists");
    assert_eq!(figures(&shop, "CABLE"), (8, 3));
}

#[test]
fn no_more_is_delivered_than_was_ordered() {
    let shop = confirmed(vec![line("CABLE", 5), line("FIX", 1)]);
    let pointer = shop.clone().when(deliver("e-1", vec![(2, 1, &[]), (1, 6, &[])]));
    let pointer = pointer.then_refused("order.delivery_exceeds_ordered");
    assert_eq!(pointer.as_deref(), Some("/lines/1/quantity"));
    let with = |lines, code| shop.clone().when(deliver("e-1", lines)).then_refused(code);
    with(vec![(3, 1, &[])], "order.line_unknown");
    with(vec![(0, 1, &[])], "order.line_unknown");
    with(vec![(1, 1, &[]), (1, 1, &[])], "order.line_repeated");
    with(vec![(1, 1, &[IMEI])], "unit.unexpected");
    let done = shop.and(deliver("e-1", vec![]));
    done.clone()
        .when(deliver("e-2", vec![]))
        .then_refused("order.delivered");
    done.when(deliver("e-2", vec![(1, 1, &[])]))
        .then_refused("order.delivery_exceeds_ordered");
}

#[test]
fn serialised_goods_are_ordered_by_item_and_leave_unit_by_unit() {
    let phones = DraftLine {
        quantity: quantity(2),
        ..line("PHONE", 2)
    };
    let shop = confirmed(vec![phones]);
    assert_eq!(figures(&shop, "PHONE"), (2, 2));
    shop.clone()
        .when(deliver("e-1", vec![]))
        .then_refused("unit.required");
    shop.clone()
        .when(deliver("e-1", vec![(1, 2, &[IMEI, IMEI])]))
        .then_refused("unit.repeated");
    shop.clone()
        .when(deliver("e-1", vec![(1, 1, &["serial:nobody"])]))
        .then_refused("unit.not_found");
    let shop = shop.when(deliver("e-1", vec![(1, 1, &[IMEI])])).then([
        "inventory.released",
        "inventory.dispatched",
        "inventory.unit_dispatched",
        "order.delivered",
    ]);
    let document = "order/ped-1".to_owned();
    assert_eq!(place(&shop, IMEI), Place::Away { document });
    shop.clone()
        .when(deliver("e-2", vec![(1, 1, &[IMEI])]))
        .then_refused("unit.away");
    let shop = shop.and(deliver("e-2", vec![(1, 1, &[SERIAL])]));
    let back = shop.when(give_back("d-1", vec![(1, 1, &[SERIAL], true)]));
    let shop = back.then(["inventory.arrived", "inventory.unit_arrived", "order.returned"]);
    assert_eq!(place(&shop, SERIAL), Place::InStock { store: centro() });
    let broken = shop.when(give_back("d-2", vec![(1, 1, &[IMEI], false)]));
    let shop = broken.then(["inventory.unit_written_off", "order.returned"]);
    assert_eq!(
        (place(&shop, IMEI), level(&shop, "PHONE").on_hand),
        (Place::WrittenOff, 1)
    );
    assert_eq!(state(&shop).status(), Status::Returned);
}

#[test]
fn an_order_that_is_owed_is_not_given_back_in_money_unless_a_manager_decides() {
    let back = |id: &str, method, amount| ReturnDelivered {
        refunds: vec![schemas::events::sale::Refund {
            method,
            amount_minor: minor(amount),
        }],
        ..give_back(id, vec![(1, 1, &[], true)])
    };
    let (cash, owed) = (PaymentMethod::Cash, PaymentMethod::Credit);
    let of = |role: &str, mut given: Given| {
        given.ctx.actor = schemas::envelope::Actor::User {
            username: "rosa".to_owned(),
            role: role.to_owned(),
        };
        given
    };
    let delivered = confirmed(vec![line("CABLE", 2)]).and(deliver("e-1", vec![]));
    let paid = vec![pay(cash, 10_000), pay(owed, 10_000)];
    let shop = delivered.and(invoice("f-1", vec![], paid));
    let first = of("cashier", shop).and(back("d-1", cash, 10_000));
    first
        .clone()
        .when(back("d-2", cash, 10_000))
        .then_refused("refund.exceeds_paid");
    first.clone().when(back("d-2", owed, 10_000)).then([
        "inventory.arrived",
        "order.returned",
        "customer.credited",
    ]);
    of("manager", first)
        .when(back("d-2", cash, 10_000))
        .then(["inventory.arrived", "order.returned"]);
}

#[test]
fn a_unit_that_one_line_names_is_not_delivered_for_another() {
    let shop = confirmed(vec![unit_line(IMEI), line("PHONE", 1)]);
    shop.clone()
        .when(deliver("e-1", vec![(2, 1, &[IMEI])]))
        .then_refused("unit.reserved");
    let shop = shop.and(deliver("e-1", vec![(1, 1, &[IMEI]), (2, 1, &[SERIAL])]));
    assert_eq!(state(&shop).status(), Status::Delivered);
}

#[test]
fn who_accepted_is_not_said_after_the_acceptance() {
    let mut nobodys = quote();
    nobodys.customer_id = None;
    let by = |name: Option<&str>| AcceptQuote {
        customer_id: name.map(customer),
        ..accept()
    };
    let shop = shop().and(nobodys);
    let open = shop.clone().and(by(None));
    open.clone()
        .when(by(Some("ana")))
        .then_refused("order.other_customer");
    assert!(open.when(by(None)).decision().events.is_empty());
    let hers = shop.and(by(Some("ana")));
    assert!(hers.when(by(Some("ana"))).decision().events.is_empty());
}

#[test]
fn a_unit_that_was_ordered_by_its_number_is_kept_and_delivered_itself() {
    let shop = confirmed(vec![unit_line(IMEI)]);
    shop.clone()
        .when(sell("v-1", vec![unit_line(IMEI)], cash(500_000)))
        .then_refused("unit.reserved");
    shop.clone()
        .when(deliver("e-1", vec![(1, 1, &[SERIAL])]))
        .then_refused("order.other_unit");
    let shop = shop.and(deliver("e-1", vec![]));
    assert_eq!(figures(&shop, "PHONE"), (1, 0));
}

#[test]
fn an_invoice_is_for_what_was_delivered_and_its_parts_add_up_to_the_order() {
    let third = Some(Discount::Amount {
        amount_minor: minor(1),
    });
    let asked = CreateOrder {
        discount: third,
        ..order(vec![line("CASE", 3)])
    };
    let shop = shop().and(asked).and(confirm());
    shop.clone()
        .when(invoice("f-1", vec![], cash(1)))
        .then_refused("order.nothing_to_invoice");
    let shop = shop.and(deliver("e-1", vec![(1, 2, &[])]));
    shop.clone()
        .when(invoice("f-1", vec![(1, 3)], cash(1)))
        .then_refused("order.invoice_exceeds_delivered");
    let first = shop.when(invoice("f-1", vec![(1, 1)], cash(5_000)));
    let (one, change) = (invoiced(&first).total_minor, invoiced(&first).change_minor);
    assert_eq!(one.plus(change).unwrap(), minor(5_000));
    let shop = first.given;
    shop.clone()
        .when(invoice("f-1", vec![(1, 1)], cash(5_000)))
        .then_refused("order.invoice_exists");
    let shop = shop.and(deliver("e-2", vec![]));
    let rest = shop.when(invoice("f-2", vec![], cash(10_000)));
    let both = one.plus(invoiced(&rest).total_minor).unwrap();
    assert_eq!(both, minor(9_998));
    assert_eq!(state(&rest.given).status(), Status::Invoiced);
}

#[test]
fn an_invoice_on_credit_stays_within_the_terms_and_needs_a_customer_who_is_not_blocked() {
    let shop = confirmed(vec![line("CABLE", 10)]).and(deliver("e-1", vec![]));
    shop.clone()
        .when(invoice("f-1", vec![], cash(1)))
        .then_refused("payment.too_low");
    let status = CustomerStatus::Blocked;
    let block = ChangeCustomerStatus {
        customer_id: customer("ana"),
        status,
    };
    let blocked = shop.clone().and(block);
    blocked
        .clone()
        .when(invoice("f-1", vec![], credit(100_000)))
        .then_refused("customer.blocked");
    blocked.and(invoice("f-1", vec![], cash(100_000)));
    let owing = shop.clone().and(crate::customers::ChargeCustomer {
        customer_id: customer("ana"),
        charge_id: None,
        amount_minor: minor(1),
        note: None,
    });
    owing
        .when(invoice("f-1", vec![], credit(100_000)))
        .then_refused("credit.limit_exceeded");
    let shop = shop.and(invoice("f-1", vec![], credit(100_000)));
    assert_eq!(balance(&shop, "ana"), 100_000);
    let nobody = CreateOrder {
        customer_id: None,
        ..order(vec![line("CASE", 1)])
    };
    let nobody = crate::testing::shop()
        .and(nobody)
        .and(confirm())
        .and(deliver("e-1", vec![]));
    nobody
        .when(invoice("f-1", vec![], credit(3_333)))
        .then_refused("customer.required");
}

#[test]
fn what_comes_back_was_not_invoiced_first_and_the_rest_is_paid_back() {
    let shop = confirmed(vec![line("CABLE", 4)])
        .and(deliver("e-1", vec![]))
        .and(invoice("f-1", vec![(1, 3)], credit(30_000)));
    let outcome = shop.when(give_back("d-1", vec![(1, 2, &[], true)]));
    let back = returned(&outcome);
    assert_eq!(
        (back.lines[0].credited_quantity, back.total_minor),
        (1, minor(10_000))
    );
    let shop = outcome.then(["inventory.arrived", "order.returned", "customer.credited"]);
    assert_eq!((balance(&shop, "ana"), figures(&shop, "CABLE")), (20_000, (8, 0)));
    let line = &state(&shop).lines[0];
    assert_eq!((line.with_customer(), line.invoiced), (2, 2));
    shop.clone()
        .when(give_back("d-1", vec![(1, 1, &[], true)]))
        .then_refused("return.already_exists");
    shop.clone()
        .when(give_back("d-2", vec![(1, 3, &[], true)]))
        .then_refused("order.return_exceeds_delivered");
    let shop = shop.and(give_back("d-2", vec![(1, 2, &[], false)]));
    assert_eq!((balance(&shop, "ana"), figures(&shop, "CABLE")), (0, (8, 0)));
}

#[test]
fn what_comes_back_carries_its_own_cost() {
    let shop = confirmed(vec![line("CABLE", 3)]).and(deliver("e-1", vec![]));
    assert_eq!(state(&shop).lines[0].cost.value_minor, 18_000);
    let shop = shop.and(give_back("d-1", vec![(1, 1, &[], true)]));
    assert_eq!(state(&shop).lines[0].cost.value_minor, 12_000);
    let shop = shop.and(give_back("d-2", vec![(1, 2, &[], true)]));
    assert_eq!(state(&shop).lines[0].cost, crate::stock::MovedCost::default());
    let cost = level(&shop, "CABLE").cost;
    assert_eq!((cost.quantity, cost.value_minor), (10, 60_000));
}

#[test]
fn a_cancelled_order_gives_back_what_it_keeps_and_what_was_delivered_is_still_invoiced() {
    let shop = confirmed(vec![line("CABLE", 5)]).and(deliver("e-1", vec![(1, 2, &[])]));
    let closed = shop.and(CloseStore { store: centro() });
    let shop = closed
        .when(cancel())
        .then(["order.cancelled", "inventory.released"]);
    assert_eq!(figures(&shop, "CABLE"), (8, 0));
    let shop = shop.when(cancel()).then_nothing();
    shop.clone()
        .when(deliver("e-2", vec![]))
        .then_refused("order.cancelled");
    let shop = shop.and(invoice("f-1", vec![], credit(20_000)));
    assert_eq!(
        (balance(&shop, "ana"), state(&shop).status()),
        (20_000, Status::Cancelled)
    );
}

#[test]
fn each_forbidden_step_says_how_far_the_order_is() {
    let quoted = shop().and(quote());
    quoted.clone().when(confirm()).then_refused("order.is_quote");
    quoted
        .clone()
        .when(deliver("e", vec![]))
        .then_refused("order.is_quote");
    quoted
        .clone()
        .when(invoice("f", vec![], cash(1)))
        .then_refused("order.is_quote");
    let open = quoted.clone().and(accept());
    let open = open.when(accept()).then_nothing();
    open.clone()
        .when(deliver("e", vec![]))
        .then_refused("order.not_confirmed");
    open.clone()
        .when(give_back("d", vec![(1, 1, &[], true)]))
        .then_refused("order.not_confirmed");
    let other = AcceptQuote {
        customer_id: Some(customer("luis")),
        ..accept()
    };
    open.clone().when(other).then_refused("order.other_customer");
    let kept = open.and(confirm()).when(confirm()).then_nothing();
    kept.clone().when(quote()).then_refused("order.already_exists");
    let gone = quoted.and(cancel());
    gone.clone().when(accept()).then_refused("order.cancelled");
    gone.clone().when(confirm()).then_refused("order.cancelled");
    let expire = ExpireQuote { order_id: the() };
    gone.at(until())
        .when(expire.clone())
        .then_refused("order.cancelled");
    kept.at(until())
        .when(expire.clone())
        .then_refused("order.accepted");
    let nothing = shop();
    nothing.clone().when(accept()).then_refused("order.not_found");
    nothing.clone().when(confirm()).then_refused("order.not_found");
    nothing.clone().when(cancel()).then_refused("order.not_found");
    nothing.clone().when(expire).then_refused("order.not_found");
    nothing
        .clone()
        .when(deliver("e", vec![]))
        .then_refused("order.not_found");
    nothing
        .clone()
        .when(invoice("f", vec![], vec![]))
        .then_refused("order.not_found");
    nothing
        .when(give_back("d", vec![(1, 1, &[], true)]))
        .then_refused("order.not_found");
}

#[test]
fn a_quote_holds_until_its_time_and_not_after() {
    let expire = || ExpireQuote { order_id: the() };
    let quoted = shop().and(quote());
    quoted.clone().when(expire()).then_refused("order.not_due");
    let early = until() - Duration::microseconds(1);
    quoted.clone().at(early).and(accept());
    let late = quoted.at(until());
    late.clone().when(accept()).then_refused("order.expired");
    let expired = late.when(expire()).then(["order.expired"]);
    let expired = expired.when(expire()).then_nothing();
    expired.clone().when(accept()).then_refused("order.expired");
    expired.when(cancel()).then_refused("order.expired");
}

#[test]
fn an_order_that_can_never_be_right_is_refused() {
    let with = |change: fn(&mut CreateOrder), code| {
        let mut command = quote();
        change(&mut command);
        shop().when(command).then_refused(code)
    };
    let valid = |c: &mut CreateOrder, valid_until, valid_for_s| {
        c.kind = OrderKind::Quote {
            valid_until,
            valid_for_s,
        };
    };
    with(|c| c.lines.clear(), "request.no_lines");
    with(|c| c.lines[0].sku = Some(sku("NADA")), "item.not_found");
    with(|c| c.customer_id = Some(customer("nadie")), "customer.not_found");
    with(|c| c.reference = Some(" x".to_owned()), "request.text_invalid");
    let mut command = quote();
    for (until, seconds) in [
        (Some(NOW), None),
        (None, Some(0)),
        (None, Some(MAX_VALIDITY_S + 1)),
        (Some(until()), Some(3_600)),
    ] {
        valid(&mut command, until, seconds);
        shop()
            .when(command.clone())
            .then_refused("order.validity_invalid");
    }
    valid(&mut command, None, None);
    let by_default = shop().when(command);
    assert_eq!(
        by_default.decision().answer["valid_until"],
        "2026-12-22T18:00:00Z"
    );
    let closed = shop().and(CloseStore { store: centro() });
    closed.when(quote()).then_refused("store.closed");
    let gone = shop().and(DiscontinueItem { sku: sku("CABLE") });
    gone.when(quote()).then_refused("item.discontinued");
    let archive = ChangeCustomerStatus {
        customer_id: customer("ana"),
        status: CustomerStatus::Archived,
    };
    shop()
        .and(archive)
        .when(quote())
        .then_refused("customer.archived");
}

#[test]
fn more_than_there_is_can_be_ordered_but_not_promised() {
    let open = shop().and(order(vec![line("CABLE", 11)]));
    open.clone().when(confirm()).then_refused("stock.insufficient");
    open.and(receive(vec![receipt("CABLE", 1, &[])])).and(confirm());
}

/// What may happen to an order.
#[derive(Debug, Clone)]
enum Step {
    Deliver(i64, i64),
    DeliverRest,
    Repeat,
    Invoice(Option<(i64, i64)>, bool),
    Return(i64, i64, bool),
    Sell(i64),
    Adjust(i64),
    Cancel,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..5_i64, 1..5_i64).prop_map(|(line, pieces)| Step::Deliver(line, pieces)),
        1 => Just(Step::DeliverRest),
        1 => Just(Step::Repeat),
        3 => (proptest::option::of((1..5_i64, 1..5_i64)), any::<bool>()).prop_map(|(l, c)| Step::Invoice(l, c)),
        3 => (1..5_i64, 1..5_i64, any::<bool>()).prop_map(|(line, n, shelf)| Step::Return(line, n, shelf)),
        1 => (1..4_i64).prop_map(Step::Sell),
        1 => (-3..4_i64).prop_map(Step::Adjust),
        1 => Just(Step::Cancel),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Pays an invoice exactly, by asking once what it comes to.
fn paid(shop: &Given, mut asked: InvoiceOrder, on_credit: bool) -> InvoiceOrder {
    asked.payments = cash(1_000_000_000);
    let Ok(decision) = &shop.clone().when(asked.clone()).result else {
        return asked;
    };
    let total = decision.answer["total_minor"].as_i64().unwrap();
    let method = if on_credit {
        PaymentMethod::Credit
    } else {
        PaymentMethod::Cash
    };
    asked.payments = if total == 0 {
        vec![]
    } else {
        vec![pay(method, total)]
    };
    asked
}

/// Takes a step, whatever it comes to.
fn step(shop: Given, number: usize, step: &Step) -> Given {
    let id = format!("n-{number}");
    match *step {
        Step::Deliver(line, pieces) => shop.when(deliver(&id, vec![(line, pieces, &[])])).given,
        Step::DeliverRest => shop.when(deliver(&id, vec![])).given,
        Step::Repeat => {
            let before = state(&shop);
            let Some((again, handed)) = before.deliveries.iter().next() else {
                return shop;
            };
            let lines = handed
                .lines
                .iter()
                .map(|line| (line.line, line.quantity, [].as_slice()));
            shop.when(deliver(again.as_str(), lines.collect())).then_nothing()
        }
        Step::Invoice(lines, on_credit) => {
            let asked = invoice(&id, lines.into_iter().collect(), vec![]);
            let asked = paid(&shop, asked, on_credit);
            shop.when(asked).given
        }
        Step::Return(line, pieces, shelf) => {
            shop.when(give_back(&id, vec![(line, pieces, &[], shelf)])).given
        }
        Step::Sell(pieces) => {
            shop.when(sell(&id, vec![line("CABLE", pieces)], cash(1_000_000)))
                .given
        }
        Step::Adjust(delta) => {
            let (store, sku) = (centro(), sku("CABLE"));
            let comment = None;
            shop.when(AdjustStock {
                store,
                sku,
                delta,
                comment,
            })
            .given
        }
        Step::Cancel => shop.when(cancel()).given,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_more_is_delivered_than_ordered_nor_invoiced_than_delivered_and_kept_and_delivered_never_pass_the_order(
        steps in steps(), discount in 0..3_000_i64,
    ) {
        let asked = CreateOrder {
            discount: Some(Discount::Amount { amount_minor: minor(discount) }),
            ..order(vec![line("CABLE", 4), line("CASE", 3), line("FIX", 2), line("CABLE", 3)])
        };
        let mut shop = shop().and(asked).and(confirm());
        let terms = schemas::events::customer::CreditTerms::Unlimited;
        shop = shop.and(crate::customers::ChangeCredit { customer_id: customer("ana"), credit: terms });
        let mut owed = 0;
        for (number, next) in steps.iter().enumerate() {
            let before = shop.events().count();
            shop = step(shop, number, next);
            for event in shop.events().skip(before) {
                match event {
                    Event::Order(OrderEvent::Invoiced(e)) => {
                        let credit = e.payments.iter().filter(|p| p.method == PaymentMethod::Credit);
                        owed += credit.map(|p| p.amount_minor.get()).sum::<i64>();
                        let paid: i64 = e.payments.iter().map(|p| p.amount_minor.get()).sum();
                        prop_assert_eq!(paid, e.total_minor.get());
                    }
                    Event::Order(OrderEvent::Returned(e)) => {
                        owed -= e.refunds.iter().map(|r| r.amount_minor.get()).sum::<i64>();
                    }
                    _ => {}
                }
            }
            let order = state(&shop);
            for line in &order.lines {
                prop_assert!(line.returned >= 0 && line.returned <= line.delivered && line.delivered <= line.quantity);
                prop_assert!(line.invoiced >= 0 && line.invoiced <= line.with_customer());
                prop_assert!(line.cost.quantity >= 0 && line.cost.quantity <= line.with_customer());
                prop_assert!(line.cost.value_minor >= 0);
            }
            for name in ["CABLE", "CASE"] {
                let of_item = order.lines.iter().filter(|line| line.sku == sku(name));
                let undelivered: i64 = of_item.map(OrderLine::undelivered).sum();
                let kept = figures(&shop, name).1;
                prop_assert_eq!(kept, if order.stage == Stage::Confirmed { undelivered } else { 0 });
                prop_assert!(level(&shop, name).available() >= 0);
            }
            prop_assert_eq!(balance(&shop, "ana"), owed);
        }
    }
}
