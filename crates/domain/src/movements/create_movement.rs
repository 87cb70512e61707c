//! Asks for a movement of any kind: done at once, or put before somebody else when it is large.

use std::collections::HashSet;

use schemas::events::catalogue::ItemKind;
use schemas::events::movement::{MovementApproved, MovementKind, MovementLine};
use schemas::quantity::MAX_QUANTITY;
use schemas::{Minor, MovementId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::apply::{Doing, pieces};
use super::movement::streams_of;
use super::request::{Asked, must_wait, wait};
use crate::bounds::{check_entries, check_not_negative, check_optional_text, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, StockRefusal};
use crate::state::State;
use crate::stock::{check_may_come_in, check_units};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines and units of one movement, together: each is a stream or two of one append.
const MAX_MOVEMENT: usize = 1_000;

/// Moves goods of one open store in, out or off the books, or sets counted figures right. Within the tenant's limits it
/// is done at once, beyond them it waits, and goods that are to leave are kept for it meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateMovement {
    /// Absent: one is generated.
    #[serde(default)]
    pub movement_id: Option<MovementId>,
    pub kind: MovementKind,
    pub store: StoreId,
    /// At least one; lines and units together at most 1,000.
    pub lines: Vec<MovementLineRequest>,
    /// At most 500 characters.
    #[serde(default)]
    pub comment: Option<String>,
}

/// So many pieces of one item; services have no stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovementLineRequest {
    pub sku: Sku,
    /// 1 to 1,000,000,000 pieces; of an adjustment the difference, which may be negative and is never 0.
    pub quantity: i64,
    /// Of goods that come in, in minor units of the tenant's currency.
    #[serde(default)]
    pub unit_cost_minor: Option<Minor>,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// What happened, in words; at most 500 characters.
    #[serde(default)]
    pub cause: Option<String>,
}

impl Decide for CreateMovement {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let entries = self.lines.iter().map(|line| 1 + line.units.len()).sum();
        check_entries("lines", entries, MAX_MOVEMENT)?;
        check_optional_text("comment", self.comment.as_deref(), 500)?;
        let movement_id = ctx.given_or_fresh(self.movement_id.as_ref(), "movement");
        let stream = streams::movement(&movement_id);
        let bare = self.asked(|_| Ok(String::new()))?;
        let of_lines = streams_of(&self.store, &bare.lines);
        work.require(&distinct(of_lines.chain([stream.clone()]))?)?;
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        work.open_store(&self.store)?;
        if !matches!(work.state(&stream)?, State::Movement(None)) {
            return Err(StockRefusal::MovementExists { movement_id }.into());
        }
        let asked = self.asked(|sku| Ok(work.item(sku)?.name.clone()))?;
        self.check(&work, &asked)?;
        if let Some(asked) = must_wait(&work, ctx, || Ok(asked.clone()))? {
            let answer = wait(&mut work, ctx, &asked, Some(&movement_id))?;
            return Ok(work.finish(answer));
        }
        work.emit(
            stream.clone(),
            asked.created(&movement_id, asked.size(&work)?, false, ctx),
        )?;
        let doing = Doing {
            movement_id: &movement_id,
            kind: self.kind,
            store: &self.store,
            lines: &asked.lines,
            comment: self.comment.as_deref(),
        };
        doing.apply(&mut work, policy)?;
        let approved = MovementApproved {
            movement_id: movement_id.clone(),
            kind: self.kind,
            store: self.store.clone(),
            automatic: true,
            approved_by: ctx.actor_name().to_owned(),
            note: None,
        };
        work.emit(stream, approved)?;
        Ok(work.finish(json!({
            "movement_id": movement_id, "status": "approved", "store": self.store,
        })))
    }
}

impl CreateMovement {
    fn asked(&self, name: impl Fn(&Sku) -> Result<String, Missing>) -> Result<Asked, Missing> {
        let mut lines = Vec::with_capacity(self.lines.len());
        for (number, line) in (1..).zip(&self.lines) {
            lines.push(MovementLine {
                line: number,
                sku: line.sku.clone(),
                item_name: name(&line.sku)?,
                quantity: line.quantity,
                unit_cost_minor: line.unit_cost_minor,
                units: line.units.clone(),
                cause: line.cause.clone(),
            });
        }
        Ok(Asked {
            kind: self.kind,
            store: self.store.clone(),
            lines,
            comment: self.comment.clone(),
        })
    }

    /// What can be wrong with lines whether they wait or not; whether goods are there is checked where they move.
    fn check(&self, work: &Work<'_>, asked: &Asked) -> Result<(), Missing> {
        let mut seen = HashSet::new();
        for (index, line) in asked.lines.iter().enumerate() {
            check_optional_text(&format!("lines/{index}/cause"), line.cause.as_deref(), 500)?;
            let kind = work.item(&line.sku)?.kind;
            if self.kind == MovementKind::Adjustment {
                check_difference(kind, line, index)?;
            } else {
                check_units(kind, &line.sku, pieces(line, index)?, &line.units, index)?;
            }
            if let Some(unit) = line.units.iter().find(|unit| !seen.insert(*unit)) {
                let unit = unit.clone();
                return Err(Refusal::UnitRepeated { unit, line: index }.into());
            }
            if self.kind == MovementKind::In {
                for unit in &line.units {
                    check_may_come_in(work, unit, &line.sku, index)?;
                }
                check_not_negative(&format!("lines/{index}/unit_cost_minor"), line.unit_cost_minor)?;
                if let Some(cost) = line.unit_cost_minor {
                    cost.times(pieces(line, index)?)?;
                }
            } else if line.unit_cost_minor.is_some() {
                return Err(StockRefusal::MovementCostUnexpected { line: index }.into());
            }
        }
        Ok(())
    }
}

/// Only counted items have a figure that can be corrected.
fn check_difference(kind: ItemKind, line: &MovementLine, index: usize) -> Result<(), Missing> {
    let sku = line.sku.clone();
    match kind {
        ItemKind::Service => return Err(Refusal::StockOfService { sku }.into()),
        ItemKind::Serialised => return Err(Refusal::StockNotCounted { sku }.into()),
        ItemKind::Counted => {}
    }
    if !line.units.is_empty() {
        return Err(Refusal::UnitsUnexpected { sku, line: index }.into());
    }
    if line.quantity == 0 || !(-MAX_QUANTITY..=MAX_QUANTITY).contains(&line.quantity) {
        return Err(StockRefusal::MovementQuantityInvalid { line: index }.into());
    }
    Ok(())
}
