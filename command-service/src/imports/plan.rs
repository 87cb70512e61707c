//! What a file would change, row by row: the file's rows beside what holds now. Pure.
//!
//! A row has two parts: what it says about the article and what it says about stock. Each is planned, unchanged, held
//! back until somebody takes responsibility, or not there. Not here: reading the file (crates/imports) and carrying out.

mod item;
mod later;
mod stock;

use std::collections::{HashMap, HashSet};

use domain::catalogue::SetItemCost;
use domain::imports::{Base, ImportAction};
use imports::{Field, Interpreted, Record, Warning, WarningCode};
use schemas::events::import::{DraftCounts, ImportOverride};
use schemas::{Sku, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::settings::{Kind, Settings, StockMode};
use super::world::{Wanted, World};

/// One difference, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    /// `create_item`, `change_item`, `receive_stock` or `adjust_stock`.
    pub action: String,
    pub field: String,
    /// `null` when there was nothing.
    pub from: Value,
    pub to: Value,
}

/// One part of a row.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "most parts of a file are work, and each lives as long as its draft"
)]
pub(super) enum Part {
    /// Says what holds already.
    Unchanged,
    /// To be submitted; held back while `holds` is not empty.
    Work { work: Work, holds: Vec<ImportOverride> },
}

impl Part {
    /// Work that needs nobody's responsibility.
    fn is_planned(&self) -> bool {
        matches!(self, Part::Work { holds, .. } if holds.is_empty())
    }

    fn is_held(&self) -> bool {
        matches!(self, Part::Work { holds, .. } if !holds.is_empty())
    }
}

/// What is submitted for a part, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Work {
    pub bases: Vec<Base>,
    pub action: ImportAction,
    /// What the article costs to buy, set along with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<SetItemCost>,
}

/// What the table keeps of a row for the runner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RowWork {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Work>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Work>,
}

/// One row of the draft.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlannedRow {
    /// As the file counts, from 1.
    pub line: u32,
    pub sku: Option<Sku>,
    pub is_invalid: bool,
    pub item: Option<Part>,
    pub stock: Option<Part>,
    pub changes: Vec<Change>,
    pub warnings: Vec<Warning>,
}

impl PlannedRow {
    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.item.iter().chain(&self.stock)
    }
}

/// The whole draft.
#[derive(Debug)]
pub(super) struct Draft {
    pub rows: Vec<PlannedRow>,
    /// About the whole file.
    pub warnings: Vec<Warning>,
    pub counts: DraftCounts,
    /// Lower-case hexadecimal, over every row's changes.
    pub sha256: String,
}

/// What a file's records and the settings leave to be looked up.
pub(super) fn wanted<'a>(file: &'a Interpreted, settings: &Settings) -> Wanted<'a> {
    let mut wanted = Wanted::default();
    for record in file.rows.iter().filter_map(|row| row.record.as_ref()) {
        wanted.items.insert(&record.sku);
        if settings.moves_stock() && record.quantity.is_some() {
            wanted.shelves.insert(&record.sku);
        }
        if settings.moves_stock()
            && let Some(unit) = &record.unit
        {
            wanted.units.insert(unit);
        }
    }
    wanted
}

impl Settings {
    /// Whether quantities and units of the file count: not for the catalogue alone, and not without a store.
    pub fn moves_stock(&self) -> bool {
        self.kind != Kind::Articles && self.store.is_some()
    }

    fn changes_catalogue(&self) -> bool {
        self.kind != Kind::Stock
    }
}

/// Compares a file with what holds.
pub(super) fn draft(file: &Interpreted, world: &World, settings: &Settings) -> Draft {
    let mut warnings = file.warnings.clone();
    let has_stock = [Field::Quantity, Field::Imei, Field::Serial]
        .iter()
        .any(|field| file.has(*field));
    if has_stock && settings.kind == Kind::Auto && settings.store.is_none() {
        warnings.push(Warning::new(WarningCode::StoreMissing));
    }
    let serialised: HashSet<&Sku> = file
        .rows
        .iter()
        .filter_map(|row| row.record.as_ref())
        .filter(|record| record.unit.is_some())
        .map(|record| &record.sku)
        .collect();
    let mut planner = Planner {
        world,
        settings,
        serialised,
        has_quantity: file.has(Field::Quantity),
        first: HashMap::new(),
        units: HashSet::new(),
        received: HashMap::new(),
    };
    let rows: Vec<PlannedRow> = file
        .rows
        .iter()
        .map(|row| match &row.record {
            Some(record) => planner.row(row.number, record, row.warnings.clone()),
            None => PlannedRow {
                line: row.number,
                sku: row.sku.clone(),
                is_invalid: true,
                item: None,
                stock: None,
                changes: Vec::new(),
                warnings: row.warnings.clone(),
            },
        })
        .collect();
    Draft {
        counts: counts(&rows),
        sha256: fingerprint(&rows),
        rows,
        warnings,
    }
}

