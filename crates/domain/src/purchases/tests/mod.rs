//! The rules for purchases: a small order to try them on.

mod changes;
mod documents;
mod orders;
mod properties;

use schemas::events::purchase::{CostKind, Lot};
use schemas::{CostAdjustmentId, LotNumber, PurchaseId, ReceptionId, SupplierReturnId};

use super::*;
use crate::stock::Stock;
use crate::suppliers::tests::{of, registered, supplier};
use crate::testing::*;
use crate::{State, streams};

const NEW: &str = "imei:356938035643809";
const OTHER: &str = "serial:SN-9";

pub(crate) fn the() -> PurchaseId {
    PurchaseId::new("oc-1").unwrap()
}

fn ordered(name: &str, pieces: i64, cost: i64, taxed: bool) -> OrderLineRequest {
    OrderLineRequest {
        sku: sku(name),
        quantity: quantity(pieces),
        unit_cost_minor: minor(cost),
        tax_code: taxed.then(isv),
    }
}

/// 10 CABLE at 60.00 (taxed), 2 PHONE at 4,000.00.
pub(crate) fn order() -> OrderPurchase {
    OrderPurchase {
        purchase_id: Some(the()),
        supplier_id: supplier("sur"),
        store: centro(),
        lines: vec![
            ordered("CABLE", 10, 6_000, true),
            ordered("PHONE", 2, 400_000, false),
        ],
        tolerance_percent: 0,
        expected_on: Some("2026-12-01".to_owned()),
        note: None,
        send: false,
    }
}

pub(crate) fn send() -> SendPurchase {
    SendPurchase { purchase_id: the() }
}

fn close() -> ClosePurchase {
    ClosePurchase { purchase_id: the() }
}

fn cancel(lines: Option<Vec<i64>>) -> CancelPurchase {
    CancelPurchase {
        purchase_id: the(),
        lines,
    }
}

pub(crate) fn came(line: i64, pieces: i64, units: &[&str]) -> ReceptionLineRequest {
    ReceptionLineRequest {
        line,
        quantity: quantity(pieces),
        units: units.iter().map(|text| unit(text)).collect(),
        lots: Vec::new(),
    }
}

pub(crate) fn reception(id: &str, lines: Vec<ReceptionLineRequest>) -> ReceivePurchase {
    ReceivePurchase {
        purchase_id: the(),
        reception_id: Some(ReceptionId::new(id).unwrap()),
        invoice: None,
        lines,
    }
}

fn invoice(id: &str, number: &str) -> InvoiceReception {
    InvoiceReception {
        purchase_id: the(),
        reception_id: ReceptionId::new(id).unwrap(),
        invoice: number.to_owned(),
    }
}

fn costs(id: &str, lines: &[(i64, CostKind, i64)]) -> AdjustPurchaseCost {
    let line = |(line, kind, delta): &(i64, CostKind, i64)| CostLineRequest {
        line: *line,
        kind: *kind,
        delta_minor: minor(*delta),
    };
    AdjustPurchaseCost {
        purchase_id: the(),
        adjustment_id: Some(CostAdjustmentId::new(id).unwrap()),
        invoice: None,
        lines: lines.iter().map(line).collect(),
    }
}

fn back(id: &str, lines: &[(i64, i64, &[&str])]) -> ReturnToSupplier {
    let line = |(line, pieces, units): &(i64, i64, &[&str])| SupplierReturnLineRequest {
        line: *line,
        quantity: quantity(*pieces),
        units: units.iter().map(|text| unit(text)).collect(),
    };
    ReturnToSupplier {
        purchase_id: the(),
        return_id: Some(SupplierReturnId::new(id).unwrap()),
        lines: lines.iter().map(line).collect(),
    }
}

fn lot(number: &str, pieces: i64) -> Lot {
    Lot {
        lot: LotNumber::new(number).unwrap(),
        quantity: quantity(pieces),
        made_on: Some("2026-10-01".to_owned()),
        expires_on: Some("2028-10-01".to_owned()),
    }
}

/// A shop with a supplier, its order not yet sent.
fn with_order() -> Given {
    shop().and(registered("sur")).and(order())
}

fn sent() -> Given {
    with_order().and(send())
}

fn the_purchase(given: &Given) -> Box<Purchase> {
    match given.state(&streams::purchase(&the())) {
        State::Purchase(Some(found)) => found,
        other => panic!("{other:?}"),
    }
}

fn level(given: &Given, name: &str) -> Stock {
    match given.state(&streams::stock(&centro(), &sku(name))) {
        State::Stock(stock) => stock,
        other => panic!("{other:?}"),
    }
}

fn balance(given: &Given) -> i64 {
    of(given, "sur").balance_minor.get()
}
