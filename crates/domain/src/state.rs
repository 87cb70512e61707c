//! What the rules know about one stream: the fold of its events, of whichever aggregate it belongs to.
//!
//! States are cached and snapshotted by the engine, so they serialise; nothing but the engine reads them. Not here:
//! each aggregate's own fold, which stands in its module.

use schemas::{Event, StreamName};
use serde::{Deserialize, Serialize};

use crate::admin::{Counter, Store, Tenant, Terminal, User};
use crate::alerts::Alert;
use crate::api_keys::ApiKey;
use crate::catalogue::Item;
use crate::connectors::Connector;
use crate::customers::Customer;
use crate::imports::{Import, ImportFile};
use crate::movements::Movement;
use crate::offline::{Quarantine, Till};
use crate::orders::Order;
use crate::purchases::Purchase;
use crate::repairs::Repair;
use crate::reservations::Reservation;
use crate::sales::{GoodsReturn, Sale};
use crate::stock::{Custody, Stock, Unit};
use crate::suppliers::Supplier;
use crate::transfers::Transfer;
use crate::webhooks::Endpoint;

/// The state of one stream; `None` inside means that nothing has happened there yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Tenant(Option<Box<Tenant>>),
    Counter(Counter),
    Store(Option<Store>),
    Terminal(Option<Terminal>),
    User(Option<User>),
    Item(Option<Box<Item>>),
    Stock(Stock),
    /// A unit of ours, if it ever was one, and which repair has it.
    Unit(Option<Unit>, Custody),
    Alert(Option<Alert>),
    Movement(Option<Box<Movement>>),
    Customer(Option<Box<Customer>>),
    Order(Option<Box<Order>>),
    Import(Option<Box<Import>>),
    ImportFile(ImportFile),
    Sale(Option<Box<Sale>>),
    Till(Till),
    Quarantine(Option<Box<Quarantine>>),
    Return(GoodsReturn),
    Reservation(Option<Box<Reservation>>),
    Repair(Option<Box<Repair>>),
    Transfer(Option<Box<Transfer>>),
    Supplier(Option<Box<Supplier>>),
    Purchase(Option<Box<Purchase>>),
    Endpoint(Option<Box<Endpoint>>),
    Connector(Option<Box<Connector>>),
    ApiKey(Option<Box<ApiKey>>),
    /// Streams that nothing decides from, such as `security/<username>`.
    Opaque,
}

impl State {
    /// The state of an empty stream, by the stream's kind (see `streams`).
    pub fn initial(stream: &StreamName) -> State {
        match stream.kind() {
            "tenant" => State::Tenant(None),
            "counter" => State::Counter(Counter::default()),
            "store" => State::Store(None),
            "terminal" => State::Terminal(None),
            "user" => State::User(None),
            "item" => State::Item(None),
            "stock" => State::Stock(Stock::default()),
            "unit" => State::Unit(None, Custody::default()),
            "alert" => State::Alert(None),
            "movement" => State::Movement(None),
            "customer" => State::Customer(None),
            "order" => State::Order(None),
            "import" => State::Import(None),
            "import_file" => State::ImportFile(ImportFile::default()),
            "sale" => State::Sale(None),
            "till" => State::Till(Till::default()),
            "quarantine" => State::Quarantine(None),
            "return" => State::Return(GoodsReturn::default()),
            "reservation" => State::Reservation(None),
            "repair" => State::Repair(None),
            "transfer" => State::Transfer(None),
            "supplier" => State::Supplier(None),
            "purchase" => State::Purchase(None),
            "webhook" => State::Endpoint(None),
            "connector" => State::Connector(None),
            "api_key" => State::ApiKey(None),
            _ => State::Opaque,
        }
    }

