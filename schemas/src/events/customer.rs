//! Customers, their credit and their ledger. Stream `customer/<customer_id>`.
//!
//! Every ledger event carries the balance after it: positive is what the customer owes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use super::sale::PaymentMethod;
use crate::ids::{CustomerId, PaymentId, ReturnId, SaleId};
use crate::money::{Currency, Minor};
use crate::sealed::Sealed;

module_events! {
    /// The life of one customer.
    CustomerEvent {
        Registered(CustomerRegistered) = "customer.registered" v 1,
        CreditChanged(CustomerCreditChanged) = "customer.credit_changed" v 1,
        Charged(CustomerCharged) = "customer.charged" v 1,
        Credited(CustomerCredited) = "customer.credited" v 1,
        PaymentReceived(CustomerPaymentReceived) = "customer.payment_received" v 1,
    }
}

/// How far a customer may owe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CreditTerms {
    /// Buys with money only.
    None,
    /// May owe up to this much.
    Limited { limit_minor: Minor },
    /// May owe any amount.
    Unlimited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerKind {
    Person,
    Company,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerRegistered {
    pub customer_id: CustomerId,
    pub kind: CustomerKind,
    pub credit: CreditTerms,
    pub currency: Currency,
    pub name: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Sealed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerCreditChanged {
    pub customer_id: CustomerId,
    pub credit: CreditTerms,
    pub currency: Currency,
}

/// What a charge or credit rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LedgerCause {
    Sale {
        sale_id: SaleId,
    },
    Void {
        sale_id: SaleId,
    },
    Return {
        return_id: ReturnId,
    },
    /// Entered by hand, with the reason in the event's metadata.
    Manual {
        note: Option<String>,
    },
}

/// The customer owes more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerCharged {
    pub customer_id: CustomerId,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    pub cause: LedgerCause,
    pub balance_minor: Minor,
}

/// The customer owes less: a void or a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerCredited {
    pub customer_id: CustomerId,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    pub cause: LedgerCause,
    pub balance_minor: Minor,
}

/// The customer paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerPaymentReceived {
    pub customer_id: CustomerId,
    pub payment_id: PaymentId,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    pub method: PaymentMethod,
    pub balance_minor: Minor,
}
