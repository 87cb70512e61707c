//! Which repair has a device. Stream `custody/<unit>`, also of devices that we never sold.
//!
//! Custody is no ownership: a unit that we sold stays sold while it is here.

use schemas::events::repair::{CustodyEnded, CustodyEvent, CustodyTaken};
use schemas::{RepairId, UnitId};
use serde::{Deserialize, Serialize};

use crate::refusal::RepairRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// The repair that has the device now.
    pub repair_id: Option<RepairId>,
    /// Last day of the warranty on an earlier repair of it.
    pub warranty_until: Option<String>,
}

impl Custody {
    pub(crate) fn evolve(&mut self, event: &CustodyEvent) {
        match event {
            CustodyEvent::Taken(taken) => self.repair_id = Some(taken.repair_id.clone()),
            CustodyEvent::Ended(ended) => {
                self.repair_id = None;
                // A repair without a warranty takes none away.
                if ended.warranty_until > self.warranty_until {
                    self.warranty_until.clone_from(&ended.warranty_until);
                }
            }
        }
    }

    pub(crate) fn weight(&self) -> usize {
        128
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn custody(&self, unit: &UnitId) -> Result<&Custody, Missing> {
        let stream = streams::custody(unit);
        let State::Custody(found) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(found)
    }
}

/// # Errors
/// [`RepairRefusal::DeviceInCustody`]; [`Missing::Streams`].
pub(super) fn take(work: &mut Work<'_>, unit: &UnitId, repair_id: &RepairId) -> Result<(), Missing> {
    if let Some(other) = &work.custody(unit)?.repair_id {
        return Err(RepairRefusal::DeviceInCustody {
            unit: unit.clone(),
            repair_id: other.clone(),
        }
        .into());
    }
    let taken = CustodyTaken {
        unit: unit.clone(),
        repair_id: repair_id.clone(),
    };
    work.emit(streams::custody(unit), taken)
}

/// # Errors
/// [`Missing::Streams`].
pub(super) fn end(
    work: &mut Work<'_>,
    unit: &UnitId,
    repair_id: &RepairId,
    warranty_until: Option<String>,
) -> Result<(), Missing> {
    let ended = CustodyEnded {
        unit: unit.clone(),
        repair_id: repair_id.clone(),
        warranty_until,
    };
    work.emit(streams::custody(unit), ended)
}
