//! Opens a store under a new id.

use schemas::StoreId;
use schemas::events::admin::StoreOpened;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Adds a store, open from the start. An id that ever was a store's is refused, closed ones included
/// ([`super::ReopenStore`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenStore {
    pub store: StoreId,
    /// 1 to 200 characters.
    pub name: String,
}

impl Decide for OpenStore {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::store(&self.store);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::Store(None)) {
            return Err(Refusal::StoreExists {
                store: self.store.clone(),
            }
            .into());
        }
        check_text("name", &self.name, 200)?;
        work.emit(
            stream,
            StoreOpened {
                store: self.store.clone(),
                name: self.name.clone(),
            },
        )?;
        Ok(work.finish(json!({ "store": self.store })))
    }
}
