//! Gives a store another name; its id stays. Closed stores may be renamed, too.

use schemas::StoreId;
use schemas::events::admin::StoreRenamed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes the name that people see; the id in documents and addresses stays. The name that it has already changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenameStore {
    pub store: StoreId,
    /// 1 to 200 characters.
    pub name: String,
}

impl Decide for RenameStore {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::store(&self.store);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let changes = work.store(&self.store)?.name != self.name;
        check_text("name", &self.name, 200)?;
        if changes {
            let (store, name) = (self.store.clone(), self.name.clone());
            work.emit(stream, StoreRenamed { store, name })?;
        }
        Ok(work.finish(json!({ "store": self.store })))
    }
}
