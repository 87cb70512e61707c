//! From invoice lines to documents in time order, the stock that they need, and what they must add up to.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::{Date, DateTime};

use super::file::Line;
use super::price::round_to_minor;

/// Codes that are no goods: postage, carriage, fees, manual corrections, discounts, samples. They have no stock.
const SERVICES: &[&str] = &[
    "AMAZONFEE",
    "B",
    "BANK CHARGES",
    "C2",
    "CRUK",
    "D",
    "DOT",
    "M",
    "m",
    "POST",
    "S",
];

/// What a document becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    Sale,
    /// An invoice whose number starts with `C`.
    Return,
    /// Negative quantities on another invoice.
    WriteOff,
}

/// One command to be: lines of one invoice.
#[derive(Debug, Clone)]
pub struct Document {
    pub kind: DocumentKind,
    pub invoice: String,
    /// Of the invoice's first line: it counts for all.
    pub at: DateTime,
    pub customer: Option<String>,
    pub lines: Vec<Line>,
}

impl Document {
    /// What it adds to the turnover, in minor units: negative for a return.
    pub fn net_minor(&self) -> i64 {
        self.lines
            .iter()
            .map(|line| line.price.amount_minor(line.quantity))
            .sum()
    }

    pub fn day(&self) -> Date {
        self.at.date()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueItem {
    pub code: String,
    /// The first description that is not empty, else the code.
    pub name: String,
    pub is_service: bool,
    /// The price that most lines have, in minor units; the lower one of two that are as frequent.
    pub price_minor: i64,
}

/// A line that no command can express; it is listed like a refused one.
#[derive(Debug, Clone)]
pub struct Unsendable {
    pub line: Line,
    pub reason: &'static str,
}

/// What one item must come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemFigures {
    pub sold_quantity: i64,
    pub returned_quantity: i64,
    pub net_minor: i64,
}

/// What the file says that the shop must look like afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Sum of the lines' amounts, each rounded.
    pub net_minor: i64,
    /// Sum of exact amounts, rounded once.
    pub net_rounded_once_minor: i64,
    pub days: BTreeMap<String, i64>,
    pub customers: BTreeMap<String, i64>,
    pub items: BTreeMap<String, ItemFigures>,
}

/// The whole replay.
#[derive(Debug)]
pub struct Plan {
    pub lines: usize,
    pub items: Vec<CatalogueItem>,
    pub customers: Vec<String>,
    /// Counted codes with the stock they start with, sorted; only those that need any.
    pub opening: Vec<(String, i64)>,
    /// In time order; documents of the same minute in the file's order.
    pub documents: Vec<Document>,
    pub unsendable: Vec<Unsendable>,
    pub expected: Expected,
}

impl Plan {
    pub fn new(lines: Vec<Line>) -> Self {
        let count = lines.len();
        let items = catalogue(&lines);
        let expected = expected(&lines);
        let (documents, unsendable) = documents(lines);
        let opening = opening_stock(&documents);
        let mut known = HashSet::new();
        let customers = documents.iter().filter_map(|document| document.customer.clone());
        let customers = customers
            .filter(|customer| known.insert(customer.clone()))
            .collect();
        Self {
            lines: count,
            items,
            customers,
            opening,
            documents,
            unsendable,
            expected,
        }
    }
}

pub fn is_service(code: &str) -> bool {
    SERVICES.contains(&code)
}

fn catalogue(lines: &[Line]) -> Vec<CatalogueItem> {
    let mut order: Vec<&str> = Vec::new();
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut prices: HashMap<&str, BTreeMap<i64, usize>> = HashMap::new();
    for line in lines {
        let frequencies = prices.entry(&line.code).or_insert_with(|| {
            order.push(&line.code);
            BTreeMap::new()
        });
        *frequencies.entry(line.price.unit_minor().max(0)).or_default() += 1;
        if !line.description.is_empty() {
            names.entry(&line.code).or_insert(&line.description);
        }
    }
    let item = |code: &str| CatalogueItem {
        code: code.to_owned(),
        name: (*names.get(code).unwrap_or(&code)).to_owned(),
        is_service: is_service(code),
        price_minor: most_frequent(&prices[code]),
    };
    order.into_iter().map(item).collect()
}

fn most_frequent(frequencies: &BTreeMap<i64, usize>) -> i64 {
    let best = frequencies
        .iter()
        .max_by_key(|(price, count)| (**count, std::cmp::Reverse(**price)));
    best.map_or(0, |(price, _)| *price)
}

