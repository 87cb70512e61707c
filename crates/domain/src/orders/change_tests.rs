//! Numbers of orders, what a change does to a quote or an order, and what pieces of a line come to.

use proptest::prelude::*;
use schemas::Event;
use schemas::events::customer::CustomerStatus;
use schemas::events::order::{OrderChanged, OrderEvent};
use schemas::events::sale::{Discount, DraftLine};
use schemas::events::settings::Series;
use serde_json::json;
use time::Duration;

use super::tests::{
    accept, cancel, confirm, deliver, figures, give_back, invoice, invoiced, order, quote, state, the, until,
};
use super::*;
use crate::admin::SetNumbering;
use crate::catalogue::{ChangeItem, DiscontinueItem};
use crate::customers::ChangeCustomerStatus;
use crate::testing::*;

fn numbered(series: Series, prefix: &str) -> SetNumbering {
    SetNumbering {
        series,
        prefix: prefix.to_owned(),
        next: 17,
        digits: 4,
    }
}

fn change(expected_revision: i64, lines: Vec<DraftLine>) -> ChangeOrder {
    ChangeOrder {
        order_id: the(),
        expected_revision,
        store: centro(),
        customer_id: Some(customer("ana")),
        reference: Some("OC 17".to_owned()),
        lines,
        discount: None,
        valid_until: None,
        valid_for_s: None,
    }
}

/// What [`quote`] asks for.
fn same(expected_revision: i64) -> ChangeOrder {
    change(expected_revision, vec![line("CABLE", 5), line("FIX", 1)])
}

fn changed(outcome: &Outcome) -> OrderChanged {
    let events = &outcome.decision().events;
    let found = events.iter().find_map(|(_, event)| match event {
        Event::Order(OrderEvent::Changed(changed)) => Some(changed.clone()),
        _ => None,
    });
    found.expect("a change")
}

#[test]
fn a_quote_takes_a_number_and_keeps_it_as_an_order_and_a_return_takes_one_of_its_own() {
    let shop = shop()
        .and(numbered(Series::Order, "PED-"))
        .and(numbered(Series::Return, "DEV-"));
    let outcome = shop.when(quote());
    assert_eq!(outcome.decision().answer["number"], "PED-0017");
    let shop = outcome.then(["admin.number_taken", "order.quoted"]);
    let shop = shop.when(same(1)).then_nothing();
    let shop = shop.and(change(1, vec![line("CABLE", 4)]));
    // A refused order takes no number.
    shop.clone().when(quote()).then_refused("order.already_exists");
    let another = CreateOrder {
        order_id: None,
        kind: OrderKind::Order,
        ..quote()
    };
    assert_eq!(shop.clone().when(another).decision().answer["number"], "PED-0018");
    let shop = shop.when(accept()).then(["order.accepted"]);
    assert_eq!(state(&shop).number.as_deref(), Some("PED-0017"));

    let shop = shop.and(confirm()).and(deliver("e-1", vec![]));
    let shop = shop.when(deliver("e-1", vec![])).then_nothing();
    let back = shop.when(give_back("d-1", vec![(1, 1, &[], true)]));
    assert_eq!(back.decision().answer["number"], "DEV-0017");
    let shop = back.then(["inventory.arrived", "admin.number_taken", "order.returned"]);
    shop.clone()
        .when(give_back("d-1", vec![(1, 1, &[], true)]))
        .then_refused("return.already_exists");
    let next = shop.when(give_back("d-2", vec![(1, 1, &[], true)]));
    assert_eq!(next.decision().answer["number"], "DEV-0018");
}