/// What is remembered from row to row.
struct Planner<'a> {
    world: &'a World,
    settings: &'a Settings,
    /// Articles of which some row has an IMEI or serial number.
    serialised: HashSet<&'a Sku>,
    has_quantity: bool,
    /// The first record of each article, whose word counts.
    first: HashMap<&'a Sku, &'a Record>,
    units: HashSet<&'a UnitId>,
    /// Pieces of articles kept by quantity that come in by the rows so far.
    received: HashMap<&'a Sku, i64>,
}

/// A row in the making.
#[derive(Default)]
struct Findings {
    changes: Vec<Change>,
    warnings: Vec<Warning>,
}

impl Findings {
    fn warn(&mut self, code: WarningCode, field: &str, value: &str) {
        self.warnings.push(Warning::about(code, field, value));
    }

    fn change(&mut self, action: &str, field: &str, from: impl Into<Value>, to: impl Into<Value>) {
        self.changes.push(Change {
            action: action.to_owned(),
            field: field.to_owned(),
            from: from.into(),
            to: to.into(),
        });
    }
}

impl<'a> Planner<'a> {
    fn row(&mut self, line: u32, record: &'a Record, warnings: Vec<Warning>) -> PlannedRow {
        let mut found = Findings {
            changes: Vec::new(),
            warnings,
        };
        self.check_store(record, &mut found);
        let first = *self.first.entry(&record.sku).or_insert(record);
        let is_first = std::ptr::eq(first, record);
        let mut item = None;
        if self.settings.changes_catalogue() {
            if is_first {
                item = self.item(record, &mut found);
            } else {
                later::compare(first, record, &mut found);
            }
        } else if !self.world.items.contains_key(&record.sku) {
            found.warn(WarningCode::ItemUnknown, "sku", record.sku.as_str());
        }
        let stock = self.stock(record, (!is_first).then_some(first), &mut found);
        if !is_first && self.settings.changes_catalogue() && !matches!(stock, Some(Part::Work { .. })) {
            later::compare_cost(first, record, &mut found);
        }
        let is_invalid = found.warnings.iter().any(Warning::is_error);
        if is_invalid {
            // Later rows of the article must not rest on a row that is not carried out.
            if is_first {
                self.first.remove(&record.sku);
            }
            found.changes.clear();
        } else if item.is_none() && stock.is_none() {
            let code = if is_first {
                WarningCode::NothingToDo
            } else {
                WarningCode::RowRepeated
            };
            found.warnings.push(Warning::new(code));
        } else {
            if item.as_ref().is_some_and(Part::is_held) != stock.as_ref().is_some_and(Part::is_held)
                && [&item, &stock].into_iter().flatten().any(Part::is_planned)
            {
                found.warnings.push(Warning::new(WarningCode::RowInPart));
            }
            if let (StockMode::Received, Some(Part::Work { .. }), Some(quantity)) =
                (self.settings.stock, &stock, record.quantity)
            {
                let received = self.received.entry(&record.sku).or_default();
                *received = received.saturating_add(quantity);
            }
        }
        PlannedRow {
            line,
            sku: Some(record.sku.clone()),
            is_invalid,
            item: item.filter(|_| !is_invalid),
            stock: stock.filter(|_| !is_invalid),
            changes: found.changes,
            warnings: found.warnings,
        }
    }

    fn check_store(&self, record: &Record, found: &mut Findings) {
        if let (Some(named), Some(store)) = (&record.store, &self.settings.store)
            && self.settings.moves_stock()
            && !named.eq_ignore_ascii_case(store.as_str())
        {
            found.warn(WarningCode::StoreOther, "store", named);
        }
    }
}

/// Rows, each counted once, by the same order as the table's `status`: what needs an override counts as held even if its
/// other part is planned.
fn counts(rows: &[PlannedRow]) -> DraftCounts {
    let mut counts = DraftCounts::default();
    for row in rows {
        counts.rows += 1;
        counts.warnings += i64::try_from(row.warnings.len()).unwrap_or(i64::MAX);
        let slot = if row.is_invalid {
            &mut counts.invalid
        } else if row.parts().any(Part::is_held) {
            &mut counts.held
        } else if row.parts().any(Part::is_planned) {
            &mut counts.planned
        } else {
            &mut counts.unchanged
        };
        *slot += 1;
    }
    counts
}

/// A draft with the same fingerprint changes the same.
fn fingerprint(rows: &[PlannedRow]) -> String {
    let mut hash = Sha256::new();
    for row in rows {
        let works: Vec<(&Work, &Vec<ImportOverride>)> = row
            .parts()
            .filter_map(|part| match part {
                Part::Work { work, holds } => Some((work, holds)),
                Part::Unchanged => None,
            })
            .collect();
        let text = serde_json::to_vec(&(row.line, &row.changes, works)).unwrap_or_default();
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(&text);
    }
    hex::encode(hash.finalize())
}