fn expected(lines: &[Line]) -> Expected {
    let mut expected = Expected::default();
    let mut exact = 0_i128;
    // An invoice's time is its first line's.
    let mut days: HashMap<&str, Date> = HashMap::new();
    for line in lines {
        let amount = line.price.amount_minor(line.quantity);
        exact += line.price.exact(line.quantity);
        expected.net_minor += amount;
        let day = *days.entry(&line.invoice).or_insert_with(|| line.at.date());
        let is_write_off = kind_of(line) == DocumentKind::WriteOff;
        // A day with nothing but write-offs has no sales figures at all.
        if !is_write_off || amount != 0 {
            *expected.days.entry(day.to_string()).or_default() += amount;
        }
        if let Some(customer) = &line.customer {
            *expected.customers.entry(customer.clone()).or_default() += amount;
        }
        if is_write_off {
            continue;
        }
        let item = expected.items.entry(line.code.clone()).or_default();
        item.net_minor += amount;
        if line.quantity > 0 {
            item.sold_quantity += line.quantity;
        } else {
            item.returned_quantity -= line.quantity;
        }
    }
    expected.net_rounded_once_minor = round_to_minor(exact);
    expected
}

fn kind_of(line: &Line) -> DocumentKind {
    if line.invoice.starts_with('C') {
        DocumentKind::Return
    } else if line.quantity < 0 {
        DocumentKind::WriteOff
    } else {
        DocumentKind::Sale
    }
}

/// Why no command can carry a line.
fn obstacle(line: &Line, kind: DocumentKind) -> Option<&'static str> {
    match kind {
        _ if line.quantity == 0 => Some("the quantity is zero"),
        _ if line.price.is_negative() => Some("the price is negative"),
        DocumentKind::Return if line.quantity > 0 => Some("a cancellation with a positive quantity"),
        DocumentKind::WriteOff if !line.price.is_zero() => Some("a write-off with a price"),
        _ => None,
    }
}

fn documents(lines: Vec<Line>) -> (Vec<Document>, Vec<Unsendable>) {
    let mut documents: Vec<Document> = Vec::new();
    let mut unsendable = Vec::new();
    let mut places: HashMap<(String, DocumentKind), usize> = HashMap::new();
    let mut times: HashMap<String, DateTime> = HashMap::new();
    for line in lines {
        let kind = kind_of(&line);
        let at = *times.entry(line.invoice.clone()).or_insert(line.at);
        if let Some(reason) = obstacle(&line, kind) {
            unsendable.push(Unsendable { line, reason });
            continue;
        }
        let place = *places.entry((line.invoice.clone(), kind)).or_insert_with(|| {
            documents.push(Document {
                kind,
                invoice: line.invoice.clone(),
                at,
                customer: None,
                lines: Vec::new(),
            });
            documents.len() - 1
        });
        let document = &mut documents[place];
        document.customer = document.customer.take().or_else(|| line.customer.clone());
        document.lines.push(line);
    }
    // Stable: documents of one minute stay in the file's order.
    documents.sort_by_key(|document| document.at);
    (documents, unsendable)
}

/// Per code the lowest stock with which no document, in order, finds too little.
fn opening_stock(documents: &[Document]) -> Vec<(String, i64)> {
    // Running balance from nothing, and how low it ever was.
    let mut levels: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for line in documents.iter().flat_map(movements) {
        let (balance, lowest) = levels.entry(line.0).or_default();
        *balance += line.1;
        *lowest = (*lowest).min(*balance);
    }
    let needed = levels.into_iter().filter(|(_, (_, lowest))| *lowest < 0);
    needed
        .map(|(code, (_, lowest))| (code.to_owned(), -lowest))
        .collect()
}

/// How a document moves the stock of counted codes.
fn movements(document: &Document) -> impl Iterator<Item = (&str, i64)> {
    let counted = document.lines.iter().filter(|line| !is_service(&line.code));
    counted.map(|line| {
        let delta = match document.kind {
            DocumentKind::Sale => -line.quantity,
            // The quantity is negative: goods come back.
            DocumentKind::Return => -line.quantity,
            // The quantity is negative: goods are gone.
            DocumentKind::WriteOff => line.quantity,
        };
        (line.code.as_str(), delta)
    })
}
