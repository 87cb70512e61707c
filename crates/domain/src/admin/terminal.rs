//! A till: registered in one store, or retired for good. Stream `terminal/<terminal>`.

use schemas::events::admin::AdminEvent;
use schemas::{StoreId, TerminalId};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// A till as the rules know it; its store never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    pub store: StoreId,
    pub name: String,
    /// For good; it sells nothing, but may still send in what it sold offline.
    pub retired: bool,
}

impl Terminal {
    pub(crate) fn evolve(slot: &mut Option<Terminal>, event: &AdminEvent) {
        if let AdminEvent::TerminalRegistered(registered) = event {
            *slot = Some(Terminal {
                store: registered.store.clone(),
                name: registered.name.clone(),
                retired: false,
            });
            return;
        }
        let Some(terminal) = slot else { return };
        if let AdminEvent::TerminalRetired(_) = event {
            terminal.retired = true;
        } else if let AdminEvent::TerminalRenamed(renamed) = event {
            terminal.name.clone_from(&renamed.name);
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.store.as_str().len() + self.name.len()
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::TerminalNotFound`].
    pub fn terminal(&self, terminal: &TerminalId) -> Result<&Terminal, Missing> {
        let State::Terminal(Some(found)) = self.state(&streams::terminal(terminal))? else {
            return Err(Refusal::TerminalNotFound {
                terminal: terminal.clone(),
            }
            .into());
        };
        Ok(found)
    }

    /// Checks that the command's terminal, if it names one, works in the store.
    ///
    /// # Errors
    /// As [`Work::terminal`], [`Refusal::TerminalRetired`], [`Refusal::TerminalElsewhere`].
    pub fn check_terminal(&self, terminal: Option<&TerminalId>, store: &StoreId) -> Result<(), Missing> {
        let Some(id) = terminal else { return Ok(()) };
        if self.terminal_of(id, store)?.retired {
            return Err(Refusal::TerminalRetired { terminal: id.clone() }.into());
        }
        Ok(())
    }

    /// A terminal of this store, retired or not.
    ///
    /// # Errors
    /// As [`Work::terminal`], [`Refusal::TerminalElsewhere`].
    pub(crate) fn terminal_of(&self, id: &TerminalId, store: &StoreId) -> Result<&Terminal, Missing> {
        let found = self.terminal(id)?;
        if found.store != *store {
            let registered_in = found.store.clone();
            return Err(Refusal::TerminalElsewhere {
                terminal: id.clone(),
                store: store.clone(),
                registered_in,
            }
            .into());
        }
        Ok(found)
    }
}
