//! Gives a till another name; its id and store stay. Retired tills may be renamed, too.

use schemas::TerminalId;
use schemas::events::admin::TerminalRenamed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes the name that people see. The name that it has already changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenameTerminal {
    pub terminal: TerminalId,
    /// 1 to 200 characters.
    pub name: String,
}

impl Decide for RenameTerminal {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::terminal(&self.terminal);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.terminal(&self.terminal)?;
        let (changes, store) = (found.name != self.name, found.store.clone());
        check_text("name", &self.name, 200)?;
        if changes {
            let (terminal, name) = (self.terminal.clone(), self.name.clone());
            let renamed = TerminalRenamed {
                terminal,
                store,
                name,
            };
            work.emit(stream, renamed)?;
        }
        Ok(work.finish(json!({ "terminal": self.terminal })))
    }
}
