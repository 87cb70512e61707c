//! The reads, by module. Each handler checks its parameters, takes one snapshot, asks one or two queries, answers.

pub mod admin;
pub mod api_keys;
pub mod audit;
pub mod catalogue;
mod costs;
pub mod customer_account;
pub mod customers;
pub mod external;
pub mod imports;
pub mod inventory;
pub mod movements;
pub mod offline;
pub mod orders;
pub mod purchases;
pub mod receipts;
pub mod repairs;
pub mod reports;
pub mod reservations;
pub mod sales;
pub mod settings;
pub mod stock_alerts;
pub mod stock_costs;
pub mod stock_movements;
pub mod suppliers;
pub mod transfers;

use poem_openapi::Tags;
use schemars::JsonSchema;
use serde::Serialize;

/// Groups of operations in the OpenAPI document.
#[derive(Debug, Tags)]
pub enum Group {
    /// What is sold.
    Catalogue,
    /// Stock by store, item and unit.
    Inventory,
    /// Customers, their credit and ledger.
    Customers,
    /// Sales, drafts and receipts.
    Sales,
    /// Suppliers, purchases and what we owe.
    Purchases,
    /// Repairs, and what workshops may see of them.
    Repairs,
    /// Figures by day and item.
    Reports,
    /// Who did what, when and why.
    Audit,
    /// What external systems read with their keys.
    External,
    /// Stores, tills, users and settings.
    Administration,
}

/// A single thing with the position that it speaks for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}At")]
pub struct At<T> {
    #[serde(flatten)]
    pub value: T,
    /// The position in the log that this answer speaks for.
    pub position: i64,
}
