//! Parts: kept on the shelf for a repair, taken to the workbench, given back. The document and the holder are the
//! repair's stream.
//!
//! Not here: how shelves and units move (`stock`).

use schemas::events::catalogue::ItemKind;
use schemas::events::repair::{KeptPart, MovedPart, RepairPartsGivenBack, RepairPartsKept, RepairPartsTaken};
use schemas::events::sale::DraftLine;
use schemas::{Minor, Quantity, RepairId, Sku, StoreId, StreamName, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::repair::{Bench, Repair, document};
use crate::bounds::{check_entries, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, RepairRefusal};
use crate::sales::load_lines;
use crate::stock::{Goods, MovedCost, Shelf, Wanted, arrive_unit, dispatch_unit, has_stock, keep};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines of one command, and articles that one repair may keep.
const MAX_LINES: usize = 200;

/// So many of an article, or one unit of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartRequest {
    /// Absent when `unit` names the part.
    #[serde(default)]
    pub sku: Option<Sku>,
    #[serde(default)]
    pub unit: Option<UnitId>,
    pub quantity: Quantity,
}

/// Loads the tenant, the repair, its device's custody, and all that it keeps; gives the repair.
///
/// # Errors
/// [`Missing::Streams`]; [`RepairRefusal::RepairNotFound`].
pub(super) fn load_kept(work: &Work<'_>, ctx: &Ctx, id: &RepairId) -> Result<Repair, Missing> {
    let mut all = vec![streams::tenant(), streams::repair(id)];
    work.require(&all)?;
    work.tenant(&ctx.tenant)?;
    let found = work.repair(id)?.clone();
    all.push(streams::unit(&found.unit));
    all.extend(kept_streams(&found));
    work.require(&distinct(all)?)?;
    Ok(found)
}

/// Shelves and units that are kept, and the articles, whose names a shelf's movement may tell.
fn kept_streams(found: &Repair) -> Vec<StreamName> {
    let mut all = found.kept().streams();
    all.extend(found.kept.iter().map(|part| streams::item(&part.sku)));
    all
}

/// Gives all that the repair still keeps back to everybody. [`load_kept`] has loaded it.
///
/// # Errors
/// A figure that would leave its range.
pub(super) fn let_go(work: &mut Work<'_>, id: &RepairId, found: &Repair) -> Result<(), Missing> {
    found.kept().release(work, &document(id), &Wanted::default())
}

/// Loads what the lines name, and says which goods they are: things that lie on a shelf.
fn load_goods(
    work: &Work<'_>,
    ctx: &Ctx,
    id: &RepairId,
    requests: &[PartRequest],
) -> Result<(Repair, Vec<Goods>), Missing> {
    check_entries("lines", requests.len(), MAX_LINES)?;
    work.require([&streams::tenant(), &streams::repair(id)])?;
    work.tenant(&ctx.tenant)?;
    let found = work.repair(id)?.clone();
    let line = |request: &PartRequest| DraftLine {
        sku: request.sku.clone(),
        unit: request.unit.clone(),
        quantity: request.quantity,
        unit_price_minor: None,
        discount: None,
    };
    let lines: Vec<DraftLine> = requests.iter().map(line).collect();
    let mut others = kept_streams(&found);
    others.push(streams::store(&found.store));
    let skus = load_lines(work, others, &found.store, &lines)?;
    work.open_store(&found.store)?;
    let mut goods = Vec::with_capacity(requests.len());
    for (line, (request, sku)) in requests.iter().zip(skus).enumerate() {
        let kind = work.item(&sku)?.kind;
        if !has_stock(kind) {
            return Err(Refusal::StockOfService { sku }.into());
        }
        let (unit, quantity) = (request.unit.clone(), request.quantity);
        if kind == ItemKind::Serialised && unit.is_none() {
            let quantity = quantity.get();
            return Err(Refusal::UnitsRequired {
                sku,
                quantity,
                units: 0,
                line,
            }
            .into());
        }
        goods.push(Goods {
            sku,
            unit,
            quantity,
            kind,
        });
    }
    Ok((found, goods))
}

/// Keeps exactly these parts on the shelf for the repair: more than before, fewer, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeepParts {
    pub repair_id: RepairId,
    /// At most 200.
    pub lines: Vec<PartRequest>,
}

impl Decide for KeepParts {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let (found, goods) = load_goods(&work, ctx, id, &self.lines)?;
        match (found.status, found.covered) {
            (Status::Approved | Status::InProgress | Status::WaitingForParts, _)
            | (Status::Diagnosed, true) => {}
            (_, _) => return Err(found.refusal(id)),
        }
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        let lines: Vec<KeptPart> = goods.iter().map(named).collect();
        if found.kept != lines {
            let kept = RepairPartsKept {
                repair_id: id.clone(),
                store: found.store.clone(),
                lines: lines.clone(),
            };
            work.emit(streams::repair(id), kept)?;
            keep(
                &mut work,
                policy,
                &found.store,
                &document(id),
                &goods,
                &found.kept(),
            )?;
        }
        Ok(work.finish(json!({ "repair_id": id, "lines": lines })))
    }
}

