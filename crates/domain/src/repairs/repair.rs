//! One repair: whose device, what has become of it, what it keeps and has taken. Stream `repair/<repair_id>`.

use std::collections::BTreeMap;

use schemas::events::repair::{
    KeptPart, MovedPart, RepairEvent, RepairPriority, RepairQuoted, SlaClock, Workshop,
};
use schemas::events::sale::SaleLine;
use schemas::{CustomerId, Minor, Quantity, RepairId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::clock;
use crate::refusal::RepairRefusal;
use crate::state::State;
use crate::stock::{Kept, MovedCost};
use crate::streams;
use crate::work::{Missing, Work};

/// All that the rules know of one repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    pub store: StoreId,
    pub customer_id: CustomerId,
    /// The device's IMEI or serial number; its stream says that this repair has it.
    pub unit: UnitId,
    pub status: Status,
    /// Whether a warranty held on the day of the intake.
    pub under_warranty: bool,
    /// The newest; absent until there is one.
    pub diagnosis: Option<String>,
    /// The warranty pays.
    pub covered: bool,
    /// The newest.
    pub quote: Option<Quote>,
    /// What is kept for it on the shelf, at most: parts that were taken are not kept any more.
    pub kept: Vec<KeptPart>,
    /// What is on the workbench: taken and not given back.
    pub parts: BTreeMap<Sku, Bench>,
    /// Who has the device instead of the shop, if anybody.
    pub workshop: Option<Workshop>,
    pub priority: RepairPriority,
    /// In seconds of the running clock, by the terms that held at the intake.
    pub sla_target_s: i64,
    /// The target's clock, as the last event that moved the repair on left it.
    pub sla: SlaClock,
    /// The target was missed at some time; it is noted once.
    pub sla_breached: bool,
}

/// What a repair has come to; which step follows which is drawn in docs/domain/repairs.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The device is here; nobody has said yet what is wrong.
    Received,
    /// The fault is known. Work may begin when the warranty pays, else a quote comes first.
    Diagnosed,
    /// Waits for the customer's answer.
    Quoted,
    /// The customer wants it done at the quoted price.
    Approved,
    /// The customer does not want the quote; another one may follow.
    Declined,
    InProgress,
    /// Begun; the clock rests until parts come.
    WaitingForParts,
    /// Done; the customer may fetch it.
    Ready,
    /// Back with its customer, repaired.
    Delivered,
    /// Back with its customer as it was.
    ReturnedUnrepaired,
    /// Given back before any work was done.
    Cancelled,
}

impl Status {
    /// Whether the shop is at work; else it waits for somebody, or is done.
    fn is_at_work(self) -> bool {
        match self {
            Status::Received | Status::Diagnosed | Status::Approved | Status::InProgress => true,
            Status::Quoted
            | Status::Declined
            | Status::WaitingForParts
            | Status::Ready
            | Status::Delivered
            | Status::ReturnedUnrepaired
            | Status::Cancelled => false,
        }
    }

    /// Whether the device is still here.
    pub fn is_open(self) -> bool {
        !matches!(
            self,
            Status::Delivered | Status::ReturnedUnrepaired | Status::Cancelled
        )
    }

    /// As the API spells it, such as `waiting_for_parts`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Received => "received",
            Status::Diagnosed => "diagnosed",
            Status::Quoted => "quoted",
            Status::Approved => "approved",
            Status::Declined => "declined",
            Status::InProgress => "in_progress",
            Status::WaitingForParts => "waiting_for_parts",
            Status::Ready => "ready",
            Status::Delivered => "delivered",
            Status::ReturnedUnrepaired => "returned_unrepaired",
            Status::Cancelled => "cancelled",
        }
    }
}

/// What the repair was offered for, line by line, as the customer saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// From 1.
    pub number: i64,
    pub lines: Vec<SaleLine>,
    pub tax_minor: Minor,
    /// With tax, in minor units of the tenant's currency.
    pub total_minor: Minor,
}

/// What a repair has of one article, and what that cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bench {
    pub quantity: i64,
    pub cost: MovedCost,
}

