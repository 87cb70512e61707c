//! Numbers of what a shop makes at its tills and between its stores: receipts, returns, transfers. Whatever is refused
//! or repeated takes none.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use schemas::events::offline::{OfflinePayment, OfflineSale, Resolution};
use schemas::events::sale::{DraftContent, DraftLine, PaymentMethod};
use schemas::events::settings::{Series, SettingsEvent};
use schemas::events::{SaleEvent, TransferEvent};
use schemas::{Event, Incarnation, QuarantineId, ReturnId, StreamName, TransferId};
use serde_json::{Value, json};

use super::*;
use crate::offline::{RecordOfflineSale, ResolveOfflineSale};
use crate::sales::{
    CompleteDraft, CompleteSale, ExchangeGoods, ReturnGoods, ReturnLineRequest, SaveDraft, VoidSale,
};
use crate::testing::*;
use crate::transfers::{RequestTransfer, TransferLineRequest};
use crate::{Command, Decide, Decision, Missing, State, View, Work, streams};

fn numbers(series: Series, prefix: &str, next: i64) -> SetNumbering {
    SetNumbering {
        series,
        prefix: prefix.to_owned(),
        next,
        digits: 4,
    }
}

/// A shop that numbers all that it makes here, with plenty of cables.
fn numbered() -> Given {
    shop()
        .and(receive(vec![receipt("CABLE", 1_000, &[])]))
        .and(numbers(Series::Receipt, "F", 1))
        .and(numbers(Series::Return, "D", 1))
        .and(numbers(Series::Transfer, "T", 1))
}

fn cables(id: &str, pieces: i64) -> CompleteSale {
    sell(id, vec![line("CABLE", pieces)], cash(10_000 * pieces))
}

fn back() -> ReturnLineRequest {
    ReturnLineRequest {
        sale_line: Some(1),
        sku: None,
        unit: None,
        quantity: quantity(1),
        unit_price_minor: None,
        restock: true,
    }
}

fn give_back(id: &str, sale: Option<&str>) -> ReturnGoods {
    let line = match sale {
        Some(_) => back(),
        None => ReturnLineRequest {
            sale_line: None,
            sku: Some(sku("CABLE")),
            unit_price_minor: Some(minor(5_000)),
            ..back()
        },
    };
    ReturnGoods {
        return_id: Some(ReturnId::new(id).unwrap()),
        sale_id: sale.map(sale_id),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![line],
        refunds: vec![],
        occurred_at: None,
    }
}

fn exchange(return_id: &str, sale: &str, new_sale: &str) -> ExchangeGoods {
    ExchangeGoods {
        sale_id: sale_id(sale),
        return_id: Some(ReturnId::new(return_id).unwrap()),
        new_sale_id: Some(sale_id(new_sale)),
        store: centro(),
        terminal: None,
        customer_id: None,
        returned: vec![back()],
        lines: vec![line("CABLE", 1)],
        discount: None,
        payments: vec![],
        refunds: vec![],
        occurred_at: None,
    }
}

fn content(lines: Vec<DraftLine>) -> DraftContent {
    DraftContent {
        store: centro(),
        terminal: Some(caja()),
        customer_id: None,
        lines,
        discount: None,
        hold_stock: false,
    }
}

fn draft(id: &str) -> SaveDraft {
    SaveDraft {
        sale_id: Some(sale_id(id)),
        draft: content(vec![line("CABLE", 1)]),
    }
}

fn complete(id: &str) -> CompleteDraft {
    CompleteDraft {
        sale_id: sale_id(id),
        payments: cash(10_000),
        reservation_id: None,
        occurred_at: None,
    }
}

fn offline(sequence: i64, id: &str, pieces: i64) -> RecordOfflineSale {
    let charged = DraftLine {
        unit_price_minor: Some(minor(10_000)),
        ..line("CABLE", pieces)
    };
    let amount_minor = minor(10_000 * pieces);
    RecordOfflineSale {
        incarnation: Incarnation::new("a").unwrap(),
        sequence,
        sale: OfflineSale {
            sale_id: sale_id(id),
            content: noted_content(content(vec![charged])),
            payments: vec![OfflinePayment {
                method: PaymentMethod::Cash,
                amount_minor,
                reference: None,
            }],
            total_minor: amount_minor,
            occurred_at: NOW,
        },
    }
}

fn transfer(id: &str, pieces: &str) -> RequestTransfer {
    RequestTransfer {
        transfer_id: Some(TransferId::new(id).unwrap()),
        from: centro(),
        to: norte(),
        lines: vec![TransferLineRequest {
            sku: sku(pieces),
            quantity: quantity(1),
        }],
        note: None,
    }
}

