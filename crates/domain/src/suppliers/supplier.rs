//! A supplier and our account with it. Stream `supplier/<supplier_id>`.
//!
//! A positive balance is what we owe, a negative one what the supplier owes us. Contacts' names and addresses are
//! sealed and of no concern to the rules, so the state holds their ids only.

use std::collections::{BTreeSet, VecDeque};

use schemas::events::supplier::{
    SupplierCause, SupplierCharged, SupplierCredited, SupplierDetails, SupplierEvent,
};
use schemas::{ContactId, Currency, DebtAdjustmentId, Minor, PaymentId, SupplierId};
use serde::{Deserialize, Serialize};

use crate::refusal::SupplierRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// Ids of payments, and of adjustments, that are remembered per supplier, so that one sent again under a new key is
/// noticed.
const REMEMBERED: usize = 200;

/// The account and what decides about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    pub details: SupplierDetails,
    /// Only an active one is ordered from.
    pub active: bool,
    pub currency: Currency,
    /// Positive: we owe.
    pub balance_minor: Minor,
    /// Ids of the contacts that there are; who they are stays sealed in the log.
    pub contacts: BTreeSet<ContactId>,
    /// The newest payments, the newest last.
    pub payments: VecDeque<PaymentId>,
    /// The newest corrections of the debt, the newest last.
    pub adjustments: VecDeque<DebtAdjustmentId>,
}

impl Supplier {
    pub(crate) fn evolve(slot: &mut Option<Box<Supplier>>, event: &SupplierEvent) {
        if let SupplierEvent::Registered(registered) = event {
            *slot = Some(Box::new(Supplier {
                details: registered.details.clone(),
                active: true,
                currency: registered.currency,
                balance_minor: Minor::ZERO,
                contacts: BTreeSet::new(),
                payments: VecDeque::new(),
                adjustments: VecDeque::new(),
            }));
            return;
        }
        let Some(supplier) = slot else { return };
        match event {
            SupplierEvent::Changed(changed) => supplier.details = changed.details.clone(),
            SupplierEvent::Deactivated(_) => supplier.active = false,
            SupplierEvent::Reactivated(_) => supplier.active = true,
            SupplierEvent::ContactAdded(added) => {
                supplier.contacts.insert(added.contact_id.clone());
            }
            SupplierEvent::ContactRemoved(removed) => {
                supplier.contacts.remove(&removed.contact_id);
            }
            SupplierEvent::Charged(charged) => supplier.balance_minor = charged.balance_minor,
            SupplierEvent::Credited(credited) => supplier.balance_minor = credited.balance_minor,
            SupplierEvent::DebtAdjusted(adjusted) => {
                supplier.balance_minor = adjusted.balance_minor;
                if let Some(adjustment_id) = &adjusted.adjustment_id {
                    if supplier.adjustments.len() >= REMEMBERED {
                        supplier.adjustments.pop_front();
                    }
                    supplier.adjustments.push_back(adjustment_id.clone());
                }
            }
            SupplierEvent::Paid(paid) => {
                supplier.balance_minor = paid.balance_minor;
                if supplier.payments.len() >= REMEMBERED {
                    supplier.payments.pop_front();
                }
                supplier.payments.push_back(paid.payment_id.clone());
            }
            SupplierEvent::Registered(_) | SupplierEvent::ContactChanged(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let SupplierDetails {
            name,
            tax_id,
            payment_days: _,
            note,
        } = &self.details;
        let texts = [tax_id, note]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum::<usize>()
            + name.len();
        size_of::<Self>() + texts + (self.contacts.len() + self.payments.len() + self.adjustments.len()) * 96
    }
}

/// Changes what we owe by a signed amount; nothing happens for zero.
///
/// # Errors
/// [`Missing::Streams`], [`SupplierRefusal::SupplierNotFound`], or a balance that leaves the range of money.
pub(crate) fn settle(
    work: &mut Work<'_>,
    id: &SupplierId,
    delta: Minor,
    cause: SupplierCause,
) -> Result<(), Missing> {
    if delta.is_zero() {
        return Ok(());
    }
    let supplier = work.supplier(id)?;
    let (currency, balance_minor) = (supplier.currency, supplier.balance_minor.plus(delta)?);
    let supplier_id = id.clone();
    if delta.is_negative() {
        let amount_minor = delta.negated();
        let credited = SupplierCredited {
            supplier_id,
            amount_minor,
            currency,
            cause,
            balance_minor,
        };
        return work.emit(streams::supplier(id), credited);
    }
    let charged = SupplierCharged {
        supplier_id,
        amount_minor: delta,
        currency,
        cause,
        balance_minor,
    };
    work.emit(streams::supplier(id), charged)
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`SupplierRefusal::SupplierNotFound`].
    pub fn supplier(&self, id: &SupplierId) -> Result<&Supplier, Missing> {
        let State::Supplier(Some(found)) = self.state(&streams::supplier(id))? else {
            return Err(SupplierRefusal::SupplierNotFound {
                supplier_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }

    /// A supplier that may be ordered from.
    ///
    /// # Errors
    /// As [`Work::supplier`], and [`SupplierRefusal::SupplierInactive`].
    pub fn active_supplier(&self, id: &SupplierId) -> Result<&Supplier, Missing> {
        let found = self.supplier(id)?;
        if found.active {
            Ok(found)
        } else {
            Err(SupplierRefusal::SupplierInactive {
                supplier_id: id.clone(),
            }
            .into())
        }
    }
}
