//! One physical unit with an IMEI or serial number: one item, one place. Stream `unit/<unit>`.
//!
//! Not here: the store's figure, which moves in the same append (`level`).

use schemas::events::unit::UnitEvent;
use schemas::{SaleId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// Where one physical unit is and of which item, since it first came in; a unit never changes its item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    pub sku: Sku,
    pub place: Place,
    /// Who keeps it, while it is in stock: `sale/<id>` for a draft.
    pub holder: Option<String>,
}

/// Where a unit is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// In a store, on the shelf or kept for its holder.
    InStock { store: StoreId },
    /// With a customer.
    Sold { sale_id: SaleId },
    /// Lost, broken, or came back and was not put on the shelf.
    WrittenOff,
    /// Nobody's stock: a document such as `transfer/<id>` has it, and it comes back by that one alone.
    Away { document: String },
}

impl Unit {
    pub(crate) fn evolve(slot: &mut Option<Unit>, event: &UnitEvent) {
        let (sku, place, holder) = match event {
            UnitEvent::Received(e) => (
                &e.sku,
                Place::InStock {
                    store: e.store.clone(),
                },
                None,
            ),
            UnitEvent::Reserved(e) => (
                &e.sku,
                Place::InStock {
                    store: e.store.clone(),
                },
                Some(e.holder.clone()),
            ),
            UnitEvent::Released(e) => (
                &e.sku,
                Place::InStock {
                    store: e.store.clone(),
                },
                None,
            ),
            UnitEvent::Sold(e) => (
                &e.sku,
                Place::Sold {
                    sale_id: e.sale_id.clone(),
                },
                None,
            ),
            UnitEvent::Returned(e) => (
                &e.sku,
                Place::InStock {
                    store: e.store.clone(),
                },
                None,
            ),
            UnitEvent::WrittenOff(e) => (&e.sku, Place::WrittenOff, None),
            UnitEvent::Dispatched(e) => (
                &e.sku,
                Place::Away {
                    document: e.document.clone(),
                },
                None,
            ),
            UnitEvent::Arrived(e) => (
                &e.sku,
                Place::InStock {
                    store: e.store.clone(),
                },
                None,
            ),
        };
        *slot = Some(Unit {
            sku: sku.clone(),
            place,
            holder,
        });
    }

    /// Whether the unit is of the item that a request's line (from 0) names.
    ///
    /// # Errors
    /// [`Refusal::UnitOfOtherItem`].
    pub(crate) fn check_item(&self, unit: &UnitId, sku: &Sku, line: usize) -> Result<(), Refusal> {
        if self.sku == *sku {
            return Ok(());
        }
        let (unit, sku, unit_sku) = (unit.clone(), sku.clone(), self.sku.clone());
        Err(Refusal::UnitOfOtherItem {
            unit,
            sku,
            unit_sku,
            line,
        })
    }

    pub(crate) fn weight(&self) -> usize {
        128 + self.holder.as_ref().map_or(0, String::len)
    }
}

impl Work<'_> {
    /// A unit that was received at some time, if it was.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn known_unit(&self, unit: &UnitId) -> Result<Option<&Unit>, Missing> {
        let stream = streams::unit(unit);
        let State::Unit(found, _) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(found.as_ref())
    }

    /// A unit that the request's line (from 0) names.
    ///
    /// # Errors
    /// As [`Work::known_unit`], and [`Refusal::UnitNotFound`].
    pub fn unit(&self, unit: &UnitId, line: usize) -> Result<&Unit, Missing> {
        let found = self.known_unit(unit)?;
        found.ok_or_else(|| {
            Refusal::UnitNotFound {
                unit: unit.clone(),
                line,
            }
            .into()
        })
    }
}