/// What a document says of its number: its series, its name, and the number.
fn document(event: &Event) -> Option<(Series, String, Option<String>)> {
    Some(match event {
        Event::Sale(SaleEvent::Completed(e)) => {
            (Series::Receipt, format!("sale/{}", e.sale_id), e.number.clone())
        }
        Event::Sale(SaleEvent::Returned(e)) => (
            Series::Return,
            format!("return/{}", e.return_id),
            e.number.clone(),
        ),
        Event::Transfer(TransferEvent::Requested(e)) => (
            Series::Transfer,
            format!("transfer/{}", e.transfer_id),
            e.number.clone(),
        ),
        _ => return None,
    })
}

/// The documents of a decision with their numbers, in order.
fn documents(decision: &Decision) -> Vec<(String, Option<String>)> {
    let named = |(_, event): &(StreamName, Event)| document(event).map(|(_, name, number)| (name, number));
    decision.events.iter().filter_map(named).collect()
}

/// Carries a command out that makes one document; gives the answer.
#[track_caller]
fn makes(given: Given, command: impl Into<Command>, document: &str, number: &str) -> (Given, Value) {
    let outcome = given.when(command);
    let decision = outcome.decision();
    assert_eq!(
        documents(decision),
        [(document.to_owned(), Some(number.to_owned()))]
    );
    let answer = decision.answer.clone();
    (outcome.given, answer)
}

#[test]
fn whatever_is_made_takes_the_next_number_of_its_series_and_says_it() {
    let (shop, answer) = makes(numbered(), cables("v-1", 2), "sale/v-1", "F0001");
    assert_eq!(answer["number"], "F0001");
    let (shop, answer) = makes(shop.and(draft("d-1")), complete("d-1"), "sale/d-1", "F0002");
    assert_eq!(answer["number"], "F0002");
    let (shop, answer) = makes(shop, offline(1, "o-1", 1), "sale/o-1", "F0003");
    assert_eq!(
        (&answer["outcome"], &answer["number"]),
        (&json!("accepted"), &json!("F0003"))
    );
    let (shop, answer) = makes(shop, give_back("r-1", Some("v-1")), "return/r-1", "D0001");
    assert_eq!(answer["number"], "D0001");
    let (shop, answer) = makes(shop, give_back("r-2", None), "return/r-2", "D0002");
    assert_eq!(answer["number"], "D0002");
    let (shop, answer) = makes(shop, transfer("t-1", "CABLE"), "transfer/t-1", "T0001");
    assert_eq!(answer["number"], "T0001");
    let outcome = shop.when(exchange("r-3", "v-1", "v-2"));
    let decision = outcome.decision();
    assert_eq!(
        documents(decision),
        [
            ("return/r-3".to_owned(), Some("D0003".to_owned())),
            ("sale/v-2".to_owned(), Some("F0004".to_owned())),
        ]
    );
    assert_eq!(decision.answer["return_number"], "D0003");
    assert_eq!(decision.answer["new_sale_number"], "F0004");
}

#[test]
fn a_quarantined_sale_takes_its_number_when_it_is_recorded_after_all() {
    let outcome = numbered().when(offline(1, "o-1", 5_000));
    let decision = outcome.decision();
    assert_eq!(decision.answer["outcome"], "quarantined");
    assert!(decision.answer.get("number").is_none());
    let quarantine_id: QuarantineId =
        serde_json::from_value(decision.answer["quarantine_id"].clone()).unwrap();
    let (shop, _) = makes(outcome.given, cables("v-1", 1), "sale/v-1", "F0001");
    let accept = ResolveOfflineSale {
        quarantine_id,
        resolution: Resolution::AcceptNegativeStock,
    };
    let (_, answer) = makes(shop, accept, "sale/o-1", "F0002");
    assert_eq!(answer["number"], "F0002");
}

#[test]
fn a_sale_that_is_refused_at_its_last_step_leaves_no_hole() {
    let (shop, _) = makes(numbered(), cables("v-1", 1), "sale/v-1", "F0001");
    shop.clone()
        .when(cables("v-2", 5_000))
        .then_refused("stock.insufficient");
    let swap = ExchangeGoods {
        lines: vec![line("CABLE", 5_000)],
        payments: cash(10_000 * 5_000),
        ..exchange("r-1", "v-1", "v-2")
    };
    shop.clone().when(swap).then_refused("stock.insufficient");
    makes(shop, cables("v-2", 1), "sale/v-2", "F0002");
}

