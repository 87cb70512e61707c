//! One movement: its goods, and what has become of it. Stream `movement/<movement_id>`.

use schemas::events::catalogue::ItemKind;
use schemas::events::movement::{MovementEvent, MovementKind, MovementLine};
use schemas::{MovementId, Quantity, StoreId, StreamName};
use serde::{Deserialize, Serialize};

use crate::bounds::distinct;
use crate::refusal::StockRefusal;
use crate::state::State;
use crate::stock::{Goods, Kept, Wanted};
use crate::streams;
use crate::work::{Missing, Work};

/// What was asked for, word for word, and whether somebody has decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub kind: MovementKind,
    pub store: StoreId,
    pub lines: Vec<MovementLine>,
    pub comment: Option<String>,
    /// The username, or the id of an external system's key; only somebody else may decide.
    pub requested_by: String,
    pub status: Status,
}

/// What became of a movement; one that is done at once is approved in the same append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for somebody else than who asked; goods that shall leave are kept.
    Pending,
    /// Done.
    Approved,
    /// Nothing moved, and nothing is kept any more.
    Rejected,
}

impl Movement {
    pub(crate) fn evolve(slot: &mut Option<Box<Movement>>, event: &MovementEvent) {
        let status = match event {
            MovementEvent::Created(created) => {
                *slot = Some(Box::new(Movement {
                    kind: created.kind,
                    store: created.store.clone(),
                    lines: created.lines.clone(),
                    comment: created.comment.clone(),
                    requested_by: created.requested_by.clone(),
                    status: Status::Pending,
                }));
                return;
            }
            MovementEvent::Approved(_) => Status::Approved,
            MovementEvent::Rejected(_) => Status::Rejected,
        };
        if let Some(movement) = slot {
            movement.status = status;
        }
    }

    /// The shelves and units that may be kept for it.
    pub(super) fn kept(&self) -> Kept {
        let leaving = self.lines.iter().filter(|line| leaves(self.kind, line.quantity));
        let skus: Vec<_> = leaving.clone().map(|line| line.sku.clone()).collect();
        let units = leaving.flat_map(|line| line.units.iter().cloned()).collect();
        Kept::new(self.store.clone(), skus, units)
    }

    pub(crate) fn weight(&self) -> usize {
        let units: usize = self.lines.iter().map(|line| line.units.len() * 80).sum();
        size_of::<Self>() + self.lines.len() * (size_of::<MovementLine>() + 128) + units
    }
}

/// Whether goods of a line go out of the store.
pub(super) fn leaves(kind: MovementKind, quantity: i64) -> bool {
    match kind {
        MovementKind::In => false,
        MovementKind::Out | MovementKind::WriteOff => true,
        MovementKind::Adjustment => quantity < 0,
    }
}

/// Who keeps the goods of a movement that waits.
pub(super) fn holder(id: &MovementId) -> String {
    format!("movement/{id}")
}

/// What a waiting movement keeps, unit by unit where they are named.
pub(super) fn goods_of(kind: MovementKind, lines: &[MovementLine]) -> Vec<Goods> {
    let mut goods = Vec::new();
    for line in lines.iter().filter(|line| leaves(kind, line.quantity)) {
        let piece = |unit, quantity, kind| Goods {
            sku: line.sku.clone(),
            unit,
            quantity,
            kind,
        };
        if line.units.is_empty() {
            let quantity = Quantity::new(line.quantity.saturating_abs());
            goods.extend(
                quantity
                    .ok()
                    .map(|quantity| piece(None, quantity, ItemKind::Counted)),
            );
        }
        let units = line.units.iter().cloned();
        goods.extend(units.map(|unit| piece(Some(unit), Quantity::ONE, ItemKind::Serialised)));
    }
    goods
}

/// The items, shelves and units of these lines, and the tenant and the store.
pub(super) fn streams_of<'a>(
    store: &'a StoreId,
    lines: &'a [MovementLine],
) -> impl Iterator<Item = StreamName> + 'a {
    let of_lines = lines.iter().flat_map(move |line| {
        let shelf = [streams::item(&line.sku), streams::stock(store, &line.sku)];
        shelf.into_iter().chain(line.units.iter().map(streams::unit))
    });
    [streams::tenant(), streams::store(store)]
        .into_iter()
        .chain(of_lines)
}

/// Loads a movement and all that deciding it touches.
///
/// # Errors
/// [`Missing::Streams`]; [`StockRefusal::MovementNotFound`].
pub(super) fn load(work: &Work<'_>, id: &MovementId) -> Result<Movement, Missing> {
    work.require([&streams::tenant(), &streams::movement(id)])?;
    let found = work.movement(id)?.clone();
    work.require(&distinct(streams_of(&found.store, &found.lines))?)?;
    Ok(found)
}

/// Gives all that was kept back to everybody.
///
/// # Errors
/// A figure that would leave its range.
pub(super) fn let_go(work: &mut Work<'_>, id: &MovementId, found: &Movement) -> Result<(), Missing> {
    found.kept().release(work, &holder(id), &Wanted::default())
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`StockRefusal::MovementNotFound`].
    pub fn movement(&self, id: &MovementId) -> Result<&Movement, Missing> {
        let State::Movement(Some(found)) = self.state(&streams::movement(id))? else {
            return Err(StockRefusal::MovementNotFound {
                movement_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }
}
