//! Opens a closed store again, with the stock, the tills and the history that it had. An open one stays as it is.

use schemas::StoreId;
use schemas::events::admin::StoreReopened;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lets a closed store do business again; one that never was is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReopenStore {
    pub store: StoreId,
}

impl Decide for ReopenStore {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::store(&self.store);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if !work.store(&self.store)?.open {
            let store = self.store.clone();
            work.emit(stream, StoreReopened { store })?;
        }
        Ok(work.finish(json!({ "store": self.store })))
    }
}