    /// Moves on by one event. Total: an event of another aggregate leaves the state alone.
    pub fn evolve(&mut self, event: &Event) {
        match (self, event) {
            (State::Tenant(slot), Event::Admin(event)) => Tenant::evolve(slot, event),
            (State::Tenant(Some(tenant)), Event::Settings(event)) => tenant.set(event),
            (State::Tenant(Some(tenant)), Event::Policy(event)) => tenant.set_policy(event),
            (State::Counter(counter), Event::Settings(event)) => counter.evolve(event),
            (State::Store(slot), Event::Admin(event)) => Store::evolve(slot, event),
            (State::Terminal(slot), Event::Admin(event)) => Terminal::evolve(slot, event),
            (State::User(slot), Event::Admin(event)) => User::evolve(slot, event),
            (State::Item(slot), Event::Catalogue(event)) => Item::evolve(slot, event),
            (State::Stock(stock), Event::Stock(event)) => stock.evolve(event),
            (State::Stock(stock), Event::Threshold(event)) => stock.threshold.evolve(event),
            (State::Unit(slot, _), Event::Unit(event)) => Unit::evolve(slot, event),
            (State::Unit(_, custody), Event::Custody(event)) => custody.evolve(event),
            (State::Alert(slot), Event::Alert(event)) => Alert::evolve(slot, event),
            (State::Movement(slot), Event::Movement(event)) => Movement::evolve(slot, event),
            (State::Customer(slot), Event::Customer(event)) => Customer::evolve(slot, event),
            (State::Order(slot), Event::Order(event)) => Order::evolve(slot, event),
            (State::Import(slot), Event::Import(event)) => Import::evolve(slot, event),
            (State::ImportFile(file), Event::Import(event)) => file.evolve(event),
            (State::Sale(slot), Event::Sale(event)) => Sale::evolve(slot, event),
            (State::Till(till), Event::Offline(event)) => till.evolve(event),
            (State::Quarantine(slot), Event::Offline(event)) => Quarantine::evolve(slot, event),
            (State::Return(goods), Event::Sale(event)) => goods.evolve(event),
            (State::Reservation(slot), Event::Reservation(event)) => Reservation::evolve(slot, event),
            (State::Repair(slot), Event::Repair(event)) => Repair::evolve(slot, event),
            (State::Transfer(slot), Event::Transfer(event)) => Transfer::evolve(slot, event),
            (State::Supplier(slot), Event::Supplier(event)) => Supplier::evolve(slot, event),
            (State::Purchase(slot), Event::Purchase(event)) => Purchase::evolve(slot, event),
            (State::Endpoint(slot), Event::Webhook(event)) => Endpoint::evolve(slot, event),
            (State::Connector(slot), Event::Connector(event)) => Connector::evolve(slot, event),
            (State::ApiKey(slot), Event::ApiKey(event)) => ApiKey::evolve(slot, event),
            (_, _) => {}
        }
    }

    /// Approximate bytes that this state occupies, for the cache's bound.
    pub fn weight(&self) -> usize {
        let heap = match self {
            State::Tenant(tenant) => tenant.as_deref().map_or(0, Tenant::weight),
            State::Counter(counter) => counter.weight(),
            State::Store(store) => store.as_ref().map_or(0, Store::weight),
            State::Terminal(terminal) => terminal.as_ref().map_or(0, Terminal::weight),
            State::User(user) => user.as_ref().map_or(0, User::weight),
            State::Item(item) => item.as_deref().map_or(0, Item::weight),
            State::Stock(stock) => stock.weight(),
            State::Unit(unit, custody) => unit.as_ref().map_or(0, Unit::weight) + custody.weight(),
            State::Alert(alert) => alert.as_ref().map_or(0, Alert::weight),
            State::Movement(movement) => movement.as_deref().map_or(0, Movement::weight),
            State::Customer(customer) => customer.as_deref().map_or(0, Customer::weight),
            State::Order(order) => order.as_deref().map_or(0, Order::weight),
            State::Import(import) => import.as_deref().map_or(0, Import::weight),
            State::ImportFile(file) => file.taken_by.as_ref().map_or(0, |id| id.as_str().len()),
            State::Sale(sale) => sale.as_deref().map_or(0, Sale::weight),
            State::Till(till) => till.weight(),
            State::Quarantine(quarantine) => quarantine.as_deref().map_or(0, Quarantine::weight),
            State::Reservation(reservation) => reservation.as_deref().map_or(0, Reservation::weight),
            State::Repair(repair) => repair.as_deref().map_or(0, Repair::weight),
            State::Transfer(transfer) => transfer.as_deref().map_or(0, Transfer::weight),
            State::Supplier(supplier) => supplier.as_deref().map_or(0, Supplier::weight),
            State::Purchase(purchase) => purchase.as_deref().map_or(0, Purchase::weight),
            State::Endpoint(endpoint) => endpoint.as_deref().map_or(0, Endpoint::weight),
            State::Connector(connector) => connector.as_deref().map_or(0, Connector::weight),
            State::ApiKey(key) => key.as_deref().map_or(0, ApiKey::weight),
            State::Return(_) | State::Opaque => 0,
        };
        size_of::<State>() + heap
    }
}
