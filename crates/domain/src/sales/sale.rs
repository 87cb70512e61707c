//! One sale: a draft, completed, or undone. Stream `sale/<sale_id>`; and whether a return's id is taken, `return/<id>`.
//!
//! Keeps what voids and returns need: what is left of each line and what was paid how.

use schemas::events::sale::{DraftContent, Refund, SaleCompleted, SaleEvent, SaleReturned};
use schemas::{Currency, CustomerId, Minor, ReturnId, SaleId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sale {
    Draft(DraftContent),
    Discarded,
    Completed(Sold),
    Voided { total_minor: Minor },
}

/// A completed sale, less what was returned of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    pub store: StoreId,
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    /// In the order of the till; the first has number 1.
    pub lines: Vec<SoldLine>,
    /// What was paid, by method; without change.
    pub paid: Vec<Refund>,
    /// What went back with returns, by method.
    pub refunded: Vec<Refund>,
    pub total_minor: Minor,
    pub tax_minor: Minor,
    /// Of all returns so far.
    pub returned_total_minor: Minor,
    pub returned_tax_minor: Minor,
    pub business_day: String,
    pub returns: Vec<ReturnId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldLine {
    pub sku: Sku,
    pub unit: Option<UnitId>,
    pub quantity: i64,
    /// With tax.
    pub total_minor: Minor,
    pub tax_minor: Minor,
    pub returned_quantity: i64,
    pub returned_total_minor: Minor,
    pub returned_tax_minor: Minor,
}

impl Sale {
    pub(crate) fn evolve(slot: &mut Option<Box<Sale>>, event: &SaleEvent) {
        match event {
            SaleEvent::Drafted(drafted) => *slot = Some(Box::new(Sale::Draft(drafted.draft.clone()))),
            SaleEvent::DraftChanged(changed) => *slot = Some(Box::new(Sale::Draft(changed.draft.clone()))),
            SaleEvent::DraftDiscarded(_) => *slot = Some(Box::new(Sale::Discarded)),
            SaleEvent::Completed(completed) => *slot = Some(Box::new(Sale::Completed(Sold::new(completed)))),
            SaleEvent::Voided(voided) => {
                *slot = Some(Box::new(Sale::Voided {
                    total_minor: voided.total_minor,
                }));
            }
            SaleEvent::Returned(returned) => {
                if let Some(Sale::Completed(sold)) = slot.as_deref_mut() {
                    sold.take_back(returned);
                }
            }
            // It stands in the return's own stream, and the sale has its `sale.returned`.
            SaleEvent::ReturnRegistered(_) => {}
            // What came back is in the `sale.returned` before it.
            SaleEvent::Exchanged(_) => {}
        }
    }

    /// What the draft holds, if the sale is one.
    ///
    /// # Errors
    /// The refusal that says what the sale is instead.
    pub fn open_draft(&self, id: &SaleId) -> Result<&DraftContent, Refusal> {
        let sale_id = id.clone();
        match self {
            Sale::Draft(draft) => Ok(draft),
            Sale::Discarded => Err(Refusal::SaleDiscarded { sale_id }),
            Sale::Completed(_) => Err(Refusal::SaleCompleted { sale_id }),
            Sale::Voided { .. } => Err(Refusal::SaleVoided { sale_id }),
        }
    }

    /// What was sold, if the sale is completed.
    ///
    /// # Errors
    /// The refusal that says what the sale is instead.
    pub fn sold(&self, id: &SaleId) -> Result<&Sold, Refusal> {
        let sale_id = id.clone();
        match self {
            Sale::Completed(sold) => Ok(sold),
            Sale::Draft(_) => Err(Refusal::SaleIsDraft { sale_id }),
            Sale::Discarded => Err(Refusal::SaleDiscarded { sale_id }),
            Sale::Voided { .. } => Err(Refusal::SaleVoided { sale_id }),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let heap = match self {
            Sale::Draft(draft) => draft.lines.len() * 160,
            Sale::Completed(sold) => {
                sold.lines.len() * (size_of::<SoldLine>() + 64)
                    + (sold.paid.len() + sold.refunded.len()) * size_of::<Refund>()
                    + sold.returns.len() * 64
            }
            Sale::Discarded | Sale::Voided { .. } => 0,
        };
        size_of::<Self>() + heap
    }
}

impl Sold {
    fn new(completed: &SaleCompleted) -> Self {
        let line = |line: &schemas::events::sale::SaleLine| SoldLine {
            sku: line.sku.clone(),
            unit: line.unit.clone(),
            quantity: line.quantity.get(),
            total_minor: line.total_minor,
            tax_minor: line.tax_minor,
            returned_quantity: 0,
            returned_total_minor: Minor::ZERO,
            returned_tax_minor: Minor::ZERO,
        };
        let mut paid = Vec::new();
        for payment in &completed.payments {
            add_by_method(
                &mut paid,
                &Refund {
                    method: payment.method,
                    amount_minor: payment.amount_minor,
                },
            );
        }
        Self {
            store: completed.store.clone(),
            customer_id: completed.customer_id.clone(),
            currency: completed.currency,
            lines: completed.lines.iter().map(line).collect(),
            paid,
            refunded: Vec::new(),
            total_minor: completed.total_minor,
            tax_minor: completed.tax_minor,
            returned_total_minor: Minor::ZERO,
            returned_tax_minor: Minor::ZERO,
            business_day: completed.business_day.clone(),
            returns: Vec::new(),
        }
    }

    fn take_back(&mut self, returned: &SaleReturned) {
        for line in &returned.lines {
            let index = line
                .sale_line
                .and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
            if let Some(sold) = index.and_then(|index| self.lines.get_mut(index)) {
                sold.returned_quantity = sold.returned_quantity.saturating_add(line.quantity.get());
                sold.returned_total_minor = saturating_sum(sold.returned_total_minor, line.total_minor);
                sold.returned_tax_minor = saturating_sum(sold.returned_tax_minor, line.tax_minor);
            }
        }
        for refund in &returned.refunds {
            add_by_method(&mut self.refunded, refund);
        }
        self.returned_total_minor = saturating_sum(self.returned_total_minor, returned.total_minor);
        self.returned_tax_minor = saturating_sum(self.returned_tax_minor, returned.tax_minor);
        self.returns.push(returned.return_id.clone());
    }
}

impl SoldLine {
    /// What may still come back.
    pub fn returnable(&self) -> i64 {
        self.quantity.saturating_sub(self.returned_quantity)
    }
}

fn add_by_method(sums: &mut Vec<Refund>, amount: &Refund) {
    match sums.iter_mut().find(|sum| sum.method == amount.method) {
        Some(sum) => sum.amount_minor = saturating_sum(sum.amount_minor, amount.amount_minor),
        None => sums.push(amount.clone()),
    }
}

/// Folding must be total; commands have checked these sums before they were written.
fn saturating_sum(a: Minor, b: Minor) -> Minor {
    a.plus(b).unwrap_or(a)
}

/// A return as its own stream knows it: only that its id is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodsReturn {
    pub recorded: bool,
}

impl GoodsReturn {
    pub(crate) fn evolve(&mut self, event: &SaleEvent) {
        if let SaleEvent::Returned(_) | SaleEvent::ReturnRegistered(_) = event {
            self.recorded = true;
        }
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::SaleNotFound`].
    pub fn sale(&self, id: &SaleId) -> Result<&Sale, Missing> {
        let State::Sale(Some(found)) = self.state(&streams::sale(id))? else {
            return Err(Refusal::SaleNotFound { sale_id: id.clone() }.into());
        };
        Ok(found)
    }
}
