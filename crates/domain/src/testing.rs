//! Given/when/then for the rules, and a small shop to try them in.
//!
//! Loads streams only when a decision asks for them, as the engine does, and checks with every decision that its
//! states are the fold of its events and that events and refusals survive being stored. Only for tests.

use std::collections::HashMap;

use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::events::customer::{CreditTerms, CustomerKind};
use schemas::events::sale::{DraftLine, PaymentMethod};
use schemas::{
    Currency, CustomerId, Event, Minor, Quantity, SaleId, Sku, StoreId, StreamName, TaxCode, TenantId,
    TerminalId, UnitId,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::refusal::Language;
use crate::sales::{CompleteSale, PaymentRequest};
use crate::stock::{ReceiptLine, ReceiveStock};
use crate::{
    Command, Ctx, Decide, Decision, Missing, Refusal, State, View, Work, admin, catalogue, customers,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 18:00 UTC);
pub(crate) const IMEI: &str = "imei:490154203237518";
pub(crate) const SERIAL: &str = "serial:SN-1";

/// A log in memory, and who acts when.
#[derive(Clone)]
pub(crate) struct Given {
    log: Vec<(StreamName, Event)>,
    states: HashMap<StreamName, State>,
    pub ctx: Ctx,
    commands: u128,
}

/// What a command came to.
pub(crate) struct Outcome {
    pub given: Given,
    pub result: Result<Decision, Refusal>,
}

struct Loaded<'a>(&'a HashMap<StreamName, State>);

impl View for Loaded<'_> {
    fn state(&self, stream: &StreamName) -> Option<&State> {
        self.0.get(stream)
    }
}

/// A log that holds these events.
pub(crate) fn given(events: impl IntoIterator<Item = (StreamName, Event)>) -> Given {
    let ctx = Ctx {
        tenant: TenantId::new("tienda").unwrap(),
        actor: Actor::User {
            username: "marta".to_owned(),
            role: "admin".to_owned(),
        },
        now: NOW,
        seed: Uuid::from_u128(1),
    };
    let mut given = Given {
        log: Vec::new(),
        states: HashMap::new(),
        ctx,
        commands: 1,
    };
    for (stream, event) in events {
        given.append(stream, event);
    }
    given
}

impl Given {
    fn append(&mut self, stream: StreamName, event: Event) {
        let state = self
            .states
            .entry(stream.clone())
            .or_insert_with(|| State::initial(&stream));
        state.evolve(&event);
        self.log.push((stream, event));
    }

    /// Events that a part of a command decided, without the command.
    pub fn append_all(mut self, events: Vec<(StreamName, Event)>) -> Given {
        for (stream, event) in events {
            self.append(stream, event);
        }
        self
    }

    pub fn state(&self, stream: &StreamName) -> State {
        self.states
            .get(stream)
            .cloned()
            .unwrap_or_else(|| State::initial(stream))
    }

    /// Later, by the engine's clock.
    pub fn at(mut self, now: OffsetDateTime) -> Given {
        self.ctx.now = now;
        self
    }

    /// The streams that hold anything.
    pub fn streams(&self) -> impl Iterator<Item = &StreamName> {
        self.states.keys()
    }

