//! The serving read models: one file each, with row, keys, fold and tests (docs/how-to/add-a-read-model.md).
//!
//! Not here: how they are driven (`runner`) and asked (query-service).

pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod customer_ledger;
pub mod customer_notes;
pub mod customers;
pub mod daily_sales;
pub mod item_sales;
pub mod items;
pub mod letterheads;
pub mod movement_policies;
pub mod movement_request_lines;
pub mod movement_requests;
pub mod numbering;
pub mod offline_lines;
pub mod offline_sales;
pub mod offline_tills;
pub mod order_lines;
pub mod orders;
pub mod purchase_lines;
pub mod purchases;
pub mod purchases_documents;
pub mod repair_parts;
pub mod repair_terms;
pub mod repairs;
pub mod reservation_lines;
pub mod reservations;
pub mod sale_lines;
pub mod sales;
mod shelf_value;
pub mod stock;
pub mod stock_costs;
pub mod stock_movements;
pub mod stores;
pub mod supplier_ledger;
pub mod suppliers;
pub mod suppliers_contacts;
pub mod suppliers_lots;
pub mod tax_rates;
pub mod tenant;
pub mod terminals;
pub mod thresholds;
pub mod transfer_documents;
pub mod transfer_lines;
pub mod transfers;
pub mod unit_movements;
pub mod units;
pub mod users;

use crate::projection::{Projection, journalled, serving};

/// Every read model that queries are answered from. They move together, with one checkpoint.
pub fn all() -> Vec<Box<dyn Projection>> {
    let [stock, stock_costs] = journalled::<stock_costs::CostLedger>();
    vec![
        serving::<audit::AuditRow>(),
        serving::<api_keys::ApiKeyRow>(),
        serving::<tenant::TenantRow>(),
        serving::<tax_rates::TaxRateRow>(),
        serving::<letterheads::LetterheadRow>(),
        serving::<numbering::NumberingRow>(),
        serving::<repair_terms::RepairTermsRow>(),
        serving::<stores::StoreRow>(),
        serving::<terminals::TerminalRow>(),
        serving::<users::UserRow>(),
        serving::<items::ItemRow>(),
        stock,
        stock_costs,
        serving::<stock_movements::StockMovementRow>(),
        serving::<units::UnitRow>(),
        serving::<unit_movements::UnitMovementRow>(),
        serving::<thresholds::ThresholdRow>(),
        serving::<alerts::AlertRow>(),
        serving::<movement_policies::MovementPolicyRow>(),
        serving::<movement_requests::MovementRequestRow>(),
        serving::<movement_request_lines::MovementRequestLineRow>(),
        serving::<repairs::RepairRow>(),
        serving::<repair_parts::RepairPartRow>(),
        serving::<reservations::ReservationRow>(),
        serving::<reservation_lines::ReservationLineRow>(),
        serving::<offline_tills::OfflineTillRow>(),
        serving::<offline_sales::OfflineSaleRow>(),
        serving::<offline_lines::OfflineLineRow>(),
        serving::<transfers::TransferRow>(),
        serving::<transfer_lines::TransferLineRow>(),
        serving::<transfer_documents::TransferDocumentRow>(),
        serving::<customers::CustomerRow>(),
        serving::<customer_ledger::LedgerRow>(),
        serving::<customer_notes::CustomerNoteRow>(),
        serving::<orders::OrderRow>(),
        serving::<order_lines::OrderLineRow>(),
        serving::<suppliers::SupplierRow>(),
        serving::<suppliers_contacts::SupplierContactRow>(),
        serving::<supplier_ledger::SupplierLedgerRow>(),
        serving::<suppliers_lots::SupplierLotRow>(),
        serving::<purchases::PurchaseRow>(),
        serving::<purchase_lines::PurchaseLineRow>(),
        serving::<purchases_documents::PurchaseDocumentRow>(),
        serving::<sales::SaleRow>(),
        serving::<sale_lines::SaleLineRow>(),
        serving::<daily_sales::DailySalesRow>(),
        serving::<item_sales::ItemSalesRow>(),
    ]
}
