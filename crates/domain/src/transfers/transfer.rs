//! One transfer: between which stores, what was asked for, and what of it is in transit. Stream
//! `transfer/<transfer_id>`.

use std::collections::BTreeSet;

use schemas::events::transfer::{MovedTransferLine, RequestedTransferLine, TransferEvent};
use schemas::{ReceptionId, Sku, StoreId, TransferId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Surplus;
use crate::refusal::TransferRefusal;
use crate::state::State;
use crate::stock::MovedCost;
use crate::streams;
use crate::work::{Missing, Work};

/// All that the rules know of one transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The store that sends.
    pub from: StoreId,
    /// The store that receives.
    pub to: StoreId,
    /// What was asked for; at most that is dispatched.
    pub requested: Vec<RequestedTransferLine>,
    /// One entry per line that still has goods in neither store.
    pub in_transit: Vec<InTransit>,
    /// What came beyond what was dispatched, until somebody decides about it: one entry per line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surplus: Vec<Surplus>,
    /// Receptions that are in the log: the same one again adds nothing.
    pub receptions: BTreeSet<ReceptionId>,
    /// Whether something was decided to be lost or back at its origin.
    pub incomplete: bool,
    pub status: Status,
}

/// What of one line is in neither store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InTransit {
    /// As it was asked for, from 1.
    pub line: i64,
    pub sku: Sku,
    /// Pieces; above 0.
    pub quantity: i64,
    /// The units, for serialised goods.
    pub units: BTreeSet<UnitId>,
    /// What the goods carry along.
    pub cost: MovedCost,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing has moved.
    Requested,
    /// Goods are between the stores, or a surplus waits for a decision.
    InTransit,
    /// Nothing is in transit any more, and nothing is left to decide.
    Closed,
    /// Called off before anything was dispatched.
    Cancelled,
}

impl Transfer {
    pub(crate) fn evolve(slot: &mut Option<Box<Transfer>>, event: &TransferEvent) {
        if let TransferEvent::Requested(requested) = event {
            *slot = Some(Box::new(Transfer {
                from: requested.from.clone(),
                to: requested.to.clone(),
                requested: requested.lines.clone(),
                in_transit: Vec::new(),
                surplus: Vec::new(),
                receptions: BTreeSet::new(),
                incomplete: false,
                status: Status::Requested,
            }));
            return;
        }
        let Some(transfer) = slot else { return };
        match event {
            TransferEvent::Requested(_) => {}
            TransferEvent::Dispatched(dispatched) => {
                transfer.in_transit = dispatched.lines.iter().map(InTransit::of).collect();
                transfer.status = Status::InTransit;
            }
            TransferEvent::Received(received) => {
                transfer.take(&received.lines);
                transfer.add_surplus(&received.surplus);
                transfer.receptions.insert(received.reception_id.clone());
            }
            TransferEvent::DifferenceResolved(resolved) => {
                transfer.take(&resolved.lines);
                transfer.incomplete = true;
            }
            TransferEvent::SurplusResolved(resolved) => transfer.take_surplus(&resolved.lines),
            TransferEvent::Closed(_) => transfer.status = Status::Closed,
            TransferEvent::Cancelled(_) => transfer.status = Status::Cancelled,
        }
    }

    /// Goods that are in transit no more.
    fn take(&mut self, lines: &[MovedTransferLine]) {
        for moved in lines {
            let Some(left) = self.in_transit.iter_mut().find(|left| left.line == moved.line) else {
                continue;
            };
            left.quantity = left.quantity.saturating_sub(moved.quantity.get());
            left.units.retain(|unit| !moved.units.contains(unit));
            left.cost.quantity = left.cost.quantity.saturating_sub(moved.costed_quantity);
            left.cost.value_minor = left.cost.value_minor.saturating_sub(moved.value_minor.get());
        }
        self.in_transit.retain(|left| left.quantity > 0);
    }

    pub(super) fn requested_line(&self, line: i64) -> Option<&RequestedTransferLine> {
        self.requested.iter().find(|requested| requested.line == line)
    }

    pub(super) fn line_in_transit(&self, line: i64) -> Option<&InTransit> {
        self.in_transit.iter().find(|left| left.line == line)
    }

    /// Whether every dispatched piece has come to something and no surplus waits for a decision.
    pub(super) fn is_settled(&self) -> bool {
        self.in_transit.is_empty() && self.surplus.is_empty()
    }

    /// The refusal for who wants something else than what it has come to.
    pub(super) fn refusal(&self, id: &TransferId) -> TransferRefusal {
        let transfer_id = id.clone();
        match self.status {
            Status::Requested => TransferRefusal::NotDispatched { transfer_id },
            Status::InTransit => TransferRefusal::InTransit { transfer_id },
            Status::Closed => TransferRefusal::Closed { transfer_id },
            Status::Cancelled => TransferRefusal::Cancelled { transfer_id },
        }
    }

    /// Where it stands, for the answer to whoever moved it on. Not what the goods cost, which tills are not told.
    pub(super) fn standing(&self, id: &TransferId) -> Value {
        let left = |left: &InTransit| json!({ "line": left.line, "sku": left.sku, "quantity": left.quantity, "units": left.units });
        let in_transit: Vec<Value> = self.in_transit.iter().map(left).collect();
        json!({ "transfer_id": id, "status": self.status, "in_transit": in_transit, "surplus": self.surplus })
    }

    pub(crate) fn weight(&self) -> usize {
        let units: usize = self.in_transit.iter().map(|left| left.units.len()).sum();
        let more: usize = self.surplus.iter().map(Surplus::weight).sum();
        size_of::<Self>()
            + self.requested.len() * (size_of::<RequestedTransferLine>() + 64)
            + self.in_transit.len() * (size_of::<InTransit>() + 64)
            + (units + self.receptions.len()) * 96
            + more
    }
}

impl InTransit {
    fn of(moved: &MovedTransferLine) -> InTransit {
        InTransit {
            line: moved.line,
            sku: moved.sku.clone(),
            quantity: moved.quantity.get(),
            units: moved.units.iter().cloned().collect(),
            cost: MovedCost {
                quantity: moved.costed_quantity,
                value_minor: moved.value_minor.get(),
            },
        }
    }
}

/// The document under which shelves and units know a transfer's goods.
pub(super) fn document(id: &TransferId) -> String {
    format!("transfer/{id}")
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`TransferRefusal::NotFound`].
    pub fn transfer(&self, id: &TransferId) -> Result<&Transfer, Missing> {
        let State::Transfer(Some(found)) = self.state(&streams::transfer(id))? else {
            let transfer_id = id.clone();
            return Err(TransferRefusal::NotFound { transfer_id }.into());
        };
        Ok(found)
    }
}