impl Bench {
    /// What `quantity` pieces take along when they go back: those whose cost is not known go first, since they were
    /// taken last, and what stays is rounded down.
    pub(super) fn going(&self, quantity: i64) -> MovedCost {
        let unknown = self.quantity.saturating_sub(self.cost.quantity);
        let costed = quantity.saturating_sub(unknown).clamp(0, self.cost.quantity);
        let staying = self.cost.quantity - costed;
        let value = if self.cost.quantity > 0 {
            i128::from(self.cost.value_minor) * i128::from(staying) / i128::from(self.cost.quantity)
        } else {
            0
        };
        MovedCost {
            quantity: costed,
            value_minor: self.cost.value_minor - i64::try_from(value).unwrap_or(self.cost.value_minor),
        }
    }
}

impl Repair {
    pub(crate) fn evolve(slot: &mut Option<Box<Repair>>, event: &RepairEvent) {
        if let RepairEvent::Received(received) = event {
            *slot = Some(Box::new(Repair {
                store: received.store.clone(),
                customer_id: received.customer_id.clone(),
                unit: received.device.unit.clone(),
                status: Status::Received,
                under_warranty: received.under_warranty,
                diagnosis: None,
                covered: false,
                quote: None,
                kept: Vec::new(),
                parts: BTreeMap::new(),
                workshop: None,
                priority: received.priority,
                sla_target_s: received.sla_target_s,
                sla: received.sla,
                sla_breached: false,
            }));
        } else if let Some(repair) = slot {
            repair.follow(event);
        }
    }

    fn follow(&mut self, event: &RepairEvent) {
        match event {
            RepairEvent::Received(_) => {}
            RepairEvent::Diagnosed(e) => {
                self.diagnosis = Some(e.diagnosis.clone());
                self.covered = e.covered;
                self.turn(Status::Diagnosed, e.sla);
            }
            RepairEvent::Quoted(e) => {
                self.quote = Some(Quote::of(e));
                self.turn(Status::Quoted, e.sla);
            }
            RepairEvent::Approved(e) => self.turn(Status::Approved, e.sla),
            RepairEvent::Declined(e) => self.turn(Status::Declined, e.sla),
            RepairEvent::Started(e) => self.turn(Status::InProgress, e.sla),
            RepairEvent::WaitingForParts(e) => self.turn(Status::WaitingForParts, e.sla),
            RepairEvent::Resumed(e) => self.turn(Status::InProgress, e.sla),
            RepairEvent::PartsKept(e) => self.kept.clone_from(&e.lines),
            RepairEvent::PartsTaken(e) => e.lines.iter().for_each(|part| self.take(part)),
            RepairEvent::PartsGivenBack(e) => e.lines.iter().for_each(|part| self.give_back(part)),
            RepairEvent::SentToWorkshop(e) => self.workshop = Some(e.workshop.clone()),
            RepairEvent::BackFromWorkshop(_) => self.workshop = None,
            RepairEvent::Ready(e) => self.turn(Status::Ready, e.sla),
            RepairEvent::Delivered(_) => self.status = Status::Delivered,
            RepairEvent::ReturnedUnrepaired(e) => self.turn(Status::ReturnedUnrepaired, e.sla),
            RepairEvent::Cancelled(e) => self.turn(Status::Cancelled, e.sla),
            RepairEvent::SlaBreached(_) => self.sla_breached = true,
        }
    }

    fn turn(&mut self, status: Status, sla: SlaClock) {
        self.status = status;
        self.sla = sla;
        // Whatever ends the work gives back what was still kept, in the same append.
        if status == Status::Ready || !status.is_open() {
            self.kept.clear();
        }
    }

    fn take(&mut self, part: &MovedPart) {
        let bench = self.parts.entry(part.sku.clone()).or_default();
        bench.quantity = bench.quantity.saturating_add(part.quantity.get());
        bench.cost.quantity = bench.cost.quantity.saturating_add(part.costed_quantity);
        bench.cost.value_minor = bench.cost.value_minor.saturating_add(part.cost_minor.get());
        self.keep_less(part);
    }

