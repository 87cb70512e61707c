//! Carries out a part of a confirmed import by an ordinary command, if what the draft saw still holds.
//!
//! The check and the command are one decision, so nobody can come between them. The ordinary command's own rules apply
//! in full; this adds to them and takes nothing away. A large correction waits for somebody's approval (INV-3).

use schemas::events::movement::{MovementKind, MovementLine, MovementPolicySet};
use schemas::{ImportId, Sku, StoreId, StreamName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Status;
use crate::bounds::distinct;
use crate::catalogue::{ChangeItem, CreateItem, Item, SetItemCost};
use crate::command::Decide;
use crate::context::Ctx;
use crate::movements::{Asked, CreateMovement, MovementLineRequest, must_wait};
use crate::refusal::ImportRefusal;
use crate::state::State;
use crate::stock::{AdjustStock, ReceiptLine, ReceiveStock};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Names the fingerprints of articles.
const ITEM_BASES: Uuid = Uuid::from_u128(0x2b1d_7c60_51f4_4e0b_8a55_90f1_6f0e_3a21);

/// Does for a confirmed import what an ordinary command would do, unless something that the draft rests on has changed
/// since. Waits or is refused as that command would be; not twice for the same rows is the caller's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplyImport {
    pub import_id: ImportId,
    /// What must be as the draft saw it.
    #[serde(default)]
    pub bases: Vec<Base>,
    pub action: ImportAction,
    /// What the article costs to buy, set by the same decision after the action; only where that creates or changes
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<SetItemCost>,
}

/// What an import may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportAction {
    CreateItem(CreateItem),
    ChangeItem(ChangeItem),
    SetItemCost(SetItemCost),
    /// Goods that come in, or that a count found. One row that is large waits for approval alone.
    ReceiveStock(ReceiveStock),
    /// What a count found missing, or more of.
    AdjustStock(AdjustStock),
}

/// Something that a draft rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// An article by its fingerprint ([`item_base`]).
    Item { sku: Sku, fingerprint: Uuid },
    /// A shelf's figure.
    Shelf { store: StoreId, sku: Sku, on_hand: i64 },
}

/// A fingerprint of all that the catalogue says about an article.
pub fn item_base(item: &Item) -> Uuid {
    // Every part of an item can be written as JSON, and maps are sorted.
    let text = serde_json::to_vec(item).unwrap_or_default();
    Uuid::new_v5(&ITEM_BASES, &text)
}

impl Base {
    fn stream(&self) -> StreamName {
        match self {
            Base::Item { sku, .. } => streams::item(sku),
            Base::Shelf { store, sku, .. } => streams::stock(store, sku),
        }
    }

    fn sku(&self) -> &Sku {
        match self {
            Base::Item { sku, .. } | Base::Shelf { sku, .. } => sku,
        }
    }

    fn holds(&self, work: &Work<'_>) -> Result<bool, Missing> {
        match self {
            Base::Item { fingerprint, .. } => {
                let holds = matches!(work.state(&self.stream())?, State::Item(Some(item)) if item_base(item) == *fingerprint);
                Ok(holds)
            }
            Base::Shelf { store, sku, on_hand } => Ok(work.stock(store, sku)?.on_hand == *on_hand),
        }
    }
}

impl Decide for ApplyImport {
    fn decide(&self, work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let mut needed = vec![streams::import(&self.import_id)];
        needed.extend(self.bases.iter().map(Base::stream));
        work.require(&distinct(needed)?)?;
        let import = work.import(&self.import_id)?;
        match import.status {
            Status::Confirmed => {}
            Status::Drafted | Status::Completed | Status::Failed => {
                return Err(import.not_open(&self.import_id).into());
            }
        }
        for base in &self.bases {
            if !base.holds(&work)? {
                let sku = base.sku().clone();
                return Err(ImportRefusal::BaseChanged { sku }.into());
            }
        }
        match (&self.action, &self.cost) {
            (ImportAction::CreateItem(command), Some(cost)) => work.both(command, cost, ctx),
            (ImportAction::CreateItem(command), None) => command.decide(work, ctx),
            (ImportAction::ChangeItem(command), Some(cost)) => work.both(command, cost, ctx),
            (ImportAction::ChangeItem(command), None) => command.decide(work, ctx),
            (ImportAction::SetItemCost(command), _) => command.decide(work, ctx),
            (ImportAction::ReceiveStock(command), _) => self.receive(command, work, ctx),
            (ImportAction::AdjustStock(command), _) => command.decide(work, ctx),
        }
    }
}

impl ApplyImport {
    /// Goods that come in by a row of a file, be it that a count found them or that they were received, wait for somebody
    /// else when that row alone is large; one at a time, since a receipt that waits in part would be neither.
    fn receive(&self, receipt: &ReceiveStock, work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        work.require([&streams::tenant()])?;
        if work.tenant(&ctx.tenant)?.movement_policy == MovementPolicySet::default() {
            return receipt.book(work, ctx);
        }
        let mut needed: Vec<StreamName> = Vec::with_capacity(receipt.lines.len() * 2);
        for line in &receipt.lines {
            needed.extend([
                streams::item(&line.sku),
                streams::stock(&receipt.store, &line.sku),
            ]);
        }
        work.require(&distinct(needed)?)?;
        for line in &receipt.lines {
            if must_wait(&work, ctx, || row_of(receipt, line, &work))?.is_none() {
                continue;
            }
            if receipt.lines.len() > 1 || line.units.len() > 1 {
                let sku = line.sku.clone();
                return Err(ImportRefusal::ApprovalNeeded { sku }.into());
            }
            let movement = CreateMovement {
                movement_id: None,
                kind: MovementKind::In,
                store: receipt.store.clone(),
                lines: vec![MovementLineRequest {
                    sku: line.sku.clone(),
                    quantity: line.quantity.get(),
                    unit_cost_minor: line.unit_cost_minor,
                    units: line.units.clone(),
                    cause: None,
                }],
                comment: receipt.reference.clone(),
            };
            return movement.decide(work, ctx);
        }
        receipt.book(work, ctx)
    }
}

/// What one row of the file brings, as a movement that is asked for: each unit is a row of its own.
fn row_of(receipt: &ReceiveStock, line: &ReceiptLine, work: &Work<'_>) -> Result<Asked, Missing> {
    Ok(Asked {
        kind: MovementKind::In,
        store: receipt.store.clone(),
        lines: vec![MovementLine {
            line: 1,
            sku: line.sku.clone(),
            item_name: work.item(&line.sku)?.name.clone(),
            quantity: if line.units.is_empty() {
                line.quantity.get()
            } else {
                1
            },
            unit_cost_minor: line.unit_cost_minor,
            units: line.units.clone(),
            cause: None,
        }],
        comment: receipt.reference.clone(),
    })
}
