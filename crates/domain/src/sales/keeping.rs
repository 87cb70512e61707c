//! What a saved draft may keep from other sales. How keeping works is in `stock::keeping`.

use schemas::UnitId;
use schemas::events::sale::DraftContent;

use crate::bounds::distinct;
use crate::stock::Kept;
use crate::streams;
use crate::work::{Missing, Work};

/// Loads what a saved draft may keep.
///
/// # Errors
/// [`Missing::Streams`].
pub(super) fn kept_by(work: &Work<'_>, draft: &DraftContent) -> Result<Kept, Missing> {
    if !draft.hold_stock {
        return Ok(Kept::default());
    }
    let units: Vec<UnitId> = draft.lines.iter().filter_map(|line| line.unit.clone()).collect();
    work.require(&distinct(units.iter().map(streams::unit))?)?;
    let mut skus = Vec::new();
    for (index, line) in draft.lines.iter().enumerate() {
        match (&line.unit, &line.sku) {
            (Some(unit), _) => skus.push(work.unit(unit, index)?.sku.clone()),
            (None, Some(sku)) => skus.push(sku.clone()),
            (None, None) => {}
        }
    }
    let kept = Kept::new(draft.store.clone(), skus, units);
    work.require(&distinct(kept.streams())?)?;
    Ok(kept)
}
