//! A customer's account: terms and balance. Stream `customer/<customer_id>`.
//!
//! A positive balance is what the customer owes, a negative one what the shop owes. Names and addresses are sealed
//! and of no concern to the rules, so the state does not hold them.

use std::collections::{BTreeSet, VecDeque};

use schemas::events::customer::{
    CreditTerms, CustomerCharged, CustomerCredited, CustomerEvent, CustomerKind, CustomerStatus, LedgerCause,
};
use schemas::{ChargeId, Currency, CustomerId, Minor, NoteId, PaymentId};
use serde::{Deserialize, Serialize};

use crate::refusal::{Amount, CustomerRefusal, Refusal};
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// Ids of payments, and of charges by hand, that are remembered per customer, so that one sent again under a new key is
/// noticed.
const REMEMBERED: usize = 200;

/// The account and what decides about it; who the customer is stays sealed in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub kind: CustomerKind,
    /// How far the balance may rise by credit; it is not lowered by what is owed.
    pub credit: CreditTerms,
    pub currency: Currency,
    /// Positive: the customer owes.
    pub balance_minor: Minor,
    /// The newest payments, the newest last.
    pub payments: VecDeque<PaymentId>,
    /// The newest charges by hand, the newest last.
    #[serde(default)]
    pub charges: VecDeque<ChargeId>,
    #[serde(default)]
    pub status: CustomerStatus,
    /// Ids of the notes that hold; that of a removed one is free again.
    #[serde(default)]
    pub notes: BTreeSet<NoteId>,
}

impl Customer {
    pub(crate) fn evolve(slot: &mut Option<Box<Customer>>, event: &CustomerEvent) {
        if let CustomerEvent::Registered(registered) = event {
            *slot = Some(Box::new(Customer {
                kind: registered.kind,
                credit: registered.credit,
                currency: registered.currency,
                balance_minor: Minor::ZERO,
                payments: VecDeque::new(),
                charges: VecDeque::new(),
                status: CustomerStatus::Active,
                notes: BTreeSet::new(),
            }));
            return;
        }
        let Some(customer) = slot else { return };
        match event {
            CustomerEvent::CreditChanged(changed) => customer.credit = changed.credit,
            CustomerEvent::Charged(charged) => {
                customer.balance_minor = charged.balance_minor;
                if let Some(charge_id) = &charged.charge_id {
                    if customer.charges.len() >= REMEMBERED {
                        customer.charges.pop_front();
                    }
                    customer.charges.push_back(charge_id.clone());
                }
            }
            CustomerEvent::Credited(credited) => customer.balance_minor = credited.balance_minor,
            CustomerEvent::PaymentReceived(received) => {
                customer.balance_minor = received.balance_minor;
                if customer.payments.len() >= REMEMBERED {
                    customer.payments.pop_front();
                }
                customer.payments.push_back(received.payment_id.clone());
            }
            CustomerEvent::Changed(changed) => customer.kind = changed.kind.unwrap_or(customer.kind),
            CustomerEvent::StatusChanged(changed) => customer.status = changed.status,
            CustomerEvent::NoteAdded(added) => {
                customer.notes.insert(added.note_id.clone());
            }
            CustomerEvent::NoteRemoved(removed) => {
                customer.notes.remove(&removed.note_id);
            }
            // What a note says is of no concern to the rules.
            CustomerEvent::NoteCorrected(_) | CustomerEvent::Registered(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + (self.payments.len() + self.charges.len() + self.notes.len()) * 96
    }

    /// Whether anything may be sold or offered to the customer.
    ///
    /// # Errors
    /// [`CustomerRefusal::Archived`].
    pub fn check_may_buy(&self, id: &CustomerId) -> Result<(), Refusal> {
        match self.status {
            CustomerStatus::Active | CustomerStatus::Blocked => Ok(()),
            CustomerStatus::Archived => Err(CustomerRefusal::Archived {
                customer_id: id.clone(),
            }
            .into()),
        }
    }

    fn amount(&self, minor: Minor) -> Amount {
        Amount {
            minor,
            currency: self.currency,
        }
    }

    /// Whether the customer may owe `amount` more.
    ///
    /// # Errors
    /// [`CustomerRefusal::Blocked`], [`CustomerRefusal::Archived`], [`Refusal::CreditNotGranted`],
    /// [`Refusal::CreditLimitExceeded`].
    pub fn check_credit(&self, id: &CustomerId, amount: Minor) -> Result<(), Refusal> {
        self.check_may_buy(id)?;
        if self.status == CustomerStatus::Blocked {
            let customer_id = id.clone();
            return Err(CustomerRefusal::Blocked { customer_id }.into());
        }
        let balance = self.balance_minor.plus(amount)?;
        match self.credit {
            CreditTerms::Unlimited => Ok(()),
            CreditTerms::None => Err(Refusal::CreditNotGranted {
                customer_id: id.clone(),
            }),
            CreditTerms::Limited { limit_minor } if balance <= limit_minor => Ok(()),
            CreditTerms::Limited { limit_minor } => Err(Refusal::CreditLimitExceeded {
                customer_id: id.clone(),
                balance: self.amount(self.balance_minor),
                amount: self.amount(amount),
                limit: self.amount(limit_minor),
            }),
        }
    }

    /// Whether the shop owes the customer at least `amount`.
    ///
    /// # Errors
    /// [`Refusal::StoreCreditInsufficient`].
    pub fn check_store_credit(&self, id: &CustomerId, amount: Minor) -> Result<(), Refusal> {
        let available = self.balance_minor.negated().max(Minor::ZERO);
        if amount <= available {
            return Ok(());
        }
        Err(Refusal::StoreCreditInsufficient {
            customer_id: id.clone(),
            available: self.amount(available),
            amount: self.amount(amount),
        })
    }
}

/// Lets the customer owe more by a positive amount; nothing happens for zero. Checks no terms.
pub(crate) fn charge(
    work: &mut Work<'_>,
    id: &CustomerId,
    amount: Minor,
    cause: LedgerCause,
) -> Result<(), Missing> {
    if amount.is_zero() {
        return Ok(());
    }
    let customer = work.customer(id)?;
    let charged = CustomerCharged {
        customer_id: id.clone(),
        charge_id: None,
        amount_minor: amount,
        currency: customer.currency,
        cause,
        balance_minor: customer.balance_minor.plus(amount)?,
    };
    work.emit(streams::customer(id), charged)
}

/// Lets the customer owe less by a positive amount; nothing happens for zero.
pub(crate) fn credit(
    work: &mut Work<'_>,
    id: &CustomerId,
    amount: Minor,
    cause: LedgerCause,
) -> Result<(), Missing> {
    if amount.is_zero() {
        return Ok(());
    }
    let customer = work.customer(id)?;
    let credited = CustomerCredited {
        customer_id: id.clone(),
        amount_minor: amount,
        currency: customer.currency,
        cause,
        balance_minor: customer.balance_minor.minus(amount)?,
    };
    work.emit(streams::customer(id), credited)
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::CustomerNotFound`].
    pub fn customer(&self, id: &CustomerId) -> Result<&Customer, Missing> {
        let State::Customer(Some(found)) = self.state(&streams::customer(id))? else {
            return Err(Refusal::CustomerNotFound {
                customer_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }
}
