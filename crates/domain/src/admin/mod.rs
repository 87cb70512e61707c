//! Tenants and what they are made of: stores, terminals, users, tax rates, the stock policy.
//!
//! One file per command; the aggregates' states and folds are in `tenant`, `store`, `terminal` and `user`.

mod change_user_password;
mod change_user_role;
mod close_store;
mod create_tenant;
mod create_user;
mod disable_user;
mod enable_user;
mod open_store;
mod register_terminal;
mod retire_terminal;
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
pub use open_store::OpenStore;
pub use register_terminal::RegisterTerminal;
pub use retire_terminal::RetireTerminal;
pub use set_stock_policy::SetStockPolicy;
pub use set_tax_rate::SetTaxRate;
pub use store::Store;
pub use tenant::{TaxRate, Tenant};
pub use terminal::Terminal;
pub use user::User;

#[cfg(test)]
mod tests;
