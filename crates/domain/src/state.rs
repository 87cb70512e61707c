//! What the rules know about one stream: the fold of its events, of whichever aggregate it belongs to.
//!
//! States are cached and snapshotted by the engine, so they serialise; nothing but the engine reads them. Not here:
//! each aggregate's own fold, which stands in its module.

use schemas::{Event, StreamName};
use serde::{Deserialize, Serialize};

use crate::admin::{Store, Tenant, Terminal, User};
use crate::catalogue::Item;
use crate::connectors::Connector;
use crate::customers::Customer;
use crate::reservations::Reservation;
use crate::sales::{GoodsReturn, Sale};
use crate::stock::{Stock, Unit};
use crate::webhooks::Endpoint;

/// The state of one stream; `None` inside means that nothing has happened there yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Tenant(Option<Box<Tenant>>),
    Store(Option<Store>),
    Terminal(Option<Terminal>),
    User(Option<User>),
    Item(Option<Box<Item>>),
    Stock(Stock),
    Unit(Option<Unit>),
    Customer(Option<Box<Customer>>),
    Sale(Option<Box<Sale>>),
    Return(GoodsReturn),
    Reservation(Option<Box<Reservation>>),
    Endpoint(Option<Box<Endpoint>>),
    Connector(Option<Box<Connector>>),
    /// Streams that nothing decides from, such as `security/<username>`.
    Opaque,
}

impl State {
    /// The state of an empty stream, by the stream's kind (see `streams`).
    pub fn initial(stream: &StreamName) -> State {
        match stream.kind() {
            "tenant" => State::Tenant(None),
            "store" => State::Store(None),
            "terminal" => State::Terminal(None),
            "user" => State::User(None),
            "item" => State::Item(None),
            "stock" => State::Stock(Stock::default()),
            "unit" => State::Unit(None),
            "customer" => State::Customer(None),
            "sale" => State::Sale(None),
            "return" => State::Return(GoodsReturn::default()),
            "reservation" => State::Reservation(None),
            "webhook" => State::Endpoint(None),
            "connector" => State::Connector(None),
            _ => State::Opaque,
        }
    }

    /// Moves on by one event. Total: an event of another aggregate leaves the state alone.
    pub fn evolve(&mut self, event: &Event) {
        match (self, event) {
            (State::Tenant(slot), Event::Admin(event)) => Tenant::evolve(slot, event),
            (State::Store(slot), Event::Admin(event)) => Store::evolve(slot, event),
            (State::Terminal(slot), Event::Admin(event)) => Terminal::evolve(slot, event),
            (State::User(slot), Event::Admin(event)) => User::evolve(slot, event),
            (State::Item(slot), Event::Catalogue(event)) => Item::evolve(slot, event),
            (State::Stock(stock), Event::Stock(event)) => stock.evolve(event),
            (State::Unit(slot), Event::Unit(event)) => Unit::evolve(slot, event),
            (State::Customer(slot), Event::Customer(event)) => Customer::evolve(slot, event),
            (State::Sale(slot), Event::Sale(event)) => Sale::evolve(slot, event),
            (State::Return(goods), Event::Sale(event)) => goods.evolve(event),
            (State::Reservation(slot), Event::Reservation(event)) => Reservation::evolve(slot, event),
            (State::Endpoint(slot), Event::Webhook(event)) => Endpoint::evolve(slot, event),
            (State::Connector(slot), Event::Connector(event)) => Connector::evolve(slot, event),
            (_, _) => {}
        }
    }

    /// Approximate bytes that this state occupies, for the cache's bound.
    pub fn weight(&self) -> usize {
        let heap = match self {
            State::Tenant(tenant) => tenant.as_deref().map_or(0, Tenant::weight),
            State::Store(store) => store.as_ref().map_or(0, Store::weight),
            State::Terminal(terminal) => terminal.as_ref().map_or(0, Terminal::weight),
            State::User(user) => user.as_ref().map_or(0, User::weight),
            State::Item(item) => item.as_deref().map_or(0, Item::weight),
            State::Stock(stock) => stock.weight(),
            State::Unit(unit) => unit.as_ref().map_or(0, Unit::weight),
            State::Customer(customer) => customer.as_deref().map_or(0, Customer::weight),
            State::Sale(sale) => sale.as_deref().map_or(0, Sale::weight),
            State::Reservation(reservation) => reservation.as_deref().map_or(0, Reservation::weight),
            State::Endpoint(endpoint) => endpoint.as_deref().map_or(0, Endpoint::weight),
            State::Connector(connector) => connector.as_deref().map_or(0, Connector::weight),
            State::Return(_) | State::Opaque => 0,
        };
        size_of::<State>() + heap
    }
}
