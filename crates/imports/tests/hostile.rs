//! Files that mean harm, and files that a spreadsheet has harmed: neither falls the reader over, costs memory, or changes
//! a code into another one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(
    dead_code,
    reason = "shared with the other test of whole files, which needs other parts of it"
)]
mod workbook;

use imports::limits::{MAX_CELLS, MAX_COLUMNS};
use imports::{Cell, FileError, Interpreted, Money, WarningCode, interpret, read};

use schemas::Currency;

use workbook::{Value, Workbook};

fn money(currency: &str) -> Money {
    Money {
        currency: Currency::new(currency).unwrap(),
    }
}

fn understood(text: &str, money: Money) -> Interpreted {
    interpret(&read(text.as_bytes()).unwrap(), money)
}

fn codes(file: &Interpreted, row: usize) -> Vec<WarningCode> {
    file.rows[row]
        .warnings
        .iter()
        .map(|warning| warning.code)
        .collect()
}

/// Headings and rows of a sheet, each row as the XML of its cells.
fn sheet(rows: impl Iterator<Item = String>) -> Vec<u8> {
    let mut xml = String::from(
        r#"<row r="1"><c r="A1" t="inlineStr"><is><t>SKU</t></is></c><c r="B1" t="inlineStr"><is><t>Nombre</t></is></c></row>"#,
    );
    for (number, cells) in (2..).zip(rows) {
        xml.push_str(&format!("<row r=\"{number}\">{cells}</row>"));
    }
    let mut workbook = Workbook::new();
    workbook.raw_sheet("Lista", &xml);
    workbook.bytes()
}

