//! One order: what was asked for, and how much of each line was delivered, came back and was invoiced. Stream
//! `order/<order_id>`.
//!
//! Not here: its lines (`order_line`), and what is kept for it, which its goods' shelves know.

use std::collections::{BTreeMap, BTreeSet};

use schemas::events::order::{DeliveredLine, OrderChanged, OrderContent, OrderEvent};
use schemas::events::sale::SaleLine;
use schemas::{Currency, CustomerId, InvoiceId, Minor, OrderDeliveryId, OrderId, ReturnId, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::order_line::OrderLine;
use crate::context::Ctx;
use crate::refusal::{OrderRefusal, Refusal};
use crate::sales::Money;
use crate::state::State;
use crate::stock::Kept;
use crate::streams;
use crate::work::{Missing, Work};

/// Deliveries, invoices and returns that one order may have, of each kind: its state lists them.
pub const MAX_DOCUMENTS: usize = 200;

/// All that the rules know of one quote or order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub store: StoreId,
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    /// With tax, of all lines; deliveries and returns do not change it.
    pub total_minor: Minor,
    pub stage: Stage,
    /// Of a quote.
    #[serde(with = "time::serde::rfc3339::option")]
    pub valid_until: Option<OffsetDateTime>,
    /// The tenant's own number for it, where it numbers orders.
    pub number: Option<String>,
    /// Counts what it was about and whose it was: 1 as it was made, one more with each change and the acceptance.
    pub revision: i64,
    /// What it is about, as long as that can change: until it is confirmed or ended.
    pub content: Option<Box<OrderContent>>,
    /// In the order of the request; the first has number 1.
    pub lines: Vec<OrderLine>,
    /// Each delivery with its lines, so that one that is sent again is known.
    pub deliveries: BTreeMap<OrderDeliveryId, Delivery>,
    /// Ids of its invoices, so that one that is sent again is known.
    pub invoices: BTreeSet<InvoiceId>,
    /// Ids of its returns, so that one that is sent again is known.
    pub returns: BTreeSet<ReturnId>,
    /// What its invoices were paid in money, and what of it its returns gave back.
    pub money: Money,
}

/// How far the order has come by its commands; deliveries and invoices stand in the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An offer that nobody has accepted; `valid_until` says for how long.
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
    /// Something was delivered, and something is left to deliver.
    PartlyDelivered,
    /// In full; something that the customer has is not invoiced yet.
    Delivered,
    /// Delivered in full, and what the customer kept is invoiced.
    Invoiced,
    /// Delivered in full, and all of it came back.
    Returned,
    Cancelled,
    Expired,
}

/// What was handed over, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub lines: Vec<Handed>,
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
}

/// One line of a delivery, to compare another one with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// Of the order, from 1.
    pub line: i64,
    pub quantity: i64,
    pub units: Vec<UnitId>,
}

impl Order {
    fn new(
        content: &OrderContent,
        number: Option<&String>,
        (stage, valid_until): (Stage, Option<OffsetDateTime>),
    ) -> Self {
        Self {
            store: content.store.clone(),
            customer_id: content.customer_id.clone(),
            currency: content.currency,
            total_minor: content.total_minor,
            stage,
            valid_until,
            number: number.cloned(),
            revision: 1,
            content: Some(Box::new(content.clone())),
            lines: content.lines.iter().map(OrderLine::from).collect(),
            deliveries: BTreeMap::new(),
            invoices: BTreeSet::new(),
            returns: BTreeSet::new(),
            money: Money::default(),
        }
    }

