//! One sale: a draft, completed, or undone. Stream `sale/<sale_id>`; and whether a return's id is taken, `return/<id>`.
//!
//! Keeps what voids and returns need: what is left of each line and what was paid how.

use schemas::events::sale::{DraftContent, PaymentMethod, Refund, SaleCompleted, SaleEvent, SaleReturned};
use schemas::{Currency, CustomerId, Minor, ReturnId, SaleId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::payments::sum_of;
use crate::bounds;
use crate::context::Ctx;
use crate::refusal::{Refusal, ReturnRefusal};
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// What became of a sale. A draft may still be changed, completed or discarded; a completed sale returned or voided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sale {
    /// Not sold yet: what the till saved, with the prices that it left open.
    Draft(DraftContent),
    /// A draft that was given up; the id stays taken.
    Discarded,
    /// Sold, and perhaps returned in part or in full.
    Completed(Sold),
    /// Undone for good; `total_minor` is what went back by the void itself, without earlier returns.
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
    /// Of the whole sale as it was sold, with tax; returns do not lower it.
    pub total_minor: Minor,
    /// The tax in `total_minor`.
    pub tax_minor: Minor,
    /// Of all returns so far.
    pub returned_total_minor: Minor,
    /// The tax in `returned_total_minor`.
    pub returned_tax_minor: Minor,
    /// By the till's clock. Nothing that is done to the sale happened before.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// `2026-12-01` by the tenant's calendar; a void counts for this day, too.
    pub business_day: String,
    /// Ids of the returns against this sale.
    pub returns: Vec<ReturnId>,
}

/// One line as it was sold, and how much of it has come back since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldLine {
    pub sku: Sku,
    /// Absent for goods that are counted and for services.
    pub unit: Option<UnitId>,
    /// Pieces sold.
    pub quantity: i64,
    /// With tax.
    pub total_minor: Minor,
    /// The tax in `total_minor`.
    pub tax_minor: Minor,
    /// Pieces that came back, by all returns.
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
            occurred_at: completed.occurred_at,
            business_day: completed.business_day.clone(),
            returns: Vec::new(),
        }
    }

    /// What was paid by these methods, and what went back by them.
    ///
    /// # Errors
    /// [`Refusal::AmountOutOfRange`].
    pub(super) fn paid_and_refunded(&self, of: fn(PaymentMethod) -> bool) -> Result<(Minor, Minor), Refusal> {
        Ok((sum_of(&self.paid, of)?, sum_of(&self.refunded, of)?))
    }

    /// When something happened to the sale: at the time given or now, and not before it was made. Where no time is given
    /// and the clock of the sale's till ran ahead, it is the sale's own time.
    ///
    /// # Errors
    /// [`ReturnRefusal::BeforeSale`], and as [`bounds::occurred_at`].
    pub(super) fn occurred_after(
        &self,
        sale_id: &SaleId,
        given: Option<OffsetDateTime>,
        ctx: &Ctx,
    ) -> Result<OffsetDateTime, Refusal> {
        let at = bounds::occurred_at(given, ctx)?;
        if at >= self.occurred_at {
            return Ok(at);
        }
        if given.is_none() {
            return Ok(self.occurred_at);
        }
        let (sale_id, sold_at) = (
            sale_id.clone(),
            self.occurred_at.format(&Rfc3339).unwrap_or_default(),
        );
        Err(ReturnRefusal::BeforeSale { sale_id, sold_at }.into())
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
    /// Set once a return with this id is in the log, with or without a sale.
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