#[test]
fn a_quote_says_something_else_at_the_prices_that_were_promised() {
    let dearer = ChangeItem {
        sku: sku("CABLE"),
        name: None,
        price_minor: Some(minor(99_999)),
        tax_code: None,
        details: None,
    };
    let shop = shop().and(quote()).and(dearer);
    let asked = ChangeOrder {
        customer_id: None,
        valid_for_s: Some(7_200),
        ..change(1, vec![line("CABLE", 7), line("CASE", 2)])
    };
    let outcome = shop.when(asked.clone());
    let said = changed(&outcome);
    assert_eq!((said.revision, said.lines_before), (2, 2));
    assert_eq!(said.valid_until, Some(until() + Duration::hours(1)));
    // The cable's price was promised, the case is new.
    let prices: Vec<_> = said
        .content
        .lines
        .iter()
        .map(|line| line.unit_price_minor.get())
        .collect();
    assert_eq!(prices, [10_000, 3_333]);
    let answer = &outcome.decision().answer;
    assert_eq!(
        (&answer["status"], &answer["revision"], &answer["total_minor"]),
        (&json!("quote"), &json!(2), &json!(76_666))
    );
    assert_eq!(answer["valid_until"], "2026-11-22T20:00:00Z");
    let shop = outcome.then(["order.changed"]);
    // Sent again it is done, though its revision is not the order's any more.
    let shop = shop
        .when(ChangeOrder {
            valid_for_s: None,
            ..asked
        })
        .then_nothing();
    let given = DraftLine {
        unit_price_minor: Some(minor(9_000)),
        ..line("CABLE", 7)
    };
    let outcome = shop.when(change(2, vec![given]));
    assert_eq!(changed(&outcome).content.total_minor, minor(63_000));
}

#[test]
fn a_change_of_what_somebody_else_changed_or_of_what_is_promised_is_refused() {
    let quoted = shop().and(quote());
    let other = || change(1, vec![line("CABLE", 1)]);
    let twice = quoted.clone().and(other());
    let pointer = twice
        .clone()
        .when(change(1, vec![line("CABLE", 2)]))
        .then_refused("order.revision_stale");
    assert_eq!(pointer.as_deref(), Some("/expected_revision"));
    // An acceptance may have said whose it is, so that it counts as well.
    let open = twice.and(accept());
    open.clone()
        .when(change(2, vec![line("CABLE", 2)]))
        .then_refused("order.revision_stale");
    let timed = ChangeOrder {
        valid_for_s: Some(60),
        ..change(3, vec![line("CABLE", 2)])
    };
    open.clone().when(timed).then_refused("order.no_quote");
    let open = open.and(change(3, vec![line("CABLE", 3)]));
    assert_eq!(
        (state(&open).revision, state(&open).valid_until),
        (4, Some(until()))
    );
    let confirmed = open.and(confirm());
    assert_eq!(figures(&confirmed, "CABLE"), (10, 3));
    let with = |given: &Given, code| {
        given
            .clone()
            .when(change(4, vec![line("CABLE", 9)]))
            .then_refused(code)
    };
    with(&confirmed, "order.confirmed");
    with(&confirmed.and(deliver("e-1", vec![])), "order.confirmed");
    with(&quoted.clone().and(cancel()), "order.cancelled");
    let late = quoted.at(until());
    with(&late, "order.expired");
    with(&late.and(ExpireQuote { order_id: the() }), "order.expired");
    with(&shop(), "order.not_found");
}

#[test]
fn a_change_is_checked_like_a_new_order() {
    let with = |change: fn(&mut ChangeOrder), code| {
        let mut command = same(1);
        change(&mut command);
        shop().and(quote()).when(command).then_refused(code)
    };
    with(|c| c.lines.clear(), "request.no_lines");
    with(|c| c.lines[0].sku = Some(sku("NADA")), "item.not_found");
    with(|c| c.customer_id = Some(customer("nadie")), "customer.not_found");
    with(|c| c.reference = Some(" x".to_owned()), "request.text_invalid");
    with(|c| c.valid_for_s = Some(0), "order.validity_invalid");
    let archive = ChangeCustomerStatus {
        customer_id: customer("ana"),
        status: CustomerStatus::Archived,
    };
    shop()
        .and(quote())
        .and(archive)
        .when(same(1))
        .then_refused("customer.archived");
    let gone = shop().and(quote()).and(DiscontinueItem { sku: sku("FIX") });
    gone.clone().when(same(1)).then_refused("item.discontinued");
    gone.and(change(1, vec![line("CABLE", 5)]));
}