/// States, and which streams were looked at.
struct Watched {
    states: HashMap<StreamName, State>,
    seen: RefCell<BTreeSet<StreamName>>,
}

impl View for Watched {
    fn state(&self, stream: &StreamName) -> Option<&State> {
        self.seen.borrow_mut().insert(stream.clone());
        self.states.get(stream)
    }
}

/// What a cold sale asks for first when only the tenant is there, and all that it looks at.
fn looked_at(given: &Given) -> (Vec<StreamName>, BTreeSet<StreamName>) {
    let mut view = Watched {
        states: HashMap::from([(streams::tenant(), given.state(&streams::tenant()))]),
        seen: RefCell::default(),
    };
    let sale = cables("v-1", 1);
    let Err(Missing::Streams(first)) = sale.decide(Work::new(&view), &given.ctx) else {
        panic!("a cold sale loads")
    };
    for stream in &first {
        view.states.insert(stream.clone(), given.state(stream));
    }
    let decided = sale.decide(Work::new(&view), &given.ctx);
    assert!(decided.is_ok(), "one round of loading is enough");
    (first, view.seen.into_inner())
}

#[test]
fn only_a_shop_that_numbers_receipts_looks_at_their_counter_and_asks_for_it_with_the_rest() {
    let counter = streams::counter(Series::Receipt);
    let (first, seen) = looked_at(&shop().and(numbers(Series::Return, "D", 1)));
    assert!(seen.iter().all(|stream| stream.kind() != "counter"), "{seen:?}");
    let (first_of_numbered, _) = looked_at(&numbered());
    let more: Vec<_> = first_of_numbered
        .iter()
        .filter(|stream| !first.contains(stream))
        .collect();
    assert_eq!(more, [&counter]);
}

#[derive(Debug, Clone)]
enum Act {
    Sell,
    SellAgain,
    SellTooMuch,
    SellUnknown,
    PayTooLittle,
    Draft,
    CompleteDraft,
    Void,
    Return,
    ReturnAgain,
    ReturnWithoutSale,
    Exchange,
    ExchangeTooMuch,
    Offline,
    OfflineAgain,
    OfflineCollides,
    Resolve,
    Transfer,
    TransferAgain,
    TransferUnknown,
    Number(Series, u8, i64),
    End(Series),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let series = || {
        prop_oneof![
            Just(Series::Receipt),
            Just(Series::Return),
            Just(Series::Transfer)
        ]
    };
    // What changes most stands several times.
    let plain = [
        Act::Sell,
        Act::Sell,
        Act::Sell,
        Act::SellAgain,
        Act::SellTooMuch,
        Act::SellUnknown,
        Act::PayTooLittle,
        Act::Draft,
        Act::CompleteDraft,
        Act::Void,
        Act::Return,
        Act::Return,
        Act::ReturnAgain,
        Act::ReturnWithoutSale,
        Act::Exchange,
        Act::Exchange,
        Act::ExchangeTooMuch,
        Act::Offline,
        Act::Offline,
        Act::OfflineAgain,
        Act::OfflineCollides,
        Act::Resolve,
        Act::Transfer,
        Act::Transfer,
        Act::TransferAgain,
        Act::TransferUnknown,
    ];
    let act = prop_oneof![
        13 => proptest::sample::select(plain.to_vec()),
        1 => (series(), 0..3_u8, 1..40_i64).prop_map(|(series, prefix, next)| Act::Number(series, prefix, next)),
        1 => series().prop_map(Act::End),
    ];
    proptest::collection::vec(act, 1..60)
}

/// What was made so far, so that it can be named again.
#[derive(Default)]
struct Made {
    counted: i64,
    sequence: i64,
    sales: Vec<String>,
    drafts: Vec<String>,
    quarantined: Vec<QuarantineId>,
}

impl Made {
    fn name(&mut self) -> String {
        self.counted += 1;
        format!("n-{}", self.counted)
    }

