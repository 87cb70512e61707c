//! The plan against hand-made lines, and against the real file's known figures.

use std::path::PathBuf;

use super::file::{RetailFile, parse};
use super::plan::{DocumentKind, ItemFigures, Plan};

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

fn plan(rows: &str) -> Plan {
    Plan::new(parse(format!("{HEADER}{rows}").as_bytes()).unwrap())
}

/// The shared file, or `None` with a loud note; in CI its absence is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "whether this is CI decides if a skip is allowed"
)]
fn shared_file() -> Option<RetailFile> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/online-retail-2010-12.csv.gz");
    if path.exists() {
        return Some(RetailFile::read(&path).unwrap());
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is absent",
        path.display()
    );
    println!("SKIPPED: {} is absent", path.display());
    None
}

#[test]
fn the_shared_file_has_the_figures_of_its_readme() {
    let Some(file) = shared_file() else { return };
    let plan = Plan::new(file.lines);
    let count = |kind| {
        plan.documents
            .iter()
            .filter(|document| document.kind == kind)
            .count()
    };
    assert_eq!(plan.lines, 42_481);
    assert_eq!(plan.documents.len(), 2_025);
    assert_eq!(plan.items.len(), 2_822);
    assert_eq!(plan.customers.len(), 948);
    assert_eq!(count(DocumentKind::Return), 326);
    let lines_of = |kind| -> usize {
        plan.documents
            .iter()
            .filter(|document| document.kind == kind)
            .map(|document| document.lines.len())
            .sum()
    };
    assert_eq!(lines_of(DocumentKind::Return), 728);
    assert_eq!(lines_of(DocumentKind::WriteOff), 70);
    assert_eq!(
        plan.documents.iter().map(|document| document.lines.len()).max(),
        Some(675)
    );
    assert!(plan.unsendable.is_empty());
    assert_eq!(plan.expected.net_minor, 74_895_702);
    assert_eq!(plan.expected.net_rounded_once_minor, 74_895_702);
    assert_eq!(
        plan.expected
            .customers
            .values()
            .filter(|balance| **balance < 0)
            .count(),
        67
    );
}

#[test]
fn the_parts_of_the_shared_file_add_up_to_its_whole() {
    let Some(file) = shared_file() else { return };
    let plan = Plan::new(file.lines);
    let documents: i64 = plan.documents.iter().map(super::plan::Document::net_minor).sum();
    let items: i64 = plan.expected.items.values().map(|item| item.net_minor).sum();
    let days: i64 = plan.expected.days.values().sum();
    assert_eq!([documents, items, days], [74_895_702; 3]);
}

#[test]
fn the_opening_stock_of_the_shared_file_is_enough_and_not_one_more() {
    let Some(file) = shared_file() else { return };
    let plan = Plan::new(file.lines);
    for (code, opening) in &plan.opening {
        let mut balance = *opening;
        let mut lowest = balance;
        for document in &plan.documents {
            for line in document.lines.iter().filter(|line| line.code == *code) {
                balance += if document.kind == DocumentKind::WriteOff {
                    line.quantity
                } else {
                    -line.quantity
                };
            }
            lowest = lowest.min(balance);
        }
        assert_eq!(lowest, 0, "{code}");
    }
}

#[test]
fn an_invoice_is_one_document_at_its_first_lines_time() {
    let plan = plan(
        "2,A,Lamp,1,2010-12-02T09:00:00,1.50,,UK\n\
         1,A,Lamp,2,2010-12-01T23:59:00,1.50,7,UK\n\
         2,B,,1,2010-12-02T09:01:00,2.00,,UK\n",
    );
    let invoices: Vec<_> = plan
        .documents
        .iter()
        .map(|d| (d.invoice.as_str(), d.lines.len(), d.at.to_string()))
        .collect();
    assert_eq!(
        invoices,
        [
            ("1", 1, "2010-12-01T23:59:00".to_owned()),
            ("2", 2, "2010-12-02T09:00:00".to_owned())
        ]
    );
    assert_eq!(plan.expected.days["2010-12-02"], 350);
    assert_eq!(plan.items[1].name, "B");
}

#[test]
fn opening_stock_counts_on_returns_that_came_before() {
    let plan = plan(
        "1,A,Lamp,5,2010-12-01T08:00:00,1,7,UK\n\
         C2,A,Lamp,-3,2010-12-01T09:00:00,1,7,UK\n\
         3,A,damaged,-1,2010-12-01T10:00:00,0,,UK\n\
         4,A,Lamp,4,2010-12-01T11:00:00,1,7,UK\n\
         5,POST,Postage,9,2010-12-01T12:00:00,1,7,UK\n\
         C6,B,Vase,-2,2010-12-01T13:00:00,1,7,UK\n\
         7,B,Vase,2,2010-12-01T14:00:00,1,7,UK\n",
    );
    assert_eq!(plan.opening, [("A".to_owned(), 7)]);
    assert_eq!(
        plan.expected.items["A"],
        ItemFigures {
            sold_quantity: 9,
            returned_quantity: 3,
            net_minor: 600
        }
    );
    assert_eq!(plan.expected.customers["7"], 600 + 900);
}

#[test]
fn codes_that_differ_in_case_are_two_items() {
    let plan = plan("1,85123a,Lamp,1,2010-12-01T08:00:00,1,,UK\n1,85123A,Lamp,1,2010-12-01T08:00:00,1,,UK\n");
    assert_eq!(plan.items.len(), 2);
}

#[test]
fn what_no_command_can_carry_is_listed_and_still_expected() {
    let plan = plan(
        "A1,B,Adjust bad debt,1,2010-12-01T08:00:00,-11.06,,UK\nC2,A,Lamp,1,2010-12-01T08:00:00,2,,UK\n",
    );
    assert_eq!(plan.unsendable.len(), 2);
    assert!(plan.documents.is_empty());
    assert_eq!(plan.expected.net_minor, -906);
}

#[test]
fn a_row_that_is_not_understood_is_named() {
    let error = parse(format!("{HEADER}1,A,Lamp,many,2010-12-01T08:00:00,1,,UK\n").as_bytes()).unwrap_err();
    assert!(format!("{error:#}").contains("row 2"), "{error:#}");
}