    /// All events so far, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.log.iter().map(|(_, event)| event)
    }

    pub fn policy(self, stock_policy: StockPolicy) -> Given {
        self.and(admin::SetStockPolicy { stock_policy })
    }

    /// Decides as the engine does: whatever is missing is loaded, and the command is asked again.
    #[track_caller]
    pub fn when(mut self, command: impl Into<Command>) -> Outcome {
        let command: Command = command.into();
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(
            serde_json::from_str::<Command>(&text).unwrap(),
            command,
            "a command survives the inbox"
        );
        self.commands += 1;
        self.ctx.seed = Uuid::from_u128(self.commands);
        let mut loaded = HashMap::new();
        for _ in 0..8 {
            match command.decide(Work::new(&Loaded(&loaded)), &self.ctx) {
                Ok(decision) => {
                    self.check(&decision, &loaded);
                    for (stream, event) in &decision.events {
                        self.append(stream.clone(), event.clone());
                    }
                    return Outcome {
                        given: self,
                        result: Ok(decision),
                    };
                }
                Err(Missing::Refused(refusal)) => {
                    check_refusal(&refusal);
                    return Outcome {
                        given: self,
                        result: Err(refusal),
                    };
                }
                Err(Missing::Streams(streams)) => {
                    assert!(!streams.is_empty(), "asks for nothing");
                    for stream in streams {
                        let state = self.state(&stream);
                        assert!(
                            loaded.insert(stream.clone(), state).is_none(),
                            "asks twice for {stream}"
                        );
                    }
                    assert!(loaded.len() <= crate::bounds::MAX_STREAMS);
                }
            }
        }
        panic!("{} still asks for more streams after 8 rounds", command.name());
    }

    /// A step on the way that must succeed.
    #[track_caller]
    pub fn and(self, command: impl Into<Command>) -> Given {
        let outcome = self.when(command);
        assert!(outcome.result.is_ok(), "refused: {:?}", outcome.result.err());
        outcome.given
    }

    #[track_caller]
    fn check(&self, decision: &Decision, loaded: &HashMap<StreamName, State>) {
        let mut states: HashMap<StreamName, State> = HashMap::new();
        for (stream, event) in &decision.events {
            assert!(
                loaded.contains_key(stream),
                "an event for {stream}, which was not loaded"
            );
            let bytes = event.encode().unwrap();
            let read = Event::decode(event.event_type(), event.schema_version(), bytes.get()).unwrap();
            assert_eq!(read, *event, "an event survives the log");
            states
                .entry(stream.clone())
                .or_insert_with(|| self.state(stream))
                .evolve(event);
        }
        assert_eq!(states, decision.states, "the states are the fold of the events");
        for state in states.values() {
            let text = serde_json::to_string(state).unwrap();
            assert_eq!(
                serde_json::from_str::<State>(&text).unwrap(),
                *state,
                "a state survives a snapshot"
            );
            assert!(state.weight() > 0);
        }
    }
}

fn check_refusal(refusal: &Refusal) {
    let stored = serde_json::to_string(refusal).unwrap();
    assert_eq!(
        serde_json::from_str::<Refusal>(&stored).unwrap(),
        *refusal,
        "a refusal survives the inbox"
    );
    assert!(stored.contains(&format!("\"code\":\"{}\"", refusal.code())));
    for language in [Language::Spanish, Language::English] {
        assert!(refusal.text(language).ends_with('.'));
    }
    assert!(refusal.pointer().is_none_or(|pointer| pointer.starts_with('/')));
}

impl Outcome {
    #[track_caller]
    pub fn decision(&self) -> &Decision {
        self.result
            .as_ref()
            .unwrap_or_else(|refusal| panic!("refused: {refusal:?}"))
    }

    #[track_caller]
    pub fn then_events(self, expected: impl IntoIterator<Item = (StreamName, Event)>) -> Given {
        assert_eq!(self.decision().events, expected.into_iter().collect::<Vec<_>>());
        self.given
    }

    /// The types of the events, in order.
    #[track_caller]
    pub fn then<const N: usize>(self, expected: [&str; N]) -> Given {
        let types: Vec<&str> = self
            .decision()
            .events
            .iter()
            .map(|(_, event)| event.event_type())
            .collect();
        assert_eq!(types, expected);
        self.given
    }

    #[track_caller]
    pub fn then_nothing(self) -> Given {
        self.then([])
    }

    #[track_caller]
    pub fn then_answer(self, expected: Value) -> Given {
        assert_eq!(self.decision().answer, expected);
        self.given
    }

    /// Refused with this code; gives the refusal's pointer.
    #[track_caller]
    pub fn then_refused(self, code: &str) -> Option<String> {
        match self.result {
            Err(refusal) => {
                assert_eq!(refusal.code(), code, "{refusal}");
                refusal.pointer()
            }
            Ok(decision) => panic!("not refused with {code}, but decided {:?}", decision.events),
        }
    }
}

pub(crate) fn minor(amount: i64) -> Minor {
    Minor::new(amount).unwrap()
}

