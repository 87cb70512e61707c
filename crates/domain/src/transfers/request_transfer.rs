//! One store asks another one for goods. Nothing moves yet, and nothing is kept.

use std::collections::HashSet;

use schemas::events::settings::Series;
use schemas::events::transfer::{RequestedTransferLine, TransferRequested};
use schemas::{Quantity, Sku, StoreId, TransferId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::transfer::document;
use crate::admin::{counter_needed, next_number};
use crate::bounds::{MAX_LINES, check_entries, check_optional_text, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, TransferRefusal};
use crate::state::State;
use crate::stock::has_stock;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Characters of a transfer's note.
pub(super) const MAX_NOTE_CHARS: usize = 500;

/// Asks for goods of one open store for another one; whether they are there is looked at when they are dispatched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestTransfer {
    /// Absent: one is generated.
    #[serde(default)]
    pub transfer_id: Option<TransferId>,
    /// The store that shall send.
    pub from: StoreId,
    /// The store that shall receive.
    pub to: StoreId,
    /// 1 to 1,000; each item once.
    pub lines: Vec<TransferLineRequest>,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

/// So many pieces of one item that has stock; units are named when they are dispatched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferLineRequest {
    pub sku: Sku,
    /// Pieces; no more may be dispatched.
    pub quantity: Quantity,
}

impl Decide for RequestTransfer {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        check_entries("lines", self.lines.len(), MAX_LINES)?;
        check_optional_text("note", self.note.as_deref(), MAX_NOTE_CHARS)?;
        let transfer_id = self.id(ctx);
        let stream = streams::transfer(&transfer_id);
        let fixed = [
            streams::tenant(),
            stream.clone(),
            streams::store(&self.from),
            streams::store(&self.to),
        ];
        let items = self.lines.iter().map(|line| streams::item(&line.sku));
        let counter = counter_needed(&work, Series::Transfer);
        work.require(&distinct(fixed.into_iter().chain(counter).chain(items))?)?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::Transfer(None)) {
            return Err(TransferRefusal::Exists { transfer_id }.into());
        }
        if self.from == self.to {
            let store = self.from.clone();
            return Err(TransferRefusal::SameStore { store }.into());
        }
        work.open_store(&self.from)?;
        work.open_store(&self.to)?;
        self.check_lines(&work)?;
        let number = next_number(&mut work, Series::Transfer, &document(&transfer_id))?;
        let requested = TransferRequested {
            transfer_id: transfer_id.clone(),
            number,
            from: self.from.clone(),
            to: self.to.clone(),
            lines: self.numbered(),
            note: self.note.clone(),
        };
        let mut answer = json!(requested);
        answer["status"] = json!("requested");
        work.emit(stream, requested)?;
        Ok(work.finish(answer))
    }
}

impl RequestTransfer {
    fn id(&self, ctx: &Ctx) -> TransferId {
        ctx.given_or_fresh(self.transfer_id.as_ref(), "transfer")
    }

    fn check_lines(&self, work: &Work<'_>) -> Result<(), Missing> {
        let mut seen = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            let sku = line.sku.clone();
            if !has_stock(work.item(&line.sku)?.kind) {
                return Err(Refusal::StockOfService { sku }.into());
            }
            if !seen.insert(&line.sku) {
                return Err(TransferRefusal::ItemRepeated { sku, index }.into());
            }
        }
        Ok(())
    }

    fn numbered(&self) -> Vec<RequestedTransferLine> {
        let line = |(number, line): (i64, &TransferLineRequest)| RequestedTransferLine {
            line: number,
            sku: line.sku.clone(),
            quantity: line.quantity,
        };
        (1..).zip(&self.lines).map(line).collect()
    }
}
