//! A table's rows as typed records: what the columns mean, how figures are written in this file, and each row.

use schemas::{Currency, Sku};
use serde::{Deserialize, Serialize};

use crate::columns::{self, Column, Meaning};
use crate::headings::Field;
use crate::number::{Marks, heading_names_other_currency};
use crate::record::{self, Figures, Record};
use crate::table::{Cell, SourceRow, Table};
use crate::warning::{Warning, WarningCode};

/// What amounts are in.
#[derive(Debug, Clone, Copy)]
pub struct Money {
    pub currency: Currency,
}

/// One row of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// As the file counts, from 1.
    pub number: u32,
    /// The code as far as it was read, also of a row that cannot be imported.
    pub sku: Option<Sku>,
    /// Absent when the row cannot be imported; a warning of severity error says why.
    pub record: Option<Record>,
    pub warnings: Vec<Warning>,
}

/// The whole file, understood as far as it can be without a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreted {
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// About columns and the whole file.
    pub warnings: Vec<Warning>,
}

impl Interpreted {
    /// Whether the file has a column of this meaning.
    pub fn has(&self, field: Field) -> bool {
        self.columns
            .iter()
            .any(|column| column.meaning == Meaning::Field { field })
    }
}

/// Reads every row. Rows that only repeat the headings, as printed lists do on each page, are left out.
pub fn interpret(table: &Table, money: Money) -> Interpreted {
    let columns = columns::of(&table.layout.headings);
    let mut warnings = of_columns(&columns);
    if table.layout.cut_cells > 0 {
        let cells = table.layout.cut_cells.to_string();
        warnings.push(Warning::about(WarningCode::TextCut, "cells", &cells));
    }
    if let Some(sheets) = others(&table.layout.other_sheets) {
        warnings.push(Warning::about(WarningCode::SheetsLeftOut, "sheet", &sheets));
    }
    let marks = Marks::of(figures(table, &columns));
    let in_other_currency = in_other_currency(&columns, money.currency);
    let figures = Figures {
        currency: money.currency,
        in_other_currency: &in_other_currency,
        mark: marks.certain(),
    };
    if codes_may_lack_zeros(table, &columns) {
        warnings.push(Warning::about(
            WarningCode::CodesAreNumbers,
            Field::Sku.name(),
            "",
        ));
    }
    // Without decimals there is no doubt: every mark is one of thousands.
    if marks.is_doubtful() && money.currency.exponent() > 0 {
        warnings.push(Warning::new(WarningCode::NumberDoubtful));
    }
    let rows = table
        .rows
        .iter()
        .filter(|row| !repeats_headings(row, &table.layout.headings))
        .map(|row| {
            let read = record::of(row, &columns, figures);
            Row {
                number: row.number,
                sku: read.sku,
                record: read.record,
                warnings: read.warnings,
            }
        })
        .collect();
    Interpreted {
        columns,
        rows,
        warnings,
    }
}

fn of_columns(columns: &[Column]) -> Vec<Warning> {
    let warning = |column: &Column| match &column.meaning {
        Meaning::Field { .. } => None,
        Meaning::Attribute { .. } => Some(Warning::about(WarningCode::ColumnAttribute, &column.heading, "")),
        Meaning::Ignored if column.heading.is_empty() => None,
        Meaning::Ignored => Some(Warning::about(WarningCode::ColumnIgnored, &column.heading, "")),
    };
    columns.iter().filter_map(warning).collect()
}

/// Fields whose headings name another currency than the amounts should be in.
fn in_other_currency(columns: &[Column], own: Currency) -> Vec<Field> {
    let field = |column: &Column| match column.meaning {
        Meaning::Field { field } if heading_names_other_currency(&column.heading, own) => Some(field),
        Meaning::Field { .. } | Meaning::Attribute { .. } | Meaning::Ignored => None,
    };
    columns.iter().filter_map(field).collect()
}

/// Names of sheets as people read them.
fn others(sheets: &[String]) -> Option<String> {
    (!sheets.is_empty()).then(|| sheets.join(", "))
}

/// The texts of all columns of figures.
fn figures<'a>(table: &'a Table, columns: &'a [Column]) -> impl Iterator<Item = &'a str> {
    let is_figure = |column: &Column| {
        matches!(
            column.meaning,
            Meaning::Field {
                field: Field::Price | Field::Cost | Field::Quantity
            }
        )
    };
    table.rows.iter().flat_map(move |row| {
        let cells = row.cells.iter().zip(columns);
        cells.filter_map(move |(cell, column)| match cell {
            Cell::Text(text) if is_figure(column) => Some(text.as_str()),
            _ => None,
        })
    })
}

/// Whether codes are the spreadsheet's own numbers, and of different lengths.
fn codes_may_lack_zeros(table: &Table, columns: &[Column]) -> bool {
    let is_code = |column: &Column| column.meaning == Meaning::Field { field: Field::Sku };
    let Some(place) = columns.iter().position(is_code) else {
        return false;
    };
    let mut lengths = table.rows.iter().filter_map(|row| match row.cells.get(place) {
        Some(Cell::Number(digits)) => Some(digits.len()),
        _ => None,
    });
    lengths
        .next()
        .is_some_and(|first| lengths.any(|length| length != first))
}

fn repeats_headings(row: &SourceRow, headings: &[String]) -> bool {
    let mut cells = row
        .cells
        .iter()
        .zip(headings)
        .filter(|(cell, _)| !cell.is_empty());
    cells.clone().count() > 1 && cells.all(|(cell, heading)| cell.shown() == heading)
}
