//! Registers a till in an open store, under a new id.

use schemas::events::admin::TerminalRegistered;
use schemas::{StoreId, TerminalId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Adds a till to one open store; it never moves to another one. An id that ever was a till's is refused, retired ones
/// included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterTerminal {
    pub terminal: TerminalId,
    pub store: StoreId,
    /// 1 to 200 characters.
    pub name: String,
}

impl Decide for RegisterTerminal {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::terminal(&self.terminal);
        work.require([&streams::tenant(), &streams::store(&self.store), &stream])?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::Terminal(None)) {
            return Err(Refusal::TerminalExists {
                terminal: self.terminal.clone(),
            }
            .into());
        }
        work.open_store(&self.store)?;
        check_text("name", &self.name, 200)?;
        let registered = TerminalRegistered {
            terminal: self.terminal.clone(),
            store: self.store.clone(),
            name: self.name.clone(),
        };
        work.emit(stream, registered)?;
        Ok(work.finish(json!({ "terminal": self.terminal })))
    }
}
