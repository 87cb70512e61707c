//! Which repair has a device. It stands in the device's own stream, `unit/<unit>`, also of devices that we never sold, so
//! that nobody can take goods back that lie on a workbench.
//!
//! Custody is no ownership: a unit that we sold stays sold while it is here. Not here: the repair (`repairs`).

use schemas::events::repair::{CustodyEnded, CustodyEvent, CustodyTaken};
use schemas::{RepairId, UnitId};
use serde::{Deserialize, Serialize};

use crate::refusal::{RepairRefusal, StockRefusal};
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// Whether a repair has the device of this stream. Default: no repair has it, and none ever left a warranty.
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
        let repair = self.repair_id.as_ref().map_or(0, |id| id.as_str().len());
        repair + self.warranty_until.as_ref().map_or(0, String::len)
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when the unit's stream is not loaded.
    pub fn custody(&self, unit: &UnitId) -> Result<&Custody, Missing> {
        let stream = streams::unit(unit);
        let State::Unit(_, custody) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(custody)
    }
}

/// Refuses to make goods of ours out of a device that a repair has: it is here, but it is not back. `line` counts from
/// 0.
///
/// # Errors
/// [`StockRefusal::UnitInRepair`]; [`Missing::Streams`].
pub(crate) fn check_not_in_repair(work: &Work<'_>, unit: &UnitId, line: usize) -> Result<(), Missing> {
    let Some(repair_id) = work.custody(unit)?.repair_id.clone() else {
        return Ok(());
    };
    let unit = unit.clone();
    Err(StockRefusal::UnitInRepair {
        unit,
        repair_id,
        line,
    }
    .into())
}

/// # Errors
/// [`RepairRefusal::DeviceInCustody`]; [`Missing::Streams`].
pub(crate) fn take_custody(work: &mut Work<'_>, unit: &UnitId, repair_id: &RepairId) -> Result<(), Missing> {
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
    work.emit(streams::unit(unit), taken)
}

/// # Errors
/// [`Missing::Streams`].
pub(crate) fn end_custody(
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
    work.emit(streams::unit(unit), ended)
}
