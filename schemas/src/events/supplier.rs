//! Suppliers, their contacts and what we owe them. Stream `supplier/<supplier_id>`.
//!
//! Every ledger event carries the balance after it: positive is what we owe the supplier. The supplier is an
//! organisation, whose name and tax number are public; its contacts are persons, whose fields are sealed under
//! `supplier/<supplier_id>/<contact_id>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use super::sale::PaymentMethod;
use crate::ids::{
    ContactId, CostAdjustmentId, DebtAdjustmentId, PaymentId, PurchaseId, ReceptionId, SupplierId,
    SupplierReturnId,
};
use crate::money::{Currency, Minor};
use crate::sealed::Sealed;

module_events! {
    /// The life of one supplier.
    SupplierEvent {
        Registered(SupplierRegistered) = "supplier.registered" v 1,
        Changed(SupplierChanged) = "supplier.changed" v 1,
        Deactivated(SupplierDeactivated) = "supplier.deactivated" v 1,
        Reactivated(SupplierReactivated) = "supplier.reactivated" v 1,
        ContactAdded(SupplierContactAdded) = "supplier.contact_added" v 1,
        ContactChanged(SupplierContactChanged) = "supplier.contact_changed" v 1,
        ContactRemoved(SupplierContactRemoved) = "supplier.contact_removed" v 1,
        Charged(SupplierCharged) = "supplier.charged" v 1,
        Credited(SupplierCredited) = "supplier.credited" v 1,
        Paid(SupplierPaid) = "supplier.paid" v 1,
        DebtAdjusted(SupplierDebtAdjusted) = "supplier.debt_adjusted" v 2,
    }
}

impl SupplierEvent {
    /// Reads an earlier version as the newest. Version 1 of `supplier.debt_adjusted` is version 2 without
    /// `adjustment_id`: adjustments had no id.
    pub(super) fn upcast(
        event_type: &str,
        version: i16,
        data: &str,
    ) -> Option<Result<Self, serde_json::Error>> {
        match (event_type, version) {
            ("supplier.debt_adjusted", 1) => {
                Some(serde_json::from_str(data).map(|old: SupplierDebtAdjusted| {
                    Self::DebtAdjusted(SupplierDebtAdjusted {
                        adjustment_id: None,
                        ..old
                    })
                }))
            }
            _ => None,
        }
    }
}

/// What is known of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierDetails {
    /// 1 to 200 characters.
    pub name: String,
    /// The organisation's number at the tax office; at most 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    /// Days from invoice to payment, 0 to 3,650.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_days: Option<i64>,
    /// At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Somebody from whom goods are bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierRegistered {
    pub supplier_id: SupplierId,
    #[serde(flatten)]
    pub details: SupplierDetails,
    pub currency: Currency,
}

/// All details as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierChanged {
    pub supplier_id: SupplierId,
    #[serde(flatten)]
    pub details: SupplierDetails,
}

/// Nothing new is ordered from it; what is under way goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierDeactivated {
    pub supplier_id: SupplierId,
}

/// Orders may go to it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierReactivated {
    pub supplier_id: SupplierId,
}

/// A person to talk to. Personal fields are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierContactAdded {
    pub supplier_id: SupplierId,
    pub contact_id: ContactId,
    /// What the person does there, such as `ventas`; at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub name: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
}

/// All fields as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierContactChanged {
    pub supplier_id: SupplierId,
    pub contact_id: ContactId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub name: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
}

/// The person is no contact any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierContactRemoved {
    pub supplier_id: SupplierId,
    pub contact_id: ContactId,
}

/// What a charge or credit rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SupplierCause {
    /// The supplier's invoice for a reception.
    Invoice {
        purchase_id: PurchaseId,
        reception_id: ReceptionId,
        /// The supplier's number.
        invoice: String,
    },
    /// A later invoice or credit note: freight, a difference of price.
    CostAdjustment {
        purchase_id: PurchaseId,
        adjustment_id: CostAdjustmentId,
    },
    /// Goods that went back.
    Return {
        purchase_id: PurchaseId,
        return_id: SupplierReturnId,
    },
}

/// We owe more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierCharged {
    pub supplier_id: SupplierId,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    pub cause: SupplierCause,
    pub balance_minor: Minor,
}

/// We owe less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierCredited {
    pub supplier_id: SupplierId,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    pub cause: SupplierCause,
    pub balance_minor: Minor,
}

/// We paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierPaid {
    pub supplier_id: SupplierId,
    pub payment_id: PaymentId,
    /// Positive.
    pub amount_minor: Minor,
    pub currency: Currency,
    /// Cash, card or transfer.
    pub method: PaymentMethod,
    /// The bank's number or whatever proves it; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    pub balance_minor: Minor,
}

/// The ledger was wrong and is put right; why stands in the event's metadata, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplierDebtAdjusted {
    pub supplier_id: SupplierId,
    /// The caller's id for it, or a generated one. Absent from before they had ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment_id: Option<DebtAdjustmentId>,
    /// Never 0: what is added to what we owe.
    pub delta_minor: Minor,
    pub currency: Currency,
    /// At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub balance_minor: Minor,
}
