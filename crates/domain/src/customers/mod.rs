//! Customers: who they are, whether they may buy, their credit, their account, and notes about them.
//!
//! One file per command; `customer` holds the state and the rules of charging and crediting that sales, orders and
//! repairs share. States and ageing are described in `docs/domain/customers.md`.

mod add_note;
mod change_credit;
mod change_customer;
mod change_status;
mod charge_customer;
mod correct_note;
mod customer;
mod receive_payment;
mod register_customer;
mod remove_note;

pub use add_note::{AddCustomerNote, MAX_NOTES};
pub use change_credit::ChangeCredit;
pub use change_customer::ChangeCustomer;
pub use change_status::ChangeCustomerStatus;
pub use charge_customer::ChargeCustomer;
pub use correct_note::CorrectCustomerNote;
pub use customer::Customer;
pub use receive_payment::ReceivePayment;
pub use register_customer::RegisterCustomer;
pub use remove_note::RemoveCustomerNote;

pub(crate) use customer::{charge, credit};

#[cfg(test)]
mod care_tests;
#[cfg(test)]
mod ledger_tests;
#[cfg(test)]
mod tests;
