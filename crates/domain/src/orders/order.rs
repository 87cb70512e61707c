//! One order: what was asked for, and how much of each line was delivered, came back and was invoiced. Stream
//! `order/<order_id>`.
//!
//! Per line, always: returned ≤ delivered ≤ ordered, and invoiced ≤ delivered − returned. Not here: what is kept for it,
//! which its goods' shelves know.

use std::collections::{BTreeMap, BTreeSet};

use schemas::events::order::{DeliveredLine, OrderContent, OrderEvent, OrderReturnLine};
use schemas::{
    Currency, CustomerId, InvoiceId, Minor, OrderDeliveryId, OrderId, ReturnId, Sku, StoreId, UnitId,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::context::Ctx;
use crate::refusal::{OrderRefusal, Refusal};
use crate::state::State;
use crate::stock::{Kept, MovedCost};
use crate::streams;
use crate::work::{Missing, Work};

/// Deliveries, invoices and returns that one order may have, of each kind: its state lists them.
pub const MAX_DOCUMENTS: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub store: StoreId,
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub total_minor: Minor,
    pub stage: Stage,
    /// Of a quote.
    #[serde(with = "time::serde::rfc3339::option")]
    pub valid_until: Option<OffsetDateTime>,
    /// In the order of the request; the first has number 1.
    pub lines: Vec<OrderLine>,
    /// Each delivery with its lines, so that one that is sent again is known.
    pub deliveries: BTreeMap<OrderDeliveryId, Vec<Handed>>,
    pub invoices: BTreeSet<InvoiceId>,
    pub returns: BTreeSet<ReturnId>,
}

/// How far the order has come by its commands; deliveries and invoices stand in the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Quote,
    /// Ordered; nothing is kept yet.
    Open,
    /// What was not delivered yet is kept.
    Confirmed,
    /// Nothing more will be delivered.
    Cancelled,
    /// A quote that nobody accepted in time.
    Expired,
}

/// What people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Quote,
    Open,
    Confirmed,
    PartlyDelivered,
    Delivered,
    /// Delivered in full, and what the customer kept is invoiced.
    Invoiced,
    /// Delivered in full, and all of it came back.
    Returned,
    Cancelled,
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub sku: Sku,
    /// The one unit that was ordered, when it was named.
    pub unit: Option<UnitId>,
    pub quantity: i64,
    /// With tax, of the whole line.
    pub total_minor: Minor,
    pub tax_minor: Minor,
    pub delivered: i64,
    pub returned: i64,
    /// Less what was credited for goods that came back.
    pub invoiced: i64,
    /// What the pieces cost that are with the customer.
    pub cost: MovedCost,
}

/// One line of a delivery, to compare another one with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    pub line: i64,
    pub quantity: i64,
    pub units: Vec<UnitId>,
}

impl OrderLine {
    /// What may still be delivered.
    pub fn undelivered(&self) -> i64 {
        self.quantity.saturating_sub(self.delivered)
    }

    /// What is with the customer.
    pub fn with_customer(&self) -> i64 {
        self.delivered.saturating_sub(self.returned)
    }

    /// What is with the customer and was not invoiced.
    pub fn uninvoiced(&self) -> i64 {
        self.with_customer().saturating_sub(self.invoiced)
    }

    /// Tax and total of its first `pieces`: always the rounded share of the whole, so that parts add up to it.
    ///
    /// # Errors
    /// [`Refusal::AmountOutOfRange`].
    pub fn worth(&self, pieces: i64) -> Result<(Minor, Minor), Refusal> {
        let tax = self.tax_minor.ratio(pieces, self.quantity)?;
        Ok((tax, self.total_minor.ratio(pieces, self.quantity)?))
    }

    fn deliver(&mut self, delivered: &DeliveredLine) {
        self.delivered = self.delivered.saturating_add(delivered.quantity.get());
        self.cost.quantity = self.cost.quantity.saturating_add(delivered.costed_quantity);
        self.cost.value_minor = self.cost.value_minor.saturating_add(delivered.value_minor.get());
    }

    fn take_back(&mut self, returned: &OrderReturnLine) {
        self.returned = self.returned.saturating_add(returned.quantity.get());
        self.invoiced = self.invoiced.saturating_sub(returned.credited_quantity);
        self.cost.quantity = self.cost.quantity.saturating_sub(returned.costed_quantity);
        self.cost.value_minor = self.cost.value_minor.saturating_sub(returned.value_minor.get());
    }
}

impl Order {
    fn new(content: &OrderContent, stage: Stage, valid_until: Option<OffsetDateTime>) -> Self {
        let line = |line: &schemas::events::sale::SaleLine| OrderLine {
            sku: line.sku.clone(),
            unit: line.unit.clone(),
            quantity: line.quantity.get(),
            total_minor: line.total_minor,
            tax_minor: line.tax_minor,
            delivered: 0,
            returned: 0,
            invoiced: 0,
            cost: MovedCost::default(),
        };
        Self {
            store: content.store.clone(),
            customer_id: content.customer_id.clone(),
            currency: content.currency,
            total_minor: content.total_minor,
            stage,
            valid_until,
            lines: content.lines.iter().map(line).collect(),
            deliveries: BTreeMap::new(),
            invoices: BTreeSet::new(),
            returns: BTreeSet::new(),
        }
    }

