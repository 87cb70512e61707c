//! A purchase: its lines with what came, went back and was given up, and every document of it, so that a repetition is
//! known as one. Stream `purchase/<purchase_id>`, which is also what stock movements name as their document.

use std::collections::{BTreeMap, HashSet};

use schemas::events::catalogue::ItemKind;
use schemas::events::purchase::{
    AdjustedLine, CostKind, PurchaseChanged, PurchaseEvent, PurchaseLine, PurchaseOrdered, PurchaseReceived,
    PurchaseReturned, ReceivedLine, ReturnedToSupplierLine,
};
use schemas::{
    CostAdjustmentId, Currency, Minor, PurchaseId, Quantity, ReceptionId, Sku, StoreId, SupplierId,
    SupplierReturnId, UnitId,
};
use serde::{Deserialize, Serialize};

use crate::refusal::PurchaseRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// Lines, units and lots in all documents of one purchase: the state remembers each of them.
pub(super) const MAX_RECORDED: usize = 20_000;

/// All that the rules know of one purchase, from the written order on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    pub supplier_id: SupplierId,
    pub store: StoreId,
    pub status: Status,
    /// How much more than ordered may come of a line, in percent.
    pub tolerance_percent: i64,
    pub currency: Currency,
    /// Counts what the order said: 1 as it was written, one more with each change and each time that lines were given up.
    pub revision: i64,
    /// What the order says, as long as that can change: until it is sent or given up.
    pub written: Option<Box<PurchaseOrdered>>,
    /// Line 1 first.
    pub lines: Vec<Line>,
    pub receptions: BTreeMap<ReceptionId, Reception>,
    /// Later costs by their ids, to know one that is sent again.
    pub adjustments: BTreeMap<CostAdjustmentId, Vec<AdjustedLine>>,
    /// What went back to the supplier by the returns' ids, to know one that is sent again.
    pub returns: BTreeMap<SupplierReturnId, Vec<ReturnedToSupplierLine>>,
    /// Lines, units and lots in those documents; at most [`MAX_RECORDED`].
    pub recorded: usize,
}

/// How far a purchase is. What has been received of it stands in its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not approved yet.
    Ordered,
    /// With the supplier: goods may come.
    Sent,
    /// Nothing more comes.
    Closed,
    /// Nothing ever came.
    Cancelled,
}

/// One line of the order and what became of it, in pieces and minor units of the tenant's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub sku: Sku,
    pub kind: ItemKind,
    /// Pieces that the order says, given up or not.
    pub ordered: i64,
    /// Of one piece, without tax, as ordered; later costs do not change it.
    pub unit_cost_minor: Minor,
    /// Parts per million, as it was when the order was written or changed.
    pub tax_rate_ppm: i64,
    /// Pieces that came, those that went back again included.
    pub received: i64,
    /// Pieces that were given up before they came.
    pub cancelled: i64,
    /// Pieces of `received` that went back to the supplier.
    pub returned: i64,
    /// What the goods that came and did not go back cost, without tax: what a return may be credited with.
    pub value_minor: Minor,
    /// The tax on it.
    pub tax_minor: Minor,
    /// What it took to get them here, which no return is credited with.
    pub freight_minor: Minor,
}

/// Goods that came in together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reception {
    pub lines: Vec<ReceivedLine>,
    /// With tax.
    pub total_minor: Minor,
    /// The supplier's number, once its invoice is here.
    pub invoice: Option<String>,
}

impl From<&PurchaseLine> for Line {
    fn from(line: &PurchaseLine) -> Self {
        Line {
            sku: line.sku.clone(),
            kind: line.kind,
            ordered: line.quantity.get(),
            unit_cost_minor: line.unit_cost_minor,
            tax_rate_ppm: line.tax_rate_ppm,
            received: 0,
            cancelled: 0,
            returned: 0,
            value_minor: Minor::ZERO,
            tax_minor: Minor::ZERO,
            freight_minor: Minor::ZERO,
        }
    }
}

impl Line {
    /// What may still come without any tolerance.
    pub fn outstanding(&self) -> i64 {
        (self.ordered - self.cancelled - self.received).max(0)
    }

    /// What came and did not go back.
    pub fn kept(&self) -> i64 {
        self.received - self.returned
    }

    /// How many may be received in all: with the tolerance, unless some of the line was given up.
    pub(super) fn may_receive(&self, tolerance_percent: i64) -> i64 {
        let wanted = self.ordered - self.cancelled;
        if self.cancelled > 0 {
            return wanted;
        }
        wanted.saturating_add(self.ordered.saturating_mul(tolerance_percent) / 100)
    }
}

