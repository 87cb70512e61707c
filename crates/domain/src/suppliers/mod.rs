//! Suppliers: who they are, whom to talk to there, and what we owe them (CRM-2).
//!
//! One file per command; `supplier` holds the state and the rules of charging and crediting that purchases share.
//! Their lots come with receptions (`purchases`) and are a read model's business.

mod add_supplier_contact;
mod adjust_supplier_debt;
mod change_supplier;
mod change_supplier_contact;
mod deactivate_supplier;
mod pay_supplier;
mod reactivate_supplier;
mod register_supplier;
mod remove_supplier_contact;
mod supplier;

pub use add_supplier_contact::AddSupplierContact;
pub use adjust_supplier_debt::AdjustSupplierDebt;
pub use change_supplier::ChangeSupplier;
pub use change_supplier_contact::ChangeSupplierContact;
pub use deactivate_supplier::DeactivateSupplier;
pub use pay_supplier::PaySupplier;
pub use reactivate_supplier::ReactivateSupplier;
pub use register_supplier::RegisterSupplier;
pub use remove_supplier_contact::RemoveSupplierContact;
pub use supplier::Supplier;

pub(crate) use supplier::settle;

#[cfg(test)]
pub(crate) mod tests;
