//! Closes a store: nothing is sold, received or returned there until it is opened again. Its stock and history stay.

use schemas::StoreId;
use schemas::events::admin::StoreClosed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends business in a store until it is reopened; a store that is closed already stays so. What a transfer has on its
/// way is still taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloseStore {
    pub store: StoreId,
}

impl Decide for CloseStore {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::store(&self.store);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.store(&self.store)?.open {
            work.emit(
                stream,
                StoreClosed {
                    store: self.store.clone(),
                },
            )?;
        }
        Ok(work.finish(json!({ "store": self.store })))
    }
}