    pub(crate) fn evolve(slot: &mut Option<Box<Order>>, event: &OrderEvent) {
        match event {
            OrderEvent::Quoted(e) => {
                *slot = Some(Box::new(Order::new(
                    &e.content,
                    Stage::Quote,
                    Some(e.valid_until),
                )));
                return;
            }
            OrderEvent::Placed(e) => {
                *slot = Some(Box::new(Order::new(&e.content, Stage::Open, None)));
                return;
            }
            OrderEvent::Accepted(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::Invoiced(_)
            | OrderEvent::Returned(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_) => {}
        }
        let Some(order) = slot else { return };
        match event {
            OrderEvent::Accepted(e) => {
                order.stage = Stage::Open;
                order.customer_id.clone_from(&e.customer_id);
            }
            OrderEvent::Confirmed(_) => order.stage = Stage::Confirmed,
            OrderEvent::Cancelled(_) => order.stage = Stage::Cancelled,
            OrderEvent::Expired(_) => order.stage = Stage::Expired,
            OrderEvent::Delivered(e) => {
                for line in &e.lines {
                    order.each(line.line, |known| known.deliver(line));
                }
                let handed = |line: &DeliveredLine| Handed {
                    line: line.line,
                    quantity: line.quantity.get(),
                    units: line.units.clone(),
                };
                order
                    .deliveries
                    .insert(e.delivery_id.clone(), e.lines.iter().map(handed).collect());
            }
            OrderEvent::Invoiced(e) => {
                for line in &e.lines {
                    let more = line.quantity.get();
                    order.each(line.line, |known| {
                        known.invoiced = known.invoiced.saturating_add(more)
                    });
                }
                order.invoices.insert(e.invoice_id.clone());
            }
            OrderEvent::Returned(e) => {
                for line in &e.lines {
                    order.each(line.line, |known| known.take_back(line));
                }
                order.returns.insert(e.return_id.clone());
            }
            OrderEvent::Quoted(_) | OrderEvent::Placed(_) => {}
        }
    }

    fn each(&mut self, number: i64, change: impl FnOnce(&mut OrderLine)) {
        let index = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        if let Some(line) = index.and_then(|index| self.lines.get_mut(index)) {
            change(line);
        }
    }

    pub fn status(&self) -> Status {
        let of = |figure: fn(&OrderLine) -> i64| self.lines.iter().map(figure).sum::<i64>();
        match self.stage {
            Stage::Quote => Status::Quote,
            Stage::Open => Status::Open,
            Stage::Cancelled => Status::Cancelled,
            Stage::Expired => Status::Expired,
            Stage::Confirmed if of(|line| line.delivered) == 0 => Status::Confirmed,
            Stage::Confirmed if of(OrderLine::undelivered) > 0 => Status::PartlyDelivered,
            Stage::Confirmed if of(OrderLine::with_customer) == 0 => Status::Returned,
            Stage::Confirmed if of(OrderLine::uninvoiced) == 0 => Status::Invoiced,
            Stage::Confirmed => Status::Delivered,
        }
    }

    /// The refusal for who wants something that its stage does not allow.
    pub(super) fn refusal(&self, id: &OrderId) -> Refusal {
        let order_id = id.clone();
        match self.stage {
            Stage::Quote => OrderRefusal::IsQuote { order_id },
            Stage::Open => OrderRefusal::NotConfirmed { order_id },
            Stage::Confirmed => OrderRefusal::Confirmed { order_id },
            Stage::Cancelled => OrderRefusal::Cancelled { order_id },
            Stage::Expired => OrderRefusal::QuoteExpired { order_id },
        }
        .into()
    }

    /// Whether goods went out that invoices and returns may be about.
    ///
    /// # Errors
    /// The refusal that says how far the order is instead.
    pub(super) fn check_deliveries(&self, id: &OrderId) -> Result<(), Refusal> {
        match self.stage {
            Stage::Confirmed => Ok(()),
            Stage::Cancelled if !self.deliveries.is_empty() => Ok(()),
            Stage::Cancelled | Stage::Quote | Stage::Open | Stage::Expired => Err(self.refusal(id)),
        }
    }

    /// The shelves and units that it may keep.
    pub(super) fn kept(&self) -> Kept {
        let units = self.lines.iter().filter_map(|line| line.unit.clone());
        Kept::new(
            self.store.clone(),
            self.lines.iter().map(|line| line.sku.clone()),
            units.collect(),
        )
    }

    pub(crate) fn weight(&self) -> usize {
        let handed =
            |lines: &Vec<Handed>| 64 + lines.iter().map(|line| 48 + line.units.len() * 48).sum::<usize>();
        size_of::<Self>()
            + self.lines.len() * (size_of::<OrderLine>() + 64)
            + self.deliveries.values().map(handed).sum::<usize>()
            + (self.invoices.len() + self.returns.len()) * 96
    }
}

/// Who keeps the goods of an order, and the document that moves them.
pub(super) fn document(id: &OrderId) -> String {
    format!("order/{id}")
}

/// Loads the tenant and the order; gives the order.
///
/// # Errors
/// [`Missing::Streams`]; [`OrderRefusal::NotFound`].
pub(super) fn load(work: &Work<'_>, ctx: &Ctx, id: &OrderId) -> Result<Order, Missing> {
    work.require([&streams::tenant(), &streams::order(id)])?;
    work.tenant(&ctx.tenant)?;
    Ok(work.order(id)?.clone())
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`OrderRefusal::NotFound`].
    pub fn order(&self, id: &OrderId) -> Result<&Order, Missing> {
        let State::Order(Some(found)) = self.state(&streams::order(id))? else {
            let order_id = id.clone();
            return Err(OrderRefusal::NotFound { order_id }.into());
        };
        Ok(found)
    }
}
