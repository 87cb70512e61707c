//! One sale that collided, and what somebody has decided about it so far. Stream `quarantine/<quarantine_id>`.

use schemas::events::offline::{OfflineEvent, OfflineLine, OfflineSale, QuarantineCause, Resolution};
use schemas::{QuarantineId, UnitId};
use serde::{Deserialize, Serialize};

use crate::refusal::OfflineRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// A sale that has happened and could not be completed by itself, and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// As the till took it, with what somebody has put right: units, items, quantities, the customer, payments, the time.
    pub sale: OfflineSale,
    /// Who sent it in, in whose name it is completed.
    pub cashier: String,
    /// What stands in its way at present; the newest.
    pub cause: QuarantineCause,
    /// What somebody has let pass.
    pub leniency: Leniency,
    pub status: QuarantineStatus,
}

/// What is let pass for one sale that has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leniency {
    /// Counted items may fall below zero, whatever the tenant's policy.
    pub negative_stock: bool,
    /// Credit beyond the customer's terms, also when the customer is blocked.
    pub over_limit: bool,
    /// The till's prices hold, whatever the catalogue says now.
    pub prices: bool,
}

/// Whether somebody still has to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineStatus {
    Quarantined,
    /// Completed as a sale, at last.
    Accepted,
    /// Never became a sale.
    Cancelled,
}

impl Quarantine {
    pub(crate) fn evolve(slot: &mut Option<Box<Quarantine>>, event: &OfflineEvent) {
        if let OfflineEvent::Quarantined(quarantined) = event {
            *slot = Some(Box::new(Quarantine {
                sale: quarantined.sale.clone(),
                cashier: quarantined.cashier.clone(),
                cause: quarantined.cause.clone(),
                leniency: Leniency::default(),
                status: QuarantineStatus::Quarantined,
            }));
            return;
        }
        let Some(quarantine) = slot else { return };
        match event {
            OfflineEvent::Amended(amended) => {
                quarantine.apply(&amended.resolution, amended.unit_dropped);
                quarantine.cause = amended.cause.clone();
            }
            OfflineEvent::Accepted(accepted) => {
                quarantine.apply(&accepted.resolution, accepted.unit_dropped);
                quarantine.status = QuarantineStatus::Accepted;
            }
            OfflineEvent::Cancelled(_) => quarantine.status = QuarantineStatus::Cancelled,
            OfflineEvent::Quarantined(_) | OfflineEvent::Recorded(_) => {}
        }
    }

    /// The sale and what is let pass, once this is decided. A line that there is not changes nothing.
    pub(super) fn apply(&mut self, resolution: &Resolution, unit_dropped: bool) {
        match resolution {
            Resolution::ReplaceUnit { line, unit } => {
                if let Some(line) = self.line(*line) {
                    line.unit = Some(unit.to_string());
                    // The unit says which item it is.
                    line.sku = None;
                }
            }
            Resolution::ReplaceItem { line, sku } => {
                if let Some(line) = self.line(*line) {
                    line.sku = Some(sku.to_string());
                    if unit_dropped {
                        line.unit = None;
                    }
                }
            }
            Resolution::CorrectQuantity { line, quantity } => {
                if let Some(line) = self.line(*line) {
                    line.quantity = quantity.get();
                }
            }
            Resolution::CorrectCustomer { customer_id } => {
                self.sale.content.customer_id.clone_from(customer_id);
                self.sale.content.customer_unreadable = false;
            }
            Resolution::AcceptNegativeStock => self.leniency.negative_stock = true,
            Resolution::AcceptOverLimit => self.leniency.over_limit = true,
            Resolution::AcceptPrices => self.leniency.prices = true,
            Resolution::CorrectPayments { payments } => self.sale.payments.clone_from(payments),
            Resolution::CorrectTime { occurred_at } => self.sale.occurred_at = *occurred_at,
            Resolution::Retry => {}
        }
    }

    /// Whether the line's unit goes when somebody says which item it was: it can be none, the catalogue does not know it, or
    /// it is of another item and the line was refused for that or because it names the unit again. The decision's event
    /// keeps the answer.
    ///
    /// # Errors
    /// [`Missing::Streams`].
    pub(super) fn drops_unit(&self, work: &Work<'_>, resolution: &Resolution) -> Result<bool, Missing> {
        let Resolution::ReplaceItem { line: number, sku } = resolution else {
            return Ok(false);
        };
        let index = usize::try_from(*number).ok().and_then(|line| line.checked_sub(1));
        let line = index.and_then(|index| self.sale.content.lines.get(index));
        let Some(unit) = line.and_then(|line| line.unit.as_deref()) else {
            return Ok(false);
        };
        let Ok(unit) = UnitId::new(unit) else {
            return Ok(true);
        };
        if self.cause.line != Some(*number) {
            return Ok(false);
        }
        match self.cause.code.as_str() {
            "unit.not_found" => Ok(true),
            "unit.other_item" | "unit.repeated" => {
                Ok(work.known_unit(&unit)?.is_none_or(|known| known.sku != *sku))
            }
            _ => Ok(false),
        }
    }

    pub(super) fn line(&mut self, line: i64) -> Option<&mut OfflineLine> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.sale.content.lines.get_mut(index)
    }

    /// The refusal for what is decided already.
    pub(super) fn check_open(&self, id: &QuarantineId) -> Result<(), OfflineRefusal> {
        let quarantine_id = id.clone();
        match self.status {
            QuarantineStatus::Quarantined => Ok(()),
            QuarantineStatus::Accepted => Err(OfflineRefusal::Accepted { quarantine_id }),
            QuarantineStatus::Cancelled => Err(OfflineRefusal::Cancelled { quarantine_id }),
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let lines = self.sale.content.lines.len() + self.sale.payments.len();
        size_of::<Self>() + lines * (size_of::<OfflineLine>() + 96)
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`OfflineRefusal::NotFound`].
    pub fn quarantine(&self, id: &QuarantineId) -> Result<&Quarantine, Missing> {
        let State::Quarantine(Some(found)) = self.state(&streams::quarantine(id))? else {
            let quarantine_id = id.clone();
            return Err(OfflineRefusal::NotFound { quarantine_id }.into());
        };
        Ok(found)
    }
}
