//! Tenants and what they are made of: stores, terminals, users, tax rates, policies, letterhead, document numbers.
//!
//! One file per command; the aggregates' states and folds are in `tenant`, `store`, `terminal` and `user`;
//! `numbering` hands out document numbers.

mod change_user_password;
mod change_user_role;
mod close_store;
mod create_tenant;
mod create_user;
mod disable_user;
mod enable_user;
mod numbering;
mod open_store;
mod register_terminal;
mod rename_store;
mod rename_tenant;
mod rename_terminal;
mod rename_user;
mod reopen_store;
mod retire_terminal;
mod set_letterhead;
mod set_numbering;
mod set_repair_terms;
mod set_stock_policy;
mod set_tax_rate;
mod store;
mod tenant;
mod terminal;
mod user;

pub use change_user_password::ChangeUserPassword;
pub use change_user_role::ChangeUserRole;
pub use close_store::CloseStore;
pub use create_tenant::CreateTenant;
pub use create_user::CreateUser;
pub use disable_user::DisableUser;
pub use enable_user::EnableUser;
pub use numbering::{Counter, Numbering};
pub use open_store::OpenStore;
pub use register_terminal::RegisterTerminal;
pub use rename_store::RenameStore;
pub use rename_tenant::RenameTenant;
pub use rename_terminal::RenameTerminal;
pub use rename_user::RenameUser;
pub use reopen_store::ReopenStore;
pub use retire_terminal::RetireTerminal;
pub use set_letterhead::SetLetterhead;
pub use set_numbering::{EndNumbering, SetNumbering};
pub use set_repair_terms::{DEFAULT_REPAIR_TERMS, SetRepairTerms};
pub use set_stock_policy::SetStockPolicy;
pub use set_tax_rate::SetTaxRate;
pub use store::Store;
pub use tenant::{TaxRate, Tenant};
pub use terminal::Terminal;
pub use user::User;

pub(crate) use numbering::{counter_needed, next_number, put_number};

#[cfg(test)]
mod settings_tests;
#[cfg(test)]
mod tests;