pub(crate) fn quantity(pieces: i64) -> Quantity {
    Quantity::new(pieces).unwrap()
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(crate) fn centro() -> StoreId {
    StoreId::new("centro").unwrap()
}

pub(crate) fn norte() -> StoreId {
    StoreId::new("norte").unwrap()
}

pub(crate) fn unit(text: &str) -> UnitId {
    UnitId::new(text).unwrap()
}

pub(crate) fn customer(text: &str) -> CustomerId {
    CustomerId::new(text).unwrap()
}

pub(crate) fn sale_id(text: &str) -> SaleId {
    SaleId::new(text).unwrap()
}

pub(crate) fn caja() -> TerminalId {
    TerminalId::new("caja-1").unwrap()
}

pub(crate) fn isv() -> TaxCode {
    TaxCode::new("ISV15").unwrap()
}

pub(crate) fn sealed(text: &str) -> schemas::Sealed {
    schemas::Sealed {
        sealed: format!("v1.{text}"),
    }
}

pub(crate) fn create_tenant() -> admin::CreateTenant {
    admin::CreateTenant {
        name: "Celulares Tegus".to_owned(),
        currency: Currency::new("HNL").unwrap(),
        time_zone: "America/Tegucigalpa".to_owned(),
        prices_include_tax: true,
        stock_policy: StockPolicy::Strict,
    }
}

pub(crate) fn create_item(name: &str, kind: ItemKind, price: i64, taxed: bool) -> catalogue::CreateItem {
    catalogue::CreateItem {
        sku: sku(name),
        name: format!("Artículo {name}"),
        kind,
        price_minor: minor(price),
        tax_code: taxed.then(isv),
        details: ItemDetails::default(),
    }
}

pub(crate) fn register(id: &str, credit: CreditTerms) -> customers::RegisterCustomer {
    customers::RegisterCustomer {
        customer_id: customer(id),
        kind: CustomerKind::Person,
        credit,
        name: sealed(id),
        tax_id: None,
        email: None,
        phone: None,
        address: None,
    }
}

pub(crate) fn receive(lines: Vec<ReceiptLine>) -> ReceiveStock {
    ReceiveStock {
        store: centro(),
        reference: Some("OC-1".to_owned()),
        lines,
    }
}

pub(crate) fn receipt(name: &str, pieces: i64, units: &[&str]) -> ReceiptLine {
    ReceiptLine {
        sku: sku(name),
        quantity: quantity(pieces),
        unit_cost_minor: Some(minor(6_000)),
        units: units.iter().map(|text| unit(text)).collect(),
    }
}

/// Two stores; CABLE (counted, 100.00, taxed), CASE (counted, 33.33, untaxed), PHONE (serialised, 5,000.00, taxed),
/// FIX (a service, 150.00, untaxed); 10 CABLE, 5 CASE and two PHONEs in centro; ana may owe 1,000.00, luis nothing,
/// and sol any amount.
pub(crate) fn shop() -> Given {
    let open = |store, name: &str| admin::OpenStore {
        store,
        name: name.to_owned(),
    };
    given([])
        .and(create_tenant())
        .and(admin::SetTaxRate {
            tax_code: isv(),
            name: "ISV 15 %".to_owned(),
            rate_ppm: 150_000,
        })
        .and(open(centro(), "Centro"))
        .and(open(norte(), "Norte"))
        .and(admin::RegisterTerminal {
            terminal: caja(),
            store: centro(),
            name: "Caja 1".to_owned(),
        })
        .and(create_item("CABLE", ItemKind::Counted, 10_000, true))
        .and(create_item("CASE", ItemKind::Counted, 3_333, false))
        .and(create_item("PHONE", ItemKind::Serialised, 500_000, true))
        .and(create_item("FIX", ItemKind::Service, 15_000, false))
        .and(register(
            "ana",
            CreditTerms::Limited {
                limit_minor: minor(100_000),
            },
        ))
        .and(register("luis", CreditTerms::None))
        .and(register("sol", CreditTerms::Unlimited))
        .and(receive(vec![
            receipt("CABLE", 10, &[]),
            receipt("CASE", 5, &[]),
            receipt("PHONE", 2, &[IMEI, SERIAL]),
        ]))
}

pub(crate) fn line(name: &str, pieces: i64) -> DraftLine {
    let quantity = quantity(pieces);
    DraftLine {
        sku: Some(sku(name)),
        unit: None,
        quantity,
        unit_price_minor: None,
        discount: None,
    }
}

pub(crate) fn unit_line(text: &str) -> DraftLine {
    let quantity = Quantity::ONE;
    DraftLine {
        sku: None,
        unit: Some(unit(text)),
        quantity,
        unit_price_minor: None,
        discount: None,
    }
}

pub(crate) fn pay(method: PaymentMethod, amount: i64) -> PaymentRequest {
    PaymentRequest {
        method,
        amount_minor: minor(amount),
        reference: None,
    }
}

pub(crate) fn cash(amount: i64) -> Vec<PaymentRequest> {
    vec![pay(PaymentMethod::Cash, amount)]
}

pub(crate) fn sell(id: &str, lines: Vec<DraftLine>, payments: Vec<PaymentRequest>) -> CompleteSale {
    CompleteSale {
        sale_id: Some(sale_id(id)),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines,
        discount: None,
        payments,
        reservation_id: None,
        occurred_at: None,
    }
}