/// Takes parts from the shelf to the workbench; those that were kept for the repair first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeParts {
    pub repair_id: RepairId,
    /// 1 to 200.
    pub lines: Vec<PartRequest>,
}

impl Decide for TakeParts {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let id = &self.repair_id;
        let (found, goods) = load_goods(&work, ctx, id, &self.lines)?;
        if found.status != Status::InProgress {
            return Err(found.refusal(id));
        }
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        let (store, document) = (&found.store, document(id));
        let mut lines = Vec::with_capacity(goods.len());
        for (index, goods) in goods.iter().enumerate() {
            let shelf = Shelf {
                store,
                sku: &goods.sku,
            };
            let kept = kept_of(&work, store, goods, &document)?;
            if let Ok(kept) = Quantity::new(kept.min(goods.quantity.get())) {
                shelf.release(&mut work, kept, &document)?;
            }
            let pointer = || format!("/lines/{index}/quantity");
            shelf.check_available(&work, (policy, goods.kind), goods.quantity.get(), pointer)?;
            if let Some(unit) = &goods.unit {
                dispatch_unit(&mut work, unit, store, Some(&document), &document, index)?;
            }
            let cost = shelf.dispatch(&mut work, goods.quantity, &document)?;
            lines.push(moved(goods, cost)?);
        }
        let event = RepairPartsTaken {
            repair_id: id.clone(),
            store: found.store.clone(),
            lines,
        };
        finish(work, id, &goods, event)
    }
}

/// Puts parts that were not used back on the shelf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GiveBackParts {
    pub repair_id: RepairId,
    /// 1 to 200.
    pub lines: Vec<PartRequest>,
}

impl Decide for GiveBackParts {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let id = &self.repair_id;
        let (found, goods) = load_goods(&work, ctx, id, &self.lines)?;
        if !found.status.is_open() {
            return Err(found.refusal(id));
        }
        let (store, document) = (&found.store, document(id));
        let mut left = found.parts.clone();
        let mut lines = Vec::with_capacity(goods.len());
        for (line, goods) in goods.iter().enumerate() {
            let requested = goods.quantity.get();
            let bench = left.entry(goods.sku.clone()).or_default();
            if bench.quantity < requested {
                return Err(RepairRefusal::PartNotTaken {
                    sku: goods.sku.clone(),
                    taken: bench.quantity,
                    requested,
                    line,
                }
                .into());
            }
            if let Some(unit) = &goods.unit {
                arrive_unit(&mut work, unit, store, &document, line)?;
            }
            let cost = bench.going(requested);
            take_off(bench, requested, cost);
            let shelf = Shelf {
                store,
                sku: &goods.sku,
            };
            shelf.arrive(&mut work, goods.quantity, &document, cost)?;
            lines.push(moved(goods, cost)?);
        }
        let event = RepairPartsGivenBack {
            repair_id: id.clone(),
            store: found.store.clone(),
            lines,
        };
        finish(work, id, &goods, event)
    }
}

/// How many of these very goods are kept for the repair: of a serialised article only the unit itself.
fn kept_of(work: &Work<'_>, store: &StoreId, goods: &Goods, document: &str) -> Result<i64, Missing> {
    let Some(unit) = &goods.unit else {
        return Ok(work.stock(store, &goods.sku)?.held_by(document));
    };
    let holder = work.known_unit(unit)?.and_then(|known| known.holder.as_deref());
    Ok(i64::from(holder == Some(document)))
}

fn take_off(bench: &mut Bench, quantity: i64, cost: MovedCost) {
    bench.quantity -= quantity;
    bench.cost.quantity -= cost.quantity;
    bench.cost.value_minor -= cost.value_minor;
}

fn named(goods: &Goods) -> KeptPart {
    KeptPart {
        sku: goods.sku.clone(),
        unit: goods.unit.clone(),
        quantity: goods.quantity,
    }
}

fn moved(goods: &Goods, cost: MovedCost) -> Result<MovedPart, Missing> {
    Ok(MovedPart {
        sku: goods.sku.clone(),
        unit: goods.unit.clone(),
        quantity: goods.quantity,
        costed_quantity: cost.quantity,
        cost_minor: Minor::new(cost.value_minor)?,
    })
}

/// The repair's own event last: it says what the shelves' events before it came to. The answer does not say what the parts
/// cost, which tills are not told.
fn finish(
    mut work: Work<'_>,
    id: &RepairId,
    goods: &[Goods],
    event: impl Into<schemas::Event>,
) -> Result<Decision, Missing> {
    let lines: Vec<KeptPart> = goods.iter().map(named).collect();
    work.emit(streams::repair(id), event)?;
    Ok(work.finish(json!({ "repair_id": id, "lines": lines })))
}
