//! The serving read models: one file each, with row, keys, fold and tests (docs/how-to/add-a-read-model.md).
//!
//! Not here: how they are driven (`runner`) and asked (query-service).

pub mod audit;
pub mod customer_ledger;
pub mod customers;
pub mod daily_sales;
pub mod item_sales;
pub mod items;
pub mod reservation_lines;
pub mod reservations;
pub mod sale_lines;
pub mod sales;
pub mod stock;
pub mod stock_movements;
pub mod stores;
pub mod tax_rates;
pub mod tenant;
pub mod terminals;
pub mod units;
pub mod users;

use crate::projection::{Projection, serving};

/// Every read model that queries are answered from. They move together, with one checkpoint.
pub fn all() -> Vec<Box<dyn Projection>> {
    vec![
        serving::<audit::AuditRow>(),
        serving::<tenant::TenantRow>(),
        serving::<tax_rates::TaxRateRow>(),
        serving::<stores::StoreRow>(),
        serving::<terminals::TerminalRow>(),
        serving::<users::UserRow>(),
        serving::<items::ItemRow>(),
        serving::<stock::StockRow>(),
        serving::<stock_movements::StockMovementRow>(),
        serving::<units::UnitRow>(),
        serving::<reservations::ReservationRow>(),
        serving::<reservation_lines::ReservationLineRow>(),
        serving::<customers::CustomerRow>(),
        serving::<customer_ledger::LedgerRow>(),
        serving::<sales::SaleRow>(),
        serving::<sale_lines::SaleLineRow>(),
        serving::<daily_sales::DailySalesRow>(),
        serving::<item_sales::ItemSalesRow>(),
    ]
}
