//! The rules for sales: whole ones, drafts, voids, returns, exchanges; and properties over all of them.

mod drafts;
mod exchanges;
mod money_back;
mod properties;
mod returns;
mod voids;
mod whole;

use schemas::envelope::Actor;
use schemas::events::sale::SaleCompleted;
use schemas::events::{Event, SaleEvent};
use schemas::{CustomerId, Minor};

use crate::stock::{Stock, Unit};
use crate::testing::*;
use crate::{State, streams};

/// From here on somebody of this role acts.
fn as_role(mut given: Given, role: &str) -> Given {
    given.ctx.actor = Actor::User {
        username: "rosa".to_owned(),
        role: role.to_owned(),
    };
    given
}

/// The sale that a decision completed.
#[track_caller]
fn completed(outcome: &Outcome) -> SaleCompleted {
    let found = outcome
        .decision()
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::Sale(SaleEvent::Completed(completed)) => Some(completed.clone()),
            _ => None,
        });
    found.expect("a completed sale")
}

fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

fn on_hand(given: &Given, name: &str) -> i64 {
    level(given, name).on_hand
}

fn the_unit(given: &Given, text: &str) -> Unit {
    match given.state(&streams::unit(&unit(text))) {
        State::Unit(Some(unit), _) => unit,
        other => panic!("{other:?}"),
    }
}

fn balance(given: &Given, id: &CustomerId) -> Minor {
    match given.state(&streams::customer(id)) {
        State::Customer(Some(customer)) => customer.balance_minor,
        other => panic!("{other:?}"),
    }
}