    fn command(&mut self, act: &Act) -> Option<Command> {
        let last = self.sales.last().cloned();
        Some(match act {
            Act::Sell => cables(&self.name(), 2).into(),
            Act::SellAgain => cables(&last?, 2).into(),
            Act::SellTooMuch => cables(&self.name(), 90_000).into(),
            Act::SellUnknown => sell(&self.name(), vec![line("NADA", 1)], cash(1)).into(),
            Act::PayTooLittle => sell(&self.name(), vec![line("CABLE", 2)], cash(1)).into(),
            Act::Draft => {
                let name = self.name();
                self.drafts.push(name.clone());
                draft(&name).into()
            }
            Act::CompleteDraft => complete(self.drafts.last()?).into(),
            Act::Void => VoidSale {
                sale_id: sale_id(&last?),
                occurred_at: None,
            }
            .into(),
            Act::Return => give_back(&self.name(), Some(&last?)).into(),
            Act::ReturnAgain => give_back("r-same", None).into(),
            Act::ReturnWithoutSale => give_back(&self.name(), None).into(),
            Act::Exchange => exchange(&self.name(), &last?, &self.name()).into(),
            Act::ExchangeTooMuch => ExchangeGoods {
                lines: vec![line("CABLE", 90_000)],
                payments: cash(10_000 * 90_000),
                ..exchange(&self.name(), &last?, &self.name())
            }
            .into(),
            Act::Offline => offline(self.sequence + 1, &self.name(), 1).into(),
            Act::OfflineAgain if self.sequence > 0 => offline(self.sequence, "other", 1).into(),
            Act::OfflineAgain => return None,
            Act::OfflineCollides => offline(self.sequence + 1, &self.name(), 90_000).into(),
            Act::Resolve => ResolveOfflineSale {
                quarantine_id: self.quarantined.pop()?,
                resolution: Resolution::AcceptNegativeStock,
            }
            .into(),
            Act::Transfer => transfer(&self.name(), "CABLE").into(),
            Act::TransferAgain => transfer("t-same", "CABLE").into(),
            Act::TransferUnknown => transfer(&self.name(), "NADA").into(),
            Act::Number(series, prefix, next) => {
                let prefix = char::from(b'A' + prefix).to_string();
                numbers(*series, &prefix, *next).into()
            }
            Act::End(series) => EndNumbering { series: *series }.into(),
        })
    }

    fn learn(&mut self, act: &Act, decision: &Decision) {
        if matches!(act, Act::Offline | Act::OfflineCollides) {
            self.sequence += 1;
        }
        let quarantined = decision.answer["outcome"] == "quarantined";
        if let Ok(id) = serde_json::from_value(decision.answer["quarantine_id"].clone())
            && quarantined
        {
            self.quarantined.push(id);
        }
        let sale = |(name, _): &(String, _)| name.strip_prefix("sale/").map(str::to_owned);
        self.sales.extend(documents(decision).iter().filter_map(sale));
    }
}

/// Reads the log from its beginning as somebody would who trusts nothing but the settings.
fn audit(given: &Given) {
    let mut settings: HashMap<Series, Option<(String, i64)>> = HashMap::new();
    let mut free: HashMap<(Series, String), i64> = HashMap::new();
    let mut taken: BTreeMap<(Series, String), String> = BTreeMap::new();
    let mut carried = BTreeMap::new();
    for event in given.events() {
        match event {
            Event::Settings(SettingsEvent::NumberingSet(set)) => {
                settings.insert(set.series, Some((set.prefix.clone(), set.next)));
            }
            Event::Settings(SettingsEvent::NumberingEnded(ended)) => {
                settings.insert(ended.series, None);
            }
            Event::Settings(SettingsEvent::NumberTaken(number)) => {
                let (prefix, next) = settings[&number.series].clone().expect("numbers are on");
                assert_eq!(number.prefix, prefix);
                let free = free.entry((number.series, prefix.clone())).or_insert(next);
                assert_eq!(number.count, next.max(*free), "neither a hole nor a double");
                *free = number.count + 1;
                assert_eq!(number.number, format!("{prefix}{:04}", number.count));
                let document = (number.series, number.document.clone());
                assert!(taken.insert(document, number.number.clone()).is_none());
            }
            other => {
                let Some((series, name, number)) = document(other) else {
                    continue;
                };
                let on = settings.get(&series).is_some_and(Option::is_some);
                assert_eq!(number.is_some(), on, "{name}");
                if let Some(number) = number {
                    assert!(carried.insert((series, name), number).is_none());
                }
            }
        }
    }
    assert_eq!(taken, carried, "each number stands on the document that took it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_have_neither_holes_nor_doubles_whatever_is_refused_or_repeated(acts in acts()) {
        let mut shop = numbered();
        let mut made = Made::default();
        for act in &acts {
            let Some(command) = made.command(act) else { continue };
            let outcome = shop.when(command);
            if let Ok(decision) = &outcome.result {
                made.learn(act, decision);
            }
            shop = outcome.given;
        }
        audit(&shop);
    }
}
