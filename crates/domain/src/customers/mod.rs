//! Customers, their credit and their account.
//!
//! One file per command; `customer` holds the state and the rules of charging and crediting that sales share.

mod change_credit;
mod charge_customer;
mod customer;
mod receive_payment;
mod register_customer;

pub use change_credit::ChangeCredit;
pub use charge_customer::ChargeCustomer;
pub use customer::Customer;
pub use receive_payment::ReceivePayment;
pub use register_customer::RegisterCustomer;

pub(crate) use customer::{charge, credit};

#[cfg(test)]
mod tests;
