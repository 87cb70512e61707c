//! Throws an open draft away and gives back what it kept, even when its store is closed by now.

use schemas::SaleId;
use schemas::events::sale::SaleDraftDiscarded;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Sale;
use super::goods::holder;
use super::keeping::kept_by;
use crate::command::Decide;
use crate::context::Ctx;
use crate::stock::Wanted;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Gives up an open draft for good; its id stays taken. A draft that is discarded already stays as it is; a completed
/// or voided sale is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscardDraft {
    pub sale_id: SaleId,
}

impl Decide for DiscardDraft {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::sale(&self.sale_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let sale = work.sale(&self.sale_id)?;
        if *sale != Sale::Discarded {
            let kept = kept_by(&work, sale.open_draft(&self.sale_id)?)?;
            work.emit(
                stream,
                SaleDraftDiscarded {
                    sale_id: self.sale_id.clone(),
                },
            )?;
            kept.release(&mut work, &holder(&self.sale_id), &Wanted::default())?;
        }
        Ok(work.finish(json!({ "sale_id": self.sale_id })))
    }
}