impl Purchase {
    pub(crate) fn evolve(slot: &mut Option<Box<Purchase>>, event: &PurchaseEvent) {
        if let PurchaseEvent::Ordered(ordered) = event {
            *slot = Some(Box::new(Purchase::ordered(ordered)));
            return;
        }
        let Some(purchase) = slot else { return };
        match event {
            PurchaseEvent::Ordered(_) => {}
            PurchaseEvent::Changed(changed) => purchase.change(changed),
            PurchaseEvent::Sent(_) => purchase.settle(Status::Sent),
            PurchaseEvent::Received(received) => purchase.receive(received),
            PurchaseEvent::Invoiced(invoiced) => {
                if let Some(reception) = purchase.receptions.get_mut(&invoiced.reception_id) {
                    reception.invoice = Some(invoiced.invoice.clone());
                }
            }
            PurchaseEvent::CostAdjusted(adjusted) => {
                for line in &adjusted.lines {
                    purchase.adjust(line);
                }
                purchase.recorded += adjusted.lines.len();
                let lines = adjusted.lines.clone();
                purchase.adjustments.insert(adjusted.adjustment_id.clone(), lines);
            }
            PurchaseEvent::Returned(returned) => purchase.take_back(returned),
            PurchaseEvent::Cancelled(cancelled) => {
                for given_up in &cancelled.lines {
                    if let Some(line) = purchase.line_mut(given_up.line) {
                        line.cancelled = line.cancelled.saturating_add(given_up.quantity.get());
                    }
                }
                purchase.revision = purchase.revision.saturating_add(1);
                if purchase.outstanding() == 0 && purchase.lines.iter().all(|line| line.received == 0) {
                    purchase.settle(Status::Cancelled);
                }
            }
            PurchaseEvent::Closed(_) => purchase.settle(Status::Closed),
        }
    }

    fn ordered(ordered: &PurchaseOrdered) -> Self {
        Purchase {
            supplier_id: ordered.supplier_id.clone(),
            store: ordered.store.clone(),
            status: Status::Ordered,
            tolerance_percent: ordered.tolerance_percent,
            currency: ordered.currency,
            revision: 1,
            written: Some(Box::new(ordered.clone())),
            lines: ordered.lines.iter().map(Line::from).collect(),
            receptions: BTreeMap::new(),
            adjustments: BTreeMap::new(),
            returns: BTreeMap::new(),
            recorded: 0,
        }
    }

    /// The order says something else now; nothing of it was sent.
    fn change(&mut self, changed: &PurchaseChanged) {
        let number = self.written.take().and_then(|written| written.number);
        let written = PurchaseOrdered {
            purchase_id: changed.purchase_id.clone(),
            number,
            supplier_id: changed.supplier_id.clone(),
            store: changed.store.clone(),
            lines: changed.lines.clone(),
            tolerance_percent: changed.tolerance_percent,
            expected_on: changed.expected_on.clone(),
            note: changed.note.clone(),
            net_minor: changed.net_minor,
            tax_minor: changed.tax_minor,
            total_minor: changed.total_minor,
            currency: changed.currency,
        };
        *self = Purchase::ordered(&written);
        self.revision = changed.revision;
    }

    /// From here on what it says stays.
    fn settle(&mut self, status: Status) {
        self.status = status;
        self.written = None;
    }

    fn receive(&mut self, received: &PurchaseReceived) {
        for came in &received.lines {
            if let Some(line) = self.line_mut(came.line) {
                line.received = line.received.saturating_add(came.quantity.get());
                line.value_minor = line.value_minor.plus(came.net_minor).unwrap_or(line.value_minor);
                line.tax_minor = line.tax_minor.plus(came.tax_minor).unwrap_or(line.tax_minor);
            }
            self.recorded += 1 + came.units.len() + came.lots.len();
        }
        let reception = Reception {
            lines: received.lines.clone(),
            total_minor: received.total_minor,
            invoice: None,
        };
        self.receptions.insert(received.reception_id.clone(), reception);
    }

    /// A later cost; freight stays spent whatever goes back.
    fn adjust(&mut self, adjusted: &AdjustedLine) {
        let Some(line) = self.line_mut(adjusted.line) else {
            return;
        };
        let more = |figure: Minor, delta: Minor| figure.plus(delta).unwrap_or(figure);
        match adjusted.kind {
            CostKind::Freight => line.freight_minor = more(line.freight_minor, adjusted.delta_minor),
            CostKind::Price => {
                line.value_minor = more(line.value_minor, adjusted.delta_minor);
                line.tax_minor = more(line.tax_minor, adjusted.tax_minor);
            }
        }
    }