    /// What is on the workbench is not kept on the shelf any more.
    fn keep_less(&mut self, part: &MovedPart) {
        let mut taken = part.quantity.get();
        self.kept.retain_mut(|kept| {
            if kept.sku != part.sku || kept.unit != part.unit {
                return true;
            }
            let left = kept.quantity.get().saturating_sub(taken);
            taken = taken.saturating_sub(kept.quantity.get()).max(0);
            Quantity::new(left).is_ok_and(|left| {
                kept.quantity = left;
                true
            })
        });
    }

    fn give_back(&mut self, part: &MovedPart) {
        if let Some(bench) = self.parts.get_mut(&part.sku) {
            bench.quantity = bench.quantity.saturating_sub(part.quantity.get());
            bench.cost.quantity = bench.cost.quantity.saturating_sub(part.costed_quantity);
            bench.cost.value_minor = bench.cost.value_minor.saturating_sub(part.cost_minor.get());
            if bench.quantity <= 0 {
                self.parts.remove(&part.sku);
            }
        }
    }

    /// How the clock stands once the repair has turned to `status`.
    pub(super) fn clock(&self, status: Status, now: OffsetDateTime) -> SlaClock {
        if status.is_at_work() {
            clock::running(self.sla, self.sla_target_s, now)
        } else {
            clock::resting(self.sla, now)
        }
    }

    /// The refusal for who wants something that does not follow from what it has come to.
    pub(super) fn refusal(&self, id: &RepairId) -> Missing {
        let repair_id = id.clone();
        match self.status {
            Status::Received => RepairRefusal::IsReceived { repair_id },
            Status::Diagnosed => RepairRefusal::IsDiagnosed { repair_id },
            Status::Quoted => RepairRefusal::IsQuoted { repair_id },
            Status::Approved => RepairRefusal::IsApproved { repair_id },
            Status::Declined => RepairRefusal::IsDeclined { repair_id },
            Status::InProgress => RepairRefusal::IsInProgress { repair_id },
            Status::WaitingForParts => RepairRefusal::IsWaitingForParts { repair_id },
            Status::Ready => RepairRefusal::IsReady { repair_id },
            Status::Delivered => RepairRefusal::IsDelivered { repair_id },
            Status::ReturnedUnrepaired => RepairRefusal::IsReturnedUnrepaired { repair_id },
            Status::Cancelled => RepairRefusal::IsCancelled { repair_id },
        }
        .into()
    }

    /// The shelves and units that it may keep.
    pub(super) fn kept(&self) -> Kept {
        let units = self.kept.iter().filter_map(|part| part.unit.clone());
        let skus = self.kept.iter().map(|part| part.sku.clone());
        Kept::new(self.store.clone(), skus, units.collect())
    }

    /// A device that is at a workshop is not here to be handed over.
    pub(super) fn check_here(&self, id: &RepairId) -> Result<(), Missing> {
        if self.workshop.is_some() {
            let repair_id = id.clone();
            return Err(RepairRefusal::AtWorkshop { repair_id }.into());
        }
        Ok(())
    }

    pub(crate) fn weight(&self) -> usize {
        let lines = self.quote.as_ref().map_or(0, |quote| quote.lines.len());
        size_of::<Self>()
            + self.diagnosis.as_ref().map_or(0, String::len)
            + lines * (size_of::<SaleLine>() + 100)
            + (self.kept.len() + self.parts.len()) * 200
    }
}

impl Quote {
    fn of(quoted: &RepairQuoted) -> Self {
        Self {
            number: quoted.quote,
            lines: quoted.lines.clone(),
            tax_minor: quoted.tax_minor,
            total_minor: quoted.total_minor,
        }
    }
}

/// The document that moves a repair's parts, and who keeps them.
pub(super) fn document(id: &RepairId) -> String {
    format!("repair/{id}")
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`RepairRefusal::RepairNotFound`].
    pub fn repair(&self, id: &RepairId) -> Result<&Repair, Missing> {
        let State::Repair(Some(found)) = self.state(&streams::repair(id))? else {
            let repair_id = id.clone();
            return Err(RepairRefusal::RepairNotFound { repair_id }.into());
        };
        Ok(found)
    }
}