#[test]
fn one_cell_far_to_the_right_in_each_row_is_a_grid_and_counts_as_one() {
    // GR is the last column that is allowed: few cells in the file, two hundred in memory for each.
    let rows = MAX_CELLS / MAX_COLUMNS + 1;
    let bytes = sheet((0..rows).map(|row| format!(r#"<c r="GR{}"><v>1</v></c>"#, row + 2)));
    let refused = read(&bytes);
    assert!(
        matches!(&refused, Err(FileError::TooLarge { what, .. }) if what == "cells"),
        "{refused:?}"
    );
}

#[test]
fn elements_in_elements_without_end_are_read_or_refused_and_do_not_exhaust_the_stack() {
    let deep = format!("{}{}", "<x>".repeat(200_000), "</x>".repeat(200_000));
    let _ = read(&sheet([deep].into_iter()));
    let unclosed = "<is>".repeat(200_000);
    assert!(read(&sheet([format!("<c>{unclosed}")].into_iter())).is_err());
}

#[test]
fn dates_and_numbers_beyond_every_calendar_fall_nothing_over() {
    let odd = [
        "1e300",
        "-1e300",
        "1e20",
        "-1",
        "0",
        "NaN",
        "inf",
        "2958466",
        "99999999999999999999",
    ];
    let rows = odd.iter().zip(2..).map(|(number, row)| {
        format!(
            r#"<c r="A{row}" t="inlineStr"><is><t>X-{row}</t></is></c><c r="B{row}" s="1"><v>{number}</v></c><c r="C{row}"><v>{number}</v></c>"#
        )
    });
    if let Ok(table) = read(&sheet(rows)) {
        let _ = interpret(&table, money("HNL"));
    }
}

#[test]
fn zero_characters_reach_nobody() {
    let mut workbook = Workbook::new();
    workbook.sheet(
        "Lista",
        &[
            vec![
                Value::Text("SKU"),
                Value::Text("Nombre"),
                Value::Shared("Nota_x0000_"),
            ],
            vec![
                Value::Shared("A_x0000_1"),
                Value::Text("a"),
                Value::Shared("b_x0000_c"),
            ],
        ],
    );
    let table = read(&workbook.bytes()).unwrap();
    let all = serde_json::to_string(&(&table, interpret(&table, money("HNL")))).unwrap();
    assert!(!all.contains("\\u0000"), "{all}");
}

#[test]
fn a_quotation_mark_that_nobody_closed_swallows_no_rows() {
    let last = "sku,nombre,precio\nA,uno,1\nB,\"dos,2\nC,tres,3\n";
    let Err(FileError::Damaged { cause, .. }) = read(last.as_bytes()) else {
        panic!("three rows became two")
    };
    assert!(cause.contains("line 3"), "{cause}");
    let many = "X,x,1\n".repeat(200);
    let amid = format!("sku,nombre,precio\nB,\"dos,2\n{many}C,\"tres\",3\n");
    let Err(FileError::Damaged { cause, .. }) = read(amid.as_bytes()) else {
        panic!("two hundred rows became a name")
    };
    assert!(cause.contains("line 2"), "{cause}");
    // Inches are no quotation marks, and a closed one may be the last character.
    let file = understood("sku,nombre\nA,Cable 5\" rojo\nB,\"dos\"\"\"", money("HNL"));
    let name = |row: usize| file.rows[row].record.as_ref().unwrap().name.clone().unwrap();
    assert_eq!(
        (name(0), name(1)),
        ("Cable 5\" rojo".to_owned(), "dos\"".to_owned())
    );
}

#[test]
fn codes_that_a_spreadsheet_has_shortened_or_made_dates_of_are_no_codes() {
    let text = "sku,nombre,serie\n4.00638E+12,a,\n4E+12,b,\nA-1,c,1.2E+19\n1E5,d,\nX4.0E+12,e,\n";
    let file = understood(text, money("HNL"));
    for row in [0, 1, 2] {
        assert_eq!(codes(&file, row), [WarningCode::DigitsLost], "{row}");
        assert!(file.rows[row].record.is_none());
    }
    for row in [3, 4] {
        assert!(file.rows[row].record.is_some(), "{row} is somebody's code");
    }
    let mut workbook = Workbook::new();
    workbook.sheet(
        "Lista",
        &[
            vec![Value::Text("SKU"), Value::Text("Nombre"), Value::Text("Serie")],
            vec![Value::Date("46000"), Value::Text("era 9-12"), Value::None],
            vec![
                Value::Text("B"),
                Value::Text("b"),
                Value::Number("12345678901234567000"),
            ],
            vec![Value::Number("490154203237518"), Value::Text("c"), Value::None],
            vec![Value::Number("77"), Value::Text("d"), Value::None],
        ],
    );
    let file = interpret(&read(&workbook.bytes()).unwrap(), money("HNL"));
    assert_eq!(codes(&file, 0), [WarningCode::CodeIsDate]);
    assert_eq!(codes(&file, 1), [WarningCode::DigitsLost]);
    assert!(file.rows[2].record.is_some(), "fifteen digits are kept");
    let about_file: Vec<_> = file.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(about_file, [WarningCode::CodesAreNumbers]);
}

#[test]
fn codes_that_were_kept_from_becoming_numbers_are_read_as_they_were_meant() {
    let text = "sku,nombre,ean\n=\"00123\",a,\n'00124,b,\n'tis,c,\n00125,d,036000291452\nE,e,36000291452\n";
    let file = understood(text, money("HNL"));
    let sku = |row: usize| file.rows[row].record.as_ref().unwrap().sku.to_string();
    assert_eq!(
        [sku(0), sku(1), sku(2), sku(3)],
        ["00123", "00124", "'tis", "00125"]
    );
    let gtin = |row: usize| file.rows[row].record.as_ref().unwrap().gtin.clone();
    assert_eq!(gtin(3), gtin(4));
    assert_eq!(
        (codes(&file, 3), codes(&file, 4)),
        (vec![], vec![WarningCode::GtinZeros])
    );
}

#[test]
fn a_mark_before_three_digits_is_one_of_thousands_unless_the_column_says_otherwise() {
    let price = |text: &str, money| {
        let file = understood(
            &format!("sku,nombre,precio,cantidad\nA,a,{text},\"1.234\"\n"),
            money,
        );
        let record = file.rows[0].record.clone();
        let price = record
            .as_ref()
            .and_then(|record| record.price_minor)
            .map(|price| price.get());
        (price, record.and_then(|record| record.quantity), codes(&file, 0))
    };
    let doubtful = vec![WarningCode::NumberDoubtful];
    assert_eq!(
        price("12.990", money("HNL")),
        (Some(1_299_000), Some(1_234), doubtful.clone())
    );
    assert_eq!(
        price("\"12,990\"", money("HNL")),
        (Some(1_299_000), Some(1_234), doubtful)
    );
    assert_eq!(price("12.990", money("CLP")), (Some(12_990), Some(1_234), vec![]));
    assert_eq!(
        price("\"12,50\"", money("HNL")),
        (Some(1_250), Some(1_234), vec![]),
        "the price tells"
    );
}

#[test]
fn what_a_cell_says_stays_one_cell_whatever_it_holds() {
    let text = "\u{feff}sku,nombre\r\n\u{feff}A,\"=cmd|' /C calc'!A0\"\r\nB,\"uno\r\ndos\"\r\n";
    let table = read(text.as_bytes()).unwrap();
    assert_eq!(
        table.rows[0].cells,
        [Cell::text("A"), Cell::text("=cmd|' /C calc'!A0")]
    );
    assert_eq!(table.rows.len(), 2);
}
