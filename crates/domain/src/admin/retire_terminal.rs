//! Retires a till for good: it sells no more.

use schemas::TerminalId;
use schemas::events::admin::TerminalRetired;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a till for good; nothing brings it back. What it still holds of offline sales may come in, vouched for by an
/// administrator or manager.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetireTerminal {
    pub terminal: TerminalId,
}

impl Decide for RetireTerminal {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::terminal(&self.terminal);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let terminal = work.terminal(&self.terminal)?;
        if !terminal.retired {
            let store = terminal.store.clone();
            work.emit(
                stream,
                TerminalRetired {
                    terminal: self.terminal.clone(),
                    store,
                },
            )?;
        }
        Ok(work.finish(json!({ "terminal": self.terminal })))
    }
}
