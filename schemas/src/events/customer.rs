//! Customers, their credit and their ledger. Stream `customer/<customer_id>`.
//!
//! Every ledger event carries the balance after it: positive is what the customer owes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::double_option;
use super::module_events;
use super::sale::PaymentMethod;
use crate::ids::{ChargeId, CustomerId, NoteId, OrderId, PaymentId, RepairId, ReturnId, SaleId};
use crate::money::{Currency, Minor};
use crate::sealed::Sealed;

module_events! {
    /// The life of one customer.
    CustomerEvent {
        Registered(CustomerRegistered) = "customer.registered" v 1,
        CreditChanged(CustomerCreditChanged) = "customer.credit_changed" v 1,
        Charged(CustomerCharged) = "customer.charged" v 2,
        Credited(CustomerCredited) = "customer.credited" v 1,
        PaymentReceived(CustomerPaymentReceived) = "customer.payment_received" v 1,
        Changed(CustomerChanged) = "customer.changed" v 1,
        StatusChanged(CustomerStatusChanged) = "customer.status_changed" v 1,
        NoteAdded(CustomerNoteAdded) = "customer.note_added" v 1,
        NoteCorrected(CustomerNoteCorrected) = "customer.note_corrected" v 1,
        NoteRemoved(CustomerNoteRemoved) = "customer.note_removed" v 1,
    }
}

impl CustomerEvent {
    /// Reads an earlier version as the newest. Version 1 of `customer.charged` is version 2 without `charge_id`: charges
    /// by hand had no id.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("customer.charged", 1) => Some(serde_json::from_str(data).map(|old: CustomerCharged| {
                Self::Charged(CustomerCharged {
                    charge_id: None,
                    ..old
                })
            })),
            _ => None,
        }
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

/// What a customer may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerStatus {
    /// Buys within the terms of credit.
    #[default]
    Active,
    /// Buys with money only, whatever the terms of credit are.
    Blocked,
    /// Buys nothing any more; kept for the history.
    Archived,
}

/// Somebody is known as a customer, with terms of credit.
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

/// How much the customer may owe, from here on.
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
    /// Goods of a sales order: invoiced (a charge), or returned (a credit).
    Order {
        order_id: OrderId,
    },
    /// A repair that was delivered on credit, or undone.
    Repair {
        repair_id: RepairId,
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
    /// Of a charge by hand: the caller's id for it, or a generated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_id: Option<ChargeId>,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    pub cause: LedgerCause,
    pub balance_minor: Minor,
}

/// The customer owes less: a void, a return, or goods of an order that came back.
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

/// What is known about the customer has changed. Absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerChanged {
    pub customer_id: CustomerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CustomerKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
    /// `null` clears it; so it is with the following ones.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub tax_id: Option<Option<Sealed>>,
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub email: Option<Option<Sealed>>,
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub phone: Option<Option<Sealed>>,
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sealed>")]
    pub address: Option<Option<Sealed>>,
}

/// Whether the customer may buy, is blocked or is put away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerStatusChanged {
    pub customer_id: CustomerId,
    pub status: CustomerStatus,
}

/// Somebody wrote something down about the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerNoteAdded {
    pub customer_id: CustomerId,
    pub note_id: NoteId,
    pub text: Sealed,
}

/// The note says something else from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerNoteCorrected {
    pub customer_id: CustomerId,
    pub note_id: NoteId,
    pub text: Sealed,
}

/// The note does not hold any more. What it said stays sealed in the log, as everything does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerNoteRemoved {
    pub customer_id: CustomerId,
    pub note_id: NoteId,
}