#[test]
fn each_invoice_says_what_its_pieces_cost_before_their_share_of_the_discount() {
    let asked = CreateOrder {
        discount: Some(Discount::Amount {
            amount_minor: minor(1_000),
        }),
        ..order(vec![line("CASE", 3)])
    };
    let mut shop = shop().and(asked).and(confirm()).and(deliver("e-1", vec![]));
    let mut figures = Vec::new();
    for number in 1..=3 {
        let asked = invoice(&format!("f-{number}"), vec![(1, 1)], cash(10_000));
        let outcome = shop.when(asked);
        let said = invoiced(&outcome);
        assert_eq!(said.gross_minor, said.lines[0].gross_minor);
        figures.push((
            said.gross_minor.unwrap().get(),
            said.discount_minor.unwrap().get(),
            said.total_minor.get(),
        ));
        shop = outcome.given;
    }
    assert_eq!(
        figures,
        [(3_333, 333, 3_000), (3_333, 334, 2_999), (3_333, 333, 3_000)]
    );
}

/// A line at some price with some discount and tax, in a shop whose prices have the tax in them or do not.
fn a_line() -> impl Strategy<Value = OrderLine> {
    let figures = (
        1..40_i64,
        0..2_000_i64,
        0..=1_000_i64,
        0..300_000_i64,
        any::<bool>(),
    );
    figures.prop_map(|(quantity, price, per_mille, rate_ppm, is_on_top)| {
        let gross = price * quantity;
        let discount = gross * per_mille / 1_000;
        let net = minor(gross - discount);
        let (tax, total) = if is_on_top {
            let tax = net.ratio(rate_ppm, 1_000_000).unwrap();
            (tax, net.plus(tax).unwrap())
        } else {
            (net.ratio(rate_ppm, 1_000_000 + rate_ppm).unwrap(), net)
        };
        OrderLine {
            sku: sku("CABLE"),
            unit: None,
            quantity,
            gross_minor: minor(gross),
            discount_minor: minor(discount),
            tax_minor: tax,
            total_minor: total,
            delivered: quantity,
            returned: 0,
            invoiced: 0,
            invoiced_minor: 0,
            cost: crate::stock::MovedCost::default(),
        }
    })
}