    fn take_back(&mut self, returned: &PurchaseReturned) {
        for went in &returned.lines {
            if let Some(line) = self.line_mut(went.line) {
                line.returned = line.returned.saturating_add(went.quantity.get());
                line.value_minor = line.value_minor.minus(went.credit_minor).unwrap_or(Minor::ZERO);
                line.tax_minor = line.tax_minor.minus(went.tax_minor).unwrap_or(Minor::ZERO);
            }
            self.recorded += 1 + went.units.len();
        }
        let lines = returned.lines.clone();
        self.returns.insert(returned.return_id.clone(), lines);
    }

    fn line_mut(&mut self, number: i64) -> Option<&mut Line> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.lines.get_mut(index)
    }

    /// A line by its number, from 1.
    pub fn line(&self, number: i64) -> Option<&Line> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.lines.get(index)
    }

    /// What may still come of all lines.
    pub fn outstanding(&self) -> i64 {
        let each = self.lines.iter().map(Line::outstanding);
        each.fold(0, i64::saturating_add)
    }

    /// The status as the API tells it, which also says how much has come.
    pub fn status_word(&self) -> &'static str {
        match self.status {
            Status::Ordered => "ordered",
            Status::Closed => "closed",
            Status::Cancelled => "cancelled",
            Status::Sent if self.outstanding() == 0 => "received",
            Status::Sent if self.lines.iter().any(|line| line.received > 0) => "partially_received",
            Status::Sent => "sent",
        }
    }

    /// The units that came with this line.
    pub(super) fn units_of(&self, number: i64) -> HashSet<&UnitId> {
        let lines = self.receptions.values().flat_map(|reception| &reception.lines);
        let of_line = lines.filter(|came| came.line == number);
        of_line.flat_map(|came| &came.units).collect()
    }

    /// # Errors
    /// The refusal that says why nothing can come in.
    pub(super) fn check_receivable(&self, id: &PurchaseId) -> Result<(), PurchaseRefusal> {
        let purchase_id = id.clone();
        match self.status {
            Status::Sent => Ok(()),
            Status::Ordered => Err(PurchaseRefusal::PurchaseNotSent { purchase_id }),
            Status::Closed => Err(PurchaseRefusal::PurchaseClosed { purchase_id }),
            Status::Cancelled => Err(PurchaseRefusal::PurchaseCancelled { purchase_id }),
        }
    }

    /// # Errors
    /// The refusal that says why what the order says stays.
    pub(super) fn check_changeable(&self, id: &PurchaseId) -> Result<(), PurchaseRefusal> {
        let purchase_id = id.clone();
        match self.status {
            Status::Ordered => Ok(()),
            Status::Sent => Err(PurchaseRefusal::PurchaseSent { purchase_id }),
            Status::Closed => Err(PurchaseRefusal::PurchaseClosed { purchase_id }),
            Status::Cancelled => Err(PurchaseRefusal::PurchaseCancelled { purchase_id }),
        }
    }

    /// # Errors
    /// [`PurchaseRefusal::PurchaseFull`] when so many more entries cannot be remembered.
    pub(super) fn check_room(&self, id: &PurchaseId, more: usize) -> Result<(), PurchaseRefusal> {
        if self.recorded.saturating_add(more) > MAX_RECORDED {
            let (purchase_id, max) = (id.clone(), MAX_RECORDED);
            return Err(PurchaseRefusal::PurchaseFull { purchase_id, max });
        }
        Ok(())
    }

    pub(crate) fn weight(&self) -> usize {
        let documents = self.receptions.len() + self.adjustments.len() + self.returns.len();
        let written = self
            .written
            .as_ref()
            .map_or(0, |written| 512 + written.lines.len() * 160);
        size_of::<Self>() + written + self.lines.len() * 256 + documents * 256 + self.recorded * 224
    }
}

/// The name of the stream, which is how stock movements name the purchase.
pub(super) fn document(id: &PurchaseId) -> String {
    streams::purchase(id).to_string()
}

/// A piece of a whole that is divided over `all` pieces: what stays is rounded down, and the last piece takes the rest.
/// 0 ≤ `taken` ≤ `all`, and the whole is not negative.
pub(super) fn share(whole: Minor, taken: Quantity, all: i64) -> Minor {
    let stay = i128::from(all - taken.get()).max(0);
    let stays = i128::from(whole.get()) * stay / i128::from(all.max(1));
    let stays = i64::try_from(stays).ok().and_then(|minor| Minor::new(minor).ok());
    stays.and_then(|stays| whole.minus(stays).ok()).unwrap_or(whole)
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`PurchaseRefusal::PurchaseNotFound`].
    pub fn purchase(&self, id: &PurchaseId) -> Result<&Purchase, Missing> {
        let State::Purchase(Some(found)) = self.state(&streams::purchase(id))? else {
            return Err(PurchaseRefusal::PurchaseNotFound {
                purchase_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }
}
