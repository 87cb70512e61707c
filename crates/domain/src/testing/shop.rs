//! A small shop to try the rules in, and short ways to write its things down. Only for tests.

use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::events::customer::{CreditTerms, CustomerKind};
use schemas::events::offline::{OfflineContent, OfflineLine};
use schemas::events::sale::{DraftContent, DraftLine, PaymentMethod};
use schemas::{Currency, CustomerId, Minor, Quantity, SaleId, Sku, StoreId, TaxCode, TerminalId, UnitId};

use super::{Given, IMEI, SERIAL, given};
use crate::sales::{CompleteSale, PaymentRequest};
use crate::stock::{ReceiptLine, ReceiveStock};
use crate::{admin, catalogue, customers};

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

/// The line as a till notes it; without a price, for nothing.
pub(crate) fn noted(line: DraftLine) -> OfflineLine {
    OfflineLine {
        sku: line.sku.map(|sku| sku.to_string()),
        unit: line.unit.map(|unit| unit.to_string()),
        quantity: line.quantity.get(),
        unit_price_minor: line.unit_price_minor.map_or(0, Minor::get),
        discount: line.discount,
    }
}

/// The same goods as a till notes them.
pub(crate) fn noted_content(content: DraftContent) -> OfflineContent {
    OfflineContent {
        store: content.store,
        terminal: content.terminal,
        customer_id: content.customer_id,
        customer_unreadable: false,
        lines: content.lines.into_iter().map(noted).collect(),
        discount: content.discount,
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