/// Lines that a shop may have all of in the end: at most nine cables and three cases.
fn a_content() -> impl Strategy<Value = Vec<DraftLine>> {
    let some = |name: &'static str, most: i64| {
        proptest::collection::vec((1..=most).prop_map(move |pieces| line(name, pieces)), 0..4)
    };
    let both = (some("CABLE", 3), some("CASE", 1));
    let both = both.prop_map(|(cables, cases)| [cables, cases].concat());
    both.prop_filter("an order has lines", |lines| !lines.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_a_line_add_up_to_it_and_none_is_less_than_nothing(
        line in a_line(), cuts in proptest::collection::vec(1..9_i64, 1..12),
    ) {
        let mut from = 0;
        let mut sums = [0; 4];
        for cut in cuts.into_iter().chain([line.quantity]) {
            let to = (from + cut).min(line.quantity);
            let part = line.worth(to).unwrap().less(line.worth(from).unwrap()).unwrap();
            let parts = [part.gross_minor, part.discount_minor, part.tax_minor, part.total_minor];
            prop_assert!(parts.iter().all(|figure| !figure.is_negative()), "{part:?}");
            let net = part.gross_minor.get() - part.discount_minor.get();
            let is_on_top = line.total_minor.get() != line.gross_minor.get() - line.discount_minor.get();
            prop_assert_eq!(part.total_minor.get(), if is_on_top { net + part.tax_minor.get() } else { net });
            prop_assert_eq!(part.gross_minor.get() * line.quantity, line.gross_minor.get() * (to - from));
            for (sum, figure) in sums.iter_mut().zip(parts) {
                *sum += figure.get();
            }
            from = to;
        }
        let whole = [line.gross_minor, line.discount_minor, line.tax_minor, line.total_minor];
        prop_assert_eq!(sums, whole.map(schemas::Minor::get));
    }

    /// The first version of an invoice gave its pieces the rounded share of the line's total.
    #[test]
    fn a_line_that_was_invoiced_in_part_before_comes_to_its_total_all_the_same(
        line in a_line(), early in 0..40_i64, cuts in proptest::collection::vec(1..9_i64, 1..12), back in 0..40_i64,
    ) {
        let early = early.min(line.quantity);
        let said = line.total_minor.ratio(early, line.quantity).unwrap().get();
        let mut line = OrderLine { invoiced: early, invoiced_minor: said, ..line };
        let mut sum = said;
        for cut in cuts.into_iter().chain([line.quantity]) {
            let pieces = cut.min(line.quantity - line.invoiced);
            let part = line.to_invoice(pieces).unwrap();
            let is_on_top = line.total_minor.get() != line.gross_minor.get() - line.discount_minor.get();
            let net = part.gross_minor.get() - part.discount_minor.get();
            prop_assert_eq!(part.total_minor.get(), if is_on_top { net + part.tax_minor.get() } else { net });
            prop_assert!(!part.total_minor.is_negative());
            sum += part.total_minor.get();
            line = OrderLine { invoiced: line.invoiced + pieces, invoiced_minor: sum, ..line };
        }
        prop_assert_eq!(sum, line.total_minor.get());
        let back = back.min(line.quantity);
        let credit = line.to_credit(back).unwrap().total_minor.get();
        let rest = OrderLine { invoiced: line.quantity - back, invoiced_minor: sum - credit, ..line };
        prop_assert_eq!(credit + rest.to_credit(rest.invoiced).unwrap().total_minor.get(), sum);
    }

    /// So does what comes back of it before anything else is invoiced.
    #[test]
    fn what_was_invoiced_before_is_credited_in_full_when_all_of_it_comes_back(
        line in a_line(), early in 0..40_i64, cuts in proptest::collection::vec(1..9_i64, 1..12),
    ) {
        let early = early.min(line.quantity);
        let said = line.total_minor.ratio(early, line.quantity).unwrap().get();
        let mut line = OrderLine { invoiced: early, invoiced_minor: said, ..line };
        for cut in cuts.into_iter().chain([line.quantity]) {
            let pieces = cut.min(line.invoiced);
            let credit = line.to_credit(pieces).unwrap().total_minor.get();
            prop_assert!(credit >= 0);
            let (invoiced, invoiced_minor) = (line.invoiced - pieces, line.invoiced_minor - credit);
            line = OrderLine { invoiced, invoiced_minor, ..line };
        }
        prop_assert_eq!(line.invoiced_minor, 0);
    }

    #[test]
    fn whatever_an_order_was_changed_to_before_it_keeps_what_of_the_last_is_not_delivered(
        contents in proptest::collection::vec(a_content(), 1..8), is_quote in any::<bool>(),
        deliveries in proptest::collection::vec((1..6_i64, 1..4_i64), 0..8),
    ) {
        let mut shop = shop().and(if is_quote { quote() } else { order(vec![line("CABLE", 2)]) });
        let mut revision = 1;
        for (number, lines) in contents.iter().enumerate() {
            if is_quote && number == contents.len() / 2 {
                shop = shop.and(accept());
                revision += 1;
            }
            let before = shop.events().count();
            shop = shop.and(change(revision, lines.clone()));
            revision += i64::try_from(shop.events().count() - before).unwrap();
            prop_assert_eq!(state(&shop).revision, revision);
            // Nothing is kept before it is promised.
            prop_assert_eq!((figures(&shop, "CABLE").1, figures(&shop, "CASE").1), (0, 0));
        }
        shop = shop.and(confirm());
        for (number, (line, pieces)) in deliveries.into_iter().enumerate() {
            shop = shop.when(deliver(&format!("e-{number}"), vec![(line, pieces, &[])])).given;
        }
        let last = contents.last().unwrap();
        let found = state(&shop);
        prop_assert_eq!(found.lines.len(), last.len());
        for (line, asked) in found.lines.iter().zip(last) {
            prop_assert_eq!((Some(&line.sku), line.quantity), (asked.sku.as_ref(), asked.quantity.get()));
        }
        for name in ["CABLE", "CASE"] {
            let of_item = found.lines.iter().filter(|line| line.sku == sku(name));
            let undelivered: i64 = of_item.map(OrderLine::undelivered).sum();
            prop_assert_eq!(figures(&shop, name).1, undelivered);
        }
    }
}
