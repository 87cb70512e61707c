//! Carries out a part of a confirmed import by an ordinary command, if what the draft saw still holds.
//!
//! The check and the command are one decision, so nobody can come between them. The ordinary command's own rules apply
//! in full; this adds to them and takes nothing away.

use schemas::{ImportId, Sku, StoreId, StreamName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Status;
use crate::bounds::distinct;
use crate::catalogue::{ChangeItem, CreateItem, Item};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::ImportRefusal;
use crate::state::State;
use crate::stock::{AdjustStock, ReceiveStock};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Names the fingerprints of articles.
const ITEM_BASES: Uuid = Uuid::from_u128(0x2b1d_7c60_51f4_4e0b_8a55_90f1_6f0e_3a21);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplyImport {
    pub import_id: ImportId,
    /// What must be as the draft saw it.
    #[serde(default)]
    pub bases: Vec<Base>,
    pub action: ImportAction,
}

/// What an import may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportAction {
    CreateItem(CreateItem),
    ChangeItem(ChangeItem),
    ReceiveStock(ReceiveStock),
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
        match &self.action {
            ImportAction::CreateItem(command) => command.decide(work, ctx),
            ImportAction::ChangeItem(command) => command.decide(work, ctx),
            ImportAction::ReceiveStock(command) => command.decide(work, ctx),
            ImportAction::AdjustStock(command) => command.decide(work, ctx),
        }
    }
}