    pub(crate) fn evolve(slot: &mut Option<Box<Order>>, event: &OrderEvent) {
        match event {
            OrderEvent::Quoted(e) => {
                let stage = (Stage::Quote, Some(e.valid_until));
                *slot = Some(Box::new(Order::new(&e.content, e.number.as_ref(), stage)));
                return;
            }
            OrderEvent::Placed(e) => {
                let stage = (Stage::Open, None);
                *slot = Some(Box::new(Order::new(&e.content, e.number.as_ref(), stage)));
                return;
            }
            OrderEvent::Changed(_)
            | OrderEvent::Accepted(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::Invoiced(_)
            | OrderEvent::Returned(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_) => {}
        }
        let Some(order) = slot else { return };
        match event {
            OrderEvent::Changed(e) => order.change(e),
            OrderEvent::Accepted(e) => {
                order.stage = Stage::Open;
                order.revision = order.revision.saturating_add(1);
                order.customer_id.clone_from(&e.customer_id);
                if let Some(content) = &mut order.content {
                    content.customer_id.clone_from(&e.customer_id);
                }
            }
            OrderEvent::Confirmed(_) => order.settle(Stage::Confirmed),
            OrderEvent::Cancelled(_) => order.settle(Stage::Cancelled),
            OrderEvent::Expired(_) => order.settle(Stage::Expired),
            OrderEvent::Delivered(e) => {
                for line in &e.lines {
                    order.each(line.line, |known| known.deliver(line));
                }
                let handed = |line: &DeliveredLine| Handed {
                    line: line.line,
                    quantity: line.quantity.get(),
                    units: line.units.clone(),
                };
                let delivery = Delivery {
                    lines: e.lines.iter().map(handed).collect(),
                    occurred_at: e.occurred_at,
                };
                order.deliveries.insert(e.delivery_id.clone(), delivery);
            }
            OrderEvent::Invoiced(e) => {
                for line in &e.lines {
                    order.each(line.line, |known| known.invoice(line));
                }
                order.money.take(&e.payments);
                order.invoices.insert(e.invoice_id.clone());
            }
            OrderEvent::Returned(e) => {
                for line in &e.lines {
                    order.each(line.line, |known| known.take_back(line));
                }
                order.money.give_back(&e.refunds);
                order.returns.insert(e.return_id.clone());
            }
            OrderEvent::Quoted(_) | OrderEvent::Placed(_) => {}
        }
    }

    /// Something else is offered or ordered now; nothing of it was delivered or is kept.
    fn change(&mut self, changed: &OrderChanged) {
        let content = &changed.content;
        self.store.clone_from(&content.store);
        self.customer_id.clone_from(&content.customer_id);
        self.currency = content.currency;
        self.total_minor = content.total_minor;
        self.valid_until = changed.valid_until.or(self.valid_until);
        self.revision = changed.revision;
        self.lines = content.lines.iter().map(OrderLine::from).collect();
        self.content = Some(Box::new(content.clone()));
    }

    /// From here on what it is about stays.
    fn settle(&mut self, stage: Stage) {
        self.stage = stage;
        self.content = None;
    }

    fn each(&mut self, number: i64, change: impl FnOnce(&mut OrderLine)) {
        let index = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        if let Some(line) = index.and_then(|index| self.lines.get_mut(index)) {
            change(line);
        }
    }

    /// How far the order is for people: its stage, and once it is confirmed what deliveries, returns and invoices make
    /// of it.
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

    /// When the unit was handed over; the last time, if it came back in between.
    pub fn delivered_at(&self, unit: &UnitId) -> Option<OffsetDateTime> {
        let has = |delivery: &&Delivery| delivery.lines.iter().any(|line| line.units.contains(unit));
        let times = self.deliveries.values().filter(has);
        times.map(|delivery| delivery.occurred_at).max()
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
        let handed = |delivery: &Delivery| {
            let lines = delivery.lines.iter().map(|line| 48 + line.units.len() * 48);
            96 + lines.sum::<usize>()
        };
        size_of::<Self>()
            + self.lines.len() * (size_of::<OrderLine>() + 64)
            + self.content.as_ref().map_or(0, |content| {
                256 + content.lines.len() * (size_of::<SaleLine>() + 128)
            })
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
