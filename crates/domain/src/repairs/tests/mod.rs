//! The rules for repairs: the way of one repair, and what is forbidden on it.

mod fees;
mod money;
mod properties;
mod steps;

use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::events::repair::{AnswerChannel, QuoteAnswer, RepairPriority};
use schemas::{RepairId, UnitId};

use super::*;
use crate::catalogue::{ChangeItem, CreateItem};
use crate::stock::Stock;
use crate::testing::*;
use crate::{State, streams};

pub(crate) const THE: &str = "rep-1";
/// A device that we never saw.
const FOREIGN: &str = "imei:356938035643809";

pub(crate) fn the() -> RepairId {
    RepairId::new(THE).unwrap()
}

fn named(id: &str) -> RepairId {
    RepairId::new(id).unwrap()
}

/// The shop, and what its workbench needs: SCREEN (counted, 1,500.00, taxed), BOARD (serialised), 4 and 2 of them.
pub(crate) fn workshop() -> Given {
    let board = CreateItem {
        details: ItemDetails::default(),
        ..create_item("BOARD", ItemKind::Serialised, 200_000, true)
    };
    shop()
        .and(create_item("SCREEN", ItemKind::Counted, 150_000, true))
        .and(board)
        .and(receive(vec![
            receipt("SCREEN", 4, &[]),
            receipt("BOARD", 2, &["serial:B-1", "serial:B-2"]),
        ]))
}

/// The shop's phones have a warranty of 12 months.
fn warranted() -> Given {
    let details = ItemDetails {
        warranty_months: Some(12),
        ..ItemDetails::default()
    };
    let change = ChangeItem {
        sku: sku("PHONE"),
        name: None,
        price_minor: None,
        tax_code: None,
        details: Some(details),
    };
    workshop().and(change)
}

/// The shop has sold the phone.
fn sold() -> Given {
    warranted().and(sell("v-1", vec![unit_line(IMEI)], cash(500_000)))
}

fn take_in(id: &str, unit: &str) -> ReceiveRepair {
    ReceiveRepair {
        repair_id: Some(named(id)),
        store: centro(),
        customer_id: customer("ana"),
        unit: UnitId::new(unit).unwrap(),
        description: Some("Nokia 3310 azul".to_owned()),
        accessories: vec!["cargador".to_owned()],
        fault: "No enciende".to_owned(),
        priority: RepairPriority::Normal,
        promised_at: None,
    }
}

pub(crate) fn intake() -> ReceiveRepair {
    take_in(THE, FOREIGN)
}

pub(crate) fn diagnose() -> DiagnoseRepair {
    DiagnoseRepair {
        repair_id: the(),
        diagnosis: "Pantalla rota".to_owned(),
        covered: None,
        workshop: None,
    }
}

pub(crate) fn quote() -> QuoteRepair {
    QuoteRepair {
        repair_id: the(),
        lines: vec![line("SCREEN", 1), line("FIX", 1)],
        discount: None,
    }
}

fn answer(approves: bool) -> AnswerQuote {
    AnswerQuote {
        repair_id: the(),
        quote: None,
        approves,
        answer: QuoteAnswer {
            channel: AnswerChannel::Phone,
            answered_by: Some(sealed("Luis")),
        },
    }
}

fn start() -> StartRepair {
    StartRepair { repair_id: the() }
}

fn wait() -> WaitForParts {
    WaitForParts {
        repair_id: the(),
        note: Some("Pantalla pedida".to_owned()),
    }
}

fn resume() -> ResumeRepair {
    ResumeRepair { repair_id: the() }
}

fn supplier(id: &str) -> crate::suppliers::RegisterSupplier {
    crate::suppliers::RegisterSupplier {
        supplier_id: Some(schemas::SupplierId::new(id).unwrap()),
        details: serde_json::from_value(serde_json::json!({ "name": id })).unwrap(),
    }
}

fn done() -> FinishRepair {
    FinishRepair {
        repair_id: the(),
        work_done: "Pantalla cambiada".to_owned(),
    }
}

fn part(name: &str, pieces: i64) -> PartRequest {
    PartRequest {
        sku: Some(sku(name)),
        unit: None,
        quantity: quantity(pieces),
    }
}

fn unit_part(text: &str) -> PartRequest {
    PartRequest {
        sku: None,
        unit: Some(unit(text)),
        quantity: quantity(1),
    }
}

fn keep_parts(lines: Vec<PartRequest>) -> KeepParts {
    KeepParts {
        repair_id: the(),
        lines,
    }
}

fn take(lines: Vec<PartRequest>) -> TakeParts {
    TakeParts {
        repair_id: the(),
        lines,
    }
}

fn give_back(lines: Vec<PartRequest>) -> GiveBackParts {
    GiveBackParts {
        repair_id: the(),
        lines,
    }
}

fn unrepaired() -> ReturnUnrepaired {
    ReturnUnrepaired {
        repair_id: the(),
        cause: "No vale la pena".to_owned(),
        fee: vec![],
        payments: vec![],
    }
}

fn cancel() -> CancelRepair {
    CancelRepair {
        repair_id: the(),
        note: None,
    }
}

fn deliver(payments: Vec<crate::sales::PaymentRequest>) -> DeliverRepair {
    DeliverRepair {
        repair_id: the(),
        payments,
    }
}

/// On the workbench after the customer's approval of 1,650.00.
fn in_progress() -> Given {
    workshop()
        .and(intake())
        .and(diagnose())
        .and(quote())
        .and(answer(true))
        .and(start())
}

#[track_caller]
fn state(given: &Given) -> Repair {
    match given.state(&streams::repair(&the())) {
        State::Repair(Some(repair)) => *repair,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}
